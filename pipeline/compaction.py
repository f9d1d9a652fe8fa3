"""Many small files of closed days into few: same rows, sorted, exchanged a day of a table at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, NamedTuple

import duckdb
import pyarrow as pa

from pipeline.lake import Lake
from pipeline.memory import Memory
from pipeline.partitions import Partition, clear_rewriting, forget_files, partitions_of, replace_files
from pipeline.sorted_files import TARGET_BYTES, fingerprint, sorting, write_sorted
from schemas.errors import LakeError

_SMALL_SHARE: Final = 0.5
"""A file of less than this share of the target is small. A day is rewritten where it has two of them: what compaction
has written has one at most, its last, so that it is left alone from then on."""


class Compacted(NamedTuple):
    """One day of one table, before and after; after a dry run both are as they are."""

    table: str
    day: date
    rows: int
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int


def today() -> date:
    """Return the day that is not closed yet, in UTC."""
    return datetime.now(UTC).date()


def partitions_to_compact(lake: Lake, before: date, target_bytes: int = TARGET_BYTES) -> Iterator[Partition]:
    """Yield the days before one that have more small files than they need."""
    for partition in partitions_of(lake):
        sizes = [path.stat().st_size for path in partition.files()]
        if partition.day < before and sum(size < _SMALL_SHARE * target_bytes for size in sizes) > 1:
            yield partition


def compact(
    lake: Lake, memory: Memory, before: date, target_bytes: int = TARGET_BYTES, *, dry_run: bool = False
) -> Iterator[Compacted]:
    """Compact the days before one; yields each when it is done. The lake's lock must be held.

    Raises:
        LakeError: what was written does not read back as the same rows (the day stays as it was then), or the disk or
            the file system failed.
    """
    if not dry_run:
        clear_rewriting(lake)
    try:
        for partition in list(partitions_to_compact(lake, before, target_bytes)):
            yield _measured(partition) if dry_run else _compact_partition(lake, partition, target_bytes)
        if not dry_run:
            forget_files(lake, memory)
    except (duckdb.Error, pa.ArrowException) as error:
        raise LakeError(f"{lake.root} could not be rewritten; nothing is lost: {error}") from error


def _compact_partition(lake: Lake, partition: Partition, target_bytes: int) -> Compacted:
    files = partition.files()
    measured = _measured(partition)
    with sorting(lake) as connection:
        before = fingerprint(connection, partition.table, files)

        def write(folder: Path) -> None:
            write_sorted(connection, partition.table, files, folder, target_bytes=target_bytes)
            after = fingerprint(connection, partition.table, sorted(folder.glob("*.parquet")))
            if after != before:
                raise LakeError(
                    f"{partition.folder}: {before.rows:,} rows became {after.rows:,} others. The day stays as it was. "
                    "This is a fault in newsbeam or in the disk: please report it"
                )

        replace_files(lake, partition, write)
    now = _measured(partition)
    return measured._replace(rows=before.rows, files_after=now.files_after, bytes_after=now.bytes_after)


def _measured(partition: Partition) -> Compacted:
    sizes = [path.stat().st_size for path in partition.files()]
    count, stored = len(sizes), sum(sizes)
    return Compacted(partition.table, partition.day, 0, count, count, stored, stored)
