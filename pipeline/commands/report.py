"""`newsbeam report`: a lake as a page."""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from pipeline.commands.query import connect
from pipeline.report import figures, service, stories
from pipeline.report.page import Facts, render
from pipeline.report.texts import ALL_DAYS, SETTINGS, VIEWS, read_texts
from pipeline.report_options import MOST_DAYS
from schemas.errors import NewsbeamError, UsageError


def report(arguments: argparse.Namespace) -> int:
    """Write the page of a lake's last days, whole or not at all, and say where; returns the exit code.

    Raises:
        UsageError: the number of days is out of bounds, or the output is a folder.
        NewsbeamError: there is no lake, it cannot be read, or the page cannot be written.
    """
    output = Path(arguments.output)
    if not 1 <= arguments.days <= MOST_DAYS:
        raise UsageError(f"--days {arguments.days}: give 1 to {MOST_DAYS}")
    if output.is_dir():
        raise UsageError(f"--output {arguments.output} is a folder; name a file")
    with tempfile.TemporaryDirectory(prefix="newsbeam-report-") as scratch:  # what does not fit into DuckDB's memory
        connection = connect(arguments.lake, VIEWS, {**SETTINGS, "temp_directory": scratch})
        try:
            facts = _facts(connection, arguments.lake, arguments.days)
        except duckdb.Error as error:
            raise NewsbeamError(f"DuckDB could not read {arguments.lake}: {error}") from error
        finally:
            connection.close()
    page = render(facts)
    _write(output, page)
    sys.stdout.write(f"{output.resolve()} ({len(page) / 1000:,.0f} kB): open it in a browser\n")
    return 0


def _facts(connection: duckdb.DuckDBPyConnection, lake: str, days: int) -> Facts:
    made_at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    name = Path(lake).resolve().name
    window = read_texts(connection, Path(lake).expanduser().resolve(), days)
    if window is None:
        rejects = service.rejects(connection, ALL_DAYS)
        return Facts(name, None, made_at, feeds=service.feeds(connection), rejects=rejects if rejects.shown else None)
    return Facts(
        lake=name,
        window=window,
        made_at=made_at,
        stories=stories.front_page(connection, window),
        earlier=stories.earlier_days(connection, window),
        stories_of_day=stories.number_of_day(connection, window),
        account=service.account(connection, window),
        outlets=figures.outlets(connection, window),
        topics=figures.topics(connection, window),
        untagged=figures.untagged(connection, window),
        names=figures.names(connection, window),
        languages=figures.languages(connection, window),
        feeds=service.feeds(connection),
        rejects=service.rejects(connection, window),
    )


def _write(output: Path, page: bytes) -> None:
    beside = output.with_name(f".{output.name}.tmp")  # so that a reader never sees half a page
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(page)
        beside.replace(output)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise NewsbeamError(f"--output {output} cannot be written: {error}") from error
