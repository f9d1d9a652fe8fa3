"""Who is next: requests waiting in a lane for each host, and the lanes in the order in which their hosts may be asked.

A lane gives out one step and is closed until that step has ended, so a host never has two requests at a time. Of the
lanes that are open the one goes first whose host has been free for longest, so a host with many steps takes turns with
all others and delays none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Generic, NamedTuple, TypeVar

from schemas.host_state import HostState
from schemas.instants import Instant
from transforms.functions.host_rules import may_start_at

Step = TypeVar("Step")


class Rank(NamedTuple):
    """Place of a step in its lane: the least first."""

    urgency: int
    """0 for what was begun already, then feeds, then pages."""
    place: int
    """Among steps of one urgency."""


@dataclass
class _Lane(Generic[Step]):
    state: HostState
    steps: list[tuple[Rank, int, Step]] = field(default_factory=list)
    closed: bool = False
    queued: bool = False
    """Whether it stands in the queue of lanes: once, while it is open and has steps."""


class HostLanes(Generic[Step]):
    """All lanes of a run.

    Args:
        look_up: gives what is remembered of a host; None for one that was never asked.
    """

    def __init__(self, look_up: Callable[[str], HostState | None]) -> None:
        self._look_up = look_up
        self._lanes: dict[str, _Lane[Step]] = {}
        self._queue: list[tuple[Instant, int, str]] = []
        self._count = count()

    def add(self, host: str, rank: Rank, step: Step) -> None:
        """Put a step into a host's lane."""
        lane = self._lane(host)
        heappush(lane.steps, (rank, next(self._count), step))
        self._line_up(host, lane)

    def next_start(self) -> Instant | None:
        """Return when the next step may start at the earliest; None where no lane waits for its time."""
        while self._queue:
            start_at, _, host = self._queue[0]
            lane = self._lanes[host]
            if lane.steps and start_at >= may_start_at(lane.state):
                return start_at
            # Its host's state has changed since it was queued (a Crawl-delay was read), or its steps were taken out.
            heappop(self._queue)
            lane.queued = False
            self._line_up(host, lane)
        return None

    def take(self, now: Instant) -> tuple[str, Step] | None:
        """Return a step that may start now, and close its lane; None where none may."""
        start_at = self.next_start()
        if start_at is None or start_at > now:
            return None
        _, _, host = heappop(self._queue)
        lane = self._lanes[host]
        lane.queued, lane.closed = False, True
        return host, heappop(lane.steps)[2]

    def open(self, host: str) -> None:
        """Open a lane again: its step has ended."""
        lane = self._lane(host)
        lane.closed = False
        self._line_up(host, lane)

    def state(self, host: str) -> HostState:
        """Return what is known of a host now."""
        return self._lane(host).state

    def set_state(self, state: HostState) -> None:
        """Take in what is known of a host from now on."""
        self._lane(state.host).state = state

    def states(self) -> dict[str, HostState]:
        """Return what is known of all hosts that the run had to do with."""
        return {host: lane.state for host, lane in self._lanes.items()}

    def clear(self) -> list[Step]:
        """Take all waiting steps out and return them."""
        steps = [step for lane in self._lanes.values() for _, _, step in sorted(lane.steps, key=lambda one: one[:2])]
        for lane in self._lanes.values():
            lane.steps.clear()
        return steps

    def _lane(self, host: str) -> _Lane[Step]:
        lane = self._lanes.get(host)
        if lane is None:
            lane = self._lanes[host] = _Lane(self._look_up(host) or HostState(host))
        return lane

    def _line_up(self, host: str, lane: _Lane[Step]) -> None:
        if lane.steps and not lane.closed and not lane.queued:
            heappush(self._queue, (may_start_at(lane.state), next(self._count), host))
            lane.queued = True
