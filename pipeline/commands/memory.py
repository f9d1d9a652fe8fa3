"""`newsbeam memory`: making what a lake remembers anew."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.lake import open_lake
from pipeline.rebuild.memory import Follow, Rebuilt, rebuild
from pipeline.terminal import json_line, safe
from schemas.errors import UsageError

_SECONDS_BETWEEN_LINES: Final = 10.0
_WORDS: Final = {"outlets": "texts of outlets", "texts": "texts decided again"}


def rebuild_memory(arguments: argparse.Namespace) -> int:
    """Make the memory of a lake anew, and print what was made and what is lost; returns the exit code.

    Raises:
        UsageError: there is no lake, an engine writes it, or nothing is wrong with its memory.
        LakeError: another process uses the lake, or the memory cannot be made.
    """
    lake = open_lake(arguments.lake)
    if lake.job.exists():
        raise UsageError(f"{lake.root} is written by a job on an engine, which keeps what it knows in its own state")
    with _shown() as follow:
        rebuilt = rebuild(
            lake, follow, force=arguments.force, accept_lost_erasures=arguments.accept_lost_erasures
        )  # fmt: skip
    if arguments.json:
        sys.stdout.write(json_line(asdict(rebuilt)))
    else:
        _print(rebuilt, Console())
    return 0


@contextmanager
def _shown() -> Iterator[Follow]:
    """Show how far it is: a bar on a terminal, a line every 10 s elsewhere."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bars = {name: progress.add_task(words, total=None) for name, words in _WORDS.items()}
        yield lambda what, done, total: progress.update(bars[what], completed=done, total=total)


def _lines() -> Follow:
    told = time.monotonic()

    def follow(what: str, done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _SECONDS_BETWEEN_LINES:
            told = time.monotonic()
            print(f"newsbeam: {done:,} of {total:,} {_WORDS[what]}", file=sys.stderr, flush=True)  # noqa: T201

    return follow


def _print(rebuilt: Rebuilt, console: Console) -> None:
    for line in _said(rebuilt):
        console.print(safe(line), soft_wrap=True)


def _said(rebuilt: Rebuilt) -> Iterator[str]:
    for what, wrong in (("memory", rebuilt.wrong), ("memory of hosts", rebuilt.wrong_hosts)):
        if wrong and (what == "memory" or rebuilt.hosts is not None):
            yield f"the old {what}: {'; '.join(wrong[:2])}"
    if rebuilt.last_cycle:
        yield (
            f"made anew in {rebuilt.seconds:,.1f} s: {rebuilt.texts:,} texts, {rebuilt.inputs:,} inputs, "
            f"{rebuilt.last_cycle:,} cycles, {rebuilt.tombstones:,} takedowns, {rebuilt.feeds.feeds:,} feeds, "
            f"{rebuilt.feeds.pages:,} waiting pages"
        )
        yield from _checked(rebuilt)
    if rebuilt.hosts is not None:
        yield f"the memory of hosts is made anew: {rebuilt.hosts:,} hosts"
    if rebuilt.published or rebuilt.deleted:
        yield f"of a run that was cut off, {rebuilt.published:,} files published, {rebuilt.deleted:,} deleted"
    if rebuilt.erased:
        yield f"{rebuilt.erased:,} takedowns that had been cut off are carried out"
    for line in rebuilt.lost:
        yield f"lost: {line}"
    if len(rebuilt.moved) == 1:
        yield f"the old file is {rebuilt.moved[0]}; delete it once you need it no more: takedowns do not reach it"
    elif rebuilt.moved:
        old = f"the old files are {', '.join(rebuilt.moved[:-1])} and {rebuilt.moved[-1]}"
        yield f"{old}; delete them once you need them no more: takedowns do not reach them"


def _checked(rebuilt: Rebuilt) -> Iterator[str]:
    decided = rebuilt.decided
    if not decided.different:
        yield f"{decided.texts:,} texts were decided again, all as the tables have it"
    else:
        yield (
            f"{decided.different:,} of {decided.texts:,} texts are decided otherwise now than they were written; what "
            "was written counts"
        )
        yield from (f"  {line}" for line in decided.differences)
    if decided.older_stories:
        yield f"{decided.older_stories:,} more are of stories that are older than the texts that are compared with"
