"""How far a local run is: counts that the graph's followers keep, shown as a bar on a terminal, as lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from schemas.input_slice import InputSlice

_SECONDS_BETWEEN_LINES: Final = 10.0
_SECONDS_BETWEEN_LOOKS: Final = 0.2


@dataclass
class Tally:
    """Counts of the run that this process is doing."""

    stored_bytes: int = 0
    rows: dict[str, int] = field(default_factory=lambda: {"articles": 0, "tagged": 0, "rejects": 0})
    cycles: int = 0


_tally = Tally()
_previous_slice_bytes = 0


def follow_slice(piece: InputSlice) -> None:
    """Note that a slice is about to be read, so the ones before it are done."""
    global _previous_slice_bytes
    _tally.stored_bytes += _previous_slice_bytes
    _previous_slice_bytes = piece.stored_bytes


def follow_row(table: str) -> None:
    """Note that a text was found or tagged, or an input rejected."""
    _tally.rows[table] += 1


def follow_cycle() -> None:
    """Note that a cycle is committed."""
    global _previous_slice_bytes
    _tally.stored_bytes += _previous_slice_bytes
    _previous_slice_bytes = 0
    _tally.cycles += 1


@contextmanager
def shown(total_bytes: int, *, quiet: bool) -> Iterator[None]:
    """Show progress on standard error while the block runs: a bar on a terminal, a line every 10 s elsewhere."""
    _start_over()
    if quiet:
        yield
        return
    stop = threading.Event()
    show = _show_bar if sys.stderr.isatty() else _show_lines
    thread = threading.Thread(target=show, args=(total_bytes, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _start_over() -> None:
    global _tally, _previous_slice_bytes
    _tally, _previous_slice_bytes = Tally(), 0


def _show_bar(total_bytes: int, stop: threading.Event) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(_counts(), total=max(total_bytes, 1))
        while not stop.wait(_SECONDS_BETWEEN_LOOKS):
            progress.update(bar, completed=_tally.stored_bytes, description=_counts())


def _show_lines(total_bytes: int, stop: threading.Event) -> None:
    started = time.monotonic()
    while not stop.wait(_SECONDS_BETWEEN_LINES):
        share = 100 * _tally.stored_bytes / max(total_bytes, 1)
        seconds = time.monotonic() - started
        print(f"newsbeam: {seconds:.0f} s, {share:.0f} % read, {_counts()}", file=sys.stderr, flush=True)  # noqa: T201


def _counts() -> str:
    texts, tagged, rejects = (f"{count:,}" for count in _tally.rows.values())
    cycles = "1 cycle" if _tally.cycles == 1 else f"{_tally.cycles} cycles"
    return f"{texts} texts, {tagged} tagged, {rejects} rejects, {cycles} committed"
