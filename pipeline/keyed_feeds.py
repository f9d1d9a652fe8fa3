"""The keeper of feeds for engines: the local one's tables in memory, whose changes go to keyed state."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Final

from pipeline.feed_memory import FeedMemory
from pipeline.feed_run import feed_lists
from pipeline.host_memory import HostMemory
from pipeline.memory import Memory
from pipeline.remote_lists import FeedLists
from pipeline.settings import FeedSettings
from transforms.poll_feeds_stream import Change

_IN_MEMORY: Final = Path(":memory:")

_lists: dict[FeedSettings, FeedLists] = {}
"""The lists of this process, which know what they held the last time that they could be read."""


def listed_feeds(polling: FeedSettings) -> list[str]:
    """Return the feeds of the user's lists as they are now: what a stream's `read_list` is made of.

    A list that cannot be read any more is mended while the feeds of before go on.

    Raises:
        UsageError: one cannot be read, and could not before.
    """
    if polling not in _lists:
        _lists[polling] = feed_lists(polling)
    return _lists[polling].read()


class KeyedFeedMemory(FeedMemory):
    """`KeyedFeeds` over the tables of the local keeper, so that what is to be remembered is said once."""

    _inputs_are_kept: ClassVar = False  # but for some days, and a feed may come back after a week

    def __init__(self) -> None:
        memory, hosts = Memory(_IN_MEMORY), HostMemory(_IN_MEMORY)
        super().__init__(memory, hosts)
        with memory.cycle():
            self.make_tables()
            of_feeds = _Watched(memory.reading, ("feed_states", "due_pages", "inputs"))
        self._cycle = memory.cycle
        self._watched = (of_feeds, _Watched(hosts.using, ("hosts", "robots")))

    def cycle(self) -> AbstractContextManager[object]:
        """Hold everything that is noted meanwhile, or, after an exception, nothing of it (but for hosts)."""
        return self._cycle()

    def changes(self) -> Iterator[Change]:
        """Yield what has changed since this was last asked."""
        for watched in self._watched:
            yield from watched.changes()

    def apply(self, changes: Iterable[Change]) -> None:
        """Note what another keeper has yielded, within a cycle; it is no change of this one's own."""
        for change in changes:
            self._of(change[0]).apply(*change)

    def records(self, keys: Iterable[tuple[str, str | bytes]]) -> Iterator[Change]:
        """Yield what is there now under (table, key)."""
        return (self._of(table).record(table, key) for table, key in keys)

    def _of(self, table: str) -> _Watched:
        return next(watched for watched in self._watched if table in watched.keys)


class _Watched:
    """Tables of a database in memory whose changed rows SQLite notes, by triggers. The first column is the key.

    Rows are known by their columns' names, so that a later version with other columns reads what this one has written.
    """

    def __init__(self, using: Callable[[], AbstractContextManager[sqlite3.Connection]], tables: Iterable[str]) -> None:
        self._using = using
        with using() as connection:
            columns = {name: connection.execute(f"pragma table_info({name})").fetchall() for name in tables}
            self.keys = {name: str(found[0][1]) for name, found in columns.items()}
            self._columns = {name: tuple(str(row[1]) for row in found) for name, found in columns.items()}
            connection.execute("create table changed (name, key, primary key (name, key)) without rowid")
            for name, key in self.keys.items():
                for event, row in (("insert", "new"), ("update", "new"), ("delete", "old")):
                    # Not `or ignore`: what the statement that fires a trigger does on conflict counts in its place.
                    connection.execute(
                        f"create trigger {name}_{event} after {event} on {name} begin "
                        f"insert into changed select '{name}', {row}.{key} where not exists "
                        f"(select 1 from changed where name = '{name}' and key = {row}.{key}); end"
                    )

    def changes(self) -> Iterator[Change]:
        """Yield what has changed since this was last asked."""
        with self._using() as connection:
            changed = connection.execute("select name, key from changed order by name, key").fetchall()
            connection.execute("delete from changed")
        return (self.record(name, key) for name, key in changed)

    def record(self, table: str, key: str | bytes) -> Change:
        """Return what is there under a key."""
        with self._using() as connection:
            row = connection.execute(f"select * from {table} where {self.keys[table]} = ?", (key,)).fetchone()
        return table, key, None if row is None else dict(zip(self._columns[table], row, strict=True))

    def apply(self, table: str, key: str | bytes, row: Any) -> None:
        """Put a row in its place; nothing is noted of it."""
        with self._using() as connection:
            if row is None:
                connection.execute(f"delete from {table} where {self.keys[table]} = ?", (key,))
            else:
                names = [name for name in row if name in self._columns[table]]
                marks = ", ".join("?" * len(names))
                statement = f"insert or replace into {table} ({', '.join(names)}) values ({marks})"
                connection.execute(statement, [row[name] for name in names])
            connection.execute("delete from changed where name = ? and key = ?", (table, key))
