"""A machine whose clock is ahead or behind, and jumps: `time.time`, `time.time_ns` and `datetime.now` of this process.

What counts on evenly (`time.monotonic`, timeouts of sockets, sleeping) is left alone, as it is on a real machine.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from importlib import import_module
from typing import Final
from unittest import mock

HOUR: Final = 3_600.0
DAY: Final = 24 * HOUR
"""Seconds."""

_CLOCK_READERS: Final = (
    "pipeline.compaction", "pipeline.cycle", "pipeline.erasure", "pipeline.given_texts",
    "pipeline.lake_status", "pipeline.read_ahead", "pipeline.report.texts", "pipeline.summary",
    "pipeline.writer_lock", "pipeline.commands.erase", "pipeline.commands.report", "transforms.functions.feed_values",
)  # fmt: skip
"""Modules that ask `datetime.now`."""


class MachineClock:
    """How far the clock is ahead of the true time, in seconds."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._time, self._time_ns = time.time, time.time_ns

    def time(self) -> float:
        return self._time() + self.ahead

    def time_ns(self) -> int:
        return self._time_ns() + int(self.ahead * 1e9)

    def set_to(self, moment: datetime) -> None:
        """Set it."""
        self.ahead = moment.timestamp() - self._time()

    def jump_soon(self, after: float, to: float) -> None:
        """Make it so many seconds ahead after a while, from a thread, as whoever puts it right does."""
        threading.Thread(target=self._jump, args=(after, to), daemon=True).start()

    def _jump(self, after: float, to: float) -> None:
        time.sleep(after)
        self.ahead = to


@contextmanager
def machine_clock(clock: MachineClock) -> Iterator[MachineClock]:
    """Let this process, and those that it forks, go by the clock."""

    class Datetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=clock.time_ns() // 1_000)
            return moment.astimezone(tz) if tz else moment.astimezone().replace(tzinfo=None)

    with ExitStack() as stack:
        stack.enter_context(mock.patch.multiple(time, time=clock.time, time_ns=clock.time_ns))
        for name in _CLOCK_READERS:
            stack.enter_context(mock.patch.object(import_module(name), "datetime", Datetime))
        yield clock
