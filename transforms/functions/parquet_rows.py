"""Rows to Parquet bytes: columns, order inside the file, encoding."""

from __future__ import annotations

import hashlib
import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, BinaryIO, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.copy import Copy
from schemas.instants import utc_date_of
from schemas.tables import PARTITION_COLUMN, PARTITIONED_BY, SORTED_BY, TABLES
from schemas.tagged_article import TaggedArticle

ROW_GROUP_ROWS: Final = 20_000
"""About 100 MB of article text: DuckDB and Spark read row groups in parallel, and one must fit in memory."""

_BLOOM_FILTERS: Final = {"article_id", "copy_id", "duplicate_of", "reject_id", "content_sha256", "old_id"}
"""Columns that people look single values up in, which are spread evenly so that statistics cannot skip anything."""


_STRUCTS: Final = {"topics", "entities"}
"""Columns that are lists of rows."""


def flat_row(row: tuple[Any, ...]) -> Mapping[str, Any]:
    """Return a row as column values by name; one that holds an article has the article's columns beside its own."""
    if not isinstance(row, Copy | TaggedArticle):
        return dict(zip(row._fields, row, strict=True))  # type: ignore[attr-defined]  # every row is a NamedTuple
    own = {name: value for name, value in row._asdict().items() if name != "article"}
    for name in _STRUCTS.intersection(own):
        own[name] = [one._asdict() for one in own[name]]
    return {**row.article._asdict(), **own}


def partition_of(table: str) -> Callable[[Mapping[str, Any]], date]:
    """Return the function that tells which day's partition of the table a flat row lies in."""
    column = PARTITIONED_BY[table]
    return lambda row: utc_date_of(row[column])


def partition_path(table: str, day: date, file_name: str) -> str:
    """Return a file's path inside the lake."""
    return f"{table}/{PARTITION_COLUMN}={day.isoformat()}/{file_name}"


def shard_of(table: str, row: Mapping[str, Any], shards: int) -> int:
    """Return which of the shards of its table a flat row belongs to: a function of its id."""
    digest = hashlib.sha256(str(row[TABLES[table].names[0]]).encode("utf-8", "surrogatepass"))
    return int(digest.hexdigest()[:8], 16) % shards


class EncodedFile(NamedTuple):
    """A Parquet file that is still to be written."""

    path: str
    """Inside the lake."""
    rows: int
    content: bytes


def encode_by_day(table: str, rows: Iterable[Mapping[str, Any]], file_name: str) -> Iterator[EncodedFile]:
    """Yield one file for each partition that flat rows lie in, all of one name, oldest first."""
    day_of = partition_of(table)
    days: dict[date, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        days[day_of(row)].append(row)
    for day in sorted(days):
        yield EncodedFile(partition_path(table, day, file_name), len(days[day]), to_parquet(table, days[day]))


def to_parquet(table: str, rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Encode flat rows as one Parquet file: zstd, dictionaries, page index, bloom filters on ids; sorted.

    Deterministic but for the library's version: the same rows in any order give the same file.
    """
    schema = TABLES[table]
    sort_column, id_column = SORTED_BY[table], schema.names[0]
    ordered = sorted(rows, key=lambda row: (row[sort_column] is None, row[sort_column] or 0, str(row[id_column])))
    return encode(_arrow_table(ordered, schema), sort_column)


def encode(table: pa.Table, sort_column: str) -> bytes:
    """Encode an Arrow table that is sorted by `sort_column` already."""
    buffer = io.BytesIO()
    options = _options(table.schema, sort_column, table.num_rows)
    pq.write_table(table, buffer, row_group_size=ROW_GROUP_ROWS, **options)
    return buffer.getvalue()


def open_writer(sink: BinaryIO, schema: pa.Schema, sort_column: str) -> pq.ParquetWriter:
    """Return a writer of rows that are sorted already, to be given `ROW_GROUP_ROWS` at a time."""
    return pq.ParquetWriter(sink, schema, **_options(schema, sort_column, ROW_GROUP_ROWS))


def _options(schema: pa.Schema, sort_column: str, rows: int) -> dict[str, Any]:
    bloom_filters = _BLOOM_FILTERS.intersection(schema.names)
    return {
        "compression": "zstd",
        "write_page_index": True,
        "bloom_filter_options": {name: {"ndv": max(rows, 1)} for name in bloom_filters},
        "sorting_columns": [pq.SortingColumn(schema.get_field_index(sort_column))],
    }


def _arrow_table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    # Rows of an engine's older state lack the columns that were added since.
    columns = [pa.array([row.get(field.name) for row in rows], type=field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)
