from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from apache_beam.testing import test_stream
from apache_beam.transforms.window import TimestampedValue

from schemas.reject import Reject
from tests.beam_rows import run_stream
from tests.samples import SEEN_AT, reject
from transforms import write_stream
from transforms.write_stream import WriteStream

DAY = 86_400_000_000
LONG = 10**10
"""Seconds of the test's clock after which every timer of the real one has come."""


def _rows(first: int, last: int) -> list[TimestampedValue]:
    rows = [reject(n, reject_id=f"{n:032x}", first_seen_at=SEEN_AT + n % 2 * DAY) for n in range(first, last)]
    return [TimestampedValue(row, n) for n, row in enumerate(rows)]


def _stream() -> test_stream.TestStream:
    return test_stream.TestStream().with_output_types(Reject)


def _written(lake: Path, stream: test_stream.TestStream, folder: Path, shards: int = 1) -> dict[str, int]:
    run_stream(WriteStream("rejects", str(lake), "run", 30.0, shards, publish_at_once=True), stream, folder)
    files = f"read_parquet('{lake}/rejects/*/*.parquet', filename = true)"
    query = f"select filename, count(distinct reject_id), count(*) from {files} group by 1"
    found = {Path(name).name: (distinct, rows) for name, distinct, rows in duckdb.sql(query).fetchall()}
    assert all(distinct == rows for distinct, rows in found.values())
    return {name: rows for name, (_, rows) in sorted(found.items())}


def test_the_end_of_the_stream_ends_the_last_batch(tmp_path: Path) -> None:
    stream = _stream().add_elements(_rows(0, 5)).advance_watermark_to_infinity()
    lake = tmp_path / "lake"
    assert sum(_written(lake, stream, tmp_path).values()) in (2, 3)  # of the last of the two days' files of one name
    days = duckdb.sql(
        "select date::varchar, count(*) "
        f"from read_parquet('{lake}/rejects/*/*.parquet', hive_partitioning = true) group by 1 order by 1"
    )
    assert days.fetchall() == [("2026-03-31", 3), ("2026-04-01", 2)]


def test_a_batch_ends_after_its_time(tmp_path: Path) -> None:
    stream = _stream().add_elements(_rows(0, 1)).advance_processing_time(LONG).add_elements(_rows(2, 3))
    written = _written(tmp_path / "lake", stream.advance_watermark_to_infinity(), tmp_path)
    assert written == {"run-000-00000000.parquet": 1, "run-000-00000001.parquet": 1}


def test_a_batch_ends_when_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_stream, "MOST_ROWS", 2)
    stream = _stream()
    for n in range(0, 10, 2):
        stream = stream.add_elements(_rows(n, n + 1))
    written = _written(tmp_path / "lake", stream.advance_watermark_to_infinity(), tmp_path)
    assert list(written.values()) == [2, 2, 1]


def test_shards_have_series_of_their_own(tmp_path: Path) -> None:
    stream = _stream()
    for n in range(0, 40, 2):
        stream = stream.add_elements(_rows(n, n + 1))
    written = _written(tmp_path / "lake", stream.advance_watermark_to_infinity(), tmp_path, shards=3)
    assert sorted(written) == [f"run-{shard:03d}-00000000.parquet" for shard in range(3)]
    assert sum(written.values()) == 20
