"""What is done to a lake's memory, and to the processes that use it, by `tests.faults.sqlite`."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

PAGE: Final = 4_096
"""Bytes of a page of SQLite's, by its own default."""


def memory_of(lake: Path) -> Path:
    """Return where a lake's memory lies."""
    return lake / "_newsbeam" / "memory.sqlite"


# Damage


def cut(lake: Path, random: Random) -> None:
    """Cut the file off somewhere."""
    path = memory_of(lake)
    os.truncate(path, random.randrange(1, path.stat().st_size))


def empty(lake: Path, random: Random) -> None:
    """Leave a file without a byte, as a full disk does."""
    os.truncate(memory_of(lake), 0)


def lose(lake: Path, random: Random) -> None:
    """Delete the file, and its log."""
    for path in memory_of(lake).parent.glob("memory.sqlite*"):
        path.unlink()


def zero_pages(lake: Path, random: Random) -> None:
    """Put zeros in the place of one to four pages."""
    path = memory_of(lake)
    for _ in range(random.randint(1, 4)):
        _overwrite(path, random.randrange(path.stat().st_size // PAGE) * PAGE, bytes(PAGE))


def zero_table(lake: Path, table: str) -> None:
    """Put zeros in the place of the first page of a table, in the file itself; its log stays as it is."""
    with closing(sqlite3.connect(f"file:{memory_of(lake)}?mode=ro", uri=True)) as connection:
        (page,) = connection.execute("select rootpage from sqlite_master where name = ?", (table,)).fetchone()
    _overwrite(memory_of(lake), (page - 1) * PAGE, bytes(PAGE))


def scribble(lake: Path, random: Random) -> None:
    """Put a few hundred random bytes in the place of others, behind the first page."""
    path = memory_of(lake)
    length = random.randint(64, 2_000)
    _overwrite(path, random.randrange(PAGE, path.stat().st_size - length), random.randbytes(length))


def scribble_over_head(lake: Path, random: Random) -> None:
    """Put random bytes over the first hundred."""
    _overwrite(memory_of(lake), 0, random.randbytes(100))


def _overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


DAMAGE: Final[Mapping[str, Callable[[Path, Random], None]]] = {
    "cut off": cut,
    "without a byte": empty,
    "deleted": lose,
    "pages of zeros": zero_pages,
    "random bytes": scribble,
    "first bytes random": scribble_over_head,
}


def damage_log(lake: Path, random: Random) -> None:
    """Cut the log off, write random bytes into it, or delete it."""
    log = memory_of(lake).with_name("memory.sqlite-wal")
    size = log.stat().st_size
    match random.randrange(3):
        case 0:
            os.truncate(log, random.randrange(size))
        case 1:
            _overwrite(log, random.randrange(size - 100), random.randbytes(100))
        case 2:
            log.unlink()


# Other programs that use the file


@contextmanager
def held(lake: Path, *statements: str) -> Iterator[None]:
    """Hold the memory as another program would."""
    with closing(sqlite3.connect(memory_of(lake), isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement).fetchall()
        yield


# Older versions


def make_first_version(lake: Path) -> None:
    """Make of a memory one of the first version: without the tables that came later."""
    with closing(sqlite3.connect(memory_of(lake), isolation_level=None)) as connection:
        connection.execute("drop table settled_pages")
        if not connection.execute("select count(*) from tombstones").fetchone()[0]:
            connection.execute("drop table tombstones")
        connection.execute("pragma user_version = 1")


# Changes to a process (`tests.faults.runs`)


def have_little_patience() -> None:
    """Wait for another program for a fraction of a second."""
    from pipeline import memory

    memory._PATIENCE = 0.3  # type: ignore[misc]  # final, but for this


def die_before_closing() -> None:
    """Die when all is committed and published, so that the log stays."""
    from pipeline.memory import Memory

    Memory.close = lambda _: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]


def jump(seconds: int) -> None:
    """Poll at another time."""
    from pipeline import feed_run
    from tests.fetch_samples import NOW, SECOND, JumpingClock, NoJitter
    from transforms.functions.poll_settings import World

    feed_run._world = World(JumpingClock(NOW + seconds * SECOND), NoJitter())


def die_rebuilding(nth: int) -> None:
    """Die at the nth deed of a rebuilding that another process could notice."""
    from pipeline.rebuild import memory as rebuilding
    from pipeline.rebuild import place

    done = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            nonlocal done
            done += 1
            if done == nth:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*given, **named)

        return call

    for owner, name in (
        (os, "link"), (os, "fsync"), (Path, "replace"), (shutil, "rmtree"), (place, "sync_folder"),
        (rebuilding, "note_inputs"), (rebuilding, "decide_again"), (rebuilding, "erase"),
    ):  # fmt: skip
        setattr(owner, name, counted(getattr(owner, name)))


def die_migrating(nth: int) -> None:
    """Die at the nth statement of a migration."""
    from pipeline import memory_versions

    real = memory_versions._in_one_step

    def in_one_step(connection: Any, version: int, script: str) -> None:
        real(_Doomed(connection, nth), version, script)

    memory_versions._in_one_step = in_one_step


class _Doomed:
    """A connection whose process dies at the nth statement."""

    def __init__(self, connection: sqlite3.Connection, nth: int) -> None:
        self._connection, self._left = connection, nth

    def execute(self, statement: str) -> Any:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)
        return self._connection.execute(statement)


