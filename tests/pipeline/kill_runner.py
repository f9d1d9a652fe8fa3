"""Kills runs, and runs the same command again: `python kill_runner.py PAGES WORK`, a lake in WORK for each moment.

One process loads everything and forks a child for each run, which saves the seconds that loading Beam takes. Worker
processes load this file again: what takes time to load is loaded where it is used.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

CYCLE_SLICES = 6


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _Nth:
    """Calls through, and dies at the n-th call."""

    def __init__(self, function: Callable[..., Any], nth: int, then: Callable[..., Any] = _die) -> None:
        self._function, self._left, self._then = function, nth, then

    def __call__(self, *arguments: Any) -> Any:
        self._left -= 1
        return (self._then if self._left == 0 else self._function)(*arguments)


def _publish_half(lake: Any, paths: Iterable[str]) -> None:
    from pipeline.publishing import publish

    publish(lake, list(paths)[:1])
    _die()


def _dying_at(function: str, nth: int, then: Callable[..., Any] = _die) -> Callable[[], None]:
    """Return what makes the n-th call of a function of the cycle the run's last deed."""

    def prepare() -> None:
        from pipeline import cycle

        setattr(cycle, function, _Nth(getattr(cycle, function), nth, then))

    return prepare


MOMENTS: dict[str, Callable[[], None]] = {
    "files written": _dying_at("_write_report", 2),
    "not yet committed": _dying_at("sync", 3),
    "committed": _dying_at("publish", 2),
    "half published": _dying_at("publish", 2, _publish_half),
}
FROM_OUTSIDE = "whole group, extracting"
UNDISTURBED = "undisturbed"


def start(pages: str, lake: Path, prepare: Callable[[], None] = lambda: None) -> int:
    """Fork a run in a process group of its own; returns its id."""
    child = os.fork()
    if child:
        return child
    from pipeline import cli

    os.setsid()
    prepare()
    sys.exit(
        cli.main(["run", "--quiet", "--input", pages, "--output", str(lake), "--processes", "1", "--tags", "none"])
    )


def end_of(child: int) -> int:
    """Wait for a child; returns its exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _expect(found: int, wanted: int) -> None:
    if found != wanted:
        raise SystemExit(f"a run ended with {found}, not {wanted}")


def main(pages: str, work: Path) -> None:
    from pipeline import input_plan
    from pipeline.commands import run as _loads_beam  # noqa: F401

    input_plan.CYCLE_SLICES = CYCLE_SLICES  # type: ignore[misc]  # final, but for this
    _expect(end_of(start(pages, work / UNDISTURBED)), 0)
    for moment, prepare in MOMENTS.items():
        _expect(end_of(start(pages, work / moment, prepare)), -signal.SIGKILL)
        _expect(end_of(start(pages, work / moment)), 0)
    child = start(pages, work / FROM_OUTSIDE)
    deadline = time.monotonic() + 60
    while not list((work / FROM_OUTSIDE / "runs").rglob("c00000001-*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    _expect(end_of(child), -signal.SIGKILL)
    _expect(end_of(start(pages, work / FROM_OUTSIDE)), 0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
