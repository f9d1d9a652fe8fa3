from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.beam_rows import run_stage
from tests.samples import HOSTILE, SEEN_AT, alias, copy, reject, tagged_article
from transforms.functions.parquet_rows import flat_row
from transforms.write_table import WriteTable

DAY = 86_400_000_000

ROWS: dict[str, list[Any]] = {
    "articles": [
        tagged_article(f"story {n}", first_seen_at=SEEN_AT + n % 3 * DAY, headline=HOSTILE) for n in range(20)
    ],
    "copies": [copy(f"story {n}", first_seen_at=SEEN_AT + n % 3 * DAY) for n in range(20)],
    "rejects": [reject(n, first_seen_at=SEEN_AT + n % 3 * DAY, payload=b"\xff\x00") for n in range(20)],
    "aliases": [alias(f"story {n}", decided_at=SEEN_AT + n % 3 * DAY) for n in range(20)],
}
ID = {"articles": "article_id", "copies": "copy_id", "rejects": "reject_id", "aliases": "old_id"}


@pytest.mark.parametrize("table", sorted(ROWS))
@pytest.mark.parametrize("shards", [1, 3])
def test_rows_lie_in_the_partition_of_their_day_once_each(tmp_path: Path, table: str, shards: int) -> None:
    lake = tmp_path / "lake"
    done = run_stage(WriteTable(table, str(lake), "c00000007", shards), ROWS[table], tmp_path)[""]
    on_disk = {path.relative_to(lake).as_posix(): path.stat().st_size for path in lake.rglob("*") if path.is_file()}
    assert {file.path: file.stored_bytes for file, _ in done} == on_disk
    assert {file.table for file, _ in done} == {table}
    assert sum(file.rows for file, _ in done) == 20
    assert all(path.rpartition("/")[2] in {f"c00000007-{n:03d}.parquet" for n in range(shards)} for path in on_disk)
    assert len(on_disk) <= 3 * shards
    query = (
        f"select {ID[table]}, date::varchar from read_parquet('{lake}/{table}/**/*.parquet', hive_partitioning = true)"
    )
    days = ["2026-03-31", "2026-04-01", "2026-04-02"]
    wanted = sorted((flat_row(row)[ID[table]], days[n % 3]) for n, row in enumerate(ROWS[table]))
    assert sorted(duckdb.sql(query).fetchall()) == wanted


def test_a_batch_that_is_done_again_replaces_itself(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    stage = WriteTable("articles", str(lake), "c00000007")
    run_stage(stage, ROWS["articles"], tmp_path)
    before = {path: path.read_bytes() for path in lake.rglob("*.parquet")}
    run_stage(stage, ROWS["articles"][::-1], tmp_path)
    assert {path: path.read_bytes() for path in lake.rglob("*.parquet")} == before
