from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import cli, erasure_rows
from pipeline.commands.query import connect
from pipeline.erasure_rows import ErasedRows, find_replays, rows_of_file
from pipeline.lake import Lake, open_or_make_lake
from pipeline.memory import Memory
from tests.pipeline.commands.test_compact import killed_at
from tests.pipeline.small_lakes import contents, write_cycle
from tests.samples import SEEN_AT, copy, reject, replay, tagged_article

URL = "https://outlet.example/one"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Three rejects, with attempts at each in files of their own."""
    lake = open_or_make_lake(str(tmp_path / "lake"))
    memory = Memory(lake.memory)
    rejects = [reject(1, source=URL, url=URL), reject(2), reject(3, message="Ada Moss, who is named")]
    write_cycle(lake, memory, {"rejects": rejects})
    for attempt in range(2):
        rows = [replay(number, message=f"attempt {attempt} at {number}") for number in (1, 2, 3)]
        write_cycle(lake, memory, {"replays": rows})
    write_cycle(lake, memory, {"replays": [replay(2, message="Ada Moss is named only now")]})
    memory.close()
    return lake


def _ask(lake: Lake, query: str) -> list[tuple[Any, ...]]:
    return connect(str(lake.root)).execute(query).fetchall()


def _numbers(lake: Lake, table: str) -> list[int]:
    return sorted(int(name, 16) for (name,) in _ask(lake, f"select reject_id from {table}"))


def _erase(lake: Lake, capsys: pytest.CaptureFixture[str], *flags: str) -> dict[str, int]:
    capsys.readouterr()
    assert cli.main(["erase", str(lake.root), "--json", *flags]) == 0
    counts: dict[str, int] = json.loads(capsys.readouterr().out)["tables"]
    return {table: rows for table, rows in counts.items() if rows}


def test_attempts_go_with_their_reject(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    expected = {"rejects": 1, "replays": 2}
    assert _erase(lake, capsys, "--url", URL, "--dry-run") == expected
    assert _numbers(lake, "replays") == [1, 1, 2, 2, 2, 3, 3]
    assert _erase(lake, capsys, "--url", URL) == expected
    assert _numbers(lake, "rejects") == [2, 3]
    assert _numbers(lake, "replays") == [2, 2, 2, 3, 3]
    assert _erase(lake, capsys, "--url", URL) == {}


def test_words_are_looked_for_in_attempts_too(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert _erase(lake, capsys, "--match", "ada moss") == {"rejects": 1, "replays": 3}
    assert _numbers(lake, "replays") == [1, 1, 2, 2]


@pytest.mark.parametrize("moment", ["1:exchange_folders", "2:exchange_folders"])
def test_an_erasure_that_is_killed_between_the_tables_goes_on(
    lake: Lake, capsys: pytest.CaptureFixture[str], moment: str
) -> None:
    killed_at(moment, "erase", str(lake.root), "--url", URL)
    is_half_done = _numbers(lake, "rejects") == [2, 3]
    assert is_half_done == moment.startswith("2")
    assert _numbers(lake, "replays") == [1, 1, 2, 2, 2, 3, 3]
    assert cli.main(["replay", str(lake.root), "--quiet"]) == 0  # whoever opens it next
    assert _numbers(lake, "rejects") == [2, 3]
    assert 1 not in _numbers(lake, "replays")


GOES, STAYS = tagged_article("goes", url="https://ledger.example/goes"), tagged_article("stays")
COPY = copy("copied", "stays", url="https://coast.example/copied")


@pytest.fixture
def replayed(lake: Lake) -> Lake:
    """Rejects 2 and 3 have become an article each, and reject 1, whose other reject is number 3, a copy."""
    memory = Memory(lake.memory)
    write_cycle(lake, memory, {"articles": [GOES, STAYS], "copies": [COPY]})
    ends = [
        (2, "article", GOES.article.article_id),
        (3, "article", STAYS.article.article_id),
        (1, "copy", COPY.copy_id),
    ]
    ends.append((1, "other_reject", f"{3:032x}"))
    rows = [
        replay(number, outcome=outcome, row_id=row_id, attempted_at=SEEN_AT + 9) for number, outcome, row_id in ends
    ]
    write_cycle(lake, memory, {"replays": rows})
    memory.close()
    return lake


def _row_ids(lake: Lake) -> dict[tuple[int, str], str | None]:
    rows = _ask(lake, "select reject_id, outcome, row_id from replays where outcome <> 'rejected'")
    return {(int(number, 16), outcome): row_id for number, outcome, row_id in rows}


def test_the_id_of_an_erased_row_goes_from_the_attempt_and_the_reject_stays_settled(
    replayed: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    before, numbers = _row_ids(replayed), _numbers(replayed, "replays")
    _erase(replayed, capsys, "--url", str(GOES.article.url), "--dry-run")
    assert _row_ids(replayed) == before
    assert GOES.article.article_id in str(contents(replayed))
    _erase(replayed, capsys, "--url", str(GOES.article.url))
    assert GOES.article.article_id not in str(contents(replayed))
    assert _row_ids(replayed) == before | {(2, "article"): None}
    assert _numbers(replayed, "replays") == numbers
    query = "select settled_as from rejects where settled_at is not null and reject_id = ?"
    assert connect(str(replayed.root)).execute(query, [f"{2:032x}"]).fetchall() == [("article",)]
    _erase(replayed, capsys, "--url", str(COPY.article.url))
    assert COPY.copy_id not in str(contents(replayed))
    assert _row_ids(replayed) == before | {(2, "article"): None, (1, "copy"): None}


def test_so_does_the_id_of_an_erased_reject(replayed: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert _row_ids(replayed)[1, "other_reject"] == f"{3:032x}"
    _erase(replayed, capsys, "--match", "Ada Moss, who is named")
    assert f"{3:032x}" not in str(contents(replayed))
    assert _row_ids(replayed)[1, "other_reject"] is None
    assert _row_ids(replayed)[1, "copy"] == COPY.copy_id


@pytest.mark.parametrize("moment", ["1:exchange_folders", "2:exchange_folders"])
def test_an_id_goes_too_where_the_erasure_was_killed_before(replayed: Lake, moment: str) -> None:
    killed_at(moment, "erase", str(replayed.root), "--url", str(GOES.article.url))
    cli.main(["replay", str(replayed.root), "--quiet", "--reason", "none"])  # whoever opens it next
    assert _row_ids(replayed)[2, "article"] is None
    assert GOES.article.article_id not in str(contents(replayed))


def _write_ids(lake: Lake, table: str, day: str, columns: dict[str, list[str | None]]) -> Path:
    path = lake.root / table / f"date={day}" / "c00000001-000.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table(columns), path)
    return path


def test_a_large_lake_is_looked_through_in_little_memory_and_no_further_than_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, rows = open_or_make_lake(str(tmp_path / "lake")), 100_000
    first, second = ([f"{number:032x}" for number in range(start, start + rows)] for start in (0, rows))
    _write_ids(lake, "rejects", "2026-03-30", {"reject_id": ["r1", "r2", "r3"]})
    names = {"reject_id": ["r1", "r2", "r3"], "row_id": [first[5], second[7], None]}
    attempts = _write_ids(lake, "replays", "2026-03-31", names)
    days = {"2026-03-30": first, "2026-03-31": second}
    articles = [_write_ids(lake, "articles", day, {"article_id": ids}) for day, ids in days.items()]
    copies = _write_ids(lake, "copies", "2026-03-31", {"copy_id": ["c"]})
    read: list[Path] = []

    def noted(path: Path, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        read.append(path)
        return rows_of_file(path, columns)

    monkeypatch.setattr(erasure_rows, "rows_of_file", noted)

    def found(**going: Any) -> ErasedRows:
        read.clear()
        erased = ErasedRows(**going)
        find_replays(lake, erased)
        return erased

    next(rows_of_file(articles[0], ("article_id",)))  # what libraries take once
    tracemalloc.start()
    erased = found()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (erased.places, erased.without_row_id) == ({}, {})
    assert peak < 5_000_000  # a set of the ids of one file alone takes 12 MB
    assert [path for path in read if path in articles] == articles
    assert copies not in read
    erased = found(articles=[{"article_id": second[7]}])
    assert erased.without_row_id == {attempts: [1]}
    assert copies in read  # it is not known before that no row has it
    pq.write_table(pa.table({**names, "row_id": [first[5], None, None]}), attempts)
    assert found().without_row_id == {}
    assert articles[1] not in read
