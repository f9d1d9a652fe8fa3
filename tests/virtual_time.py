"""Virtual time: event loops whose clock stands still while anything is under way, and jumps when all wait for it.

Each loop that is made inside `virtual_loops` takes its time from one `Timeline`. Sockets are real. When no callback is
ready and no socket can be read or written, the loop would sleep until its next timer; instead the time is set to that
timer. So timeouts, gaps and slow answers take as long as they say by this clock and no time by any other; work (of a
parser, of a database) takes none by this clock. Client and server run in one loop, so what one has sent the other can
read; where a request is under way and nothing waits on the clock for it, bytes are still inside the kernel, and the
loop waits for them rather than jump.

A clock that jumps by itself when a task sleeps is not enough for many hosts: it jumps while answers to others are on
their way, so that a gap looks kept that was not, and each sleeping task moves it for all.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import count
from types import SimpleNamespace
from typing import Any
from unittest import mock

from schemas.instants import Instant

SECOND = 1_000_000

_LONGEST_WAIT_FOR_BYTES = 1.0
"""Seconds of the machine's clock. Bytes on the loopback interface take microseconds; what is not there after this will
not come, and the jump is counted as a stall."""


class Timeline:
    """The time of all loops, and what is under way.

    Attributes:
        seconds: since the beginning.
        under_way: requests that the client waits for.
        asleep: of those, answers that wait on the clock.
        stalls: jumps that were made although something should have come; a run with any proves nothing.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.under_way = 0
        self.asleep = 0
        self.stalls = 0
        self.jumps = 0
        self._alarms: list[tuple[float, int, Callable[[], None]]] = []
        self._count = count()

    def at(self, seconds: float, call: Callable[[], None]) -> None:
        """Call something when the time is reached, between two jumps."""
        heappush(self._alarms, (seconds, next(self._count), call))

    def count_sleeping(self, step: int) -> None:
        """Take in that an answer begins to wait on the clock (+1) or has waited (-1)."""
        self.asleep += step

    def jump(self, seconds: float) -> None:
        """Move on."""
        self.seconds += seconds
        self.jumps += 1
        while self._alarms and self._alarms[0][0] <= self.seconds:
            heappop(self._alarms)[2]()


class TimelineClock:
    """The clock that the scheduler goes by, on a timeline.

    Args:
        start: the instant of its beginning.
    """

    def __init__(self, timeline: Timeline, start: Instant) -> None:
        self._timeline = timeline
        self._start = start

    def now(self) -> Instant:
        return self._start + round(self._timeline.seconds * SECOND)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]  # which one it is depends on the system
    def __init__(self, timeline: Timeline) -> None:
        super().__init__()
        self._timeline = timeline

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            return super().select(None)
        if self._timeline.under_way > self._timeline.asleep:
            if ready := super().select(_LONGEST_WAIT_FOR_BYTES):
                return ready
            self._timeline.stalls += 1
        self._timeline.jump(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a timeline.

    Args:
        attach: called when it starts to run, detach: before it closes: for the servers in it.
    """

    def __init__(
        self,
        timeline: Timeline,
        attach: Callable[[asyncio.AbstractEventLoop], None],
        detach: Callable[[], None],
    ) -> None:
        super().__init__(_Selector(timeline))
        self._timeline = timeline
        self._clock_resolution = 1e-7  # a sum of floats may fall short of a timer by less
        self._attach: Callable[[asyncio.AbstractEventLoop], None] | None = attach
        self._detach = detach

    def time(self) -> float:
        return self._timeline.seconds

    def run_forever(self) -> None:
        if self._attach is not None:
            self._attach(self)
            self._attach = None
        super().run_forever()

    def close(self) -> None:
        if not self.is_closed() and self._attach is None:
            self._detach()
            self.call_soon(self.stop)
            super().run_forever()  # closed connections are told so
        super().close()


@contextmanager
def virtual_loops(
    timeline: Timeline, attach: Callable[[asyncio.AbstractEventLoop], None], detach: Callable[[], None]
) -> Iterator[SimpleNamespace]:
    """Make all loops of the block virtual; yields what stands in for the module `time` where code asks it directly."""

    def make_loop() -> VirtualLoop:
        return VirtualLoop(timeline, attach, detach)

    with mock.patch.object(asyncio.events, "new_event_loop", make_loop):
        yield SimpleNamespace(monotonic=lambda: timeline.seconds)
