"""Runs the real command, `newsbeam run --feeds LIST --every 10m`, through a scripted world's day in virtual time.

newsbeam runs in this process; its clock, its chance and its resolver are replaced, nothing else. The servers' sockets
are real, and so is the lake.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from unittest import mock

import httpcore._async.http11 as http11

from pipeline import cli, feed_run
from schemas.fetch import Headers
from tests.farm_server import FeedFarm
from tests.feed_judge import judge_feeds
from tests.feed_ledger import judge_fetches, judge_items, open_lake
from tests.feed_verdict import Verdict
from tests.feed_world import HOUR, FeedWorld
from tests.fetch_samples import NOW, SECOND
from tests.host_judge import judge_hosts
from tests.schedule_judge import judge_schedule
from tests.virtual_time import Timeline, TimelineClock, virtual_loops
from transforms.functions import feed_poller, http_fetch
from transforms.functions.http_fetch import Exchange, HttpClient
from transforms.functions.poll_settings import World

STARTED_AT = NOW / SECOND
"""The beginning of each virtual day, by the calendar."""

_SECONDS_BETWEEN_LOOKS = 2.0
"""How soon a signal is noticed, by the virtual clock: each look is a jump, and a tenth of a second makes a million."""


@dataclass
class DayRun:
    """A day, as the farm and the machine saw it."""

    world: FeedWorld
    farm: FeedFarm
    timeline: Timeline
    lake: Path
    code: int = 0
    seconds: float = 0.0
    """Of the machine's clock."""
    memory: list[tuple[float, int]] = field(default_factory=list)
    """Hour of the virtual day, resident bytes of this process."""
    peak_worker_bytes: int = 0


def run_day(
    world: FeedWorld,
    folder: Path,
    *,
    tail_hours: float = 12.0,
    every: float = 600.0,
    processes: int = 1,
    flags: Sequence[str] = (),
) -> DayRun:
    """Run newsbeam over a world: its day, and so many hours more in which nothing new is published.

    It is stopped by SIGTERM at the end, as a service manager would.

    Args:
        every: seconds between two rounds.
        flags: more of the command's.
    """
    timeline = Timeline()
    farm = FeedFarm(world, lambda: timeline.seconds, sleeping=timeline.count_sleeping, started_at=STARTED_AT)
    farm.bind()
    day = DayRun(world, farm, timeline, folder / "lake")
    feeds = folder / "feeds.txt"
    feeds.write_text("\n".join(farm.urls()))
    end = (world.hours + tail_hours) * HOUR
    for hour in range(int(end // HOUR)):
        timeline.at(hour * HOUR, partial(_note_memory, day, hour))
    timeline.at(end, lambda: os.kill(os.getpid(), signal.SIGTERM))
    command = ["run", "--feeds", str(feeds), "--output", str(day.lake), "--every", f"{every:.0f}s"]
    command += ["--processes", str(processes), "--tags", "none", "--quiet", "--contact", "desk@reader.example"]
    started = time.perf_counter()
    with _outside(world, farm, timeline):
        day.code = cli.main([*command, "--allow-private", *flags])
    day.seconds = time.perf_counter() - started
    day.peak_worker_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    farm.close()
    farm.log.sort(key=lambda asked: asked.at)
    return day


def judge_day(day: DayRun, every: float = 600.0) -> Verdict:
    """Return what all judges say of a day.

    Args:
        every: as the day was run with.
    """
    verdict = Verdict()
    verdict.check("the run ends well", day.code == 0, f"exit code {day.code}")
    stalls = day.timeline.stalls
    verdict.check("the clock stands still while anything is under way", stalls == 0, f"{stalls} jumps too many")
    judge_hosts(day.world, day.farm.log, day.farm.connections, verdict)
    judge_feeds(day.world, day.farm.log, verdict)
    with open_lake(day.lake) as tables:
        judge_fetches(day.farm, tables, verdict)
        stayed = judge_schedule(day.farm, tables, every, verdict)
        judge_items(day.farm, day.lake, tables, stayed, verdict)
    return verdict


@contextmanager
def _outside(world: FeedWorld, farm: FeedFarm, timeline: Timeline) -> Iterator[None]:
    """Put the farm where the internet is, and the timeline where the time is."""

    class WatchedClient(HttpClient):
        async def request(self, url: str, purpose: str, now: int, validators: Headers = (), hop: int = 0) -> Exchange:
            timeline.under_way += 1
            try:
                return await super().request(url, purpose, now, validators, hop)
            finally:
                timeline.under_way -= 1

    outside = World(TimelineClock(timeline, NOW), Random(world.seed), farm.resolve)
    with ExitStack() as stack:
        stand_in = stack.enter_context(virtual_loops(timeline, farm.attach, farm.detach))
        for owner, name, value in (
            (feed_run, "_world", outside),
            (feed_run, "_SECONDS_BETWEEN_LOOKS", _SECONDS_BETWEEN_LOOKS),
            (feed_poller, "_SECONDS_BETWEEN_LOOKS", _SECONDS_BETWEEN_LOOKS),
            (feed_poller, "HttpClient", WatchedClient),
            (http_fetch, "time", stand_in),
            (http11, "time", stand_in),
        ):
            stack.enter_context(mock.patch.object(owner, name, value))
        yield


def _note_memory(day: DayRun, hour: int) -> None:
    day.memory.append((float(hour), _resident_bytes()))


def _resident_bytes() -> int:
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
