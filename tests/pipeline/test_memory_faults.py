from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from pipeline import memory_versions
from pipeline.commands.compact import opened_for_rewriting
from pipeline.doctor.finding import FAIL, OK
from pipeline.doctor.machine import look_at_machine
from pipeline.duplicate_memory import DuplicateMemory
from pipeline.host_memory import HostMemory
from pipeline.lake import Lake
from pipeline.lake_memory import opened_lake_memory
from pipeline.lake_status import status_of
from pipeline.memory import MEMORY_VERSION, Memory, opened_memory
from pipeline.memory_faults import check_size
from pipeline.memory_values import checked
from pipeline.publishing import recover
from pipeline.tombstone_memory import note_tombstone, tombstones_of
from schemas.due_page import DuePage
from schemas.errors import DamagedError, LakeError
from schemas.feed_state import FeedState
from schemas.tombstone import URL, Tombstone
from tests.duplicate_worlds import Document
from tests.pipeline.told_lakes import articles_of, decide_cycle, hour, told_lake
from transforms.functions.duplicates import Decider
from transforms.functions.printed_articles import print_article

SCHEMA_1 = Path(__file__).parents[1] / "fixtures" / "lakes" / "schema-1" / "lake"
PAGE = 4_096
WORLD = [[Document(1, (0, 1, 2, 3), 0), Document(2, (4, 5, 6), 0)], [Document(3, (0, 1, 2, 3, 7), 1)]]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return told_lake(tmp_path / "lake", WORLD)


@pytest.fixture
def first_version(tmp_path: Path) -> Lake:
    """A lake that the code of memory version 1 wrote."""
    shutil.copytree(SCHEMA_1, tmp_path / "lake")
    return Lake(tmp_path / "lake")


def _root_page(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("select rootpage from sqlite_master where name = ?", (table,)).fetchone()
        return int(page) - 1


def _overwrite(path: Path, page: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(data)


# Damage


def test_a_file_that_was_cut_off_is_told_at_once_however_large(lake: Lake) -> None:
    with lake.memory.open("r+b") as file:
        file.truncate(lake.memory.stat().st_size - 1)
    with pytest.raises(DamagedError, match=r"it has \d+,\d+ bytes of .* newsbeam memory rebuild"):
        Memory(lake.memory)


def test_a_file_whose_rest_is_in_its_log_is_not_taken_for_one_that_was_cut_off(lake: Lake) -> None:
    with lake.memory.open("r+b") as file:
        file.truncate(PAGE)
    lake.memory.with_name("memory.sqlite-wal").write_bytes(b"some of it")
    check_size(lake.memory)


@pytest.mark.parametrize("table", ["pages", "known_texts", "inputs", "files"])
def test_a_page_of_zeros_is_found_before_a_run(lake: Lake, table: str) -> None:
    _overwrite(lake.memory, _root_page(lake.memory, table), bytes(PAGE))
    with opened_memory(lake.memory) as memory, pytest.raises(DamagedError, match="memory rebuild"):
        recover(lake, memory)


def test_damage_that_is_met_in_a_cycle_takes_the_cycle_back(lake: Lake) -> None:
    page = _root_page(lake.memory, "postings")
    with opened_memory(lake.memory) as memory:
        _overwrite(lake.memory, page, bytes(PAGE))
        with pytest.raises(DamagedError, match="memory rebuild"):
            decide_cycle(lake, memory, articles_of([Document(4, (8, 9, 10), 2)]), hour(2))
        assert memory.last_cycle() == 2
        assert not memory.reading().__enter__().in_transaction


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("update texts set packed_text = x'00ff00ff'", "text"),
        ("update known_texts set known_as = 17", "known_as"),
        ("update groups set articles = x'0102'", "group"),
        ("update outlets set latest = x'789c'", "outlet"),
        ("delete from groups", "no group"),
        ("drop table postings", "no such table"),
    ],
)
def test_values_that_cannot_be_read_are_damage_and_not_a_fault_of_newsbeam(
    lake: Lake, statement: str, what: str
) -> None:
    with closing(sqlite3.connect(lake.memory)) as connection, connection:
        connection.execute(statement)
    again = articles_of([Document(4, (0, 1, 2, 3, 9), 2), Document(1, (0, 1, 2, 3), 2), Document(5, (4, 5, 6), 2)])
    with opened_memory(lake.memory) as memory, pytest.raises(LakeError, match=what) as caught:
        decide_cycle(lake, memory, again, hour(2))
    assert "memory rebuild" in str(caught.value)


