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
    """The machine's own."""

    def now(self) -> Instant:
        """Return what time it is."""
        return time.time_ns() // 1_000

    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed."""
        await asyncio.sleep(seconds)
