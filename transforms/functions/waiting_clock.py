"""The clock that the scheduler goes by: a test gives one that runs as fast as it likes."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from schemas.instants import Instant


class WaitingClock(Protocol):
    """Tells the time and waits by it."""

    def now(self) -> Instant:
        """Return what time it is."""

    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed by this clock."""


class SystemClock:
    """The machine's own: whoever puts it right makes it jump, back or ahead, by hours where it was wrong."""

    def now(self) -> Instant:
        """Return what time it is."""
        return time.time_ns() // 1_000

    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed."""
        await asyncio.sleep(seconds)


class SteadyClock:
    """Starts at a time and goes on evenly from there, whatever becomes of the machine's."""

    def __init__(self, start: Instant) -> None:
        self._start = start
        self._started = time.monotonic_ns()

    def now(self) -> Instant:
        """Return what time it is."""
        return self._start + (time.monotonic_ns() - self._started) // 1_000

    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed."""
        await asyncio.sleep(seconds)


def steady(clock: WaitingClock) -> WaitingClock:
    """Return a clock for one round or cycle: a wait that has begun must neither take hours more nor end at once.

    Of the machine's clock it is one that starts now; a test's is steady, or jumps because it is meant to.
    """
    return SteadyClock(clock.now()) if isinstance(clock, SystemClock) else clock
