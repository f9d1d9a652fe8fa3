"""What can still be read of a memory that is damaged, or old: takedowns, feeds, and pages that wait to be fetched.

No table tells of them, or not all. The file is only read. What is read of it is looked at value by value.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from pipeline.memory_faults import faults_of
from pipeline.memory_values import checked
from pipeline.memory_versions import MEMORY_VERSION
from pipeline.tombstone_copy import KeptTombstone
from schemas.due_page import DuePage
from schemas.errors import InputRejected, LakeError, NewerError
from schemas.feed_state import NEVER, FeedState
from schemas.host_state import HostState, RobotsRecord
from schemas.instants import Instant
from schemas.tombstone import KINDS, Tombstone
from transforms.functions.http_hints import DAY, SECOND
from transforms.functions.redirects import host_of

_T = TypeVar("_T")

_FURTHEST: Final = 400 * int(DAY * SECOND)
"""How far ahead anything can be due: a feed that fails is asked every 33 days at least, and a block lasts a day."""


@dataclass
class Salvaged:
    """What was read."""

    faults: list[str] = field(default_factory=list)
    """What is wrong with the file; empty where all is well."""
    last_cycle: int | None = None
    """None where it cannot be read."""
    files: frozenset[str] = frozenset()
    """Files of committed cycles, as far as they can be read."""
    tombstones: list[KeptTombstone] = field(default_factory=list)
    knows_tombstones: bool = False
    """Whether these are all that it has."""
    feeds: list[tuple[FeedState, int]] | None = None
    """Feeds, and how each is listed (`is_listed`); None where the table cannot be read, or is not there."""
    pages: list[DuePage] = field(default_factory=list)
    queue: list[tuple[str, str, int]] = field(default_factory=list)
    """Rejects that are done again by fetching their pages."""
    has_polled: bool = False


def salvage(path: Path, now: Instant) -> Salvaged:
    """Read what can be read of a memory; whatever is wrong with it raises nothing.

    Raises:
        LakeError: another program holds it.
        NewerError: it was written by a newer newsbeam.
    """
    found = Salvaged()
    if not path.exists() or not path.stat().st_size:
        found.faults = ["it is not there"]
        return found
    try:
        with _only_reading(path) as connection:
            (version,) = connection.execute("pragma user_version").fetchone()
            if version > MEMORY_VERSION and not faults_of(connection):
                raise NewerError(f"{path} was written by a newer newsbeam. Upgrade newsbeam, or use another lake")
            _read(connection, found, now, version)
            found.faults = faults_of(connection)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if "locked" in str(error):
            raise LakeError(f"{path}: {error}. Another program holds it: wait for that to end") from error
        found.faults = [str(error)]
    return found


@contextmanager
def _only_reading(path: Path) -> Iterator[sqlite3.Connection]:
    address = f"file:{quote(str(path))}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, isolation_level=None, timeout=10)) as connection:
        yield connection


def _read(connection: sqlite3.Connection, found: Salvaged, now: Instant, version: int) -> None:
    with suppress(sqlite3.DatabaseError, UnicodeDecodeError, ValueError, TypeError):
        found.last_cycle = int(connection.execute("select coalesce(max(number), 0) from cycles").fetchone()[0])
    found.files = frozenset(_rows(connection, "select path from files", "path", lambda row: str(row[0]))[0])
    tables = {str(name) for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
    if "tombstones" not in tables:
        # Of the first version, and nothing was ever erased; a later one has the table.
        found.knows_tombstones = "cycles" in tables and version == 1
    else:
        query = "select kind, value, erased_at, is_done from tombstones"
        found.tombstones, found.knows_tombstones = _rows(connection, query, "kind, value", _tombstone)
    if "feed_states" in tables:
        found.has_polled = True
        found.feeds, _ = _rows(connection, _select(connection, FeedState), "listed_url", lambda row: _feed(row, now))
        found.pages, _ = _rows(connection, _select(connection, DuePage), "url", lambda row: _page(row, now))
    if "replay_queue" in tables:
        query = "select reject_id, url, is_tried from replay_queue"
        found.queue, _ = _rows(connection, query, "reject_id", lambda row: (str(row[0]), str(row[1]), int(row[2])))


def _rows(
    connection: sqlite3.Connection, query: str, key: str, read: Callable[[Sequence[Any]], _T]
) -> tuple[list[_T], bool]:
    """Return the rows that can be read, from either end of the table up to what is damaged; and whether that is all."""
    found: dict[_T, None] = {}
    whole = True
    for direction in ("asc", "desc"):
        try:
            for row in connection.execute(f"{query} order by {key} {direction}"):
                try:
                    found[read(row)] = None
                except (ValueError, TypeError, KeyError, InputRejected):
                    whole = False
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            whole = False
            continue
        if whole:
            break
    return list(found), whole


def _select(connection: sqlite3.Connection, row_type: type[FeedState] | type[DuePage]) -> str:
    """Return the query for a table of feeds or pages, of whatever version."""
    table = "feed_states" if row_type is FeedState else "due_pages"
    present = {row[1] for row in connection.execute(f"pragma table_info({table})")}
    names = [name if name in present else f"null as {name}" for name in row_type._fields]
    return f"select {', '.join(names)}{', is_listed' if row_type is FeedState else ''} from {table}"


def _tombstone(row: Sequence[Any]) -> KeptTombstone:
    kind, value, erased_at, is_done = row
    if kind not in KINDS or not isinstance(value, str) or not value:
        raise ValueError(kind)
    return KeptTombstone(Tombstone(kind, value, int(erased_at)), bool(is_done))


def _feed(row: Sequence[Any], now: Instant) -> tuple[FeedState, int]:
    *values, is_listed = row
    defaults = FeedState._field_defaults
    values = [
        defaults.get(name) if value is None else value for name, value in zip(FeedState._fields, values, strict=True)
    ]
    state = checked(FeedState, values)
    host_of(state.url), host_of(state.listed_url)
    if not (0 <= state.next_poll_at <= now + _FURTHEST or state.next_poll_at == NEVER) or is_listed not in (0, 1, 2):
        raise ValueError(state.next_poll_at)
    return state, is_listed


def _page(row: Sequence[Any], now: Instant) -> DuePage:
    page = checked(DuePage, row)
    if host_of(page.url) != page.host or not 0 <= page.due_at <= now + _FURTHEST:
        raise ValueError(page.host)
    if page.hints is not None and not isinstance(json.loads(page.hints), dict):
        raise ValueError(page.hints)
    return page


def salvage_hosts(path: Path) -> tuple[list[HostState], list[str]]:
    """Return the hosts that can be read of a memory of hosts, and what is wrong with it; nothing where all is well."""
    if not path.exists() or not path.stat().st_size:
        return [], ["it is not there"]
    try:
        with _only_reading(path) as connection:
            query = "select state, records from hosts left join robots using (host)"
            states, _ = _rows(connection, query, "host", _host)
            return states, faults_of(connection)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if "locked" in str(error):
            raise LakeError(f"{path}: {error}. Another program holds it: wait for that to end") from error
        return [], [str(error)]


def _host(row: Sequence[Any]) -> HostState:
    known = {key: value for key, value in json.loads(row[0]).items() if key in HostState._fields}
    robots = tuple(RobotsRecord(*record) for record in json.loads(row[1] or "[]"))
    return checked(HostState, HostState(**known)._replace(robots=robots))
