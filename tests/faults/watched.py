"""Runs many cases in processes that the system ends when one takes too long, and starts over behind it.

The limit is one of the processor's time, so that a busy machine hangs nothing. The system itself sends the signal
(`ITIMER_PROF`), so that it also ends what is inside a parser written in C.
"""

from __future__ import annotations

import json
import logging
import mmap
import os
import resource
import signal
import struct
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_MOST_MEMORY: Final = 6 << 30
"""Bytes of address space: what takes more ends in a MemoryError, which no case may."""

_MOST_TOLD: Final = 20
"""Cases told of one kind: the rest are counted."""


@dataclass
class Watched:
    """What became of cases."""

    cases: int = 0
    seconds: float = 0.0
    hangs: list[int] = field(default_factory=list)
    """Numbers of those that took too long."""
    died: list[int] = field(default_factory=list)
    """Numbers of those with which the process died."""
    wrong: list[tuple[int, str]] = field(default_factory=list)
    """Numbers of those of which something does not hold, and what."""

    def add(self, other: Watched) -> None:
        """Add what became of other cases."""
        self.cases += other.cases
        self.seconds = max(self.seconds, other.seconds)
        for name in ("hangs", "died", "wrong"):
            getattr(self, name).extend(getattr(other, name))


def watch(
    check: Callable[[int], str | None], numbers: range, folder: Path, *, seconds: float, processes: int = 1
) -> Watched:
    """Check cases, and return what became of them.

    Args:
        check: looks at the case with a number, and returns what does not hold; what it raises does not hold either.
        folder: for what the processes have to say.
        seconds: of the processor, for one case.
    """
    started = time.monotonic()
    shares = [
        _Share(check, list(numbers[place::processes]), folder / f"share-{place}", seconds) for place in range(processes)
    ]
    waiting = {share.start(): share for share in shares if share.left}
    while waiting:
        child, status = os.wait()
        share = waiting.pop(child, None)
        if share is not None and share.ended(status):
            waiting[share.start()] = share
    found = Watched()
    for share in shares:
        found.add(share.found)
    found.seconds = time.monotonic() - started
    return found


class _Share:
    """Cases of one process at a time."""

    def __init__(self, check: Callable[[int], str | None], numbers: Sequence[int], told: Path, seconds: float) -> None:
        self.found = Watched(cases=len(numbers))
        self.left = numbers
        self._check = check
        self._told = told
        self._seconds = seconds
        self._place = mmap.mmap(-1, 8)

    def start(self) -> int:
        """Fork a process for what is left; returns its id."""
        child = os.fork()
        if not child:
            code = 1
            try:
                _work(self._check, self.left, self._place, self._told, self._seconds)
                code = 0
            finally:
                os._exit(code)
        return child

    def ended(self, status: int) -> bool:
        """Take in how a process ended; returns whether there is something left to do."""
        self.found.wrong += [(number, what) for number, what in _lines(self._told)]
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            return False
        (place,) = struct.unpack("q", self._place[:8])
        too_long = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF
        (self.found.hangs if too_long else self.found.died).append(self.left[place])
        self.left = self.left[place + 1 :]
        return bool(self.left)


def _work(check: Callable[[int], str | None], numbers: Iterable[int], place: Any, told: Path, seconds: float) -> None:
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    logging.disable(logging.CRITICAL)  # parsers complain of what they are given
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    count = 0
    with told.open("w", encoding="utf-8") as file:
        for at, number in enumerate(numbers):
            place[:8] = struct.pack("q", at)
            signal.setitimer(signal.ITIMER_PROF, seconds)
            what = _outcome(check, number)
            signal.setitimer(signal.ITIMER_PROF, 0)
            if what is not None and (count := count + 1) <= _MOST_TOLD:
                file.write(json.dumps([number, what]) + "\n")
                file.flush()


def _outcome(check: Callable[[int], str | None], number: int) -> str | None:
    try:
        return check(number)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}: {str(error)[:200]}"


def _lines(told: Path) -> list[tuple[int, str]]:
    text = told.read_text("utf-8") if told.exists() else ""
    told.unlink(missing_ok=True)
    return [(number, what) for number, what in map(json.loads, text.splitlines())]
