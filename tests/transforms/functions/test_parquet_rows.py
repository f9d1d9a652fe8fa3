from __future__ import annotations

import io
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.cycle_report import CycleReport
from schemas.instants import datetime_of, instant_of
from schemas.tables import SCHEMA_VERSION, TABLES
from tests.fetch_samples import feed_poll, fetch
from tests.samples import HOSTILE, SEEN_AT, alias, article, copy, reject, replay, tagged_article
from transforms.functions.parquet_rows import flat_row, partition_of, partition_path, to_parquet

DATES = (None, SEEN_AT, SEEN_AT - 1, 0, -1, None, SEEN_AT + 5, SEEN_AT)

ROWS: dict[str, list[Any]] = {
    "articles": [tagged_article(f"story {n}", date_published=moment) for n, moment in enumerate(DATES)],
    "copies": [copy(f"story {n}", date_published=moment) for n, moment in enumerate(DATES)],
    "rejects": [reject(n) for n in range(8)],
    "replays": [replay(n) for n in range(8)],
    "aliases": [alias(f"story {n}", decided_at=SEEN_AT + n) for n in range(8)],
    "fetches": [fetch(at=SEEN_AT + n)._replace(fetch_id=f"{n:032x}") for n in range(8)],
    "feeds": [feed_poll(f"https://outlet.example/feed{n}", polled_at=SEEN_AT + n) for n in range(8)],
    "runs": [CycleReport("run-1", n, SEEN_AT, SEEN_AT + n, n, n, 0, 0, 0, 10 * n, "0.1.0", 1) for n in range(8)],
}


def _file(table: str, rows: list[Any]) -> pq.ParquetFile:
    return pq.ParquetFile(io.BytesIO(to_parquet(table, map(flat_row, rows))))


@pytest.mark.parametrize("table", sorted(TABLES))
@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(8)))
def test_the_same_rows_in_any_order_give_the_same_file(table: str, order: list[int]) -> None:
    rows = [flat_row(row) for row in ROWS[table]]
    assert to_parquet(table, [rows[place] for place in order]) == to_parquet(table, rows)


@pytest.mark.parametrize("table", sorted(TABLES))
def test_a_file_has_the_schema_and_its_version_and_is_compressed_and_indexed(table: str) -> None:
    file = _file(table, ROWS[table])
    assert file.schema_arrow.equals(TABLES[table])
    assert [column.metadata for column in file.schema_arrow] == [column.metadata for column in TABLES[table]]
    assert file.schema_arrow.metadata[b"newsbeam.schema_version"] == str(SCHEMA_VERSION).encode()
    group = file.metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    assert {column.compression for column in columns} == {"ZSTD"}
    assert all(column.has_offset_index and column.has_column_index for column in columns)
    assert group.sorting_columns


@pytest.mark.parametrize(
    ("table", "column", "wanted", "absent"),
    [
        ("articles", "article_id", article("story 3").article_id, "f" * 32),
        ("copies", "duplicate_of", article("two").article_id, "f" * 32),
        ("rejects", "reject_id", f"{3:032x}", "f" * 32),
        ("aliases", "old_id", article("story 3").article_id, "f" * 32),
    ],
)
def test_ids_have_a_bloom_filter_that_rules_out_what_is_not_there(
    tmp_path: Path, table: str, column: str, wanted: str, absent: str
) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(to_parquet(table, map(flat_row, ROWS[table])))
    query = "select row_group_id, bloom_filter_excludes from parquet_bloom_probe(?, ?, ?)"
    assert duckdb.execute(query, [str(path), column, wanted]).fetchall() == [(0, False)]
    assert duckdb.execute(query, [str(path), column, absent]).fetchall() == [(0, True)]


@pytest.mark.parametrize("table", ["articles", "copies"])
def test_rows_lie_in_the_order_of_publication_with_the_undated_last(table: str) -> None:
    got = _file(table, ROWS[table]).read(["date_published"]).column(0).to_pylist()
    assert got == [datetime_of(moment) for moment in sorted(one for one in DATES if one is not None)] + [None, None]