def test_random_damage_ends_in_order_or_as_damage(lake: Lake) -> None:
    whole = lake.memory.read_bytes()
    told = 0
    for seed in range(60):
        draw = random.Random(seed)
        stored, length = bytearray(whole), draw.randint(1, 6_000)
        at = draw.randrange(len(stored) - length)
        stored[at : at + length] = draw.randbytes(length)
        lake.memory.write_bytes(stored)
        try:
            with opened_memory(lake.memory) as memory, suppress(_TakenBackError):
                recover(lake, memory)
                _decide_in_vain(memory)
        except LakeError as error:
            told += "memory rebuild" in str(error)
    assert told > 10


class _TakenBackError(Exception):
    pass


def _decide_in_vain(memory: Memory) -> None:
    documents = [Document(4, (0, 1, 2, 3, 9), 3), Document(1, (0, 1, 2, 3), 3), Document(5, (4, 5, 6), 3)]
    with memory.cycle():
        index = DuplicateMemory(memory, hour(3))
        index.forget()
        list(Decider(index, hour(3), "run").decide_all([print_article(one) for one in articles_of(documents)]))
        raise _TakenBackError


def test_a_memory_that_is_gone_is_told_and_none_is_made(lake: Lake) -> None:
    lake.memory.unlink()
    for opened in (lambda: opened_lake_memory(lake), lambda: opened_for_rewriting(lake, dry_run=True)):
        with pytest.raises(DamagedError, match=r"not there.* newsbeam memory rebuild"), opened():
            pass
    assert status_of(lake).holder is None  # which the tables tell, and the feeds are not shown
    assert not lake.memory.exists()
    lake.memory.touch()
    with pytest.raises(DamagedError, match="memory rebuild"), opened_lake_memory(lake):
        pass


def test_doctor_looks_at_every_page(lake: Lake) -> None:
    def memory_found() -> Any:
        return next(one for one in look_at_machine(str(lake.root)) if one.what == "memory of the lake")

    assert (memory_found().state, "2 cycles" in memory_found().said) == (OK, True)
    whole = lake.memory.read_bytes()
    _overwrite(lake.memory, _root_page(lake.memory, "strays_by_group"), bytes(PAGE))
    found = memory_found()
    assert found.state == FAIL
    assert "memory rebuild" in str(found.remedy)
    lake.memory.write_bytes(whole)
    (lake.root / "articles" / "date=2026-03-31" / "c00000009-000.parquet").touch()
    assert "cycle 9" in memory_found().said
    lake.memory.unlink()
    assert memory_found().state == FAIL


def test_a_damaged_memory_of_hosts_names_the_command(tmp_path: Path) -> None:
    path = tmp_path / "hosts.sqlite"
    hosts = HostMemory(path)
    with hosts.using() as connection:
        connection.execute("insert into hosts values ('outlet.example', '[1]')")
    with pytest.raises(DamagedError, match=r"knows when hosts .* memory rebuild"):
        hosts.host("outlet.example")
    hosts.close()


@pytest.mark.parametrize(
    ("row_type", "change"),
    [
        (FeedState, {"next_poll_at": "soon"}),
        (FeedState, {"known_items": None}),
        (FeedState, {"listed_url": b"\xff"}),
        (DuePage, {"attempts": None}),
        (DuePage, {"due_at": 1.5}),
    ],
)
def test_rows_of_feeds_with_values_of_other_kinds_are_refused(row_type: Any, change: dict[str, Any]) -> None:
    known = {
        FeedState: FeedState("https://outlet.example/feed", "https://outlet.example/feed", interval=3_600),
        DuePage: DuePage("https://outlet.example/a", "outlet.example", "https://outlet.example/feed", None, 1, 2),
    }[row_type]
    assert checked(row_type, known) == known
    with pytest.raises(ValueError, match=next(iter(change))):
        checked(row_type, known._replace(**change))


# Held by others


