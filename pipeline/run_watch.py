"""What a run that goes on and on is doing: kept by the run, looked at from other threads."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipeline.cycle import FinishedCycle
from pipeline.feed_memory import FeedMemory
from schemas.cycle_report import ACCOUNT_COLUMNS
from schemas.feed_state import NEVER
from transforms.functions.feed_rows import health_of

SECONDS_OF_SILENCE: Final = 60.0
"""A waiting run gives a sign of life five times a second; a machine that is suspended or swaps may take longer."""

SECONDS_AFTER_POLLING: Final = 1_800.0
"""For extraction, tags and the commit of a cycle beyond the time in which requests are started: 2,000 pages at the
slowest rate measured (entities, 12 a second) take 170 s; ten times that."""


class FeedFigures(NamedTuple):
    """How the feeds of a lake are, after a cycle."""

    by_health: Mapping[str, int]
    pages_waiting: int
    next_due: float | None
    """Seconds since 1970 when the next feed or page is due; None for never."""


@dataclass
class RunWatch:
    """One run. Written by its thread alone; each field is replaced whole, so that readers need no lock."""

    budget: float = 0.0
    """Seconds in which a cycle starts requests."""
    started: float = field(default_factory=time.time)
    account: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(ACCOUNT_COLUMNS, 0))
    """Sums over all cycles committed, by column of `runs`."""
    counters: Mapping[str, int] = field(default_factory=dict)
    """Beam's counters, summed over all cycles committed, by `<PTransform>.<name>`."""
    cycles: int = 0
    last_cycle: float | None = None
    """When the last cycle was committed, seconds since 1970."""
    last_cycle_seconds: float | None = None
    last_arrival: float | None = None
    """When the last cycle was committed that brought an article or a copy."""
    feeds: FeedFigures | None = None
    _cycle_began: float | None = None
    _sign: float = field(default_factory=time.monotonic)

    def alive(self) -> None:
        """Give a sign of life."""
        self._sign = time.monotonic()

    def cycle_begins(self) -> None:
        """Note that a cycle is under way from now on."""
        self.alive()
        self._cycle_began = self._sign

    def cycle_done(self, cycle: FinishedCycle) -> None:
        """Note a committed cycle."""
        self.account = {name: self.account[name] + getattr(cycle.report, name) for name in ACCOUNT_COLUMNS}
        names = {**self.counters, **cycle.counters}  # not a sum of Counters, which leaves zeros out
        self.counters = {name: self.counters.get(name, 0) + cycle.counters.get(name, 0) for name in names}
        self.cycles += 1
        self.last_cycle, self.last_cycle_seconds = time.time(), cycle.seconds
        if cycle.report.articles or cycle.report.copies:
            self.last_arrival = self.last_cycle
        self._cycle_began = None
        self.alive()

    def look_at(self, feeds: FeedMemory) -> None:
        """Note how the feeds are."""
        by_health = Counter(health_of(state) for state in feeds.feeds())
        due = feeds.next_due_at()
        next_due = None if due is None or due >= NEVER else due / 1e6
        self.feeds = FeedFigures(by_health, feeds.pages_waiting(), next_due)

    @property
    def doing(self) -> str:
        """`cycle` or `waiting`."""
        return "waiting" if self._cycle_began is None else "cycle"

    def seconds_at_it(self) -> float:
        """Return how long the cycle has been under way, or how long ago the last sign of life was."""
        return time.monotonic() - (self._sign if self._cycle_began is None else self._cycle_began)

    def is_stuck(self) -> bool:
        """Whether the run has not got on for longer than can be right."""
        longest = SECONDS_OF_SILENCE if self._cycle_began is None else self.budget + SECONDS_AFTER_POLLING
        return self.seconds_at_it() > longest
