"""`run --every` over a farm of feeds on this machine, killed and started again: is every item in the lake once?"""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final

from tests.engines.live_job import Farm
from tests.farm_server import FeedFarm
from tests.faults import kill_points
from tests.faults.contents import committed_files, contents_of, left_over, visible_files
from tests.faults.kill_points import change
from tests.faults.killing import Death, kill_in_time
from tests.faults.runs import Change, Forks, HungError, Running
from tests.faults.tally import Tally
from tests.feed_ledger import judge_items, open_lake
from tests.feed_verdict import Verdict

GAP: Final = 2.0
"""Seconds between two requests to a host: longer than a run that is started again takes to ask."""

_TOLERANCE: Final = 0.3
"""Seconds by which the server may see the second of two requests too early: it sees each a little after its start,
later still where the machine is busy."""

_SECONDS_BETWEEN_KILLS: Final = (0.8, 4.0)
_SECONDS_TO_SETTLE: Final = 90.0
_SECONDS_TO_END: Final = 60.0
_FARM: Final = ("--hosts", "6", "--feeds", "12", "--untroubled", "--items-per-minute", "24")


@dataclass
class _Polling:
    """The run that is killed again and again."""

    forks: Forks
    farm: Farm
    lake: Path
    tally: Tally
    seed: int
    changes: Sequence[Change]
    gap: float = GAP
    run: Running | None = None
    chance: Random = field(default_factory=Random)

    def start(self) -> Running:
        """Start it, unless it is there."""
        if self.run is None or self.run.is_over():
            polling = ["--every", "1s", "--host-gap", self.gap, "--longest-interval", "8s", "--allow-private"]
            quick = ["--contact", "https://newsbeam.example/bot", "--processes", "2", "--tags", "none", "--quiet"]
            arguments = ["run", "--feeds", self.farm.list, "--output", self.lake, *polling, *quick]
            self.run = self.forks.start(arguments, self.changes)
        return self.run

    def kill(self, whose: str, *, asks: bool) -> None:
        """Kill after some seconds, from its start on or from its first request on, and look at what is left."""
        asked, run, seconds = len(self.farm.requests()), self.start(), self.chance.uniform(*_SECONDS_BETWEEN_KILLS)
        deadline = time.monotonic() + _SECONDS_TO_END
        while asks and len(self.farm.requests()) == asked and time.monotonic() < deadline and not run.is_over():
            time.sleep(0.1)
        kill_in_time(run, Death(whose, 1.0), seconds, self.chance)
        where = f"{whose} after {seconds:.2f} s, seed {self.seed}"
        if whose == "worker":
            return
        code = run.wait(_SECONDS_TO_END)
        self.tally.check(code == -signal.SIGKILL, f"{where}: it had ended with {code}: {run.said()[-300:].strip()}")
        self.tally.check(run.seconds_until_gone() is not None, f"{where}: processes left")
        early = visible_files(self.lake) - committed_files(self.lake)
        self.tally.check(not early, f"{where}: {len(early)} files seen that no commit covers")

    def settle(self) -> Verdict:
        """Poll undisturbed until nothing is missing any more, or the time for that is over, and stop."""
        time.sleep(max(0.0, self.farm.events("farm")[0]["last_item_at"] - time.time()))
        deadline, run = time.monotonic() + _SECONDS_TO_SETTLE, self.start()
        while time.monotonic() < deadline and not run.is_over() and self._judged().broken():
            time.sleep(2.0)
        run.send(signal.SIGTERM)
        code = run.wait(_SECONDS_TO_END)
        self.tally.check(code == 0, f"SIGTERM ended it with {code}, seed {self.seed}: {run.said()[-300:].strip()}")
        return self._judged()

    def _judged(self) -> Verdict:
        world, verdict = self.farm.world(), Verdict()
        servers = FeedFarm(world, lambda: 0.0, by_name=False, port=self.farm.events("farm")[0]["port"])
        servers.log = self.farm.requests()
        last = {feed.number: feed.items[slice(*feed.range_at(world.hours * 3_600.0))] for feed in world.feeds}
        stayed = {item.guid for feed in world.feeds if feed.hints == "none" for item in last[feed.number]}
        with open_lake(self.lake) as tables:
            judge_items(servers, self.lake, tables, stayed, verdict)
        return verdict


