"""The tombstones of a lake, in its memory, and beside it in a file of their own: what was taken down may not come back,
even if the memory is lost.
"""

from __future__ import annotations

from pipeline.memory import Memory
from pipeline.tombstone_copy import KeptTombstone, copy_of, read_copy, write_copy
from schemas.errors import DamagedError
from schemas.tombstone import Tombstone
from transforms.functions.tombstones import Tombstones


def tombstones_of(memory: Memory, *, only_unfinished: bool = False) -> Tombstones:
    """Return what was taken down."""
    return Tombstones(tuple(kept.tombstone for kept in _kept(memory) if not (only_unfinished and kept.is_done)))


def note_tombstone(memory: Memory, tombstone: Tombstone) -> None:
    """Note, within a cycle, a takedown that is to be carried out from now on.

    The copy has it before the cycle is committed: a takedown that only the memory knew would be lost with it.
    """
    statement = "insert into tombstones values (?, ?, ?, 0) on conflict do update set is_done = 0"
    memory.do(statement, *tombstone)
    _write_copy(memory)


def note_done(memory: Memory) -> None:
    """Note that the rows of all takedowns are out of the tables."""
    with memory.cycle():
        memory.do("update tombstones set is_done = 1")
    _write_copy(memory)


def settle_copy(memory: Memory) -> None:
    """Make the copy say what the memory says, whoever was killed between the two; one that is damaged is made anew.

    Raises:
        DamagedError, NewerError: as `check_copy`.
        LakeError: the copy cannot be written.
    """
    copied, kept = check_copy(memory), _kept(memory)
    if copied != kept:
        write_copy(copy_of(memory.path), kept)


def check_copy(memory: Memory) -> list[KeptTombstone] | None:
    """Look whether the memory knows of all takedowns of the copy, and write nothing: a run may go on meanwhile.

    Returns:
        what the copy says; None where there is none, or it is damaged: whoever writes the lake next makes it anew.

    Raises:
        DamagedError: the copy has a takedown that was carried out and that the memory does not know: it is an old copy.
        NewerError: the copy was written by a newer newsbeam; it stays as it is.
    """
    # The copy first: the memory has a takedown before the copy says that it is done.
    try:
        copied = read_copy(copy_of(memory.path))
    except DamagedError:
        return None
    known = {(one.tombstone.kind, one.tombstone.value) for one in _kept(memory)}
    for one in copied or ():
        if one.is_done and (one.tombstone.kind, one.tombstone.value) not in known:
            raise memory.outdated("it does not know of a takedown that was carried out")
    return copied


def _write_copy(memory: Memory) -> None:
    write_copy(copy_of(memory.path), _kept(memory))


def _kept(memory: Memory) -> list[KeptTombstone]:
    if memory.row("select 1 from sqlite_master where name = 'tombstones'") is None:
        return []  # one of the first version, which is only looked at
    columns = "kind, value, erased_at, is_done"
    rows = memory.rows(f"select {columns} from tombstones order by erased_at, kind, value")
    return [KeptTombstone(Tombstone(kind, value, erased_at), bool(is_done)) for kind, value, erased_at, is_done in rows]
