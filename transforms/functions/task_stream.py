"""Tasks under way in a pool of processes, and what becomes of each, also where processes die or the pool breaks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from pebble import ProcessExpired

from schemas.errors import InputRejected, WorkersLostError
from transforms.functions.worker_pool import WORKERS_LOST, WorkerPool

Task = TypeVar("Task")
Result = TypeVar("Result")
Ticket = TypeVar("Ticket")

_WORKER_DIED = "worker_died"
_FORK_SERVER_GONE = "fork_server_gone"
"""Or a process that ended with the same code. The processes of a fork server that is gone live on for a while, and
would take tasks that nobody hears of again: they are replaced, too."""
_UNKNOWN_EXIT = 255
"""What Python takes for the exit code of a process whose fork server is gone."""
_POOL_BROKEN = "pool_broken"
_MOST_LOSSES = 1
"""How often a task is started again because the pool broke (own choice: a process that is killed while it has no task
breaks pebble's pool; where it happens to a task twice, somebody is ending all of them)."""

_SECONDS_BETWEEN_LOOKS = 1.0
"""After which whoever waits for a task sees whether the pool still works."""

_GRACE_SECONDS = 30.0
"""Beyond its limit, how long a task may take to be stopped (pebble gives it 3 s) on a busy machine."""

_TASKS_AHEAD_PER_PROCESS = 4
"""Tasks waiting beside each running one: enough that no process idles while the stage does something else, and few
enough that the pages waiting (2 MB at most, 60 kB commonly) do not fill memory."""


@dataclass(frozen=True)
class Finished(Generic[Ticket, Result]):
    """What became of a task: the ticket that was given with it, and its result, or why there is none."""

    ticket: Ticket
    result: Result | InputRejected


@dataclass
class _UnderWay(Generic[Task, Ticket]):
    """A task, and how often it was started."""

    task: Task
    ticket: Ticket
    turn: int = 0
    """Of the pool that has it."""
    starts: int = 0
    deaths: int = 0
    """Of processes that had it at work."""
    losses: int = 0
    """Of pools that broke while they had it."""


class TaskStream(Generic[Task, Ticket, Result]):
    """Keeps the processes busy across calls: give it a task, take whatever has finished by then.

    Results come in the order in which they finish. Never holds more than a few tasks a process.
    """

    def __init__(self, pool: WorkerPool, function: Callable[[Task], Result]) -> None:
        self._pool = pool
        self._function = function
        self._answers: SimpleQueue[tuple[int, int, Result | InputRejected]] = SimpleQueue()
        """Number of the task, which start of it is answered, and what came of it."""
        self._under_way: dict[int, _UnderWay[Task, Ticket]] = {}
        self._given = 0
        self._most_under_way = pool.processes * (1 + _TASKS_AHEAD_PER_PROCESS)

    def give(self, task: Task, ticket: Ticket) -> Iterator[Finished[Ticket, Result]]:
        """Start a task and yield those that have finished; waits only while too many are under way.

        The ticket comes back with the result, so that the caller knows what it is the result of.
        """
        while len(self._under_way) >= self._most_under_way:
            yield self._take()
        self._given += 1
        self._under_way[self._given] = _UnderWay(task, ticket)
        self._start(self._given)
        while self._under_way:
            try:
                yield self._take(wait_for_one=False)
            except Empty:
                return

    def rest(self) -> Iterator[Finished[Ticket, Result]]:
        """Wait for all tasks still under way and yield them."""
        while self._under_way:
            yield self._take()

    def _start(self, number: int) -> None:
        one = self._under_way[number]
        one.starts += 1
        start, time_limit, answers = one.starts, self._pool.time_limit, self._answers
        one.turn = self._pool.turn  # before: should the pool be replaced meanwhile, the task is started once more
        done = self._pool.submit(self._function, one.task)
        done.add_done_callback(lambda done: answers.put((number, start, _outcome(done, time_limit))))

    def _take(self, *, wait_for_one: bool = True) -> Finished[Ticket, Result]:
        """Return the next finished task; raises Empty where none is and none is waited for."""
        # Each task is stopped at its limit: where nothing comes for longer, nobody is at work any more. Tasks of others
        # count, too: those before one may each run to their limit.
        began = time.monotonic()
        patience = self._pool.time_limit + _GRACE_SECONDS
        while True:
            try:
                number, start, outcome = self._answers.get(wait_for_one, timeout=_SECONDS_BETWEEN_LOOKS)
            except Empty:
                if not wait_for_one:
                    raise
                if time.monotonic() > max(began, self._pool.answered_at) + patience:
                    raise WorkersLostError(WORKERS_LOST) from None
                self._start_lost_again()
                continue
            one = self._under_way.get(number)
            if one is None or one.starts != start:
                continue  # it was started again meanwhile
            if not self._is_started_again(number, one, outcome):
                del self._under_way[number]
                return Finished(one.ticket, _as_rejects_say(outcome))

    def _is_started_again(self, number: int, one: _UnderWay[Task, Ticket], outcome: Result | InputRejected) -> bool:
        """Start a task again whose process, or pool, went: whoever ended it (a system short of memory) may not have
        meant this task.

        Raises:
            WorkersLostError: the pool went a second time.
        """
        reason = outcome.reason if isinstance(outcome, InputRejected) else ""
        if reason in (_WORKER_DIED, _FORK_SERVER_GONE) and not one.deaths:
            one.deaths += 1
        elif reason == _POOL_BROKEN and one.losses < _MOST_LOSSES:
            one.losses += 1
        elif reason == _POOL_BROKEN:
            raise WorkersLostError(f"{WORKERS_LOST} ({outcome})")
        else:
            return False
        if reason != _WORKER_DIED:
            self._pool.renew(one.turn)
        self._start(number)
        return True

    def _start_lost_again(self) -> None:
        """Start tasks again that a broken pool has never looked at, and so will never answer."""
        if self._pool.is_broken():
            self._pool.renew(self._pool.turn)
        for number, one in self._under_way.items():
            if one.turn != self._pool.turn:
                self._start(number)


def _as_rejects_say(outcome: Result | InputRejected) -> Result | InputRejected:
    if isinstance(outcome, InputRejected) and outcome.reason == _FORK_SERVER_GONE:
        return InputRejected(_WORKER_DIED, outcome.message, retryable=True)
    return outcome


def _outcome(done: Future[Result | InputRejected], time_limit: float) -> Result | InputRejected:
    """What became of a task, never raising: one bad input must not end the stage."""
    try:
        return done.result()
    except FutureTimeoutError:
        return InputRejected("time_limit", f"not done after {time_limit:g} s, so it was stopped", retryable=True)
    except ProcessExpired as expired:
        reason = _FORK_SERVER_GONE if expired.exitcode == _UNKNOWN_EXIT else _WORKER_DIED
        return InputRejected(reason, f"its worker process ended with code {expired.exitcode}", retryable=True)
    except Exception as error:  # of the pool itself, not of the task
        return InputRejected(_POOL_BROKEN, f"{type(error).__name__}: {error}"[:500])
