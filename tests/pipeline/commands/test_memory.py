from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.feed_memory import FeedMemory
from pipeline.host_memory import opened_hosts
from pipeline.lake import Lake
from pipeline.memory import opened_memory
from tests.duplicate_worlds import Document
from tests.pipeline.told_lakes import told_lake

WORLD = [[Document(1, (0, 1, 2, 3), 0), Document(2, (4, 5, 6), 0)], [Document(3, (0, 1, 2, 3, 7), 1)]]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return told_lake(tmp_path / "lake", WORLD)


def _rebuild(capfd: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    capfd.readouterr()
    code = cli.main(["memory", "rebuild", *map(str, arguments)])
    out, said = capfd.readouterr()
    return code, out, said


def test_what_was_made_and_what_is_lost_is_said(lake: Lake, capfd: pytest.CaptureFixture[str]) -> None:
    assert _rebuild(capfd, lake.root)[0] == 2
    lake.memory.unlink()
    code, out, said = _rebuild(capfd, lake.root)
    assert (code, out) == (1, "")
    assert "--accept-lost-erasures" in said
    code, out, said = _rebuild(capfd, lake.root, "--accept-lost-erasures")
    assert (code, said) == (0, "")
    assert "the old memory: it is not there" in out
    assert "3 texts, 3 inputs, 2 cycles" in out
    assert "3 texts were decided again, all as the tables have it" in out
    assert "lost: what was taken down" in out
    code, out, said = _rebuild(capfd, lake.root)
    assert (code, out) == (2, "")
    assert "healthy" in said


def test_a_damaged_file_is_moved_aside_and_the_report_is_json(lake: Lake, capfd: pytest.CaptureFixture[str]) -> None:
    lake.memory.write_bytes(b"\0" * 4_096)
    code, out, _ = _rebuild(capfd, lake.root, "--accept-lost-erasures", "--json")
    report = json.loads(out)
    assert code == 0
    assert (report["texts"], report["inputs"], report["last_cycle"]) == (3, 3, 2)
    (moved,) = report["moved"]
    assert Path(moved).read_bytes() == b"\0" * 4_096
    assert Path(moved).name.startswith("memory.sqlite.damaged-")


def test_lakes_of_others_are_refused(tmp_path: Path, lake: Lake, capfd: pytest.CaptureFixture[str]) -> None:
    assert _rebuild(capfd, tmp_path)[0] == 2
    lake.job.write_text("{}")
    code, _, said = _rebuild(capfd, lake.root, "--force")
    assert code == 2
    assert "engine" in said


def test_a_table_that_cannot_be_read_is_told_and_the_memory_stays(
    lake: Lake, capfd: pytest.CaptureFixture[str]
) -> None:
    before = lake.memory.read_bytes()
    (path,) = lake.root.glob("articles/*/c00000001-000.parquet")
    path.write_bytes(b"PAR1, and no more")
    code, _, said = _rebuild(capfd, lake.root, "--force")
    assert code == 1
    assert "a table cannot be read" in said
    assert lake.memory.read_bytes() == before
    assert {one.name for one in lake.private.iterdir()} >= {"memory.sqlite", "lake.json"}
    assert not (lake.private / "rebuilding").exists()


def test_the_logs_that_were_moved_aside_are_named_with_the_old_file(
    lake: Lake, capfd: pytest.CaptureFixture[str]
) -> None:
    for suffix in ("", "-wal", "-shm"):
        lake.memory.with_name(lake.memory.name + suffix).write_bytes(b"\0" * 4_096)
    code, out, _ = _rebuild(capfd, lake.root, "--accept-lost-erasures")
    (line,) = (line for line in out.splitlines() if line.startswith("the old files are "))
    assert code == 0
    named = line.removeprefix("the old files are ").partition("; ")[0].replace(" and ", ", ").split(", ")
    there = sorted(map(str, lake.private.glob("memory.sqlite.damaged-*")))
    assert sorted(named) == there
    assert [name.rpartition("Z")[2] for name in there] == ["", "-shm", "-wal"]


@pytest.mark.parametrize("has_polled", [False, True])
def test_a_lake_that_never_polled_lacks_no_memory_of_hosts(
    lake: Lake, has_polled: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    if has_polled:
        with opened_hosts(lake.hosts) as hosts, opened_memory(lake.memory) as memory, memory.cycle():
            FeedMemory(memory, hosts).make_tables()
        lake.hosts.unlink()
    code, out, _ = _rebuild(capfd, lake.root, "--force", "--json")
    report = json.loads(out)
    assert (code, report["wrong"]) == (0, [])
    assert report["wrong_hosts"] == (["it is not there"] if has_polled else [])
    assert report["hosts"] == (0 if has_polled else None)
