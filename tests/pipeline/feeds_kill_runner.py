"""Polls feeds and is killed: `python feeds_kill_runner.py LIST LAKE MOMENT`, then polls again.

One process loads everything and forks a child for each run, as `kill_runner` does.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.pipeline.kill_runner import _dying_at, end_of

PLACES = ("feeds asked", "pages asked")
MOMENTS: dict[str, Callable[[], None]] = {
    "not yet committed": _dying_at("sync", 1),
    "committed": _dying_at("publish", 1),
}
GAP = "1"


def start(feeds: str, lake: str, prepare: Callable[[], None] = lambda: None) -> int:
    """Fork a run in a process group of its own; returns its id."""
    child = os.fork()
    if child:
        return child
    from pipeline import cli

    os.setsid()
    prepare()
    flags = ["--host-gap", GAP, "--allow-private", "--contact", "a@b.example", "--processes", "1", "--tags", "none"]
    sys.exit(cli.main(["run", "--quiet", "--feeds", feeds, "--output", lake, *flags]))


def _expect(found: int, wanted: int) -> None:
    if found != wanted:
        raise SystemExit(f"a run ended with {found}, not {wanted}")


def main(feeds: str, lake: str, moment: str) -> None:
    from pipeline import feed_run as _loads_http  # noqa: F401
    from pipeline.commands import run as _loads_beam  # noqa: F401

    child = start(feeds, lake, MOMENTS.get(moment, lambda: None))
    if moment in PLACES:
        flag, deadline = Path(feeds).with_name(f"{moment} now"), time.monotonic() + 60
        while not flag.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        os.killpg(child, signal.SIGKILL)
    _expect(end_of(child), -signal.SIGKILL)
    _expect(end_of(start(feeds, lake)), 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
