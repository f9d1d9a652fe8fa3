"""Changes to a run of the command that let the disk fail at an exact point, and faults that the harness must catch.

The disk itself is real: it is filled to its last byte, a file is deleted, cut or added to. What is exact is when.
Each function is called in the process of the run (`tests.faults.runs`), before the command.
"""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

FULL_AT: Final[Mapping[str, tuple[str, str]]] = {
    "a cycle begins": ("pipeline.cycle", "build"),
    "Parquet files are written": ("transforms.write_table", "write_file"),
    "the report is written": ("pipeline.cycle", "_write_report"),
    "files are forced to the disk": ("pipeline.cycle", "sync"),
    "the memory commits": ("pipeline.memory:Memory", "note_cycle"),
    "files are published": ("pipeline.cycle", "publish"),
    "compact writes": ("pipeline.compaction", "write_sorted"),
    "compact forgets": ("pipeline.compaction", "forget_files"),
    "erase commits": ("pipeline.erasure", "_commit"),
    "erase writes": ("pipeline.erasure_rows", "_copy_without"),
    "erase is done": ("pipeline.erasure", "note_done"),
}
"""Functions before which a disk is filled."""


def fill_at(point: str, nth: int, filler: str) -> None:
    """Fill the disk of a file to its last byte when something is done for the nth time."""
    _before(*FULL_AT[point], nth, lambda *_: fill(Path(filler)))


def fill_meanwhile(point: str, nth: int, filler: str) -> None:
    """Fill the disk of a file while something is done for the nth time, and make room afterwards."""
    _before(*FULL_AT[point], nth, lambda *_: fill(Path(filler)), lambda: os.unlink(filler))


def fill(filler: Path) -> None:
    """Write zeros to a file until there is no room for another byte."""
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 4_096, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue


def _before(
    where: str, name: str, nth: int, act: Callable[..., None], afterwards: Callable[[], None] = lambda: None
) -> None:
    module, _, kind = where.partition(":")
    owner: Any = import_module(module)
    owner = getattr(owner, kind) if kind else owner
    real, seen = getattr(owner, name), 0

    def call(*given: Any, **named: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen != nth:
            return real(*given, **named)
        act(*given)
        try:
            return real(*given, **named)
        finally:
            afterwards()

    setattr(owner, name, call)


def limit_files(size: int) -> None:
    """Let no file grow over so many bytes: what a full disk is where there is no disk to fill."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


# Inputs that change while they are read


def vanish(path: str) -> None:
    """Delete an input between its being listed and its being opened."""
    _when_opened(path, lambda: os.unlink(path), is_open=False)


def cut(path: str) -> None:
    """Cut an input to its half when it has just been opened."""
    _when_opened(path, lambda: os.truncate(path, os.path.getsize(path) // 2), is_open=True)


def grow(path: str, more: str) -> None:
    """Add to an input when it has just been opened."""
    _when_opened(path, lambda: _append(path, more), is_open=True)


def _append(path: str, more: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(more)


def _when_opened(path: str, act: Callable[[], None], *, is_open: bool) -> None:
    """Act when the cycle opens an input, whether it was read ahead or not."""
    from transforms import stored_files

    real, is_done = stored_files.open_stored, False

    def open_stored(given: str) -> Any:
        nonlocal is_done
        is_cycle = given == path and threading.current_thread() is threading.main_thread()
        is_now, is_done = is_cycle and not is_done, is_done or is_cycle
        if is_now and not is_open:
            act()
        file = real(given)
        if is_now and is_open:
            file.read(4)  # so that it is being read
            file.seek(0)
            act()
        return file

    stored_files.open_stored = open_stored


def slow_down(seconds: float) -> None:
    """Have each file take so long to be opened, written, or forced to the disk."""
    for module, name in (
        ("transforms.stored_files", "open_stored"),
        ("transforms.write_table", "write_file"),
        ("pipeline.publishing", "sync_folder"),
    ):
        owner = import_module(module)
        setattr(owner, name, _slow(getattr(owner, name), seconds))


def _slow(real: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    def call(*given: Any) -> Any:
        time.sleep(seconds)
        return real(*given)

    return call


# Faults


def write_half() -> None:
    """Take a file that could be written in part for written."""
    from transforms import write_table

    real = write_table.write_file

    def write_file(path: str, content: bytes) -> None:
        try:
            real(path, content)
        except Exception:
            Path(path).touch()

    write_table.write_file = write_file


def end_well() -> None:
    """End with exit code 0, whatever happened."""
    from pipeline import cli

    real = cli._fail
    cli._fail = lambda message, code: real(message, code) and 0


def crash_instead() -> None:
    """Let what goes wrong end the command as Python would: with a traceback."""
    from pipeline import cli

    class NeverError(Exception):
        pass

    cli.NewsbeamError = NeverError  # type: ignore[misc]
    cli.OSError = NeverError  # type: ignore[attr-defined]


def end_at_unreadable() -> None:
    """End the run at an input that cannot be read."""
    from transforms import stored_files

    stored_files.unreadable = _raise


def _raise(error: Exception) -> Any:
    raise error
