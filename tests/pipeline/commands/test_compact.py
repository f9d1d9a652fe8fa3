from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline import cli, compaction, folder_exchange
from pipeline.commands.query import connect
from pipeline.lake import Lake, open_or_make_lake
from pipeline.memory import Memory
from pipeline.writer_lock import locked
from schemas.instants import instant_of
from schemas.tables import SORTED_BY, TABLES
from tests.pipeline.small_lakes import contents, files, make_lake, rows_of_cycle, write_cycle
from tests.samples import reject

ROOT = Path(__file__).parents[3]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return make_lake(tmp_path / "lake")


def _compact(lake: Lake, *flags: str, code: int = 0) -> None:
    assert cli.main(["compact", str(lake.root), *flags]) == code


def test_small_files_become_one_and_the_rows_are_the_same(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(lake)
    _compact(lake)
    assert "the rows are the same" in capsys.readouterr().out
    assert contents(lake) == before
    for table in ("articles", "copies", "rejects", "aliases", "runs"):
        folders = sorted(path for path in (lake.root / table).iterdir() if "1970" not in path.name)
        assert [[path.name for path in folder.iterdir()] for folder in folders] == [
            ["c00000004-k000.parquet"],
            ["c00000008-k000.parquet"],
        ]
    after = files(lake)
    _compact(lake)
    assert "nothing to do" in capsys.readouterr().out
    assert files(lake) == after


def test_files_are_as_a_run_writes_them(lake: Lake) -> None:
    written = pq.ParquetFile(next((lake.root / "articles").glob("date=2026-*/c00000001-*.parquet")))
    _compact(lake)
    for table, schema in TABLES.items():
        for path in (lake.root / table).glob("date=2026-*/*.parquet"):
            found = pq.ParquetFile(path)
            assert found.schema_arrow.equals(schema)
            assert found.schema_arrow.field(0).metadata == schema.field(0).metadata
            rows = found.read().column(SORTED_BY[table]).to_pylist()
            known = [value for value in rows if value is not None]
            assert rows == sorted(known) + [None] * (len(rows) - len(known))
    made = pq.ParquetFile(next((lake.root / "articles").glob("date=2026-*/c00000004-*.parquet")))
    assert made.schema_arrow.equals(written.schema_arrow, check_metadata=True)
    for column in range(len(TABLES["articles"].names)):
        one, other = (file.metadata.row_group(0).column(column) for file in (written, made))
        assert one.compression == other.compression
        assert one.has_offset_index == other.has_offset_index
    assert written.metadata.row_group(0).sorting_columns == made.metadata.row_group(0).sorting_columns


def test_a_day_that_is_not_over_is_left_alone(lake: Lake) -> None:
    now = instant_of(datetime.now(UTC))
    memory = Memory(lake.memory)
    for number in (100, 101):
        write_cycle(lake, memory, rows_of_cycle(number, now))
    memory.close()
    _compact(lake)
    left = [path.name for path in (lake.root / "articles").glob(f"date={datetime.now(UTC):%Y-%m-%d}/*")]
    assert sorted(left) == ["c00000009-000.parquet", "c00000010-000.parquet"]


def test_only_days_before_one_and_only_in_words(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(lake)
    _compact(lake, "--dry-run", "--json")
    days = {json.loads(line)["day"] for line in capsys.readouterr().out.splitlines()}
    assert days == {"2026-03-31", "2026-04-01"}
    assert files(lake) == before
    _compact(lake, "--before", "2026-04-01", "--json")
    days = {json.loads(line)["day"] for line in capsys.readouterr().out.splitlines()}
    assert days == {"2026-03-31"}
    for wrong in (("--before", "tomorrow"), ("--before", "2999-01-01"), ("--target-mb", "0")):
        _compact(lake, *wrong, code=2)


def test_a_file_is_ended_at_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sorted_files.ROW_GROUP_ROWS", 2_048)  # DuckDB gives no fewer at a time
    lake = open_or_make_lake(str(tmp_path / "lake"))
    memory = Memory(lake.memory)
    bytes_of = random.Random(1).randbytes
    for cycle in range(20):
        rows = [reject(20 * number + cycle, payload=bytes_of(60)) for number in range(400)]
        write_cycle(lake, memory, {"rejects": rows})
    memory.close()
    before = contents(lake)
    _compact(lake, "--target-mb", "0.1")
    made = sorted(next((lake.root / "rejects").glob("date=2026-*")).iterdir())
    assert [path.name for path in made] == [f"c00000020-k{number:03d}.parquet" for number in range(len(made))]
    assert len(made) > 1
    assert all(path.stat().st_size >= 100_000 for path in made[:-1])
    ids = [one for path in made for one in pq.read_table(path, partitioning=None).column("reject_id").to_pylist()]
    assert ids == [f"{number:032x}" for number in range(8_000)]
    assert contents(lake) == before


def test_a_run_goes_on_after_it(lake: Lake, tmp_path: Path) -> None:
    _compact(lake)
    before = contents(lake)
    (tmp_path / "page.txt").write_text("too short")
    run = ["run", "--quiet", "--input", str(tmp_path / "page.txt"), "--output", str(lake.root), "--processes", "1"]
    assert cli.main([*run, "--tags", "none"]) == 0
    after = contents(lake)
    assert {table: len(rows) for table, rows in after.items()} == {
        table: len(rows) + (table in ("rejects", "runs")) for table, rows in before.items()
    }
    memory = Memory(lake.memory)
    assert memory.last_cycle() == 9
    assert {path for (path,) in memory.rows("select path from files")} <= set(files(lake))
    memory.close()


def test_rows_that_read_back_otherwise_change_nothing(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sorted = compaction.write_sorted

    def lose_rows(connection: Any, table: str, paths: Any, folder: Path, **options: Any) -> None:
        write_sorted(connection, table, paths, folder, keep="first_seen_at > '2026-03-31'", **options)
        for path in folder.glob("*.parquet"):
            pq.write_table(pq.read_table(path, partitioning=None).slice(1), path)

    monkeypatch.setattr(compaction, "write_sorted", lose_rows)
    before, named = contents(lake), files(lake)
    _compact(lake, code=1)
    assert "12 rows became 11 others" in capsys.readouterr().err
    assert (contents(lake), files(lake)) == (before, named)


def test_a_file_system_that_cannot_exchange_is_told(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(folder_exchange, "_RENAME_EXCHANGE", 64)  # EINVAL, as from NFS
    before, named = contents(lake), files(lake)
    _compact(lake, code=1)
    assert "Keep the lake on ext4" in capsys.readouterr().err
    assert (contents(lake), files(lake)) == (before, named)


def test_a_lake_in_use_or_of_an_engine_is_refused(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    with locked(lake):
        _compact(lake, "--dry-run")
        _compact(lake, code=1)
    assert "is in use by process" in capsys.readouterr().err
    lake.job.write_text("{}")
    _compact(lake, code=2)


def test_readers_are_not_disturbed(tmp_path: Path) -> None:
    """Queries of newsbeam's go on, one after the other, while days are exchanged; each sees all rows once."""
    lake = make_lake(tmp_path / "lake", days=6, cycles=3)
    seen: list[tuple[int, ...]] = []
    stop = threading.Event()

    def read() -> None:
        nonlocal seen
        while not stop.is_set():
            query = "select (select count(*) from rejects), (select count(*) from runs)"
            seen += connect(str(lake.root)).execute(query).fetchall()

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        _compact(lake)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert len(seen) > 5
    assert set(seen) == {(36, 18)}


def test_other_readers_never_get_a_wrong_answer(tmp_path: Path) -> None:
    lake = make_lake(tmp_path / "lake", days=6, cycles=3)
    seen: list[tuple[int, ...]] = []
    told: list[str] = []
    stop = threading.Event()

    def read() -> None:
        nonlocal seen
        files_of = f"read_parquet('{lake.root}/rejects/**/*.parquet', hive_partitioning = true)"
        while not stop.is_set():
            try:
                query = f"select count(*), count(distinct reject_id) from {files_of}"
                seen += duckdb.connect().execute(query).fetchall()
            except duckdb.IOException as error:
                told.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        _compact(lake)
    finally:
        stop.set()
        reader.join()
    assert set(seen) == {(36, 36)}
    assert all("No such file" in error for error in told)


# Kills


def _run(at: int | str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.pipeline.rewrite_kill_runner", str(at), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def moments_of(lake: Lake, folder: Path, *arguments: object) -> int:
    """How many moments a command has over a lake."""
    copied = shutil.copytree(lake.root, folder / "counted")
    done = _run(0, arguments[0], copied, *arguments[1:])
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def spread(moments: int, number: int = 10) -> list[int]:
    """Moments spread over all there are, the first and the last among them."""
    return sorted({1 + round(place * (moments - 1) / (number - 1)) for place in range(number)})


def killed_at(at: int | str, *arguments: object) -> None:
    """Run a command that dies at a moment."""
    done = _run(at, *arguments)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_killed_at_ten_points_and_run_again_nothing_is_lost_or_doubled(lake: Lake, tmp_path: Path) -> None:
    before = contents(lake)
    whole = Lake(tmp_path / "counted")
    points = spread(moments_of(lake, tmp_path, "compact"))
    assert len(points) == 10
    for point in points:
        copied = Lake(shutil.copytree(lake.root, tmp_path / f"killed-{point}"))
        killed_at(point, "compact", copied.root)
        assert contents(copied) == before  # what a reader sees meanwhile
        _compact(copied)
        assert contents(copied) == before
        assert files(copied) == files(whole)


def test_killed_from_outside_and_then_a_run_clears_up(tmp_path: Path) -> None:
    lake = make_lake(tmp_path / "lake", days=8, cycles=3)
    before = contents(lake)
    command = [sys.executable, "-m", "pipeline.cli", "compact", str(lake.root)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        deadline = time.monotonic() + 60
        while not list(lake.root.glob("articles/*/*-k000.parquet")) and time.monotonic() < deadline:
            time.sleep(0.001)
        process.kill()
    assert contents(lake) == before
    (tmp_path / "page.txt").write_text("too short")
    run = ["run", "--quiet", "--input", str(tmp_path / "page.txt"), "--output", str(lake.root), "--processes", "1"]
    assert cli.main([*run, "--tags", "none"]) == 0
    assert not lake.rewriting.exists()
    after = contents(lake)
    for table in ("articles", "copies", "aliases"):
        assert after[table] == before[table]


Reads = Callable[..., list[tuple[Any, ...]]]


def test_partitions_by_day_are_kept(lake: Lake, rows_of: Reads) -> None:
    _compact(lake)
    assert rows_of(lake.root, "articles", "distinct date::varchar", "order by 1") == [("2026-03-31",), ("2026-04-01",)]


def test_a_reader_that_does_not_end_is_told_and_nothing_is_changed(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.reader_lock._LONGEST_WAIT", 0.2)
    before = files(lake)
    reader = connect(str(lake.root))
    _compact(lake, code=1)
    assert "has been read for two minutes" in capsys.readouterr().err
    assert files(lake) == before
    assert reader.execute("select count(*) from runs").fetchall() == [(8,)]
    del reader
    _compact(lake)
