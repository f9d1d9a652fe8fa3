from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.doctor.finding import FAIL
from pipeline.doctor.machine import look_at_machine
from pipeline.engine_lake import Claim, open_or_make_engine_lake
from pipeline.feed_memory import FeedMemory
from pipeline.host_memory import HostMemory
from pipeline.lake import Lake, open_or_make_lake
from pipeline.memory import Memory
from pipeline.tombstone_copy import KeptTombstone, copy_of, write_copy
from schemas.cycle_report import CycleReport
from schemas.feed_state import NEVER, FeedState
from schemas.instants import datetime_of, instant_of, utc_date_of
from schemas.tombstone import DOMAIN, Tombstone
from tests.samples import tagged_article
from transforms.functions.parquet_rows import flat_row, partition_path, to_parquet

NOW = time.time_ns() // 1_000  # of collection: a test may come most of an hour later
HOUR = 3_600 * 1_000_000


def write(lake: Lake, table: str, number: int, rows: list[Any], at: int) -> Path:
    path = lake.root / partition_path(table, utc_date_of(at), f"c{number:08d}-000.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_parquet(table, [flat_row(row) for row in rows]))
    return path


def _cycle(lake: Lake, number: int, hours_ago: float, articles: int, copies: int = 0, run: str = "run-1") -> None:
    ended = NOW - int(hours_ago * HOUR)
    report = CycleReport(run, number, ended - 1, ended, articles + copies + 1, articles, copies, 1, 0, 10, "0.1.0", 1)
    write(lake, "runs", number, [report], ended)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_or_make_lake(str(tmp_path / "lake"))


@pytest.fixture
def figures(lake: Lake, capsys: pytest.CaptureFixture[str]) -> Callable[[], dict[str, Any]]:
    def ask() -> dict[str, Any]:
        assert cli.main(["status", str(lake.root), "--json"]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return ask


def _time(at: int) -> str:
    return f"{datetime_of(at):%Y-%m-%dT%H:%M:%SZ}"


def test_what_came_when(lake: Lake, figures: Callable[[], dict[str, Any]]) -> None:
    _cycle(lake, 1, 24 * 20, 1000)
    _cycle(lake, 2, 24 * 6.5, 100, 50)
    _cycle(lake, 3, 23, 10, 5, run="run-2")
    _cycle(lake, 4, 0.1, 1, run="run-2")
    _cycle(lake, 5, 0.05, 0, run="run-2")
    found = figures()
    assert {name: list(window.values()) for name, window in found["arrivals"].items()} == {
        "hour": [1, 0, 2], "day": [11, 5, 3], "week": [111, 55, 4],
    }  # fmt: skip
    assert found["last_arrival"] == _time(NOW - HOUR // 10)
    assert [(run["run_id"], run["cycles"], run["articles"]) for run in found["runs"]] == [
        ("run-2", 3, 11),
        ("run-1", 1, 100),
    ]
    assert found["runs"][0]["started_at"] == _time(NOW - 23 * HOUR - 1)
    assert found["sizes"]["runs"]["files"] == 6
    assert found["sizes"]["articles"]["files"] == 1


def test_the_last_arrival_is_found_however_long_ago(lake: Lake, figures: Callable[[], dict[str, Any]]) -> None:
    _cycle(lake, 1, 24 * 400, 7)
    _cycle(lake, 2, 24 * 300, 0)
    _cycle(lake, 3, 1, 0)
    assert figures()["last_arrival"] == _time(NOW - 24 * 400 * HOUR)


@pytest.mark.parametrize(("age", "code"), [("2h", 0), ("30m", 1)])
def test_a_watcher_is_told_by_the_exit_code(
    lake: Lake, age: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    _cycle(lake, 1, 1, 7)
    _cycle(lake, 2, 0.1, 0)
    assert cli.main(["status", str(lake.root), "--max-age", age]) == code
    assert ("nothing has arrived for" in capsys.readouterr().err) == bool(code)


def test_a_lake_in_which_nothing_ever_arrived(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", str(lake.root)]) == 0
    assert "never" in capsys.readouterr().out
    assert cli.main(["status", str(lake.root), "--max-age", "1h"]) == 1
    assert cli.main(["status", str(lake.root), "--max-age", "soon"]) == 2
    assert cli.main(["status", str(lake.root / "articles")]) == 2


def test_feeds_that_need_a_look(
    lake: Lake,
    figures: Callable[[], dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    states = [
        FeedState("https://a.example/", "https://a.example/", NOW - HOUR, polls=1),
        FeedState("https://b.example/", "https://b.example/", NOW - 2 * HOUR, polls=1, failure_score=1.0,
                  last_failure="http_503\x1b[31m"),
        FeedState("https://c.example/", "https://c.example/", NOW + HOUR, polls=9, failure_score=12.0),
        FeedState("https://d.example/", "https://d.example/", NEVER, polls=1, gone_at=NOW),
    ]  # fmt: skip
    memory, hosts = Memory(lake.memory), HostMemory(lake.hosts)
    feeds = FeedMemory(memory, hosts)
    with memory.cycle():
        feeds.make_tables()
        feeds.take_list([state.listed_url for state in states])
        for state in states:
            feeds.keep_feed(state)
    with memory.cycle():  # as while a run has a cycle under way
        found = figures()
    memory.close()
    hosts.close()
    assert found["feeds"] == {"ok": 1, "failing": 1, "dead": 1, "gone": 1}
    assert found["oldest_due"]["feed_url"] == "https://b.example/"
    assert [one["feed_url"][8] for one in found["troubled"]] == ["c", "b", "d"]
    assert cli.main(["status", str(lake.root)]) == 0
    said = capsys.readouterr().out
    assert "b.example/: for 2" in said
    assert "\x1b" not in said


def test_a_job_on_an_engine_is_told_by_its_rows(lake: Lake, figures: Callable[[], dict[str, Any]]) -> None:
    lake.job.write_text("{}")
    now = datetime.now(UTC)
    for number, ago in enumerate((timedelta(minutes=5), timedelta(hours=5))):
        at = instant_of(now - ago)
        row = tagged_article(f"n{number}", first_seen_at=at)
        write(lake, "articles", number, [row], at)
    found = figures()
    assert found["arrivals"]["hour"]["articles"] == 1
    assert found["arrivals"]["day"]["articles"] == 2
    assert found["last_arrival"] == _time(instant_of(now - timedelta(minutes=5)))
    assert found["runs"][0]["articles"] == 2


def test_the_job_that_writes_a_lake_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    root = tmp_path / "of a job"
    open_or_make_engine_lake(str(root), Claim("run-9", "PortableRunner", 2), goes_on=False)
    lake = Lake(root)
    write(lake, "articles", 1, [tagged_article("one", run_id="run-9", first_seen_at=NOW - HOUR)], NOW - HOUR)
    assert cli.main(["status", str(root)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"written by .*job run-9 on PortableRunner, started 20\d\d-", said)
    assert "nobody" not in said
    assert re.search(r"run-9: last row [\d.]+ (min|h) ago, 1 inputs", said)
    assert "cycles" not in said
    assert cli.main(["status", str(root), "--json"]) == 0
    job = json.loads(capsys.readouterr().out)["job"]
    assert (job["run_id"], job["runner"], job["shards"]) == ("run-9", "PortableRunner", 2)


def test_what_a_clock_that_was_ahead_has_noted_keeps_nothing_quiet(
    lake: Lake, figures: Callable[[], dict[str, Any]]
) -> None:
    _cycle(lake, 1, 24 * 40, 10)
    _cycle(lake, 2, -24 * 365 * 73, 10)
    _cycle(lake, 3, -2, 10)
    assert figures()["last_arrival"] == _time(NOW - 24 * 40 * HOUR)
    assert cli.main(["status", str(lake.root), "--max-age", "2d"]) == 1


def _delete(lake: Lake) -> None:
    lake.memory.unlink()


def _overwrite(lake: Lake) -> None:
    lake.memory.write_bytes(b"no memory")


def _take_an_old_copy(lake: Lake) -> None:
    _cycle(lake, 2, 0.5, 3)


def _overwrite_hosts(lake: Lake) -> None:
    lake.hosts.write_bytes(b"no memory")


def _take_one_without_a_takedown(lake: Lake) -> None:
    write_copy(copy_of(lake.memory), [KeptTombstone(Tombstone(DOMAIN, "outlet.example", 1), True)])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_delete, "it is not there"),
        (_overwrite, "is damaged: its first bytes"),
        (_take_an_old_copy, "it knows 1 cycles, but the tables hold rows of cycle 2"),
        (_take_one_without_a_takedown, "it does not know of a takedown that was carried out"),
        (_overwrite_hosts, "which knows when hosts may be asked, is damaged"),
    ],
)
def test_a_memory_that_is_lost_or_damaged_is_told_with_all_the_rest(
    lake: Lake,
    damage: Callable[[Lake], None],
    said: str,
    figures: Callable[[], dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    _cycle(lake, 1, 1, 7)
    memory, hosts = Memory(lake.memory), HostMemory(lake.hosts)
    with memory.cycle() as number:
        memory.note_cycle(number, "run-1", NOW)
    memory.close()
    hosts.close()
    assert figures()["memory_fault"] is None
    damage(lake)
    found = figures()
    assert said in found["memory_fault"]
    assert found["memory_fault"].endswith(f"newsbeam memory rebuild {lake.root}")
    assert "Nothing was written" not in found["memory_fault"]
    assert found["arrivals"]["day"]["articles"] >= 7
    assert cli.main(["status", str(lake.root)]) == 0
    printed = "".join(capsys.readouterr().out.split()).replace("│", "")
    assert "newsbeammemoryrebuild" in printed
    assert "lastruns" in printed


def _take_a_newer_copy(lake: Lake) -> None:
    copy_of(lake.memory).write_text('{"version": 2, "tombstones": []}')


def _take_a_newer_memory(lake: Lake) -> None:
    with closing(sqlite3.connect(lake.memory)) as connection:
        connection.execute("pragma user_version = 99")


@pytest.mark.parametrize(
    ("take", "said"),
    [(_take_a_newer_copy, "tombstones.json, which says what was taken down, has version 2"),
     (_take_a_newer_memory, "memory.sqlite has memory version 99")],
)  # fmt: skip
def test_what_a_newer_newsbeam_wrote_is_told_and_is_not_said_to_be_damaged(
    lake: Lake, take: Callable[[Lake], None], said: str, figures: Callable[[], dict[str, Any]], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    _cycle(lake, 1, 1, 7)
    memory = Memory(lake.memory)
    with memory.cycle() as number:
        memory.note_cycle(number, "run-1", NOW)
    memory.close()
    take(lake)
    before = {path: path.read_bytes() for path in lake.private.glob("*.json")}
    found = figures()
    assert said in found["memory_fault"]
    assert "Upgrade newsbeam" in found["memory_fault"]
    assert "rebuild" not in found["memory_fault"]
    assert found["arrivals"]["day"]["articles"] == 7
    (finding,) = [one for one in look_at_machine(str(lake.root)) if one.what == "memory of the lake"]
    assert (finding.state, "rebuild" in str(finding.remedy)) == (FAIL, False)
    assert said in finding.said
    (tmp_path / "page.txt").write_text("too short")
    assert cli.main(["run", "--input", str(tmp_path / "page.txt"), "--output", str(lake.root)]) == 1
    assert said in capsys.readouterr().err  # as status said
    assert {path: path.read_bytes() for path in lake.private.glob("*.json")} == before


def test_hosts_that_a_newer_newsbeam_knows_are_told_too(lake: Lake, figures: Callable[[], dict[str, Any]]) -> None:
    Memory(lake.memory).close()
    HostMemory(lake.hosts).close()
    with closing(sqlite3.connect(lake.hosts)) as connection:
        connection.execute("pragma user_version = 99")
    told = figures()["memory_fault"]
    assert told == f"{lake.hosts} was written by a newer newsbeam. Upgrade newsbeam, or use another --output"
    lake.memory.write_bytes(b"no memory")
    assert figures()["memory_fault"].startswith(f"{told}. {lake.memory} is damaged")


def test_a_memory_that_is_too_large_is_not_looked_through(
    lake: Lake, figures: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(lake.memory)
    with memory.cycle():
        for number in range(5_000):
            memory.remember_input(f"{number:064x}"[::-1])
    memory.close()
    whole = lake.memory.read_bytes()
    middle = len(whole) // 8_192 * 4_096
    lake.memory.write_bytes(whole[:middle] + bytes(4_096) + whole[middle + 4_096 :])
    assert "damaged" in str(figures()["memory_fault"])
    monkeypatch.setattr("pipeline.lake_memory.CHECKED_BYTES", 4_096)
    assert figures()["memory_fault"] is None
