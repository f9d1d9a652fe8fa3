"""Clocks that jump, zones, leap seconds and dates that nobody can have meant.

Runs go by a clock that is hours or years ahead, and jumps while they are at work; what they leave is compared with what
undisturbed runs of the same inputs leave.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import date
from functools import partial
from typing import Any, Final
from unittest import mock

import pebble.pool.process

from pipeline import feed_memory, feed_run
from schemas.errors import InputRejected, WorkersLostError
from schemas.instants import utc_date_of
from tests.faults import clock_dates, clock_feeds, clock_folders
from tests.faults.machine_clock import HOUR, MachineClock, machine_clock
from tests.faults.tally import Effort, Tally
from tests.faults.terminals import forked
from tests.transforms.functions import pool_tasks
from transforms.functions import dates, feed_poller, parquet_rows
from transforms.functions.task_stream import Finished, TaskStream
from transforms.functions.worker_pool import WorkerPool

_MOST_SECONDS: Final = 60.0


def faults(effort: Effort) -> Iterator[Tally]:
    """Yield what came of each kind of clock and date."""
    yield tasks(effort)
    yield clock_folders.jumps(effort)
    yield clock_feeds.jumps(effort)
    yield clock_feeds.years(effort)
    yield clock_dates.zones(effort)
    yield clock_dates.dates(effort)


def tasks(effort: Effort) -> Tally:
    """A jump ends no task that is at work, and keeps none that hangs."""
    tally = Tally("the clock jumps while worker processes are at work")
    for ahead in (5 * HOUR, -5 * HOUR) * (4 if effort.is_long else 1):
        reasons = forked(partial(_reasons_of_tasks, ahead), _MOST_SECONDS)
        tally.tries += 2
        tally.hangs += reasons is None or reasons["long"] != "time_limit"
        tally.lost += reasons is not None and reasons["short"] is not None
    return tally


def _reasons_of_tasks(ahead: float) -> dict[str, str | None]:
    """Give a pool a task that is done in time and one that hangs; returns why each was rejected."""
    pool, clock = WorkerPool(2, 1.5, ()), MachineClock()
    stream: TaskStream[float, str, float] = TaskStream(pool, pool_tasks.sleep)
    with machine_clock(clock):
        pool.start()
        finished = [*stream.give(0.0, "first"), *stream.rest()]  # the processes are there when it has ended
        clock.jump_soon(0.5, ahead)
        try:
            finished += [*stream.give(1.0, "short"), *stream.give(600.0, "long"), *stream.rest()]
        except WorkersLostError:
            finished.append(Finished("long", InputRejected("not_stopped", "")))
        pool.close()
    reasons = {one.ticket: one.result.reason if isinstance(one.result, InputRejected) else None for one in finished}
    return {"short": "lost", "long": "lost"} | reasons


# --- breaks


def breaks(effort: Effort) -> Iterator[Tally]:
    """Yield what is found once a fault is built in."""
    for number, (fault, built_in, look) in enumerate(_breaks()):
        if not effort.is_long and look is clock_feeds.jumps:  # polling that waits for ever is waited for a minute
            continue
        folder = effort.folder / f"break-{number}"
        folder.mkdir()
        with built_in:
            tally = look(Effort(folder, effort.seed))
        tally.fault = f"break: {fault}"
        yield tally


def _breaks() -> Iterator[tuple[str, AbstractContextManager[Any], Callable[[Effort], Tally]]]:
    by_date = mock.patch.object(parquet_rows, "partition_of", _day_of_publication)
    yield "partitions by the date of publication", by_date, clock_dates.dates
    yield "a feed waits for a time that lies ahead", _unsettled(), clock_feeds.jumps
    yield "a round goes by the machine's clock", _unsteady(), clock_feeds.jumps
    yield "tasks are stopped by the machine's clock", mock.patch.object(pebble.pool.process, "time", time), tasks
    leap_seconds = mock.patch.object(dates, "without_leap_second", lambda text: text)
    yield "the 60th second of a minute is none", leap_seconds, clock_dates.dates


def _day_of_publication(table: str) -> Callable[[Mapping[str, Any]], date]:
    usual = parquet_rows.PARTITIONED_BY[table]
    return lambda row: utc_date_of(row.get("date_published") or row[usual])


@contextmanager
def _unsettled() -> Iterator[None]:
    memory = feed_memory.FeedMemory
    with (
        mock.patch.object(memory, "settle_times"),
        mock.patch.object(memory, "_has_times_ahead", return_value=False),
    ):
        yield


@contextmanager
def _unsteady() -> Iterator[None]:
    with ExitStack() as stack:
        for module in (feed_run, feed_poller):
            stack.enter_context(mock.patch.object(module, "steady", lambda clock: clock))
        yield
