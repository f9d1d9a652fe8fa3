"""Processes that do the dear work (extraction, later the tagging models), with a hard time limit a task.

Threads do not help (the work holds the interpreter lock) and cannot be stopped; a process can be killed. The processes
come from a fork server that has loaded the modules already, because a Beam worker has threads and must not be forked.
pebble kills a task that runs over its limit and replaces the process (measured: as fast as a bare pool, 1.46 s against
1.43 s for 240 pages).
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import RLock
from typing import Any, Final, TypeVar

import pebble.pool.process
from pebble import ProcessPool

from schemas.errors import InputRejected, ModelError, WorkersLostError

Task = TypeVar("Task")
Result = TypeVar("Result")

PRELOADED_MODULES = ("transforms.functions.printed_articles",)
"""Loaded once, in the fork server: what all worker processes need. trafilatura takes about half a second to load."""

PRELOADED_MODELS = (*PRELOADED_MODULES, "transforms.functions.preloaded_models")
"""The same with the models that tag: a second and a half more, before the first process can start."""

MODEL_BROKEN: Final = "model_broken"
"""Reason of a task's rejection that concerns all tasks: the models of this installation cannot be used."""
_PIPE_BYTES: Final = 524_288
"""Width of the pipe of tasks: the next one lies in it when a process is done with its last. Through the 64 kB that are
the default, seven pages in ten would be handed over a piece at a time while the process waits. Linux gives all programs
of a user 64 MB of such pipes, and narrow ones from then on."""

WORKERS_LOST: Final = (
    "the worker processes were ended from outside; nothing of this cycle was kept. The same command goes on from there"
)


class _SteadyTime:
    """What stands in for the module `time` where pebble measures how long a task has run.

    It asks the machine's clock (pebble 5.2): one that is put ahead ended all tasks at work as if they had overrun, and
    one that is put back kept a page that hangs at work until it was there again.
    """

    sleep = staticmethod(time.sleep)
    time = staticmethod(time.monotonic)


