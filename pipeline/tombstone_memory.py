"""The tombstones of a lake, in its memory. A lake from which nothing was ever erased has no table of them."""

from __future__ import annotations

from pipeline.memory import Memory
from schemas.tombstone import Tombstone
from transforms.functions.tombstones import Tombstones

_TABLE = (
    "create table if not exists tombstones (kind text, value text, erased_at integer not null, "
    "is_done integer not null, primary key (kind, value)) without rowid"
)
"""`is_done`: whether all rows are out of the tables; else whoever opens the lake next goes on."""


def tombstones_of(memory: Memory, *, only_unfinished: bool = False) -> Tombstones:
    """Return what was taken down."""
    if memory.row("select 1 from sqlite_master where name = 'tombstones'") is None:
        return Tombstones()
    which = "where not is_done" if only_unfinished else ""
    rows = memory.rows(f"select kind, value, erased_at from tombstones {which} order by erased_at, kind, value")
    return Tombstones(tuple(Tombstone(*row) for row in rows))


def note_tombstone(memory: Memory, tombstone: Tombstone) -> None:
    """Note, within a cycle, a takedown that is to be carried out from now on."""
    memory.do(_TABLE)
    statement = "insert into tombstones values (?, ?, ?, 0) on conflict do update set is_done = 0"
    memory.do(statement, *tombstone)


def note_done(memory: Memory) -> None:
    """Note that the rows of all takedowns are out of the tables."""
    with memory.cycle():
        memory.do("update tombstones set is_done = 1")
