"""What polling goes by: the user's settings, and the outside world, which a test may replace."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final

from transforms.functions.address_guard import Resolver, resolve_by_system
from transforms.functions.fetch_jobs import SchedulerSettings
from transforms.functions.host_rules import HostRules
from transforms.functions.http_fetch import FetchSettings
from transforms.functions.polling_interval import PollingRules
from transforms.functions.waiting_clock import SystemClock, WaitingClock

MOST_PAGES: Final = 1_000
"""Pages of a cycle: at 16 kB of text each, its upper tenth, they are 16 MB, what a cycle of a folder holds."""

MOST_TEXT: Final = 16_000_000
"""Bytes of text and pages' text of a cycle, as for a folder (`pipeline.input_plan.CYCLE_BYTES`)."""

MOST_BODIES: Final = 64_000_000
"""Bytes of pages that wait in memory for their extraction: 1,000 pages of 60 kB, which is common."""

TEXT_OF_A_PAGE: Final = 16_000
"""What a page counts towards the text at most: its menus and scripts are soon gone."""


@dataclass(frozen=True)
class PollSettings:
    """How feeds and pages are asked for."""

    user_agent: str
    budget: float
    """Seconds of a cycle in which requests are started; feeds have the first half, pages all that is left."""
    host_gap: float
    """Least seconds between the starts of two requests to one host."""
    allow_private: bool = False
    rules: PollingRules = field(default_factory=PollingRules)

    def scheduling(self) -> SchedulerSettings:
        """Return the settings of the scheduler."""
        return SchedulerSettings(HostRules(gap=self.host_gap))


@dataclass
class World:
    """What is outside: time, chance, names of hosts."""

    clock: WaitingClock = field(default_factory=SystemClock)
    random: Random = field(default_factory=Random)
    resolve: Resolver = resolve_by_system

    def fetching(self, settings: PollSettings, run_id: str) -> FetchSettings:
        """Return the settings of the HTTP client."""
        return FetchSettings(settings.user_agent, run_id, allow_private=settings.allow_private, resolve=self.resolve)
