"""What a lake remembers between runs, in SQLite: inputs seen, the files of each cycle; `duplicate_memory` has the rest.

A cycle is one transaction. The stages look things up and note things through this one connection while the cycle runs,
so they see what the cycle itself has noted; a cycle that dies leaves nothing behind. Look-ups are by key, so a cycle
costs what its new articles cost, whatever the history.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pipeline.duplicate_tables import DUPLICATE_TABLES
from schemas.errors import LakeError
from schemas.instants import Instant
from schemas.written_file import WrittenFile

MEMORY_VERSION: Final = 1

_TABLES: Final = """
create table inputs (id blob primary key) without rowid;
create table slices (digest blob primary key, inputs integer not null) without rowid;
create table cycles (number integer primary key, run_id text not null, finished_at integer not null);
create table files (
    path text primary key, cycle integer not null, name text not null, row_count integer not null,
    stored_bytes integer not null
) without rowid;
create index files_of_cycle on files (cycle);
"""

_ALL_TABLES: Final = _TABLES + DUPLICATE_TABLES

_KEY_BYTES: Final = 16
"""Of a SHA-256: by the birthday bound two of 10^12 inputs meet with a chance of 10^-15, at half the space."""


class Memory:
    """The memory of one lake, open. Used from one process; safe from its threads.

    Raises:
        LakeError: the file cannot be opened, is no memory of newsbeam, is damaged, or was written by a newer newsbeam.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        with self._explained():
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = full")
            self._connection.execute("pragma cache_size = -65536")  # 64 MiB: keys of some million rows stay warm
            self._check_version()

    def close(self) -> None:
        """Close; what no commit has covered is forgotten."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def cycle(self) -> Iterator[int]:
        """Run a cycle as one transaction: yields its number, commits at the end, rolls back on any exception."""
        with self._explained():
            self._connection.execute("begin immediate")
        try:
            yield self.last_cycle() + 1
        except BaseException:
            self._connection.execute("rollback")
            raise
        with self._explained():
            self._connection.execute("commit")

    def note_file(self, cycle: int, file: WrittenFile) -> None:
        """Note, within the cycle, a file that it has written."""
        row = (file.path, cycle, file.table, file.rows, file.stored_bytes)
        self.do("insert into files values (?, ?, ?, ?, ?)", *row)

    def note_cycle(self, number: int, run_id: str, finished_at: Instant) -> None:
        """Note, within the cycle, that it is done."""
        self.do("insert into cycles values (?, ?, ?)", number, run_id, finished_at)

    def files_of(self, cycle: int) -> list[WrittenFile]:
        """Return the files that a cycle has written."""
        query = "select name, path, row_count, stored_bytes from files where cycle = ? order by path"
        with self._lock, self._explained():
            return [WrittenFile(*row) for row in self._connection.execute(query, (cycle,))]

    def last_cycle(self) -> int:
        """Return the number of the last committed cycle, 0 for none."""
        return int(self.row("select coalesce(max(number), 0) from cycles")[0])

    def is_committed(self, path: str) -> bool:
        """Whether a file (path inside the lake) belongs to a committed cycle."""
        return self._has("select 1 from files where path = ?", path)

    # What the read stage asks

    def knows_input(self, input_id: str) -> bool:
        """Whether an input with this digest (hex) has had its outcome."""
        return self._has("select 1 from inputs where id = ?", _key(input_id))

    def remember_input(self, input_id: str) -> None:
        """Note that this input has its outcome."""
        self.do("insert or ignore into inputs values (?)", _key(input_id))

    def inputs_of_slice(self, digest: str) -> int | None:
        """Return how many inputs a slice with this digest held; None where it was not read before."""
        row = self.row("select inputs from slices where digest = ?", _key(digest))
        return None if row is None else int(row[0])

    def remember_slice(self, digest: str, inputs: int) -> None:
        """Note that all inputs of this slice have their outcome."""
        self.do("insert or ignore into slices values (?, ?)", _key(digest), inputs)

    # SQLite

    def _has(self, query: str, *values: Any) -> bool:
        return self.row(query, *values) is not None

    def row(self, query: str, *values: Any) -> Any:
        """Return the first row of a query, or None."""
        with self.reading() as connection:
            return connection.execute(query, values).fetchone()

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Return all rows of a query."""
        with self.reading() as connection:
            return connection.execute(query, values).fetchall()

    def do(self, statement: str, *values: Any) -> None:
        """Run one statement within the cycle."""
        with self.noting() as connection:
            connection.execute(statement, values)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection to read from, held against other threads."""
        with self._lock, self._explained():
            yield self._connection

    @contextmanager
    def noting(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection to note in.

        Raises:
            LakeError: no cycle is under way.
        """
        with self.reading() as connection:
            if not connection.in_transaction:
                raise LakeError(f"{self.path}: noted outside a cycle; a cycle that was given up is still at work")
            yield connection

    def _check_version(self) -> None:
        (version,) = self.row("pragma user_version")
        if version == 0 and self.row("select 1 from sqlite_master") is None:
            script = f"begin immediate; {_ALL_TABLES} pragma user_version = {MEMORY_VERSION}; commit;"
            self._connection.executescript(script)
        elif version > MEMORY_VERSION:
            raise LakeError(
                f"{self.path} has memory version {version}, this newsbeam knows {MEMORY_VERSION}: "
                "it was written by a newer newsbeam. Upgrade newsbeam, or use another --output."
            )
        elif version < MEMORY_VERSION:
            raise LakeError(f"{self.path} is no memory of newsbeam. Move it away, or use another --output.")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            held = ". Another program holds it: wait for that to end" if "locked" in str(error) else ""
            raise LakeError(f"{self.path}: {error}{held}") from error


def _key(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal[: 2 * _KEY_BYTES])


_open_memories: dict[str, Memory] = {}


@contextmanager
def opened_memory(path: Path) -> Iterator[Memory]:
    """Open a memory for this process: while it is open, `memory_at` finds it from any thread."""
    memory = Memory(path)
    _open_memories[str(path)] = memory
    try:
        yield memory
    finally:
        del _open_memories[str(path)]
        memory.close()


def memory_at(path: str) -> Memory:
    """Return the memory that this process has open at that path: what a stage's `open_index` is made of."""
    return _open_memories[path]
