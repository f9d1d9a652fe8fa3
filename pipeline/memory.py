"""What a lake remembers between runs, in SQLite: inputs seen, the files of each cycle; `duplicate_memory` has the rest.

A cycle is one transaction. The stages look things up and note things through this one connection while the cycle runs,
so they see what the cycle itself has noted; a cycle that dies leaves nothing behind. Who reads the next cycle ahead
asks from a thread of its own. Look-ups are by key, so a cycle costs what its new articles cost, whatever the history.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from pipeline.memory_faults import check_size, damaged, explained, faults_of, outdated
from pipeline.memory_versions import MEMORY_VERSION, make_tables, migrate
from schemas.errors import LakeError, NewerError
from schemas.instants import Instant
from schemas.written_file import WrittenFile

__all__ = ("MEMORY_VERSION", "Memory", "memory_at", "opened_memory")

_KEY_BYTES: Final = 16
"""Of a SHA-256: by the birthday bound two of 10^12 inputs meet with a chance of 10^-15, at half the space."""

_PATIENCE: Final = 10.0
"""Seconds for which another program is waited for that holds the file: own choice; nothing of newsbeam's writes beside
a run, and a run that hangs is worse than one that says why it ends."""


class Memory:
    """The memory of one lake, open. Used from one process; safe from its threads.

    Args:
        read_only: only look: one of an older newsbeam is read as it is, else it is lifted to this one's version.

    Raises:
        LakeError: the file cannot be opened, is no memory of newsbeam, is damaged, or was written by a newer newsbeam.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._read_only = read_only
        self._lock = threading.RLock()
        check_size(path)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_PATIENCE)
        try:
            self._open()
        except BaseException:
            self._connection.close()
            raise

    def _open(self) -> None:
        with self._explained():
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = full")
            self._connection.execute("pragma cache_size = -65536")  # 64 MiB: keys of some million rows stay warm
            self._check_version()
            if self._read_only:
                self._connection.execute("pragma query_only = on")

    def close(self) -> None:
        """Close; what no commit has covered is forgotten."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def cycle(self) -> Iterator[int]:
        """Run a cycle as one transaction: yields its number, commits at the end, rolls back on any exception."""
        with self._lock, self._explained():
            self._connection.execute("begin immediate")
        try:
            yield self.last_cycle() + 1
        except BaseException:
            self._roll_back()
            raise
        try:
            # Held: a look-up of another thread meanwhile would hide from Python that the commit has failed.
            with self._lock, self._explained():
                self._connection.execute("commit")
        except BaseException:  # the disk is full, or the file is held: nothing of the cycle may stay
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        """Take back; SQLite may have done so by itself, as it does where the disk is full or the file damaged."""
        # What is suppressed: the error before it is the one to tell, and nothing is committed in any case.
        with self._lock, suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("rollback")

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

    def forget_input(self, input_id: str) -> None:
        """Have this input count as new when it comes again."""
        self.do("delete from inputs where id = ?", _key(input_id))

    def inputs_of_slice(self, digest: str) -> int | None:
        """Return how many inputs a slice with this digest held; None where it was not read before."""
        row = self.row("select inputs from slices where digest = ?", _key(digest))
        return None if row is None else int(row[0])

    def remember_slice(self, digest: str, inputs: int) -> None:
        """Note that all inputs of this slice have their outcome."""
        self.do("insert or ignore into slices values (?, ?)", _key(digest), inputs)

    # SQLite

    def check(self, most_bytes: int | None = None) -> None:
        """Look through the whole file, but for one that is larger than so many bytes.

        Raises:
            DamagedError: something in it is not as SQLite writes it.
        """
        if most_bytes is not None and self.path.stat().st_size > most_bytes:
            return
        with self.reading() as connection:
            if faults := faults_of(connection, quick=most_bytes is not None):
                raise self.damaged("; ".join(faults[:2]))

    def damaged(self, what: str) -> LakeError:
        """Return the error for a memory that says what none can say."""
        return damaged(self.path, what)

    def outdated(self, what: str) -> LakeError:
        """Return the error for a memory that is older than its lake."""
        return outdated(self.path, what)

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
        if version == 0 and not self._read_only and self.row("select 1 from sqlite_master") is None:
            make_tables(self._connection)
        elif version > MEMORY_VERSION:
            raise NewerError(
                f"{self.path} has memory version {version}, this newsbeam knows {MEMORY_VERSION}: "
                "it was written by a newer newsbeam. Upgrade newsbeam, or use another --output."
            )
        elif version < 1:
            raise LakeError(f"{self.path} is no memory of newsbeam. Move it away, or use another --output.")
        elif version < MEMORY_VERSION and not self._read_only:
            migrate(self._connection, version)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explained(self.path, error) from error
        except UnicodeDecodeError as error:  # SQLite's own message quotes what it has found
            raise damaged(self.path, "a name or text in it is not UTF-8") from error


def _key(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal[: 2 * _KEY_BYTES])


_open_memories: dict[str, Memory] = {}


@contextmanager
def opened_memory(path: Path, *, read_only: bool = False) -> Iterator[Memory]:
    """Open a memory for this process: while it is open, `memory_at` finds it from any thread."""
    memory = Memory(path, read_only=read_only)
    _open_memories[str(path)] = memory
    try:
        yield memory
    finally:
        del _open_memories[str(path)]
        memory.close()


def memory_at(path: str) -> Memory:
    """Return the memory that this process has open at that path: what a stage's `open_index` is made of."""
    return _open_memories[path]
