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
from tests.pipeline.small_lakes import write_cycle
from tests.samples import reject, replay

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
