from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.commands.query import connect
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
