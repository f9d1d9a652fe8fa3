"""Changes to a run of the command: other cycles, a death at an exact point, and faults that the harness must catch.

Each function is called in the process of the run (`tests.faults.runs`), before the command.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final


def change(function: Callable[..., None], *arguments: Any) -> tuple[Any, ...]:
    """Return a function of a module as a change that `tests.faults.runs` takes."""
    return (function.__module__, function.__name__, *arguments)


def cut_cycles(slices: int) -> None:
    """Have a cycle end after so many slices of the input."""
    from pipeline import input_plan

    input_plan.CYCLE_SLICES = slices  # type: ignore[misc]  # final, but for this


def cut_cycle_bytes(size: int) -> None:
    """Have a cycle end after so many bytes of the input."""
    from pipeline import input_plan

    input_plan.CYCLE_BYTES = size  # type: ignore[misc]  # final, but for this


def keep_small_cache() -> None:
    """Have SQLite keep 1 MB of the memory at hand, which takes up to 64 MB, so that a short run shows what it holds."""
    from pipeline.memory import Memory

    real = Memory.__init__

    def init(memory: Memory, *given: Any, **named: Any) -> None:
        real(memory, *given, **named)
        with memory.reading() as connection:
            connection.execute("pragma cache_size = -1024")

    Memory.__init__ = init  # type: ignore[method-assign]


# Deaths at exact points, at the nth time


def die_when_written(nth: int) -> None:
    """Die when a cycle's files are written."""
    _die_instead("pipeline.cycle", "sync", nth)


def die_when_noted(nth: int) -> None:
    """Die when all of a cycle is noted, and nothing committed."""
    from pipeline.memory import Memory

    real, now = Memory.note_cycle, _nth(nth)

    def note_cycle(*given: Any) -> None:
        real(*given)
        if now():
            _die()

    Memory.note_cycle = note_cycle  # type: ignore[method-assign]


def die_when_committed(nth: int) -> None:
    """Die when a cycle is committed, and none of its files published."""
    _die_instead("pipeline.cycle", "publish", nth)


def die_half_published(nth: int) -> None:
    """Die when half of a cycle's files are published."""
    _publish_half("pipeline.cycle", nth)


def die_recovering(nth: int) -> None:
    """Die when half of the files that a killed run left are published."""
    _publish_half("pipeline.publishing", nth)


def die_exchanging(nth: int) -> None:
    """Die in a rewriting, before a day's files are exchanged."""
    _die_instead("pipeline.partitions", "exchange_folders", nth)


def die_exchanged(nth: int) -> None:
    """Die in a rewriting, when a day's files have been exchanged."""
    from pipeline import partitions

    real, now = partitions.exchange_folders, _nth(nth)

    def exchange_folders(*given: Any) -> None:
        real(*given)
        if now():
            _die()

    partitions.exchange_folders = exchange_folders


def kill_a_worker(nth: int) -> None:
    """Have the worker die that gets the nth page; who tries that page again lives."""
    from transforms.functions import worker_pool

    real, now = worker_pool.WorkerPool.submit, _nth(nth)

    def submit(pool: Any, function: Any, task: Any) -> Any:
        return real(pool, _die_with_it if now() else function, task)

    worker_pool.WorkerPool.submit = submit  # type: ignore[method-assign]


def _die_with_it(task: Any) -> None:
    _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _nth(wanted: int) -> Callable[[], bool]:
    """Return what tells when something happens for the nth time."""
    seen = 0

    def now() -> bool:
        nonlocal seen
        seen += 1
        return seen == wanted

    return now


def _die_instead(module: str, name: str, nth: int) -> None:
    owner, now = sys.modules[module], _nth(nth)
    real = getattr(owner, name)
    setattr(owner, name, lambda *given: _die() if now() else real(*given))


