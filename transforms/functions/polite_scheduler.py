"""Runs the requests of a cycle, many hosts at a time and one request a host, under all rules of politeness.

Knows no storage: what is known of hosts comes in and goes out, results come as they are ready, and what is not done
when the time is up stays due. Redirects and robots.txt are steps like all others, in the lanes of the hosts that they
go to.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Final, Generic, TypeVar

from schemas.errors import InputRejected
from schemas.fetch import FEED, PAGE, ROBOTS, Fetch
from schemas.host_state import HostState
from schemas.instants import Instant
from transforms.functions.clock_jumps import settled_host
from transforms.functions.fetch_jobs import Finished, Job, LeftOver, SchedulerSettings, answer_of
from transforms.functions.host_lanes import HostLanes, Rank
from transforms.functions.host_rules import after_fetch, after_start, gap_seconds
from transforms.functions.http_fetch import Exchange, HttpClient
from transforms.functions.http_hints import SECOND
from transforms.functions.network_outage import SUSPECT_FAILURES, OutageWatch, is_answered, may_be_well
from transforms.functions.redirects import Chain, after_step, host_of
from transforms.functions.robots import DISALLOWED, NOT_NOW, after_robots, origin_of, record_for, robots_url, verdict
from transforms.functions.waiting_clock import SystemClock, WaitingClock

Ticket = TypeVar("Ticket")

_URGENCY: Final = {FEED: 1, PAGE: 2}
_BEGUN: Final = 0
"""Urgency of robots.txt, which pages wait for, and of redirects."""


@dataclass(frozen=True)
class _Step(Generic[Ticket]):
    """The next request of a chain: for a job, or (`page_url`) for the robots.txt that speaks for a page."""

    chain: Chain
    job: Job[Ticket] | None = None
    page_url: str = ""


@dataclass(frozen=True)
class _Ended(Generic[Ticket]):
    host: str
    step: _Step[Ticket]
    exchange: Exchange


class PoliteScheduler(Generic[Ticket]):
    """One run over what is due.

    Args:
        client: makes the requests.
        look_up: gives what is remembered of a host; None for one that was never asked.
        random: of the jitter.
        clock: what time it is; the scheduler waits by it alone.
        on_start: called with the new state of a host before each request to it: who writes it down at once asks no
            host too early after a crash.
        on_end: called with the new state of a host after each request to it, and when its robots.txt has been read.
    """

    def __init__(
        self,
        client: HttpClient,
        look_up: Callable[[str], HostState | None],
        random: Random,
        settings: SchedulerSettings | None = None,
        clock: WaitingClock | None = None,
        on_start: Callable[[HostState], None] | None = None,
        on_end: Callable[[HostState], None] | None = None,
    ) -> None:
        self._client = client
        self._random = random
        self._settings = settings or SchedulerSettings()
        self._clock = clock or SystemClock()
        self._on_start = on_start
        self._on_end = on_end
        self._look_up = look_up
        self._lanes: HostLanes[_Step[Ticket]] = HostLanes(self._host)
        self._watch: OutageWatch[_Ended[Ticket]] = OutageWatch()
        self._waiting_for_robots: dict[str, list[_Step[Ticket]]] = {}
        self._under_way: dict[asyncio.Task[_Ended[Ticket]], _Step[Ticket]] = {}
        self._ended: asyncio.Queue[asyncio.Task[_Ended[Ticket]] | None] = asyncio.Queue()
        self._finished: list[Finished[Ticket]] = []
        self._stopping: str | None = None
        self.left_over: list[LeftOver[Ticket]] = []
        """Jobs that stay due, once the run has ended."""

    def _host(self, name: str) -> HostState | None:
        known = self._look_up(name)
        return None if known is None else settled_host(known, self._clock.now())

    @property
    def hosts(self) -> dict[str, HostState]:
        """What is known now of all hosts that the run had to do with: to be kept for the next run."""
        return self._lanes.states()

    def stop(self) -> None:
        """Start nothing more; the run ends when what is under way has. To be called in the event loop's thread."""
        self._stopping = self._stopping or "stopped"
        self._ended.put_nowait(None)

    async def run(self, jobs: Iterable[Job[Ticket]], until: Instant) -> AsyncGenerator[Finished[Ticket], None]:
        """Run jobs and yield those that came to an end, in that order; afterwards `left_over` has the others.

        Each job is in exactly one of both. Leaving the loop early (close it with `contextlib.aclosing`), or cancelling
        it, breaks off what is under way, which is left over then.

        Args:
            until: nothing is started after this time; what is under way then still ends.
        """
        for job in jobs:
            self._go_on(_Step(Chain.starting_at(job.url), job))
        try:
            while self._start_all(until) or self._settle():
                for finished in self._take_finished():
                    yield finished
                await self._wait(until)
            for finished in self._take_finished():
                yield finished
        finally:
            await self._break_off()
            self._leave_rest()

    # Starting

    def _start_all(self, until: Instant) -> bool:
        """Start what may start now; returns whether there is anything to wait for."""
        now = self._clock.now()
        while self._may_start() and now <= until and (taken := self._lanes.take(now)):
            self._start(*taken, now)
        return bool(self._under_way) or self._next_start(until) is not None

    def _may_start(self) -> bool:
        full = len(self._under_way) >= self._settings.concurrency
        return not self._stopping and not self._watch.suspected and not full

    def _next_start(self, until: Instant) -> Instant | None:
        """Return when the next request may start; None where none may within the time, or for another reason."""
        next_start = self._lanes.next_start() if self._may_start() else None
        return next_start if next_start is not None and max(next_start, self._clock.now()) <= until else None

    def _start(self, host: str, step: _Step[Ticket], now: Instant) -> None:
        if step.job is not None and (step.job.purpose == PAGE or self._settings.robots_for_feeds):
            allowed = self._allowed(host, step, step.job, now)
            if allowed is None:
                self._lanes.open(host)
                return
            step = allowed
        state = after_start(self._lanes.state(host), now, self._settings.rules)
        self._lanes.set_state(state)
        if self._on_start is not None:
            self._on_start(state)
        task = asyncio.create_task(self._ask(host, step, now))
        self._under_way[task] = step
        task.add_done_callback(self._ended.put_nowait)

    def _allowed(self, host: str, step: _Step[Ticket], job: Job[Ticket], now: Instant) -> _Step[Ticket] | None:
        """Return the step to make: the page's own, the one that asks for robots.txt first, or none."""
        url, origin = step.chain.url, origin_of(step.chain.url)
        record = record_for(self._lanes.state(host), url, now)
        if record is None:
            under_way = origin in self._waiting_for_robots
            self._waiting_for_robots.setdefault(origin, []).append(step)
            return None if under_way else _Step(Chain.starting_at(robots_url(url)), page_url=url)
        said = verdict(record, url)
        if said == NOT_NOW:
            self.left_over.append(LeftOver(job, "robots_not_now", step.chain.fetches))
        elif said == DISALLOWED:
            self._finished.append(Finished(job, answer_of(step.chain, None, now, "robots_disallowed")))
        return None if said in (NOT_NOW, DISALLOWED) else step

    async def _ask(self, host: str, step: _Step[Ticket], now: Instant) -> _Ended[Ticket]:
        purpose, validators = (step.job.purpose, step.job.validators) if step.job else (ROBOTS, ())
        hop = len(step.chain.visited)
        return _Ended(host, step, await self._client.request(step.chain.url, purpose, now, validators, hop))

    # Waiting

    async def _wait(self, until: Instant) -> None:
        """Wait until a request has ended or the next one may start, and take in all that has happened."""
        next_start = self._next_start(until)
        if next_start is None and not self._under_way:
            return  # the time was up a moment ago
        ring = asyncio.create_task(self._ring_at(next_start)) if next_start is not None else None
        try:
            ended = [await self._ended.get()]
        finally:
            if ring is not None:
                ring.cancel()
        while not self._ended.empty():
            ended.append(self._ended.get_nowait())
        for task in filter(None, ended):
            del self._under_way[task]
            self._take_in(task.result())

    async def _ring_at(self, instant: Instant) -> None:
        await self._clock.sleep(max(0.0, (instant - self._clock.now()) / SECOND))
        self._ended.put_nowait(None)

    def _settle(self) -> bool:
        """Decide, when nothing is under way, what the failures held back say; returns whether there were any."""
        outage, held = self._watch.suspected, self._watch.release()
        if outage:
            self._stopping = self._stopping or "local_outage"
        well = {ended.host for ended in held if self._may_be_well(ended)}
        for ended in held:
            is_new = self._lanes.state(ended.host).last_answer_at is None
            if outage:
                self._give_back(ended.step, "local_outage", ended.exchange.fetch)
            elif ended.host in well or (well and is_new):
                self._note(self._after(ended))  # its host is left alone for a while, nobody is blamed
                self._give_back(ended.step, "local_outage", ended.exchange.fetch)
            else:
                self._take_account(ended)
        return bool(held)

    def _may_be_well(self, ended: _Ended[Ticket]) -> bool:
        return may_be_well(self._lanes.state(ended.host), ended.exchange.fetch.requested_at)

    # What came of a request

    def _take_in(self, ended: _Ended[Ticket]) -> None:
        fetch = ended.exchange.fetch
        if fetch.failure in SUSPECT_FAILURES:
            # Its host's lane stays closed meanwhile.
            self._watch.hold(self._lanes.state(ended.host), fetch.requested_at, ended)
            return
        if is_answered(fetch):
            for held in self._watch.note_answer(fetch.requested_at):
                self._take_account(held)
        self._take_account(ended)

    def _take_account(self, ended: _Ended[Ticket]) -> None:
        fetch, step = ended.exchange.fetch, ended.step
        self._note(self._after(ended))
        self._lanes.open(ended.host)
        chain = after_step(step.chain, fetch)
        if not chain.ended:
            self._go_on(_Step(chain, step.job, step.page_url))
        elif step.job is not None:
            answer = answer_of(chain, ended.exchange, fetch.requested_at, chain.fetches[-1].failure)
            self._finished.append(Finished(step.job, answer))
        else:
            self._take_robots(step.page_url, chain, ended.exchange.body)

    def _after(self, ended: _Ended[Ticket]) -> HostState:
        return after_fetch(self._lanes.state(ended.host), ended.exchange.fetch, self._random, self._settings.rules)

    def _go_on(self, step: _Step[Ticket]) -> None:
        """Put the next step of a chain into its host's lane."""
        job = step.job
        rank = Rank(_BEGUN, 0) if job is None or step.chain.visited else Rank(_URGENCY[job.purpose], job.place)
        try:
            self._lanes.add(host_of(step.chain.url), rank, step)
        except InputRejected as rejected:  # of a job's own address: those of redirects have been looked at
            if job is not None:
                answer = answer_of(step.chain, None, self._clock.now(), rejected.reason)
                self._finished.append(Finished(job, answer))

    def _take_robots(self, page_url: str, chain: Chain, body: bytes) -> None:
        """Take in what robots.txt says, and let the pages go on that waited for it."""
        host = host_of(page_url)
        state = after_robots(self._lanes.state(host), page_url, chain.fetches[-1], body)
        if state.last_start_at is not None:
            next_start_at = state.last_start_at + math.ceil(gap_seconds(state, self._settings.rules) * SECOND)
            state = state._replace(next_start_at=max(state.next_start_at, next_start_at))
        self._note(state)
        rows = chain.fetches
        for step in self._waiting_for_robots.pop(origin_of(page_url), []):
            self._go_on(_Step(step.chain._replace(fetches=(*rows, *step.chain.fetches)), step.job))
            rows = ()  # they go with the first page that waited

    def _note(self, state: HostState) -> None:
        self._lanes.set_state(state)
        if self._on_end is not None:
            self._on_end(state)

    def _take_finished(self) -> list[Finished[Ticket]]:
        finished, self._finished = self._finished, []
        return finished

    # The end

    async def _break_off(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _leave_rest(self) -> None:
        why = self._stopping or ("stopped" if self._under_way else "time_is_up")
        for ended in self._watch.release():
            self._give_back(ended.step, why, ended.exchange.fetch)
        waiting = [step for steps in self._waiting_for_robots.values() for step in steps]
        for step in [*self._under_way.values(), *self._lanes.clear(), *waiting]:
            self._give_back(step, why)

    def _give_back(self, step: _Step[Ticket], why: str, *fetches: Fetch) -> None:
        """Leave a step's job over. A step for robots.txt has none: its rows go with a page that waits for it."""
        rows = (*step.chain.fetches, *fetches)
        if step.job is not None:
            self.left_over.append(LeftOver(step.job, why, rows))
        elif rows and (pages := self._waiting_for_robots.get(origin_of(step.page_url))):
            pages[0] = _Step(pages[0].chain._replace(fetches=(*rows, *pages[0].chain.fetches)), pages[0].job)