# Faults that the harness must find


def forget_later_rows() -> None:
    """Leave out of a rebuilding which later texts of pages were written."""
    from pipeline.duplicate_memory import DuplicateMemory
    from pipeline.rebuild.rows import ToldRows

    DuplicateMemory.note_row = lambda *_: None  # type: ignore[method-assign]
    DuplicateMemory.has_row = lambda *_: False  # type: ignore[method-assign]
    ToldRows.later_rows = lambda _: iter(())  # type: ignore[method-assign]


def forget_tombstones() -> None:
    """Leave out of a rebuilding what was taken down."""
    from pipeline.rebuild import memory as rebuilding

    rebuilding._Rebuilding._tombstones = lambda *_, **__: []  # type: ignore[method-assign]


def forget_inputs() -> None:
    """Leave out of a rebuilding which inputs had their outcome."""
    from pipeline.rebuild import memory as rebuilding

    rebuilding.note_inputs = lambda *_: 0


def forget_cycles() -> None:
    """Count cycles from 1 again after a rebuilding."""
    from pipeline.rebuild import memory as rebuilding

    rebuilding.note_cycles_and_files = lambda *_: 0


def leave_the_log() -> None:
    """Leave the old log beside the new memory, under a name that SQLite takes for its own."""
    from pipeline.rebuild import place

    place._LOGS = ()  # type: ignore[misc]


def take_any_memory() -> None:
    """Look at nothing before a run, and begin with an empty memory where there is none."""
    from pipeline import lake_memory, publishing
    from pipeline.memory import Memory

    lake_memory.check_memory_is_there = lambda _: None
    lake_memory.check_age = lambda *_: None
    publishing.settle_copy = lambda _: None
    Memory.check = lambda *_: None  # type: ignore[method-assign]


def say_nothing_of_damage() -> None:
    """Leave errors of SQLite as they are."""
    from pipeline import memory

    @contextmanager
    def explained(_: Any) -> Iterator[None]:
        yield

    memory.check_size = lambda _: None
    memory.Memory._explained = explained  # type: ignore[method-assign]


def migrate_step_by_step() -> None:
    """Commit each statement of a migration by itself."""
    from pipeline import memory_versions

    def in_one_step(connection: Any, version: int, script: str) -> None:
        for statement in filter(str.strip, script.split(";")):
            connection.execute(statement)
        connection.execute(f"pragma user_version = {memory_versions.MEMORY_VERSION}")

    memory_versions._in_one_step = in_one_step


def keep_no_log() -> None:
    """Have readers and runs wait for each other, as without a write-ahead log."""
    from pipeline.memory import Memory

    real = Memory._open

    def open_(memory: Memory) -> None:
        real(memory)
        memory._connection.execute("pragma journal_mode = delete")

    Memory._open = open_  # type: ignore[method-assign]
