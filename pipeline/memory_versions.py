"""The tables of a lake's memory, and the steps that lift one of an older newsbeam to this one's."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

from pipeline.duplicate_tables import DUPLICATE_TABLES

MEMORY_VERSION: Final = 2
"""2 has the tables `tombstones`, which was made by the first takedown, and `settled_pages`."""

_FIRST_TABLES: Final = """
create table inputs (id blob primary key) without rowid;
create table slices (digest blob primary key, inputs integer not null) without rowid;
create table cycles (number integer primary key, run_id text not null, finished_at integer not null);
create table files (
    path text primary key, cycle integer not null, name text not null, row_count integer not null,
    stored_bytes integer not null
) without rowid;
create index files_of_cycle on files (cycle);
"""

_SINCE_2: Final = """
create table if not exists tombstones (
    kind text, value text, erased_at integer not null, is_done integer not null, primary key (kind, value)
) without rowid;
create table settled_pages (id blob primary key, until integer not null) without rowid;
"""
"""`is_done`: whether all rows of a takedown are out of the tables; else whoever opens the lake next goes on.
`settled_pages`: pages of which a memory that was made anew knows that they had their outcome, and not for which
item."""

_STEPS: Final[Mapping[int, str]] = {1: _SINCE_2}
"""What makes the next version of a memory, by its version."""


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of a new memory, in one transaction; where another process has just made them, do nothing."""
    _in_one_step(connection, 0, _FIRST_TABLES + DUPLICATE_TABLES + _SINCE_2)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Lift a memory to this version, in one transaction: whoever dies in between leaves the memory as it was.

    No copy of the older file is kept: a step adds and moves, what it needs no more it can make again from the tables,
    and so can `newsbeam memory rebuild`.
    """
    _in_one_step(connection, version, "".join(_STEPS[number] for number in range(version, MEMORY_VERSION)))


def _in_one_step(connection: sqlite3.Connection, version: int, script: str) -> None:
    connection.execute("begin immediate")
    try:
        (found,) = connection.execute("pragma user_version").fetchone()
        if found == version:  # else another process was quicker
            for statement in filter(str.strip, script.split(";")):
                connection.execute(statement)
            connection.execute(f"pragma user_version = {MEMORY_VERSION}")
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")
