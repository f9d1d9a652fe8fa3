from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.compaction import compact
from pipeline.erasure import erase
from pipeline.lake import Lake, open_or_make_lake
from pipeline.memory import Memory, opened_memory
from pipeline.publishing import recover
from pipeline.rebuild import place
from pipeline.rebuild.inputs import input_of_page
from pipeline.rebuild.memory import rebuild
from pipeline.tombstone_copy import copy_of, read_copy
from pipeline.tombstone_memory import tombstones_of
from schemas.errors import LakeError, UsageError
from schemas.feed_item import FeedItem
from tests.duplicate_worlds import PARTS, Document
from tests.pipeline.told_lakes import articles_of, copied, decide_cycle, hour, known, rebuilt, told_lake
from tests.samples import reject
from transforms.functions.duplicate_index import WINDOW
from transforms.functions.feed_items import given_by
from transforms.functions.tombstones import tombstone_of

SCHEMA_1 = Path(__file__).parents[2] / "fixtures" / "lakes" / "schema-1" / "lake"
FIRST = [Document(1, (0, 1, 2, 3), 0), Document(2, (0, 1, 2, 3), 0), Document(3, (4, 5, 6), 0)]
SECOND = [Document(1, (7, 8, 9), 2), Document(4, (0, 1, 2, 3, 10), 2), Document(5, (4, 5), 2)]


def _follow(*_: object) -> None:
    pass


def _world(seed: int, hours: int) -> list[list[Document]]:
    """Cycles of a few documents each: pages that change their texts and back, copies, texts that come again."""
    draw = random.Random(seed)
    texts = [tuple(draw.sample(range(len(PARTS)), draw.randint(2, 7))) for _ in range(8)]
    documents = [Document(draw.randrange(12), draw.choice(texts), draw.randrange(hours)) for _ in range(22)]
    cycles: list[list[Document]] = [[]]
    for document in sorted(documents, key=lambda one: one.hour):
        if cycles[-1] and cycles[-1][-1].hour != document.hour and draw.random() < 0.5:
            cycles.append([])
        cycles[-1].append(document)
    return cycles


def _go_on(lake: Lake, cycles: Sequence[Sequence[Document]]) -> list[Any]:
    memory = Memory(lake.memory)
    try:
        ends = (hour(max(document.hour for document in documents)) for documents in cycles)
        return [decide_cycle(lake, memory, articles_of(one), at) for one, at in zip(cycles, ends, strict=True)]
    finally:
        memory.close()


# The duplicate decision


