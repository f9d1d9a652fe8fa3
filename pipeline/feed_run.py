"""Rounds of polling: what is due is polled in cycles; with `--every`, round after round until a signal comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Event

from pipeline.cycle import FinishedCycle, run_cycle
from pipeline.feed_memory import FeedMemory
from pipeline.graph_parts import FeedGraph
from pipeline.host_memory import opened_hosts
from pipeline.lake import Lake
from pipeline.local_run import LocalRun
from pipeline.memory import Memory
from pipeline.remote_lists import FeedLists
from pipeline.run_log import say
from pipeline.run_watch import RunWatch
from pipeline.settings import FeedSettings
from pipeline.stopping import times_asked_to_stop
from pipeline.version import newsbeam_version
from schemas.errors import UsageError
from schemas.instants import Instant
from transforms.functions.http_fetch import user_agent
from transforms.functions.http_hints import SECOND
from transforms.functions.poll_settings import PollSettings, World
from transforms.functions.polling_interval import rules_for
from transforms.functions.waiting_clock import WaitingClock, steady

_world = World()
"""What is outside, for all stages of this process; a test puts another one here."""

_SECONDS_BETWEEN_LOOKS = 0.2
"""How soon a signal ends the wait for the next round."""

_open_feeds: dict[str, FeedMemory] = {}


def open_world() -> World:
    """Return what is outside: what a stage's `open_world` is made of."""
    return _world


def feeds_at(path: str) -> FeedMemory:
    """Return the keeper of feeds that this process has open over a memory: what a stage's `open_feeds` is made of."""
    return _open_feeds[path]


@contextmanager
def opened_feeds(lake: Lake, memory: Memory) -> Iterator[FeedMemory]:
    """Open the keeper of feeds for this process."""
    with opened_hosts(lake.hosts) as hosts:
        feeds = FeedMemory(memory, hosts)
        with memory.cycle():
            feeds.make_tables()
        _open_feeds[str(lake.memory)] = feeds
        try:
            yield feeds
        finally:
            del _open_feeds[str(lake.memory)]


@dataclass
class FeedRun:
    """The polling of one run."""

    local: LocalRun
    feeds: FeedMemory
    polling: FeedSettings
    lists: FeedLists
    listed: list[str]
    """As of the latest look into the lists."""
    stop: Event
    watch: RunWatch = field(default_factory=RunWatch)

    def cycles(self) -> Iterator[FinishedCycle]:
        """Run the cycles of all rounds, and yield each when it is committed."""
        if self.polling.allow_private:
            with self.local.memory.cycle():
                self.feeds.ask_refused_again()
        while True:
            clock = steady(_world.clock)
            started = clock.now()
            yield from self._round(clock, started)
            if self.polling.every is None or self._waited_until(clock, started + int(self.polling.every * SECOND)):
                return
            self._look_into_lists()

    def _round(self, clock: WaitingClock, started: Instant) -> Iterator[FinishedCycle]:
        """Poll what is due now. A cycle that is full is followed by another one, within the round's budget."""
        end = started + int(self.polling.budget * SECOND)
        while not self.stop.is_set():
            now = clock.now()
            if self.feeds.listed() == set(self.listed) and not self.feeds.has_work(now, end):
                return
            graph = self._graph(max(0.0, (end - now) / SECOND))
            self.watch.cycle_begins()
            finished = run_cycle(self.local, (), feeds=graph)
            self.watch.cycle_done(finished)
            yield finished
            if not finished.polled["cut"] or clock.now() >= end:
                return

    def _graph(self, budget: float) -> FeedGraph:
        return FeedGraph(
            open_feeds=partial(feeds_at, str(self.local.lake.memory)),
            listed=tuple(self.listed),
            open_world=open_world,
            asked_to_stop=times_asked_to_stop,
            settings=poll_settings(self.polling, budget),
        )

    def _waited_until(self, clock: WaitingClock, instant: Instant) -> bool:
        """Wait for the next round; returns whether the run was asked to stop meanwhile."""
        while not self.stop.is_set() and (left := (instant - clock.now()) / SECOND) > 0:
            asyncio.run(self._sleep(clock, left))
        return self.stop.is_set()

    async def _sleep(self, clock: WaitingClock, seconds: float) -> None:
        sleeping = asyncio.ensure_future(clock.sleep(seconds))
        while not self.stop.is_set() and not sleeping.done():
            await asyncio.wait((sleeping,), timeout=_SECONDS_BETWEEN_LOOKS)
            self.watch.alive()
        sleeping.cancel()

    def _look_into_lists(self) -> None:
        """Take up edits. A list that cannot be read is mended while the feeds of before go on."""
        try:
            self.listed = self.lists.read()
        except UsageError as error:
            say("list_unreadable", f"{error}; going on with the feeds of before", logging.WARNING)


def feed_lists(polling: FeedSettings) -> FeedLists:
    """Return the lists of a run.

    Raises:
        UsageError: the contact cannot stand in a header.
    """
    return FeedLists(polling, agent_of(polling), open_world)


def poll_settings(polling: FeedSettings, budget: float) -> PollSettings:
    """Return how feeds and pages are asked for.

    Raises:
        UsageError: the contact cannot stand in a header.
    """
    rules = rules_for(polling.longest_interval)
    return PollSettings(agent_of(polling), budget, polling.host_gap, polling.allow_private, rules)


def agent_of(polling: FeedSettings) -> str:
    """Return how newsbeam names itself to servers.

    Raises:
        UsageError: the contact cannot stand in a header.
    """
    if polling.contact is None:
        return f"newsbeam/{newsbeam_version()}"
    return user_agent(newsbeam_version(), polling.contact)
