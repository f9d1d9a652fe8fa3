"""Making a lake's memory anew from its tables, so that it gives the same answers: what was seen stays seen.

What the tables tell is taken from them. Takedowns, feeds and waiting pages stand in no table, or not wholly: they are
read from the old memory where that can be, takedowns also from the copy beside it. The new memory is made under another
name, and takes its place when it is whole.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from pipeline.erasure import erase
from pipeline.host_memory import HostMemory, opened_hosts
from pipeline.lake import Lake
from pipeline.lake_memory import newest_cycle, opened_lake_memory
from pipeline.memory import Memory, opened_memory
from pipeline.publishing import recover
from pipeline.rebuild.decisions import Redecided, decide_again, note_outlets, note_what_is_for_good
from pipeline.rebuild.feeds import RestoredFeeds, restore_feeds, restore_hosts
from pipeline.rebuild.inputs import note_cycles_and_files, note_inputs
from pipeline.rebuild.place import delete, file_to_read, new_file, put_in_place, scratch_of, settle_unpublished
from pipeline.rebuild.rows import ToldRows, open_rows
from pipeline.rebuild.salvage import salvage, salvage_hosts
from pipeline.tombstone_copy import KeptTombstone, copy_of, read_copy
from pipeline.writer_lock import locked
from schemas.errors import DamagedError, LakeError, UsageError
from schemas.instants import instant_of

Follow = Callable[[str, int, int], None]
"""Called with what is under way, how much of it is done, and how much there is."""

_COUNTED: Final = {
    "pages": "count(distinct article_id) filter (is_first)",
    "written_rows": "count(distinct copy_id) filter (not is_first)",
    "known_texts": "count(distinct text_id)",
}
"""Tables of the memory, and how many rows each has by what the tables of the lake tell."""


@dataclass
class Rebuilt:
    """What was made, and what is lost."""

    wrong: list[str]
    """What was wrong with the old memory; empty where all was well."""
    wrong_hosts: list[str]
    """The same of the memory of hosts."""
    texts: int = 0
    """Rows of articles and copies."""
    inputs: int = 0
    last_cycle: int = 0
    tombstones: int = 0
    erased: int = 0
    """Takedowns that had been asked for, and were carried out now."""
    published: int = 0
    deleted: int = 0
    """Files that a killed run had left."""
    decided: Redecided = field(default_factory=Redecided)
    feeds: RestoredFeeds = field(default_factory=RestoredFeeds)
    hosts: int | None = None
    """Hosts whose times are known; None where the memory of hosts was left as it is."""
    moved: list[str] = field(default_factory=list)
    """Where the old files are now, with their logs (`-wal`, `-shm`)."""
    lost: list[str] = field(default_factory=list)
    """What cannot be made again, in words."""
    seconds: float = 0.0


def rebuild(lake: Lake, follow: Follow, *, force: bool = False, accept_lost_erasures: bool = False) -> Rebuilt:
    """Make the memory of a lake anew, and that of hosts where it is damaged or lost.

    Args:
        force: also where nothing is wrong with it.
        accept_lost_erasures: also where nobody knows what was taken down.

    Raises:
        UsageError: nothing is wrong with the memory, or there is nothing that it could be made from.
        LakeError: another process uses the lake; it is not known what was taken down, or only to a newer newsbeam; a
            table cannot be read.
    """
    with locked(lake):
        return _Rebuilding(lake, follow).run(force=force, accept_lost_erasures=accept_lost_erasures)


class _Rebuilding:
    """One rebuilding. The lake's lock is held."""

    def __init__(self, lake: Lake, follow: Follow) -> None:
        self._lake = lake
        self._follow = follow
        self._now = datetime.now(UTC)
        self._old = salvage(file_to_read(lake.memory), instant_of(self._now))
        self._known_hosts, wrong_hosts = salvage_hosts(file_to_read(lake.hosts))
        self._newest = newest_cycle(lake)
        self._copied, self._copy_is_read = _copied(lake)
        self._made = Rebuilt(self._faults(), wrong_hosts)

    def _faults(self) -> list[str]:
        old = self._old
        if old.faults:
            return old.faults
        if not self._is_current:
            return [f"it knows {old.last_cycle} cycles, but the tables hold rows of cycle {self._newest}"]
        known = {one.tombstone[:2] for one in old.tombstones}
        if any(one.is_done and one.tombstone[:2] not in known for one in self._copied):
            return ["it does not know of a takedown that was carried out"]
        return []

    @property
    def _is_current(self) -> bool:
        return self._old.last_cycle is not None and self._old.last_cycle >= self._newest

    def run(self, *, force: bool, accept_lost_erasures: bool) -> Rebuilt:
        """Make what is wanted."""
        started = time.perf_counter()
        made, lake = self._made, self._lake
        polls = lake.hosts.exists() or self._old.has_polled or any((lake.root / "fetches").glob("*/c*.parquet"))
        if not polls:
            made.wrong_hosts = []  # a lake that never polled needs none
        hosts_wanted = bool(made.wrong_hosts)
        if not self._newest and made.wrong == ["it is not there"]:
            raise UsageError(f"{lake.root} has no rows yet: there is nothing to make a memory from, and none is needed")
        if not made.wrong and not hosts_wanted and not force:
            raise UsageError(
                f"{lake.memory} is healthy: {self._old.last_cycle:,} cycles, every page as it should be. "
                "Give --force to make it anew nevertheless"
            )
        kept = self._tombstones(accept_lost_erasures=accept_lost_erasures)
        if not made.wrong:
            with opened_lake_memory(lake) as memory:
                made.published, made.deleted = recover(lake, memory)
        elif self._newest or lake.unpublished.exists():
            made.published, made.deleted = settle_unpublished(lake, self._old.files)
        scratch = scratch_of(lake)
        try:
            rows = open_rows(lake, scratch)
            if hosts_wanted:
                self._make_hosts(rows)
            if made.wrong or force:
                self._make_memory(rows, kept)
        except (duckdb.Error, pa.ArrowException) as error:
            raise LakeError(f"{lake.root}: a table cannot be read, and the memory stays as it was: {error}") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        made.seconds = time.perf_counter() - started
        return made

    def _tombstones(self, *, accept_lost_erasures: bool) -> list[KeptTombstone]:
        """Return what was taken down, as the copy and the old memory know it.

        Raises:
            LakeError: neither can be read, so that what was taken down would come back.
        """
        is_known = self._copy_is_read or (self._old.knows_tombstones and self._is_current)
        if not is_known and not accept_lost_erasures:
            raise LakeError(
                f"{copy_of(self._lake.memory)} is not there or cannot be read, and neither can the takedowns in the "
                "old memory: what was ever erased from this lake would come back when it is read again. Restore that "
                "file from a backup. If nothing was ever erased, or you erase it again at once, give "
                "--accept-lost-erasures"
            )
        if not is_known:
            self._made.lost.append("what was taken down is not known any more: erase it again before the next run")
        found: dict[Sequence[object], KeptTombstone] = {}
        for one in (*self._copied, *self._old.tombstones):
            known = found.get(one.tombstone[:2], one)
            found[one.tombstone[:2]] = known._replace(is_done=known.is_done or one.is_done)
        return list(found.values())

    # Hosts

    def _make_hosts(self, rows: ToldRows) -> None:
        new = new_file(self._lake.hosts)
        with opened_hosts(new) as hosts:
            known = self._known_hosts
            self._made.hosts = restore_hosts(hosts, rows, known, instant_of(self._now))
        self._made.lost.append("robots.txt of hosts that could not be read is asked for anew, before anything else")
        self._put_in_place(new, self._lake.hosts, is_damaged=True)

    # The memory

    def _make_memory(self, rows: ToldRows, kept: Sequence[KeptTombstone]) -> None:
        new = new_file(self._lake.memory)
        with opened_memory(new) as memory:
            with memory.reading() as connection:
                connection.execute("pragma synchronous = off")  # until it is whole, nobody reads it
            self._fill(memory, rows, kept)
            with memory.reading() as connection:
                connection.execute("pragma wal_checkpoint(truncate)")
        self._put_in_place(new, self._lake.memory, is_damaged=bool(self._made.wrong))
        self._made.lost += _what_is_lost(self._made)

    def _fill(self, memory: Memory, rows: ToldRows, kept: Sequence[KeptTombstone]) -> None:
        made, now = self._made, instant_of(self._now)
        made.texts = rows.texts
        note_what_is_for_good(memory, rows)
        with self._followed("outlets", rows.texts_of_outlets()) as follow:
            note_outlets(memory, rows, follow)
        with self._followed("texts", rows.texts_again) as follow:
            made.decided = decide_again(memory, rows, follow)
        _verify(memory, rows, made.decided)
        made.inputs = note_inputs(memory, rows, now)
        made.last_cycle = note_cycles_and_files(self._lake, memory, rows)
        with memory.cycle():
            for one in kept:
                if one.is_done:
                    memory.do("insert into tombstones values (?, ?, ?, 1)", *one.tombstone)
        with _some_hosts(new_file(self._lake.hosts)) as hosts:
            made.feeds = restore_feeds(memory, hosts, rows, self._old, is_current=self._is_current)
        if unfinished := [one.tombstone for one in kept if not one.is_done]:
            erase(self._lake, memory, unfinished)
        made.tombstones, made.erased = len(kept), len(unfinished)

    @contextmanager
    def _followed(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        done = 0

        def follow(more: int) -> None:
            nonlocal done
            done += more
            self._follow(what, done, total)

        follow(0)
        yield follow

    def _put_in_place(self, new: Path, path: Path, *, is_damaged: bool) -> None:
        aside = put_in_place(new, path, self._now, is_damaged=is_damaged)
        if aside is not None:
            self._made.moved += sorted(map(str, aside.parent.glob(f"{aside.name}*")))


def _copied(lake: Lake) -> tuple[list[KeptTombstone], bool]:
    """Return what the copy of the tombstones holds, and whether it could be read.

    Raises:
        LakeError: a newer newsbeam wrote it.
    """
    try:
        copied = read_copy(copy_of(lake.memory))
    except DamagedError:
        copied = None
    return copied or [], copied is not None


@contextmanager
def _some_hosts(scratch: Path) -> Iterator[HostMemory]:
    """Open a memory of hosts, which keeping feeds needs and does not write: not the lake's own, which may be
    damaged."""
    with opened_hosts(scratch) as hosts:
        yield hosts
    delete(scratch)


def _verify(memory: Memory, rows: ToldRows, decided: Redecided) -> None:
    """Look whether the memory knows as many pages, later rows and texts as the tables hold."""
    told = rows.connection.execute(f"select {', '.join(_COUNTED.values())} from places").fetchall()[0]
    for table, expected in zip(_COUNTED, told, strict=True):
        (found,) = memory.row(f"select count(*) from {table}")
        if found != expected:
            decided.different += abs(found - expected)
            decided.differences.append(f"{table}: the tables tell of {expected:,}, the memory knows {found:,}")


def _what_is_lost(made: Rebuilt) -> list[str]:
    lost = ["inputs that were only counted as seen before are read once more, and counted so again"]
    if made.feeds.feeds and made.feeds.asked_whole:
        lost += [
            "feeds are asked for their whole document once: which of their items were known is looked up one by one",
            "pages that waited to be fetched, unless they could still be read, or their feeds still name them",
        ]
    if made.feeds.from_tables:
        lost.append(
            f"of {made.feeds.from_tables:,} feeds only what the table feeds tells: hours to skip, moves half made"
        )
    return lost