def kill_polling(forks: Forks, folder: Path, kills: int, seed: int) -> Tally:
    """Kill a run again and again, in turn its driver, a worker and all of it; in the end, compare with the farm."""
    tally = Tally("kill -9 of driver, worker, or both, run --every over feeds", tries=kills)
    farm = _farm(folder, kills, seed)
    with farm.serving():
        polling = _Polling(forks, farm, folder / "lake", tally, seed, (), chance=Random(f"{seed} feeds"))
        try:
            for number in range(kills):
                polling.kill(("driver", "worker", "driver and workers")[number % 3], asks=number % 2 == 1)
            _take(polling.settle(), tally, seed)
        except HungError as hung:
            tally.hangs += 1
            tally.check(False, f"{hung}, seed {seed}")
        _judge_hosts(farm, GAP, tally, seed)
    found = contents_of(polling.lake)
    tally.check(not found.doubled(), f"{found.doubled()} ids doubled, seed {seed}")
    tally.check(found.is_accounted(), f"the accounts do not add up to the rows, seed {seed}")
    for left in left_over(polling.lake):
        tally.check(False, f"{left}, seed {seed}")
    return tally


def _farm(folder: Path, kills: int, seed: int) -> Farm:
    folder.mkdir(parents=True, exist_ok=True)
    hours = max(10.0, kills * sum(_SECONDS_BETWEEN_KILLS) / 2) / 3_600
    return Farm(folder, (*_FARM, "--hours", f"{hours:.5f}", "--seed", str(seed)))


def _take(verdict: Verdict, tally: Tally, seed: int) -> None:
    """Count what the judge of items has found."""
    for rule, where in verdict.violations.items():
        if where and "sent is in the lake" in rule:
            tally.lost += len(where)
        elif where and "twice" in rule:
            tally.doubled += len(where)
        tally.check(not where, f"{rule}: {len(where)} times not, {where[:1]}, seed {seed}")
    stayed = verdict.figures.get("items that stayed across a due poll")
    tally.check(bool(stayed), f"no item stayed, so that nothing was seen, seed {seed}")


def _judge_hosts(farm: Farm, gap: float, tally: Tally, seed: int) -> None:
    """Look at the pace of requests, over all runs, in the servers' log."""
    by_host: dict[str, list[float]] = {}
    for asked in farm.requests():
        by_host.setdefault(asked.host, []).append(asked.at)
        tally.check(asked.open_requests == 1, f"{asked.host} at {asked.at:.1f}: two requests at a time, seed {seed}")
    for host, starts in by_host.items():
        gaps = [later - earlier for earlier, later in pairwise(sorted(starts))]
        early = [left for left in gaps if left < gap - _TOLERANCE]
        tally.check(
            not early, f"{host} was asked {len(early)} times too early, {min(gaps, default=9):.2f} s, seed {seed}"
        )


def forget_hosts(forks: Forks, folder: Path, seed: int) -> Tally:
    """Kill runs that do not remember when hosts were asked; a gap longer than a start takes on a busy machine."""
    tally, gap = Tally("hosts are forgotten with the run", tries=4), 20.0
    farm = _farm(folder, 4, seed)
    with farm.serving():
        broken = [change(kill_points.forget_hosts)]
        polling = _Polling(forks, farm, folder / "lake", tally, seed, broken, gap, chance=Random(f"{seed} feeds"))
        for _ in range(4):
            polling.kill("driver", asks=True)
        _judge_hosts(farm, gap, tally, seed)
    return tally