@pytest.mark.parametrize("seed", range(6))
def test_within_the_window_the_memory_is_the_same_row_by_row(tmp_path: Path, seed: int) -> None:
    lake = told_lake(tmp_path / "lake", _world(seed, 60), own_times=seed % 2 == 1)
    other = copied(lake, tmp_path / "other")
    result = rebuilt(other)
    assert (result.decided.different, result.decided.older_stories) == (0, 0)
    # Inputs that were only counted as seen before have no row to tell of them.
    assert known(other, "inputs", "settled_pages") == known(lake, "inputs", "settled_pages")
    assert set(known(other)["inputs"]) <= set(known(lake)["inputs"])


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("hours", [60, 500])
def test_what_comes_next_is_decided_as_with_the_memory_that_was_lost(tmp_path: Path, seed: int, hours: int) -> None:
    cycles = _world(seed, hours)
    half = max(1, len(cycles) * 2 // 3)
    lake = told_lake(tmp_path / "lake", cycles[:half])
    other = copied(lake, tmp_path / "other")
    assert rebuilt(other).decided.different == 0
    assert _go_on(other, cycles[half:]) == _go_on(lake, cycles[half:])


@pytest.mark.parametrize("seed", range(4))
def test_after_compaction_too(tmp_path: Path, seed: int) -> None:
    cycles = _world(seed, 300)
    half = max(1, len(cycles) * 2 // 3)
    lake = told_lake(tmp_path / "lake", cycles[:half])
    with opened_memory(lake.memory) as memory:
        list(compact(lake, memory, date(2026, 11, 26)))
    assert any(lake.root.glob("*/*/c*-k*.parquet"))
    other = copied(lake, tmp_path / "other")
    result = rebuilt(other)
    assert result.decided.different == 0
    assert result.last_cycle == half
    assert _go_on(other, cycles[half:]) == _go_on(lake, cycles[half:])


def test_records_with_times_of_their_own_find_their_cycle_after_compaction(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path / "lake"))
    later, earlier = Document(1, (0, 1, 2, 3), 9), Document(2, (0, 1, 2, 3, 4), 3)
    with opened_memory(lake.memory) as memory:
        for number, document in enumerate((later, earlier)):  # the second cycle has the text that was seen first
            (article,) = articles_of([document], source=f"archive/{number}.jsonl#1")
            decide_cycle(lake, memory, [article], hour(100 + number))
        list(compact(lake, memory, date(2026, 11, 26)))
    other = copied(lake, tmp_path / "other")
    assert rebuilt(other).decided.different == 0
    assert known(other) == known(lake)


def test_copies_of_a_story_that_is_older_than_all_that_is_decided_again_are_no_differences(tmp_path: Path) -> None:
    edge = next(number for number in range(1, 80) if hour(number) // WINDOW != hour(number - 1) // WINDOW)
    copies = [Document(page, (0, 1, 2, 3, 3 + page), edge + 1) for page in (2, 5)]
    cycles = [[Document(1, (0, 1, 2, 3), edge - 1)], copies, [Document(9, (9, 10, 11), edge + 145)]]
    lake = told_lake(tmp_path / "lake", cycles)
    result = rebuilt(lake)
    assert (result.decided.texts, result.decided.different) == (3, 0)
    assert result.decided.older_stories >= 1
    with opened_memory(lake.memory) as memory:
        story = articles_of(cycles[0])[0].article_id
        again = articles_of([copies[0]._replace(page=12)])
        (row,) = decide_cycle(lake, memory, again, hour(edge + 146))
    assert row.duplicate_of == story  # type: ignore[union-attr]


def test_what_was_written_counts_where_it_is_decided_otherwise_now(tmp_path: Path) -> None:
    lake = told_lake(tmp_path / "lake", [[Document(1, (0, 1, 2, 3), 0)], [Document(2, (5, 6, 7, 8), 1)]])
    story, other = (article.article_id for article in articles_of([Document(1, (0, 1, 2, 3), 0), Document(2, (5,), 0)]))
    with opened_memory(lake.memory) as memory:  # as by an earlier version: two texts that share nothing, one story
        (written,) = decide_cycle(lake, memory, articles_of([Document(3, (5, 6, 7, 8, 9), 2)]), hour(2))
    import pyarrow.parquet as pq

    (path,) = lake.root.glob("copies/*/c00000003-000.parquet")
    table = pq.read_table(path, partitioning=None)
    assert table["duplicate_of"].to_pylist() == [other]
    pq.write_table(table.set_column(table.schema.get_field_index("duplicate_of"), "duplicate_of", [[story]]), path)
    result = rebuilt(lake)
    assert result.decided.different == 1
    assert "written under" in result.decided.differences[0]
    with opened_memory(lake.memory) as memory:
        (row,) = decide_cycle(lake, memory, articles_of([Document(4, (5, 6, 7, 8, 9), 3)]), hour(3))
    assert row.duplicate_of == story  # type: ignore[union-attr]
    assert written is not None


# Inputs, cycles, files


def test_inputs_cycles_and_files_are_known_again(tmp_path: Path) -> None:
    lake = told_lake(tmp_path / "lake", [FIRST, SECOND])
    with opened_memory(lake.memory) as memory:
        failed = [reject(1, input_id="ab" * 32), reject(2, source="https://outlet.example/page", stage="fetch")]
        decide_cycle(lake, memory, (), hour(3), failed)
    before = known(lake)
    result = rebuilt(lake)
    after = known(lake)
    assert {name: after[name] for name in ("inputs", "cycles", "files")} == {
        name: before[name] for name in ("inputs", "cycles", "files")
    }
    assert (result.texts, result.inputs, result.last_cycle) == (6, 8, 3)
    assert len(after["settled_pages"]) == 1
    with opened_memory(lake.memory) as memory:
        assert recover(lake, memory) == (0, 0)
        with memory.cycle() as number:
            assert number == 4


def test_a_page_of_a_feed_is_known_as_the_item_reader_knows_it() -> None:
    item = FeedItem("guid of it", "https://outlet.example/story#comments")
    assert input_of_page("https://outlet.example/story", "guid of it").hex() == given_by(item).input_id[:32]


def test_files_of_a_run_that_was_killed_are_published_where_its_account_is_written(tmp_path: Path) -> None:
    lake = told_lake(tmp_path / "lake", [FIRST, SECOND])
    for path in [*lake.root.glob("*/*/c00000002-*.parquet")]:  # committed, not yet published
        target = lake.unpublished / path.relative_to(lake.root)
        target.parent.mkdir(parents=True)
        path.rename(target)
    half = lake.unpublished / "articles" / "date=2026-03-31" / "c00000003-000.parquet"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_bytes(b"PAR1 and no more")
    result = rebuilt(lake)
    assert (result.deleted, result.last_cycle, result.texts) == (1, 2, 6)
    assert not [path for path in lake.unpublished.rglob("*") if path.is_file()]


# Takedowns


def _address(document: Document) -> str:
    return document.article().url_canonical or ""


def test_what_was_taken_down_stays_so(tmp_path: Path) -> None:
    lake = told_lake(tmp_path / "lake", [FIRST, SECOND])
    with opened_memory(lake.memory) as memory:
        recover(lake, memory)
        erase(lake, memory, [tombstone_of("url", _address(FIRST[2]), hour(3))])
        wanted = tombstones_of(memory)
    result = rebuilt(lake, accept_lost_erasures=False)
    assert (result.tombstones, result.erased) == (1, 0)
    with opened_memory(lake.memory) as memory:
        assert tombstones_of(memory) == wanted
        assert not tombstones_of(memory, only_unfinished=True)


def test_a_takedown_that_was_cut_off_is_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = told_lake(tmp_path / "lake", [FIRST, SECOND])
    with opened_memory(lake.memory) as memory:
        monkeypatch.setattr("pipeline.erasure.publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            erase(lake, memory, [tombstone_of("url", _address(FIRST[0]), hour(3))])
        monkeypatch.undo()
    kept = read_copy(copy_of(lake.memory))
    assert kept is not None
    assert [one.is_done for one in kept] == [False]
    result = rebuilt(lake, accept_lost_erasures=False)
    assert (result.tombstones, result.erased) == (1, 1)
    assert _address(FIRST[0]) not in _urls(lake)
    assert _address(FIRST[1]) in _urls(lake)
    with opened_memory(lake.memory) as memory:
        (row,) = decide_cycle(lake, memory, articles_of([Document(9, (0, 1, 2, 3), 4)]), hour(4))
    assert row.duplicate_of == FIRST[1].article().article_id  # type: ignore[union-attr]


def _urls(lake: Lake) -> set[str]:
    import pyarrow.parquet as pq

    paths = [*lake.root.glob("articles/*/c*.parquet"), *lake.root.glob("copies/*/c*.parquet")]
    return {url for path in paths for url in pq.read_table(path, partitioning=None)["url_canonical"].to_pylist()}


def test_lost_takedowns_want_a_flag_and_those_in_the_damaged_file_do_not(tmp_path: Path) -> None:
    lake = told_lake(tmp_path / "lake", [FIRST, SECOND])
    with opened_memory(lake.memory) as memory:
        erase(lake, memory, [tombstone_of("url", _address(FIRST[2]), hour(3))])
    copy_of(lake.memory).unlink()
    stored = bytearray(lake.memory.read_bytes())
    other = copied(lake, tmp_path / "other")
    with pytest.raises(LakeError, match="--accept-lost-erasures"):
        rebuilt(other, accept_lost_erasures=False)
    assert not other.memory.exists()
    assert "erase it again" in " ".join(rebuilt(other).lost)
    page = _page_of(lake.memory, "postings")
    stored[page : page + 4_096] = bytes(4_096)
    lake.memory.write_bytes(stored)
    result = rebuild(lake, _follow)
    assert result.wrong
    assert result.tombstones == 1


def test_a_copy_of_a_newer_newsbeam_is_no_lost_one(tmp_path: Path) -> None:
    lake = told_lake(tmp_path, [FIRST])
    lake.memory.unlink()
    copy = copy_of(lake.memory)
    copy.write_text('{"version": 99, "tombstones": []}')
    with pytest.raises(LakeError, match="Upgrade newsbeam"):
        rebuild(lake, _follow, accept_lost_erasures=True)
    assert not lake.memory.exists()
    assert '"version": 99' in copy.read_text()


def _page_of(memory: Path, table: str) -> int:
    connection = sqlite3.connect(memory)
    (page,) = connection.execute("select rootpage from sqlite_master where name = ?", (table,)).fetchone()
    connection.close()
    return (page - 1) * 4_096


def test_an_old_copy_that_does_not_know_a_takedown_is_refused(tmp_path: Path) -> None:
    lake = told_lake(tmp_path / "lake", [FIRST])
    with opened_memory(lake.memory) as memory:
        recover(lake, memory)
    shutil.copy(lake.memory, tmp_path / "backup")
    with opened_memory(lake.memory) as memory:
        erase(lake, memory, [tombstone_of("url", _address(FIRST[2]), hour(3))])
    shutil.copy(tmp_path / "backup", lake.memory)
    with opened_memory(lake.memory) as memory, pytest.raises(LakeError, match=r"takedown .* memory rebuild"):
        recover(lake, memory)
    assert rebuild(lake, _follow).tombstones == 1
    with opened_memory(lake.memory) as memory:
        recover(lake, memory)


# Which memory, and where the old one goes


def test_a_healthy_memory_wants_a_flag(tmp_path: Path) -> None:
    lake = told_lake(tmp_path / "lake", [FIRST, SECOND])
    before = known(lake)
    with pytest.raises(UsageError, match=r"healthy: 2 cycles.*--force"):
        rebuild(lake, _follow)
    result = rebuild(lake, _follow, force=True)
    assert result.wrong == []
    assert known(lake) == before
    assert [Path(path).name.startswith("memory.sqlite.replaced-") for path in result.moved] == [True]


def test_a_lake_without_rows_needs_none(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path / "lake"))
    with pytest.raises(UsageError, match="no rows yet"):
        rebuild(lake, _follow)


def test_the_old_file_is_moved_aside_with_its_log(tmp_path: Path) -> None:
    lake = told_lake(tmp_path / "lake", [FIRST])
    memory = Memory(lake.memory)
    decide_cycle(lake, memory, articles_of(SECOND), hour(2))
    log = lake.private / "memory.sqlite-wal"
    assert log.stat().st_size
    other = copied(lake, tmp_path / "other")  # as a killed run leaves it
    memory.close()
    result = rebuild(other, _follow, force=True, accept_lost_erasures=True)
    (aside,) = map(Path, result.moved)
    assert not (other.private / "memory.sqlite-wal").exists()
    assert known(other) == known(lake)
    assert known(Lake(_lake_with(tmp_path / "aside", aside)))["cycles"] == known(lake)["cycles"]


def _lake_with(root: Path, memory: Path) -> Path:
    """A lake whose memory is a file, with its log."""
    lake = open_or_make_lake(str(root))
    for path in memory.parent.glob(f"{memory.name}*"):
        shutil.copy(path, lake.private / path.name.replace(memory.name, "memory.sqlite"))
    return lake.root


def test_killed_while_it_exchanges_the_files_it_starts_again_from_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = told_lake(tmp_path / "lake", [FIRST])
    memory = Memory(lake.memory)
    decide_cycle(lake, memory, articles_of(SECOND), hour(2))
    other = copied(lake, tmp_path / "other")
    memory.close()
    with other.memory.open("r+b") as file:  # a page that the log does not have
        file.seek(_page_of(lake.memory, "slices"))
        file.write(bytes(4_096))
    log = other.private / "memory.sqlite-wal"
    stored = log.read_bytes()

    def sync_folder(_: Path) -> None:  # the log is moved, the new memory is not in its place yet
        raise KeyboardInterrupt

    monkeypatch.setattr(place, "sync_folder", sync_folder)
    with pytest.raises(KeyboardInterrupt):
        rebuild(other, _follow, accept_lost_erasures=True)
    assert not log.exists()
    monkeypatch.undo()
    result = rebuild(other, _follow)  # takedowns are known, since the log is found
    aside, *logs = map(Path, result.moved)
    assert aside.with_name(f"{aside.name}-wal") in logs
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == stored
    assert len(list(other.private.glob("memory.sqlite.*Z"))) == 1
    assert known(other) == known(lake)


def test_a_lake_in_use_is_left_alone(tmp_path: Path) -> None:
    from pipeline.writer_lock import locked

    lake = told_lake(tmp_path / "lake", [FIRST])
    with locked(lake), pytest.raises(LakeError, match="in use by"):
        rebuild(lake, _follow, force=True)


# A lake of an older newsbeam


@pytest.fixture
def older(tmp_path: Path) -> Lake:
    shutil.copytree(SCHEMA_1, tmp_path / "lake")
    return Lake(tmp_path / "lake")


def test_a_lake_of_the_first_version_with_feeds(older: Lake) -> None:
    before = known(older)
    for path in older.private.glob("*.sqlite*"):
        path.unlink()
    result = rebuild(older, _follow, accept_lost_erasures=True)
    after = known(older)
    for name in ("pages", "known_texts", "written_rows", "aliases", "cycles", "files", "texts", "groups", "strays"):
        assert after[name] == before[name], name
    assert result.decided.different == 0
    assert (result.feeds.feeds, result.feeds.from_tables) == (1, 1)
    assert result.hosts == 1
    assert (older.hosts).exists()
    urls = [row.split("'")[1] for row in after["feed_states"]]
    assert urls == [row.split("'")[1] for row in before["feed_states"]]
