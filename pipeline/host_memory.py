"""What is known of hosts, in a file of its own: committed at once, ahead of each request.

A run that is killed has asked hosts for things, and they may have said when they want to be asked again: the next run
knows. The system keeps what a killed process has written; only a power cut may cost the last few notes, since they are
not forced to the disk one by one.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pipeline.memory_faults import check_size, damaged, explained, faults_of
from schemas.errors import NewerError
from schemas.host_state import HostState, RobotsRecord
from schemas.instants import Instant
from transforms.functions.http_hints import DAY, SECOND

_TABLES: Final = """
create table if not exists hosts (host text primary key, state text not null) without rowid;
create table if not exists robots (host text primary key, records text not null) without rowid;
"""
_VERSION: Final = 1
_NO_ROBOTS: Final = hash(())

_KEPT_DAYS: Final = 35
"""Days for which a host is remembered after its last request, or the end of its block: a feed that fails is still asked
every 33 at least, so what is forgotten has neither feeds nor pages left. Feeds can name any number of hosts."""

_FORGET: Final = (
    "delete from hosts where max(ifnull(json_extract(state, '$.last_start_at'), 0), "
    "ifnull(json_extract(state, '$.next_start_at'), 0), ifnull(json_extract(state, '$.blocked_until'), 0)) < ?"
)
_FORGET_ROBOTS: Final = (
    "delete from robots where not exists (select 1 from json_each(robots.records) as record "
    "where json_extract(record.value, '$[4]') >= ?)"
)


class HostMemory:
    """The keeper of hosts. Used from one process; safe from its threads.

    Raises:
        LakeError: the file cannot be opened, is damaged, or was written by a newer newsbeam.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._robots: dict[str, int] = {}
        """Hashes of what is noted of robots.txt already: it changes seldom, and may be long."""
        self._forget_at: Instant = 0
        check_size(path)
        with self._explained():
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = normal")
            (version,) = self._connection.execute("pragma user_version").fetchone()
            if version > _VERSION:
                raise NewerError(f"{path} was written by a newer newsbeam. Upgrade newsbeam, or use another --output.")
            if version == 0:
                self._connection.executescript(f"begin immediate; {_TABLES} pragma user_version = {_VERSION}; commit;")

    def check(self) -> None:
        """Look through the whole file.

        Raises:
            LakeError: something in it is not as SQLite writes it.
        """
        with self.using() as connection:
            if faults := faults_of(connection):
                raise damaged(self._path, "; ".join(faults[:2]))

    def close(self) -> None:
        """Close."""
        with self._lock:
            self._connection.close()

    def host(self, name: str) -> HostState | None:
        """Return what is known of a host; None for one that was never asked."""
        with self.using() as connection:
            query = "select state, records from hosts left join robots using (host) where host = ?"
            row = connection.execute(query, (name,)).fetchone()
        if row is None:
            return None
        with self._explained():
            return self._read(name, row)

    def _read(self, name: str, row: Sequence[Any]) -> HostState:
        known: dict[str, Any] = {key: value for key, value in json.loads(row[0]).items() if key in HostState._fields}
        robots = tuple(RobotsRecord(*record) for record in json.loads(row[1] or "[]"))
        self._robots[name] = hash(robots)
        return HostState(**known)._replace(robots=robots)

    def keep_host(self, state: HostState) -> None:
        """Note what is known of a host from now on; it is committed when this returns."""
        known = {name: value for name, value in state._asdict().items() if name != "robots"}
        with self.using() as connection:
            if self._robots.get(state.host, _NO_ROBOTS) != hash(state.robots):
                records = json.dumps(state.robots)
                connection.execute("insert or replace into robots values (?, ?)", (state.host, records))
                self._robots[state.host] = hash(state.robots)
            connection.execute("insert or replace into hosts values (?, ?)", (state.host, json.dumps(known)))

    def forget_hosts(self, now: Instant) -> None:
        """Forget, once a day, hosts that were left alone for more than a month, and each robots.txt that expired."""
        with self.using() as connection:
            if now < self._forget_at:
                return
            self._forget_at = now + int(DAY * SECOND)
            connection.execute(_FORGET, (now - _KEPT_DAYS * int(DAY * SECOND),))
            connection.execute(_FORGET_ROBOTS, (now - int(DAY * SECOND),))
            self._robots.clear()

    @contextmanager
    def using(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection, held against other threads."""
        with self._lock, self._explained():
            yield self._connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explained(self._path, error) from error
        except (ValueError, TypeError, AttributeError) as error:
            raise damaged(self._path, f"what it holds of a host cannot be read ({error})") from error


@contextmanager
def opened_hosts(path: Path) -> Iterator[HostMemory]:
    """Open a memory of hosts while the block runs."""
    hosts = HostMemory(path)
    try:
        yield hosts
    finally:
        hosts.close()
