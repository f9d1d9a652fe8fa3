"""Taking rows out of a lake for good: a takedown reaches every table and the memory, and leaves a tombstone.

First one commit: the tombstone, what the memory forgets, and the aliases of stories that go on under another outlet's
row. From then on nothing of it comes back. Then the tables are rewritten, a day at a time, each day in one step. A
process that dies before the commit has done nothing; one that dies after it leaves the rest to whoever opens the lake
next, a run or the same command.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from pipeline.erasure_heirs import aliases_to_forget, look_what_is_left
from pipeline.erasure_memory import Forgetting
from pipeline.erasure_rows import (
    ErasedRows,
    find_aliases,
    find_replays,
    find_rows,
    old_ids_of_aliases,
    remove_rows,
)
from pipeline.lake import Lake
from pipeline.memory import Memory
from pipeline.partitions import clear_rewriting, forget_files
from pipeline.publishing import publish, sync
from pipeline.tombstone_memory import note_done, note_tombstone, tombstones_of
from schemas.alias import Alias
from schemas.instants import instant_of
from schemas.tombstone import DOMAIN, Tombstone
from schemas.written_file import WrittenFile
from transforms.functions.parquet_rows import encode_by_day, flat_row
from transforms.functions.tombstones import Tombstones
from transforms.lake_files import write_file

RUN_ID = "erase"
"""What stands as `run_id` in the aliases that an erasure writes; what was erased is named nowhere in the tables."""


class Erased(NamedTuple):
    """What went, or would go."""

    tables: dict[str, int]
    """Rows, by table."""
    memory: dict[str, int]
    """Rows of the memory, by its table; empty after a dry run."""
    stories_handed_over: int
    """Stories whose article goes and that go on under a copy of another outlet."""
    feeds_listed: list[str]
    """Feeds of an erased domain that are still polled, since the user's list has them."""


def erase(lake: Lake, memory: Memory, wanted: Sequence[Tombstone], *, dry_run: bool = False) -> Erased:
    """Erase what tombstones cover. The lake's lock must be held.

    Raises:
        LakeError: the disk or the file system failed; the same call goes on from there.
    """
    if not dry_run:
        finish_erasures(lake, memory)
    tombstones = Tombstones(tuple(wanted))
    erased = find_rows(lake, tombstones)
    left = look_what_is_left(lake, memory, erased)
    counts: Counter[str] = Counter()
    if dry_run:
        find_aliases(lake, aliases_to_forget(memory, erased, left), erased)
        find_replays(lake, erased)
    else:
        counts = _commit(lake, memory, tombstones, Forgetting(memory, erased, left, _now(), RUN_ID))
        _remove(lake, memory, erased)
    return Erased(erased.counts, dict(counts), len(left.heirs), _feeds_listed(memory, tombstones))


def finish_erasures(lake: Lake, memory: Memory) -> int | None:
    """Take out the rows of takedowns that were cut off after their commit; returns how many, None for no takedown."""
    unfinished = tombstones_of(memory, only_unfinished=True)
    if not unfinished:
        return None
    clear_rewriting(lake)
    erased = find_rows(lake, unfinished)
    _remove(lake, memory, erased)
    return sum(erased.counts.values())


def _commit(lake: Lake, memory: Memory, tombstones: Tombstones, forgetting: Forgetting) -> Counter[str]:
    """Commit the tombstones, and all that the memory forgets, as a cycle of its own."""
    with memory.reading() as connection:
        connection.execute("pragma secure_delete = on")  # what is deleted is overwritten, not only unlinked
    with memory.cycle() as number:
        for tombstone in tombstones.all:
            note_tombstone(memory, tombstone)
        files = _write_aliases(lake, memory, number, forgetting.forget(tombstones))
        memory.note_cycle(number, RUN_ID, _now())
    publish(lake, [file.path for file in files])
    return forgetting.counts


def _write_aliases(lake: Lake, memory: Memory, cycle: int, aliases: Sequence[Alias]) -> list[WrittenFile]:
    files = []
    for file in encode_by_day("aliases", map(flat_row, aliases), f"c{cycle:08d}-000.parquet"):
        write_file(str(lake.unpublished / file.path), file.content)
        files.append(WrittenFile("aliases", file.path, file.rows, len(file.content)))
        memory.note_file(cycle, files[-1])
    sync(lake, files)
    return files


def _forgotten_aliases(lake: Lake, memory: Memory) -> set[str]:
    """Return the `old_id`s of the table of aliases that the memory, which forgets no others, does not know."""
    known = {old.hex() for (old,) in memory.rows("select old_id from aliases")}
    return old_ids_of_aliases(lake) - known


def _remove(lake: Lake, memory: Memory, erased: ErasedRows) -> None:
    # What the memory says, and not what this process has forgotten: an earlier one may have been killed after that.
    find_aliases(lake, _forgotten_aliases(lake, memory), erased)
    find_replays(lake, erased)
    remove_rows(lake, erased)
    forget_files(lake, memory)
    note_done(memory)
    with memory.reading() as connection:
        connection.execute("pragma wal_checkpoint(truncate)")  # the log, too, holds what was there before


def _feeds_listed(memory: Memory, tombstones: Tombstones) -> list[str]:
    if memory.row("select 1 from sqlite_master where name = 'feed_states'") is None:
        return []
    urls = (url for (url,) in memory.rows("select listed_url from feed_states where is_listed order by 1"))
    return [url for url in urls if tombstones.cover_address(url)] if _has_domain(tombstones) else []


def _has_domain(tombstones: Tombstones) -> bool:
    return any(one.kind == DOMAIN for one in tombstones.all)


def _now() -> int:
    return instant_of(datetime.now(UTC))
