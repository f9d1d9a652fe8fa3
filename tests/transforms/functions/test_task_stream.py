from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from schemas.errors import InputRejected, WorkersLostError
from tests.transforms.functions.pool_tasks import (
    count_and_die,
    die_if_negative,
    die_once,
    double,
    fail_as_told,
    hang_if_negative,
    sleep,
    slow_double,
    workers_of,
)
from transforms.functions import task_stream
from transforms.functions.task_stream import Finished, TaskStream
from transforms.functions.worker_pool import WorkerPool

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(2, 20.0)
    yield made
    made.close()


def _run(pool: WorkerPool, function: Callable[[Any], Any], tasks: list[Any]) -> list[Finished[Any, Any]]:
    stream: TaskStream[Any, Any, Any] = TaskStream(pool, function)
    finished = [one for task in tasks for one in stream.give(task, task)]
    return finished + list(stream.rest())


def _by_ticket(finished: list[Finished[Any, Any]]) -> dict[Any, Any]:
    assert len({one.ticket for one in finished}) == len(finished)
    return {one.ticket: one.result for one in finished}


def test_each_task_comes_back_once_with_its_own_ticket(pool: WorkerPool) -> None:
    assert _by_ticket(_run(pool, double, list(range(200)))) == {number: 2 * number for number in range(200)}


def test_no_task_waits_for_the_end_while_the_caller_goes_on(pool: WorkerPool) -> None:
    stream: TaskStream[int, int, int] = TaskStream(pool, double)
    early: list[Finished[int, int]] = []
    for number in range(1000):
        early += stream.give(number, number)
        if early:
            break
        time.sleep(0.01)
    assert early
    list(stream.rest())


def test_never_more_under_way_than_the_bound(pool: WorkerPool) -> None:
    stream: TaskStream[int, int, int] = TaskStream(pool, slow_double)
    bound = pool.processes * (1 + task_stream._TASKS_AHEAD_PER_PROCESS)
    taken = 0
    for number in range(40):
        for _ in stream.give(number, number):
            taken += 1
        assert number + 1 - taken <= bound
    assert taken > 0
    assert taken + len(list(stream.rest())) == 40


def test_a_task_over_the_limit_is_stopped_and_the_others_go_on() -> None:
    pool = WorkerPool(2, 1.0)
    try:
        results = _by_ticket(_run(pool, hang_if_negative, [1, -1, *range(2, 20)]))
    finally:
        pool.close()
    rejected = results.pop(-1)
    assert isinstance(rejected, InputRejected)
    assert (rejected.reason, rejected.retryable) == ("time_limit", True)
    assert results == {number: 2 * number for number in range(1, 20)}


def test_a_task_that_ends_its_process_is_rejected_and_the_others_go_on(pool: WorkerPool) -> None:
    results = _by_ticket(_run(pool, die_if_negative, [1, -1, *range(2, 12)]))
    rejected = results.pop(-1)
    assert isinstance(rejected, InputRejected)
    assert (rejected.reason, rejected.retryable) == ("worker_died", True)
    assert results == {number: 2 * number for number in range(1, 12)}


def test_a_task_that_ends_its_process_is_tried_twice(pool: WorkerPool, tmp_path: Path) -> None:
    marker = tmp_path / "tries"
    (finished,) = _run(pool, count_and_die, [str(marker)])
    assert isinstance(finished.result, InputRejected)
    assert marker.read_text() == "xx"


def test_a_task_whose_process_is_killed_once_succeeds(pool: WorkerPool, tmp_path: Path) -> None:
    (finished,) = _run(pool, die_once, [str(tmp_path / "killed")])
    assert finished.result == "second try"


def test_processes_that_are_killed_while_they_have_no_task_are_replaced() -> None:
    pool = WorkerPool(2, 20.0)
    try:
        for _ in range(2):
            for worker in workers_of(pool):
                os.kill(worker, signal.SIGKILL)
            _wait_until_broken(pool)
            assert _by_ticket(_run(pool, double, list(range(50)))) == {number: 2 * number for number in range(50)}
    finally:
        pool.close()


def test_tasks_that_a_broken_pool_never_answers_are_started_again() -> None:
    pool = WorkerPool(2, 20.0)
    try:
        stream: TaskStream[int, int, int] = TaskStream(pool, slow_double)
        finished = [one for number in range(8) for one in stream.give(number, number)]
        pool.renew(pool.turn)
        assert _by_ticket([*finished, *stream.rest()]) == {number: 2 * number for number in range(8)}
    finally:
        pool.close()


