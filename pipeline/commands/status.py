"""`newsbeam status`: a lake on one screen, and an exit code for whoever watches it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from pipeline.lake import open_lake
from pipeline.lake_status import WINDOWS, LakeStatus, RunFigures, status_of
from pipeline.settings import parse_duration
from pipeline.terminal import json_line, safe
from schemas.errors import NewsbeamError
from schemas.feed_state import FeedState
from schemas.instants import datetime_of
from transforms.functions.feed_rows import health_of

_TROUBLED_SHOWN: Final = 5
_MANY_FILES: Final = 100
"""Files of one table and day from which on `compact` is worth its time: DuckDB opens some thousand a second."""


def status(arguments: argparse.Namespace) -> int:
    """Print how a lake is; returns 1 where `--max-age` is exceeded, else 0.

    Raises:
        UsageError: there is no lake, or the age is no time.
        LakeError: the lake cannot be read.
    """
    longest = None if arguments.max_age is None else parse_duration("--max-age", arguments.max_age)
    found = status_of(open_lake(arguments.lake))
    if arguments.json:
        sys.stdout.write(json_line(_figures(found)))
    else:
        _print(found, arguments.lake, Console())
    if longest is not None:
        _check_age(found, longest, arguments.max_age)
    return 0


def _check_age(found: LakeStatus, longest: float, text: str) -> None:
    if found.last_arrival is None:
        raise NewsbeamError(f"nothing has arrived yet (--max-age {text})")
    if found.now - found.last_arrival > timedelta(seconds=longest):
        age = _span(found.now - found.last_arrival)
        raise NewsbeamError(f"nothing has arrived for {age}, longer than --max-age {text}")


# For machines


def _figures(found: LakeStatus) -> dict[str, Any]:
    return {
        "now": _time(found.now),
        "in_use_by": found.holder,
        "job": found.job,
        "memory_fault": found.memory_fault,
        "last_arrival": _time(found.last_arrival),
        "arrivals": {name: window._asdict() for name, window in found.arrivals.items()},
        "runs": [
            {**run._asdict(), "started_at": _time(run.started_at), "finished_at": _time(run.finished_at)}
            for run in found.runs
        ],
        "feeds": found.feeds_by_health,
        "oldest_due": None if found.oldest_due is None else _figures_of_feed(found.oldest_due),
        "troubled": [_figures_of_feed(state) for state in found.troubled],
        "pages_waiting": found.pages_waiting,
        "sizes": {name: size._asdict() for name, size in found.sizes.items()},
        "most_files_of_a_day": found.most_files_of_a_day,
    }


def _figures_of_feed(state: FeedState) -> dict[str, Any]:
    due = datetime_of(state.next_poll_at) if state.gone_at is None else None
    return {
        "feed_url": state.listed_url,
        "health": health_of(state),
        "last_failure": state.last_failure,
        "next_poll_at": _time(due),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


# For people


def _print(found: LakeStatus, lake: str, console: Console) -> None:
    table = Table(title=safe(f"lake {lake}, {_time(found.now)}"), title_justify="left", show_header=False)
    if found.job is None or found.holder:
        table.add_row("in use by", found.holder or "nobody")
    if found.job is not None:
        table.add_row("written by", safe(_line_of_job(found.job)))
    if found.memory_fault is not None:
        table.add_row("memory", safe(found.memory_fault))
    table.add_row("last arrival", _ago(found.last_arrival, found))
    for name, window in found.arrivals.items():
        hours = WINDOWS[name] / timedelta(hours=1)
        counts = f"{window.articles:,} new, {window.copies:,} folded, {window.rejects:,} rejects"
        rates = f"; an hour {window.articles / hours:,.3g} new, {window.copies / hours:,.3g} folded"
        table.add_row(f"last {name}", counts if hours == 1 else counts + rates)
    table.add_section()
    for number, run in enumerate(found.runs):
        table.add_row("last runs" if number == 0 else "", _line_of_run(run, found))
    if not found.runs:
        table.add_row("last runs", "none in the last week")
    table.add_section()
    _add_feeds(table, found)
    _add_sizes(table, found)
    console.print(table)


def _line_of_job(job: Mapping[str, Any]) -> str:
    run, runner, started = (job.get(name, "unknown") for name in ("run_id", "runner", "started_at"))
    return f"job {run} on {runner}, started {started}; its engine says whether it runs"


def _line_of_run(run: RunFigures, found: LakeStatus) -> str:
    """A job on an engine has no cycles; it is told by its rows."""
    what = f"last cycle {_ago(run.finished_at, found)}; {run.cycles:,} cycles"
    if found.job is not None:
        what = f"last row {_ago(run.finished_at, found)}"
    return (
        f"{run.run_id}: {what}, {run.inputs:,} inputs, "
        f"{run.articles:,} new, {run.copies:,} folded, {run.rejects:,} rejects"
    )


def _add_feeds(table: Table, found: LakeStatus) -> None:
    if not found.feeds_by_health:
        return
    health = ", ".join(f"{count:,} {name}" for name, count in sorted(found.feeds_by_health.items()))
    table.add_row("feeds", f"{health}; {found.pages_waiting:,} pages to be fetched")
    due = found.oldest_due
    if due is None:
        table.add_row("due longest", "none is due")
    elif not due.polls:
        table.add_row("due longest", safe(f"{due.listed_url}: never polled yet"))
    else:
        since = _ago(datetime_of(due.next_poll_at), found).removesuffix(" ago")
        table.add_row("due longest", safe(f"{due.listed_url}: for {since}"))
    for number, state in enumerate(found.troubled[:_TROUBLED_SHOWN]):
        why = f" ({state.last_failure})" if state.last_failure else ""
        table.add_row("need a look" if number == 0 else "", safe(f"{state.listed_url}: {health_of(state)}{why}"))
    if len(found.troubled) > _TROUBLED_SHOWN:
        table.add_row("", f"and {len(found.troubled) - _TROUBLED_SHOWN:,} more: newsbeam feeds list")
    table.add_section()


def _add_sizes(table: Table, found: LakeStatus) -> None:
    total = sum(size.stored_bytes for size in found.sizes.values())
    files = sum(size.files for size in found.sizes.values())
    table.add_row("size", f"{decimal(total)} in {files:,} files")
    for name, size in found.sizes.items():
        if size.stored_bytes:
            table.add_row(f"  {name}", f"{decimal(size.stored_bytes)} in {size.files:,} files")
    if found.most_files_of_a_day > _MANY_FILES:
        many = f"up to {found.most_files_of_a_day:,} files of one table and day: newsbeam compact makes few of them"
        table.add_row("", many)


def _ago(moment: datetime | None, found: LakeStatus) -> str:
    return "never" if moment is None else f"{_span(found.now - moment)} ago"


def _span(length: timedelta) -> str:
    seconds = max(0.0, length.total_seconds())
    for unit, of_unit in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * of_unit or (unit == "min" and seconds >= of_unit):
            return f"{seconds / of_unit:.3g} {unit}"
    return f"{seconds:.0f} s"
