"""Rows of one day's files, sorted over all of them, into few files; and numbers that tell whether rows are the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import duckdb
import pyarrow as pa

from pipeline.lake import Lake
from schemas.tables import SORTED_BY, TABLES
from transforms.functions.parquet_rows import ROW_GROUP_ROWS, open_writer

TARGET_BYTES: Final = 128_000_000
"""Of a compacted file: large enough that opening it costs nothing beside reading it, small enough for a worker each."""

_MEMORY_LIMIT: Final = "1GB"
"""Of DuckDB's sort; what does not fit goes to the disk, beside the files that are written."""


class Fingerprint(NamedTuple):
    """Two lots of rows are the same, each as often, where these are equal (but for one chance in 2^64)."""

    rows: int
    exclusive_or: int
    total: int


@contextmanager
def sorting(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a DuckDB that sorts within bounds of memory, and keeps what does not fit in the lake's private folder."""
    spill = lake.rewriting / "sorting"
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"set memory_limit = '{_MEMORY_LIMIT}'")
        connection.execute(f"set temp_directory = '{_quoted(spill)}'")
        yield connection


def fingerprint(
    connection: duckdb.DuckDBPyConnection, table: str, files: Sequence[Path], keep: str = ""
) -> Fingerprint:
    """Return the fingerprint of all rows of files, or of those that a condition keeps."""
    query = "select count(*), coalesce(bit_xor(hash(t)), 0), coalesce(sum(hash(t)::hugeint), 0)::varchar from {} t"
    ((rows, exclusive_or, total),) = connection.execute(
        query.format(f"({rows_of(connection, table, files, keep)})")
    ).fetchall()
    return Fingerprint(int(rows), int(exclusive_or), int(total))


def rows_of(connection: duckdb.DuckDBPyConnection, table: str, files: Sequence[Path], keep: str = "") -> str:
    """Return the query for the rows of files in the columns of their table; columns that older files lack are null."""
    names = ", ".join(f"'{_quoted(path)}'" for path in files)
    source = f"read_parquet([{names}], union_by_name = true, hive_partitioning = false)"
    present = set(connection.sql(f"select * from {source} limit 0").columns)
    columns = ", ".join(name if name in present else f"null as {name}" for name in TABLES[table].names)
    return f"select {columns} from {source} {f'where {keep}' if keep else ''}"


def write_sorted(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    files: Sequence[Path],
    folder: Path,
    *,
    keep: str = "",
    target_bytes: int = TARGET_BYTES,
) -> None:
    """Write the rows of files to a folder, sorted, in files of about the target's size.

    Args:
        keep: SQL condition on the rows that are written; all, where it is empty.
    """
    query = rows_of(connection, table, files, keep)
    order = f"order by {SORTED_BY[table]} nulls last, {TABLES[table].names[0]}"
    batches = connection.sql(f"{query} {order}").to_arrow_reader(ROW_GROUP_ROWS)
    number, writer = 0, None
    try:
        for batch in batches:
            if not batch.num_rows:
                continue
            if writer is None:
                sink = (folder / _name_of(files, number)).open("wb")
                writer = open_writer(sink, TABLES[table], SORTED_BY[table])
            writer.write_table(_as_table(batch, table), row_group_size=ROW_GROUP_ROWS)
            if sink.tell() >= target_bytes:
                writer.close()
                sink.close()
                number, writer = number + 1, None
    finally:
        if writer is not None:
            writer.close()
            sink.close()


def _name_of(files: Sequence[Path], number: int) -> str:
    """Name a file by the newest cycle whose rows it may hold, so that a lost memory is still told by it."""
    newest = max((path.name[:9] for path in files if path.name.startswith("c")), default="c00000000")
    return f"{newest}-k{number:03d}.parquet"


def _as_table(batch: pa.RecordBatch, table: str) -> pa.Table:
    schema = TABLES[table]
    columns = [batch.column(field.name).cast(field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