def test_a_fork_server_that_is_killed_costs_no_task() -> None:
    pool = WorkerPool(2, 20.0)
    try:
        workers = [psutil.Process(worker) for worker in workers_of(pool)]
        stream: TaskStream[int, int, int] = TaskStream(pool, slow_double)
        finished = [one for number in range(8) for one in stream.give(number, number)]
        workers[0].parent().kill()
        finished += [one for number in range(8, 40) for one in stream.give(number, number)]
        assert _by_ticket([*finished, *stream.rest()]) == {number: 2 * number for number in range(40)}
    finally:
        pool.close()


def test_a_pool_that_breaks_twice_over_one_task_ends_the_cycle() -> None:
    pool = WorkerPool(1, 20.0)
    try:
        stream: TaskStream[int, int, int] = TaskStream(pool, hang_if_negative)
        list(stream.give(-1, -1))
        broken = InputRejected(task_stream._POOL_BROKEN, "All workers expired")  # as pebble answers it
        for start in (1, 2):
            stream._answers.put((1, start, broken))
        with pytest.raises(WorkersLostError, match="nothing of this cycle was kept"):
            stream._take()
    finally:
        pool.close()


def _wait_until_broken(pool: WorkerPool) -> None:
    deadline = time.monotonic() + 20
    while not pool.is_broken() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert pool.is_broken()


@pytest.mark.parametrize(
    ("how", "reason", "words"),
    [
        ("rejected", "no_article", "nothing in it"),
        ("value", "error", "ValueError: a parser's"),
        ("recursion", "error", "RecursionError"),
        ("unpicklable result", "worker_died", ""),
        ("unpicklable error", "error", "_Unpicklable"),
        ("odd error", "error", "_Odd: one and two"),
        ("exit", "error", "SystemExit: 3"),
    ],
)
def test_an_exception_becomes_the_reject_of_its_task(pool: WorkerPool, how: str, reason: str, words: str) -> None:
    (finished,) = _run(pool, fail_as_told, [how])
    assert isinstance(finished.result, InputRejected)
    assert finished.result.reason == reason
    assert words in finished.result.message
    assert finished.result.retryable == (reason in ("no_article", "worker_died"))


def test_a_ctrl_c_that_reaches_the_workers_loses_no_task(pool: WorkerPool) -> None:
    workers = workers_of(pool)
    stream: TaskStream[int, int, int] = TaskStream(pool, slow_double)
    finished = []
    for number in range(30):
        finished += stream.give(number, number)
        for worker in workers:
            os.kill(worker, signal.SIGINT)
    assert _by_ticket([*finished, *stream.rest()]) == {number: 2 * number for number in range(30)}
    assert all(psutil.pid_exists(worker) for worker in workers)


def test_a_pool_that_is_gone_ends_the_cycle_and_rejects_nothing() -> None:
    gone = WorkerPool(1, 5.0)
    gone.start()
    gone.close()
    stream: TaskStream[int, str, int] = TaskStream(gone, abs)
    with pytest.raises(WorkersLostError, match="nothing of this cycle was kept"):
        list(stream.give(-1, "ticket"))


def test_tasks_of_others_that_run_to_their_limits_before_it_end_no_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_stream, "_GRACE_SECONDS", 0.5)
    pool = WorkerPool(1, 1.0)
    try:
        for seconds in (60.0, 61.0, 62.0):
            pool.start_ahead(sleep, seconds)
        stream: TaskStream[int, int, int] = TaskStream(pool, double)
        assert [one.result for one in [*stream.give(2, 0), *stream.rest()]] == [4]
    finally:
        pool.close()


@pytest.mark.parametrize("jump", [18_000.0, -18_000.0])
def test_a_clock_that_jumps_ends_no_task_that_is_at_work_and_keeps_none_that_hangs(
    monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    short = WorkerPool(2, 2.0, ())
    stream: TaskStream[float, str, float] = TaskStream(short, sleep)
    list(stream.give(0.0, "first"))  # so that the processes are there
    list(stream.rest())
    list(stream.give(1.0, "done in time"))
    list(stream.give(90.0, "hangs"))
    time.sleep(0.5)
    usual = time.time
    monkeypatch.setattr(time, "time", lambda: usual() + jump)
    found = {one.ticket: one.result for one in stream.rest()}
    short.close()
    assert found["done in time"] == 1.0
    assert isinstance(found["hangs"], InputRejected)
    assert found["hangs"].reason == "time_limit"