def test_a_memory_that_is_held_is_told_in_time_and_nothing_is_lost(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.memory._PATIENCE", 0.05)
    with closing(sqlite3.connect(lake.memory, isolation_level=None)) as other, opened_memory(lake.memory) as memory:
        other.execute("begin immediate")
        with pytest.raises(LakeError, match="Another program holds it"), memory.cycle():
            pass
        assert memory.last_cycle() == 2  # looking goes on
        other.execute("rollback")
        decide_cycle(lake, memory, articles_of([Document(4, (8, 9, 10), 2)]), hour(2))
        assert memory.last_cycle() == 3


def test_a_commit_that_fails_takes_the_cycle_back(lake: Lake) -> None:
    with opened_memory(lake.memory) as memory:
        with memory.reading() as connection:
            (pages,) = connection.execute("pragma page_count").fetchone()
            connection.execute(f"pragma max_page_count = {pages + 1}")  # a full disk, as SQLite sees it
        with pytest.raises(LakeError, match="full"), memory.cycle():  # noqa: PT012  (which of them finds it full?)
            for number in range(5_000):
                memory.remember_input(f"{number:032x}{number:032x}")
        assert not memory.knows_input(f"{1:032x}{1:032x}")
        with memory.cycle() as number:
            assert number == 3


# Older versions


def _version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("pragma user_version").fetchone()[0])


def _tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}


def test_one_of_the_first_version_is_lifted_with_all_that_it_knows(first_version: Lake, tmp_path: Path) -> None:
    with closing(sqlite3.connect(first_version.memory)) as connection:
        before = connection.execute("select id from inputs order by 1").fetchall()
    assert _version(first_version.memory) == 1
    with opened_memory(first_version.memory) as memory:
        assert memory.rows("select id from inputs order by 1") == before
        with memory.cycle():
            note_tombstone(memory, Tombstone(URL, "https://outlet.example/a", 1))
        assert len(tombstones_of(memory).all) == 1
    assert _version(first_version.memory) == MEMORY_VERSION
    Memory(tmp_path / "new.sqlite").close()
    assert _tables(first_version.memory) - {"feed_states", "due_pages"} == _tables(tmp_path / "new.sqlite")


def test_one_with_takedowns_keeps_them(first_version: Lake) -> None:
    with closing(sqlite3.connect(first_version.memory)) as connection, connection:
        connection.execute(
            "create table tombstones (kind text, value text, erased_at integer not null, is_done integer not null, "
            "primary key (kind, value)) without rowid"
        )
        connection.execute("insert into tombstones values ('domain', 'outlet.example', 5, 1)")
    for read_only in (True, False):
        with opened_memory(first_version.memory, read_only=read_only) as memory:
            assert tombstones_of(memory).all == (Tombstone("domain", "outlet.example", 5),)


def test_those_who_only_look_read_an_older_one_as_it_is(first_version: Lake) -> None:
    before = first_version.memory.read_bytes()
    status = status_of(first_version)
    assert sum(status.feeds_by_health.values()) == 1
    with opened_for_rewriting(first_version, dry_run=True) as memory:
        assert not tombstones_of(memory)
        with pytest.raises(LakeError, match="readonly"), memory.cycle():
            memory.remember_input("ab" * 32)
    assert first_version.memory.read_bytes() == before


@pytest.mark.parametrize("nth", range(1, 8))
def test_a_lifting_that_is_cut_off_leaves_it_as_it_was(
    first_version: Lake, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _tables(first_version.memory)

    class Breaking:
        def __init__(self, connection: sqlite3.Connection) -> None:
            self.connection, self.left = connection, nth

        def execute(self, statement: str) -> Any:
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt
            return self.connection.execute(statement)

    real: Callable[..., None] = memory_versions._in_one_step
    monkeypatch.setattr(memory_versions, "_in_one_step", lambda connection, *given: real(Breaking(connection), *given))  # type: ignore[arg-type]
    try:
        Memory(first_version.memory).close()
    except KeyboardInterrupt:
        assert _version(first_version.memory) == 1
        assert _tables(first_version.memory) == before
    else:
        assert nth == 7  # there is no such statement
    monkeypatch.undo()
    Memory(first_version.memory).close()
    assert _version(first_version.memory) == MEMORY_VERSION