pebble.pool.process.time = _SteadyTime  # the tests of the pool show when a newer pebble no longer takes it


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _PoolContext(ForkServerContext):
    """Makes what a pool's processes share: its pipes, and its locks, which it keeps until the processes have ended.

    pebble (5.2) lets go of the locks before it ends the processes. Their semaphores went with that, and a process that
    was about to start printed a traceback, since it found none.
    """

    def __init__(self) -> None:
        self._locks: list[RLock] = []
        self._has_wide_pipe = False

    def RLock(self) -> RLock:
        """Return a lock that is kept."""
        lock = super().RLock()
        self._locks.append(lock)
        return lock

    def let_go(self) -> None:
        """Give the locks back to the system: nobody needs them any more."""
        self._locks.clear()

    def Pipe(self, duplex: bool = True) -> tuple[Connection, Connection]:
        """Return a pipe; the first one, which is that of tasks in pebble, holds whole pages where the system can."""
        reader, writer = super().Pipe(duplex)
        if not self._has_wide_pipe:
            self._has_wide_pipe = True
            with suppress(AttributeError, OSError):  # not Linux, or the user has had all of it
                fcntl.fcntl(writer.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        return reader, writer


class WorkerPool:
    """Processes that run one function over many tasks, each within `time_limit` seconds.

    The function must be importable by name (it travels as a name), its tasks and results picklable.
    """

    def __init__(self, processes: int, time_limit: float, preloaded: Sequence[str] = PRELOADED_MODULES) -> None:
        self.processes = processes
        self.time_limit = time_limit
        forkserver.set_forkserver_preload(list(preloaded))
        # Each process has a core to itself; matrix products on all of them would only get into each other's way.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        with _deaf_to_interrupts():
            forkserver.ensure_running()
        self.turn = 1
        """Counts pools: a broken one is replaced."""
        self._pool = self._new_pool()
        self.submitted = 0
        """Counts tasks, but for those that are started ahead."""
        self.answered_at = time.monotonic()
        """When the latest task ended, by the steady clock."""
        self._under_way: set[Future[Any]] = set()
        self._ahead: dict[Hashable, dict[Any, Future[Any]]] = {}
        """What was started ahead, by function and task."""
        self._is_closed = False
        self._lock = threading.Lock()
        self._starting = threading.Thread(target=self._start, daemon=True)

    def _new_pool(self) -> ProcessPool:
        self._context = _PoolContext()
        return ProcessPool(max_workers=self.processes, initializer=_prepare_process, context=self._context)

    def start(self) -> None:
        """Start the processes now, in the background, instead of at the first task.

        In a thread, since the pool waits until the fork server has loaded its modules (0.4 s).
        """
        self._starting.start()

    def _start(self) -> None:
        with suppress(Exception):  # whoever gives the first task meets it again
            self._pool.schedule(_nothing)

    def close(self) -> None:
        """End all processes, those at work too."""
        if self._starting.is_alive():  # a pool that is stopped while it starts would go on
            self._starting.join()
        with self._lock:
            self._is_closed = True
        self._pool.stop()
        with suppress(FutureTimeoutError):  # a broken pool's threads may never end; they do not keep the process
            self._pool.join(timeout=10)
        self._context.let_go()

    def submit(self, function: Callable[[Task], Result], task: Task) -> Future[Result | InputRejected]:
        """Start one task; its future ends with the result, its rejection, or an exception of the pool's.

        One that was started ahead is not started again.
        """
        self.submitted += 1
        ahead = self._ahead.get(function)
        if ahead and (started := ahead.pop(task, None)) is not None:
            return started
        turn = self.turn
        try:
            return self._schedule(function, task)
        except RuntimeError:  # what pebble raises once it is broken: a process was killed that had no task
            self.renew(turn)
        try:
            return self._schedule(function, task)
        except RuntimeError as error:
            raise WorkersLostError(f"{WORKERS_LOST} ({error})") from error

    def _schedule(self, function: Callable[[Task], Result], task: Task) -> Future[Result | InputRejected]:
        future: Future[Result | InputRejected] = self._pool.schedule(
            _answer, args=[function, task], timeout=self.time_limit
        )
        under_way = self._under_way
        under_way.add(future)
        future.add_done_callback(partial(self._note_answer, under_way))
        return future

    def _note_answer(self, under_way: set[Future[Any]], future: Future[Any]) -> None:
        self.answered_at = time.monotonic()
        under_way.discard(future)

    def start_ahead(self, function: Callable[[Task], Result], task: Task) -> None:
        """Start a task that is likely to be submitted later: it is under way then, or done.

        Function and task, which have to be hashable, are known again by being equal. Where the pool is broken, nothing
        happens.
        """
        with self._lock, suppress(RuntimeError):  # so that it is not given to processes that are just being replaced
            self._ahead.setdefault(function, {})[task] = self._schedule(function, task)

    def forget_ahead(self, is_over: Callable[[Any], bool]) -> None:
        """Let go of tasks that were started ahead and will not be submitted any more."""
        for started in list(self._ahead.values()):
            for task in filter(is_over, list(started)):
                started.pop(task, None)

    def tasks_under_way(self) -> int:
        """Return how many tasks are at work or waiting."""
        return len(self._under_way)

    def renew(self, turn: int) -> None:
        """Replace the processes of a turn, unless that is done; whoever gave them tasks gives them anew."""
        with self._lock:
            if turn != self.turn or self._is_closed:
                return
            broken, self._pool = self._pool, self._new_pool()
            self._under_way, self._ahead = set(), {}  # nobody will answer them
            self.turn += 1
        # Its threads may wait for ever, for processes that are gone; they do not keep this one.
        threading.Thread(target=_end, args=(broken,), daemon=True).start()

    def is_broken(self) -> bool:
        """Whether tasks are answered no more."""
        return not self._pool.active


def _end(pool: ProcessPool) -> None:
    with suppress(Exception):
        pool.stop()
        pool.join()


def _answer(function: Callable[[Task], Result], task: Task) -> Result | InputRejected:
    """Run a task in its process. Whatever a page provokes in a parser, `sys.exit` too, becomes that page's reject.

    Here and not where results arrive: many a library's errors cannot be unpickled, which would end the pool's thread.
    """
    try:
        return function(task)
    except ModelError as error:  # not the task's fault, and every other task would meet it
        return InputRejected(MODEL_BROKEN, str(error))
    except BaseException as error:
        return InputRejected.of(error)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C while the fork server starts: it and what it forks inherit that, for it is not theirs to answer.

    A thread cannot: no-op.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def collect_garbage_rarely() -> None:
    """Look for unreachable cycles of objects less often, in a process that makes many objects.

    What pages leave behind is freed by counting references; looking for cycles at Python's usual pace (every 700 new
    objects) takes 2 % of extraction and a fifth of the decision. The price is some 6 MB a process (measured).
    """
    gc.set_threshold(100_000, 10, 10)


def _nothing() -> None:
    """A task that only makes the pool start its processes."""


def _prepare_process() -> None:
    """Make a worker process end with the one that owns the pool, however that ends (`kill -9` too), and only then.

    A Ctrl-C in a terminal reaches the workers as well; it is the owner's to decide what it means.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()  # what is loaded by now is not looked through again
    collect_garbage_rarely()
    logging.getLogger().addHandler(logging.NullHandler())  # parsers complain of pages; a reject says it better
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()


def _exit_after(sentinel: Any) -> None:
    wait([sentinel])
    os._exit(1)


_shared: dict[tuple[int, float], WorkerPool] = {}
_shared_lock = threading.Lock()


def shared_pool(processes: int, time_limit: float, *, with_models: bool = False) -> WorkerPool:
    """Return this process's one pool of that size and limit, started on first use: a Beam worker process may hold
    several instances of a DoFn, and a run has many cycles; they all share the pool.

    Whoever comes first says whether its processes have the models from the start; else each loads what it needs.
    """
    with _shared_lock:
        key = (processes, time_limit)
        if key not in _shared:
            _shared[key] = WorkerPool(processes, time_limit, PRELOADED_MODELS if with_models else PRELOADED_MODULES)
            _shared[key].start()
        return _shared[key]


@atexit.register
def close_shared_pools() -> None:
    """End every shared pool; the next `shared_pool` starts a new one."""
    with _shared_lock:
        while _shared:
            _shared.popitem()[1].close()
