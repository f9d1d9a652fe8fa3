"""`newsbeam compact`: small files of closed days into few."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Final

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from pipeline.compaction import Compacted, compact, today
from pipeline.lake import Lake, open_lake
from pipeline.lake_memory import check_memory_is_there
from pipeline.memory import Memory, opened_memory
from pipeline.publishing import recover
from pipeline.reader_lock import reading
from pipeline.terminal import json_line
from pipeline.writer_lock import locked
from schemas.errors import UsageError

_MEGABYTE: Final = 1_000_000


def compact_lake(arguments: argparse.Namespace) -> int:
    """Compact, and print what became of each table; returns the exit code.

    Raises:
        UsageError: there is no lake, it is written by an engine, or a flag cannot be used.
        LakeError: another process uses the lake, or it cannot be rewritten.
    """
    before = _day(arguments.before)
    if not arguments.target_mb > 0:
        raise UsageError(f"--target-mb {arguments.target_mb:g}: give a number over 0")
    lake = open_lake(arguments.lake)
    target = int(arguments.target_mb * _MEGABYTE)
    with opened_for_rewriting(lake, dry_run=arguments.dry_run) as memory:
        done = list(compact(lake, memory, before, target, dry_run=arguments.dry_run))
    if arguments.json:
        for one in done:
            sys.stdout.write(json_line({**one._asdict(), "day": one.day.isoformat()}))
    else:
        _print(done, dry_run=arguments.dry_run)
    return 0


@contextmanager
def opened_for_rewriting(lake: Lake, *, dry_run: bool) -> Iterator[Memory]:
    """Hold a lake whose tables are to be rewritten, with what a killed run has left settled; or only look into it, for
    a dry run, which a run that goes on need not be ended for.

    Raises:
        UsageError: a job on an engine writes it, or no local run ever did.
        LakeError: another process holds it.
    """
    if lake.job.exists():
        raise UsageError(f"{lake.root} is written by a job on an engine, which publishes files at any time")
    check_memory_is_there(lake)
    if not lake.memory.exists():
        raise UsageError(f"{lake.root} has no memory: no run has written it yet")
    if dry_run:
        with reading(lake), opened_memory(lake.memory, read_only=True) as memory:
            yield memory
        return
    with locked(lake), opened_memory(lake.memory) as memory:
        recover(lake, memory)
        yield memory


def _day(text: str | None) -> date:
    if text is None:
        return today()
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--before {text}: give a day (2026-03-31)") from error
    if day > today():
        raise UsageError(f"--before {text}: days are closed when they are over (UTC); give {today()} or earlier")
    return day


def _print(done: list[Compacted], *, dry_run: bool) -> None:
    console = Console()
    if not done:
        console.print("nothing to do: no closed day has two small files of one table", highlight=False)
        return
    title = "would be compacted" if dry_run else "compacted; the rows are the same"
    table = Table(title=title, title_justify="left")
    for name in ("table", "days", "files", "size"):
        table.add_column(name, justify="left" if name == "table" else "right")
    for name in dict.fromkeys(one.table for one in done):
        of_table = [one for one in done if one.table == name]
        files, size = (_change(of_table, what, dry_run=dry_run) for what in ("files", "bytes"))
        table.add_row(name, f"{len(of_table):,}", files, size)
    console.print(table)


def _change(done: list[Compacted], what: str, *, dry_run: bool) -> str:
    before, after = (sum(getattr(one, f"{what}_{when}") for one in done) for when in ("before", "after"))
    before_text, after_text = (f"{value:,}" if what == "files" else decimal(value) for value in (before, after))
    return before_text if dry_run else f"{before_text} -> {after_text}"