def test_a_range_of_dates_skips_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.functions.parquet_rows.ROW_GROUP_ROWS", 2)
    file = _file("articles", ROWS["articles"])
    column = file.schema_arrow.names.index("date_published")
    # authors and keywords are lists of one leaf each, so leaves are counted like columns
    ends = [file.metadata.row_group(n).column(column).statistics for n in range(3)]
    assert file.metadata.row_group(0).column(column).path_in_schema == "date_published"
    assert all(one.max <= other.min for one, other in pairwise(ends))


@pytest.mark.parametrize("table", sorted(TABLES))
def test_duckdb_reads_back_what_was_written(tmp_path: Path, table: str) -> None:
    hostile = {
        "articles": tagged_article(
            "bad", headline=HOSTILE, article_body="\x00 " + HOSTILE, authors=["", HOSTILE], keywords=[]
        ),
        "copies": copy("bad", headline=HOSTILE, extra='{"a": "\\u0000"}')._replace(similarity=None),
        "rejects": reject(99, message=HOSTILE, payload=bytes(range(256)), line=1 << 40),
        "replays": replay(99, message=HOSTILE, row_id=HOSTILE),
        "aliases": alias("bad", run_id=HOSTILE),
        "fetches": fetch(None, failure="error")._replace(message=HOSTILE, wire_bytes=1 << 40),
        "feeds": feed_poll(HOSTILE, reason=HOSTILE, changes=["", HOSTILE]),
        "runs": ROWS["runs"][0]._replace(run_id=HOSTILE, cycle=99),
    }[table]
    rows = {str(flat[TABLES[table].names[0]]): flat for flat in map(flat_row, [*ROWS[table], hostile])}
    if table == "runs":
        rows = {str(flat["cycle"]): flat for flat in map(flat_row, [*ROWS[table], hostile])}
    path = tmp_path / "rows.parquet"
    path.write_bytes(to_parquet(table, rows.values()))
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    read = connection.execute("from read_parquet(?)", [str(path)])
    names = [column[0] for column in read.description or ()]
    got = [dict(zip(names, row, strict=True)) for row in read.fetchall()]
    assert names == TABLES[table].names
    assert len(got) == len(rows)
    for row in got:
        key = str(row["cycle"] if table == "runs" else row[names[0]])
        assert {name: _instant(value) for name, value in row.items()} == {
            name: list(value) if isinstance(value, tuple) else value for name, value in rows[key].items()
        }


def _instant(value: Any) -> Any:
    return instant_of(value) if isinstance(value, datetime) else value


def test_a_copy_lies_flat_with_its_articles_columns() -> None:
    row = copy(headline="A headline")
    flat = flat_row(row)
    assert set(flat) == set(TABLES["copies"].names)
    assert (flat["headline"], flat["duplicate_of"]) == ("A headline", row.duplicate_of)


def test_a_row_lies_in_the_partition_of_the_utc_day_it_was_first_seen() -> None:
    last_second = instant_of(datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC))
    day_of = partition_of("articles")
    assert day_of(flat_row(article(first_seen_at=last_second))) == date(2026, 3, 31)
    assert day_of(flat_row(article(first_seen_at=last_second + 1_000_000))) == date(2026, 4, 1)
    assert partition_path("articles", date(2026, 3, 1), "c.parquet") == "articles/date=2026-03-01/c.parquet"


def test_a_value_that_its_column_cannot_hold_is_an_error_not_another_value() -> None:
    flat = dict(flat_row(article()))
    with pytest.raises((TypeError, ValueError, OverflowError)):
        to_parquet("articles", [flat | {"word_count": 1 << 40}])


def test_a_row_of_an_older_state_lacks_columns_and_is_written_all_the_same() -> None:
    row = dict(flat_row(fetch()))
    del row["items_new"]
    table = pq.read_table(io.BytesIO(to_parquet("fetches", [row])))
    assert table["items_new"].to_pylist() == [None]
    assert table["url"].to_pylist() == [row["url"]]
