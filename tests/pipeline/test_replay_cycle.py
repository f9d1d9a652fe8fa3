from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.commands.query import connect
from pipeline.lake import Lake, open_or_make_lake
from pipeline.memory import Memory
from pipeline.replay_cycle import CycleReplay, ReplayWork, Sibling, replaying
from pipeline.replay_memory import Queued, attempts_at, queued
from schemas.due_page import DuePage
from schemas.reject import Reject
from schemas.written_file import WrittenFile
from tests.fetch_samples import NOW, fetch
from tests.pipeline.small_lakes import write_cycle
from tests.samples import reject, tagged_article
from transforms.functions.parquet_rows import encode_by_day, flat_row

URL = "https://outlet.example/page"
DUE = DuePage(URL, "outlet.example", "https://outlet.example/feed", None, NOW, NOW)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_or_make_lake(str(tmp_path / "lake"))


@pytest.fixture
def memory(lake: Lake) -> Iterator[Memory]:
    memory = Memory(lake.memory)
    yield memory
    memory.close()


def _cycle(
    lake: Lake,
    memory: Memory,
    work: ReplayWork | None,
    *,
    polls: bool = False,
    failing: Sequence[Reject] = (),
    rows: Mapping[str, Sequence[Any]] | None = None,
    fetched: bool = True,
    at: int = NOW,
) -> CycleReplay | None:
    """Run what a cycle does about rejects, with rows that its stages would have written, and publish its attempts."""
    with memory.cycle() as number, replaying(lake, memory, work, polls=polls) as again:
        if again is None:
            return None
        assert all(attempts_at(str(lake.memory)).note_failure(one) for one in failing)
        for table, of_table in (rows or {}).items():
            for file in encode_by_day(table, map(flat_row, of_table), f"c{number:08d}-000.parquet"):
                path = lake.unpublished / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.content)
                memory.note_file(number, WrittenFile(table, file.path, file.rows, len(file.content)))
        if polls and fetched:
            memory.do("delete from due_pages")
        files = again.write(number, "run-2", at)
        memory.note_cycle(number, "run-2", at)
    for file in files:
        (lake.root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (lake.unpublished / file.path).rename(lake.root / file.path)
    return again


def _outcomes(again: CycleReplay | None) -> list[tuple[str, str, str | None]]:
    assert again is not None
    return sorted((row.reject_id[-1], row.outcome, row.row_id and row.row_id[-1]) for row in again.rows)


def _queue(lake: Lake, memory: Memory, *siblings: Sibling) -> None:
    write_cycle(lake, memory, {"rejects": [reject(1, source=URL)]})
    work = ReplayWork(pages=((reject(1, source=URL), DUE),), siblings=siblings)
    assert _outcomes(_cycle(lake, memory, work)) == [("1", "queued", None)]


def test_a_cycle_that_does_nothing_again_has_no_attempts(lake: Lake, memory: Memory) -> None:
    assert _cycle(lake, memory, None, polls=True) is None
    _queue(lake, memory)
    assert _cycle(lake, memory, None) is None  # nobody polls


def test_a_page_that_still_waits_has_no_outcome_yet(lake: Lake, memory: Memory) -> None:
    _queue(lake, memory)
    assert _outcomes(_cycle(lake, memory, None, polls=True, fetched=False)) == []
    assert queued(memory) == [Queued(f"{1:032x}", URL, True)]


def test_a_page_that_was_dropped_for_newer_ones_is_told_as_such(lake: Lake, memory: Memory) -> None:
    _queue(lake, memory)
    assert _outcomes(_cycle(lake, memory, None, polls=True)) == [("1", "dropped", None)]
    assert queued(memory) == []


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ({"articles": [tagged_article("page", source=URL)]}, "article"),
        ({"rejects": [reject(2, source=URL, input_id="2" * 64)]}, "other_reject"),
        ({}, "already_seen"),
    ],
)
def test_what_came_of_a_page_that_was_fetched(
    lake: Lake, memory: Memory, rows: Mapping[str, Sequence[Any]], outcome: str
) -> None:
    _queue(lake, memory)
    asked = {"fetches": [fetch()._replace(url=URL)]}
    again = _cycle(lake, memory, None, polls=True, rows=asked | dict(rows))
    assert [row.outcome for row in again.rows if again] == [outcome]  # type: ignore[union-attr]


def test_a_page_that_fails_as_another_reject_of_its_address_opens_that_again(lake: Lake, memory: Memory) -> None:
    other = reject(3, source=URL, input_id="3" * 64)
    _queue(lake, memory, Sibling(other.reject_id, other.input_id, URL))
    again = _cycle(lake, memory, None, polls=True, failing=[other])
    assert _outcomes(again) == [("1", "other_reject", "3"), ("3", "rejected", None)]
    assert queued(memory) == []


def test_the_latest_attempt_counts_even_if_the_clock_goes_back(lake: Lake, memory: Memory) -> None:
    one = reject(1, source="in/one.html", input_id="1" * 64)
    write_cycle(lake, memory, {"rejects": [one]})
    _cycle(lake, memory, ReplayWork(kept=(one,)), failing=[one], at=NOW)
    _cycle(lake, memory, ReplayWork(kept=(one,)), at=NOW - 3_600_000_000)
    with connect(str(lake.root)) as connection:
        found = connection.execute("select attempts, settled_as from rejects").fetchall()
    assert found == [(3, "already_seen")]


def test_a_cycle_that_dies_has_done_nothing(lake: Lake, memory: Memory) -> None:
    write_cycle(lake, memory, {"rejects": [reject(1, source=URL)]})
    work = ReplayWork(pages=((reject(1, source=URL), DUE),))

    def die() -> None:
        with memory.cycle() as number, replaying(lake, memory, work, polls=False) as again:
            assert again is not None
            (file,) = again.write(number, "run-2", NOW)
            assert pq.read_table(lake.unpublished / file.path, partitioning=None).num_rows == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die()
    assert queued(memory) == []
    assert memory.row("select 1 from sqlite_master where name = 'due_pages'") is None
    with pytest.raises(KeyError):
        attempts_at(str(lake.memory))