def _publish_half(module: str, nth: int) -> None:
    owner, now = sys.modules[module], _nth(nth)
    real = owner.publish

    def publish(lake: Any, paths: Any) -> None:
        paths = list(paths)
        if now():
            real(lake, paths[: len(paths) // 2])
            _die()
        real(lake, paths)

    owner.publish = publish  # type: ignore[attr-defined]


POINTS: Final[Mapping[str, Callable[[int], None]]] = {
    "files written": die_when_written,
    "noted, not committed": die_when_noted,
    "committed, not published": die_when_committed,
    "half published": die_half_published,
    "half recovered": die_recovering,
    "a day is to be exchanged": die_exchanging,
    "a day is exchanged": die_exchanged,
    "a worker dies": kill_a_worker,
}
"""By name; `half recovered` is of the run that comes after a killed one, the days are of `compact` and `erase`."""

OF_A_CYCLE: Final = ("files written", "noted, not committed", "committed, not published", "half published")


# Faults


def show_before_commit(under: str = "") -> None:
    """Show files before the commit, under their own names or others."""
    from pipeline import cycle

    real = cycle.sync

    def sync(lake: Any, files: Any) -> None:
        for file in files:
            target = lake.root / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(lake.unpublished / file.path, target.with_name(f"{under}{target.name}"))
        real(lake, files)

    cycle.sync = sync


def never_roll_back() -> None:
    """Commit each statement of a cycle by itself."""
    from pipeline.memory import Memory

    @contextmanager
    def cycle(memory: Memory) -> Iterator[int]:
        yield memory.last_cycle() + 1

    @contextmanager
    def noting(memory: Memory) -> Iterator[Any]:
        with memory.reading() as connection:
            yield connection

    Memory.cycle, Memory.noting = cycle, noting  # type: ignore[method-assign]


def never_recover() -> None:
    """Leave what a killed run has left."""
    from pipeline.commands import run

    run.recover = lambda *_: (0, 0)


def never_publish() -> None:
    """Leave out the renames: files stay where they were written."""
    from pipeline import cycle

    cycle.publish = lambda *_: None


def publish_copies() -> None:
    """Copy files into the tables and leave the first ones where they are."""
    from pipeline import cycle

    def publish(lake: Any, paths: Any) -> None:
        for path in paths:
            (lake.root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(lake.unpublished / path, lake.root / path)

    cycle.publish = publish


def never_commit() -> None:
    """Roll each cycle back at its end, and say nothing."""
    from pipeline.memory import Memory

    real = Memory.cycle

    @contextmanager
    def cycle(memory: Memory) -> Iterator[int]:
        with real(memory) as number:
            yield number
            memory._connection.execute("rollback")
            memory._connection.execute("begin immediate")

    Memory.cycle = cycle  # type: ignore[method-assign]


def take_no_lock() -> None:
    """Run beside another run of the same lake."""
    from pipeline.commands import run

    @contextmanager
    def locked(lake: Any) -> Iterator[None]:
        yield

    run.locked = locked


def miscount() -> None:
    """Say in each account that there was one article more."""
    from pipeline import cycle

    real = cycle.cycle_report

    def cycle_report(*given: Any) -> Any:
        report = real(*given)
        return report._replace(articles=report.articles + 1, inputs=report.inputs + 1)

    cycle.cycle_report = cycle_report


def leave_a_process() -> None:
    """Start a process that outlives the run."""
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)


def never_end() -> None:
    """Hang when the work is done."""
    from pipeline.commands import run

    run.say_and_judge = lambda *_: time.sleep(3_600)


def reject_with_worker() -> None:
    """Make no second try with the page of a worker that died."""
    from schemas.errors import InputRejected
    from transforms.functions import task_stream

    real = task_stream._outcome

    def outcome(*given: Any) -> Any:
        found = real(*given)
        is_lost = isinstance(found, InputRejected) and found.reason == task_stream._WORKER_DIED
        return InputRejected("died", "its worker died") if is_lost else found

    task_stream._outcome = outcome


def exchange_in_two_steps() -> None:
    """Exchange two folders by three renames, with a moment in between."""
    from pipeline import partitions

    def exchange_folders(one: Any, other: Any) -> None:
        aside = one.with_name("aside")
        other.rename(aside)
        _die()
        one.rename(other)
        aside.rename(one)

    partitions.exchange_folders = exchange_folders


def forget_the_rest_of_an_erasure() -> None:
    """Note a takedown as done before it is."""
    from pipeline import erasure

    real = erasure.note_tombstone

    def note_tombstone(memory: Any, tombstone: Any) -> None:
        real(memory, tombstone)
        memory.do("update tombstones set is_done = 1")

    erasure.note_tombstone = note_tombstone


def forget_hosts() -> None:
    """Know nothing of hosts that an earlier run has asked."""
    from pipeline.host_memory import HostMemory

    known: set[str] = set()
    real, keep = HostMemory.host, HostMemory.keep_host

    def host(memory: HostMemory, name: str) -> Any:
        return real(memory, name) if name in known else None

    def keep_host(memory: HostMemory, state: Any) -> None:
        known.add(state.host)
        keep(memory, state)

    HostMemory.host, HostMemory.keep_host = host, keep_host  # type: ignore[method-assign]
