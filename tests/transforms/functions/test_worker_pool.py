from __future__ import annotations

import fcntl
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing import synchronize
from pathlib import Path

import psutil
import pytest

from tests.transforms.functions.pool_tasks import count, double, hang_if_negative, length, slow_double, workers_of
from transforms.functions.task_stream import TaskStream
from transforms.functions.worker_pool import WorkerPool, close_shared_pools, shared_pool

ROOT = Path(__file__).parents[3]


def test_close_ends_the_processes_at_work() -> None:
    pool = WorkerPool(1, 100.0)
    (worker,) = workers_of(pool)
    busy = pool.submit(hang_if_negative, -1)
    while not busy.running():
        time.sleep(0.01)
    pool.close()
    assert _gone({worker})


def test_the_workers_of_an_owner_that_is_killed_end_with_it() -> None:
    command = [sys.executable, "-m", "tests.transforms.functions.pool_owner"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as owner:
        assert owner.stdout is not None
        workers = set(map(int, owner.stdout.readline().split()))
        assert len(workers) == 2
        assert all(psutil.pid_exists(worker) for worker in workers)
        owner.kill()
        assert _gone(workers)


def test_workers_that_start_while_the_pool_is_closed_print_nothing() -> None:
    assert _said_by_closer() == ""


def test_workers_that_cannot_start_are_told() -> None:
    assert "ImportError: this worker cannot start" in _said_by_closer("broken")


def _said_by_closer(*arguments: str) -> str:
    command = [sys.executable, "-m", "tests.transforms.functions.pool_closer", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    return done.stdout + done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can make a pipe wider")
def test_a_page_lies_in_the_pipe_of_tasks_before_a_process_asks_for_it() -> None:
    pool = WorkerPool(1, 20.0)
    try:
        assert pool.submit(double, 1).result(20) == 2  # starts the pool
        channel = pool._pool._pool_manager.worker_manager.pool_channel
        assert fcntl.fcntl(channel.writer.fileno(), fcntl.F_GETPIPE_SZ) >= 500_000
    finally:
        pool.close()


def test_a_pool_that_is_closed_leaves_no_semaphores(monkeypatch: pytest.MonkeyPatch) -> None:
    unlinked: list[str] = []
    clean_up = synchronize.SemLock._cleanup  # type: ignore[attr-defined]

    def noted(name: str) -> None:
        unlinked.append(name)
        clean_up(name)

    monkeypatch.setattr(synchronize.SemLock, "_cleanup", noted)
    pool = WorkerPool(1, 100.0)
    assert pool.submit(double, 2).result(30) == 4
    pool.close()
    assert len(unlinked) == 2


def _gone(pids: set[int]) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if not any(_alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_all_stages_of_a_process_share_one_pool_and_get_a_new_one_once_it_is_closed() -> None:
    first = shared_pool(1, 21.0)
    assert shared_pool(1, 21.0) is first
    assert shared_pool(1, 22.0) is not first
    close_shared_pools()
    second = shared_pool(1, 21.0)
    assert second is not first
    assert second.submit(double, 4).result(30) == 8
    close_shared_pools()


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(1, 20.0)
    yield made
    made.close()


def test_a_task_that_was_started_ahead_is_done_once(pool: WorkerPool, tmp_path: Path) -> None:
    marker = str(tmp_path / "count")
    pool.start_ahead(count, marker)
    assert pool.submitted == 0
    while pool.tasks_under_way():
        time.sleep(0.01)
    ahead = pool.submit(count, marker)
    assert ahead.done()
    assert ahead.result() == 1
    assert pool.submit(count, marker).result(20) == 2  # given a second time, it is done a second time
    assert pool.submitted == 2


def test_another_function_or_task_is_not_what_was_started_ahead(pool: WorkerPool) -> None:
    pool.start_ahead(double, 4)
    assert pool.submit(double, 5).result(20) == 10
    assert pool.submit(slow_double, 4).result(20) == 8
    assert pool.submit(length, [1, 2]).result(20) == 2  # a task of another function need not be hashable
    assert pool.submit(double, 4).result(20) == 8


def test_what_was_started_ahead_can_be_let_go_of(pool: WorkerPool, tmp_path: Path) -> None:
    marker, other = str(tmp_path / "count"), str(tmp_path / "other")
    pool.start_ahead(count, marker)
    pool.start_ahead(count, other)
    pool.forget_ahead(lambda task: task == marker)
    assert pool.submit(count, marker).result(20) == 2
    assert pool.submit(count, other).result(20) == 1


def test_what_was_started_ahead_in_a_pool_that_broke_is_started_anew(pool: WorkerPool) -> None:
    pool.start_ahead(hang_if_negative, 3)
    pool.start_ahead(slow_double, 3)
    pool.renew(pool.turn)
    assert pool.tasks_under_way() == 0
    assert pool.submit(slow_double, 3).result(20) == 6


def test_a_page_that_hangs_ahead_meets_its_limit_there() -> None:
    pool = WorkerPool(1, 1.0)
    try:
        pool.start_ahead(hang_if_negative, -1)
        started = time.monotonic()
        stream: TaskStream[int, str, int] = TaskStream(pool, hang_if_negative)
        finished = [*stream.give(-1, "hangs"), *stream.give(2, "goes on"), *stream.rest()]
        assert time.monotonic() - started < 15
        reasons = {one.ticket: getattr(one.result, "reason", one.result) for one in finished}
        assert reasons == {"hangs": "time_limit", "goes on": 4}
    finally:
        pool.close()
