"""Rows of one table to Parquet files in its partitions."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.alias import Alias
from schemas.copy import Copy
from schemas.errors import LakeError
from schemas.feed_poll import FeedPoll
from schemas.fetch import Fetch
from schemas.reject import Reject
from schemas.tagged_article import TaggedArticle
from schemas.written_file import WrittenFile
from transforms.functions.parquet_rows import flat_row, partition_of, partition_path, to_parquet

ROW_TYPES = {
    "articles": TaggedArticle,
    "copies": Copy,
    "rejects": Reject,
    "aliases": Alias,
    "fetches": Fetch,
    "feeds": FeedPoll,
}
_Row: TypeAlias = TaggedArticle | Copy | Reject | Alias | Fetch | FeedPoll


@dataclass
class WriteTable(beam.PTransform):
    """Rows of one table -> WrittenFile, one for each file written below `folder`.

    A batch of rows becomes one file a partition. The name says who wrote it and which number it has
    (`c<cycle>-<shard>.parquet`), never what is in it: a batch that is done again replaces itself. Whoever runs the
    graph makes the files visible, once everything that belongs to them is safe.
    """

    table: str
    folder: str
    cycle: int
    shards: int = 1

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """Chain: spread over shards, group, write."""
        row_type = ROW_TYPES[self.table]
        return (
            rows
            | "KeyByShard" >> beam.Map(_by_shard, self.shards).with_output_types(tuple[int, row_type])  # type: ignore[valid-type]
            | "GroupShard" >> beam.GroupByKey()
            | "WriteFiles"
            >> beam.ParDo(_WriteFiles(self.table, self.folder, self.cycle)).with_output_types(WrittenFile)
        )


def _by_shard(row: _Row, shards: int) -> tuple[int, _Row]:
    if shards == 1:
        return 0, row
    return int(hashlib.sha256(_identifier(row).encode()).hexdigest()[:8], 16) % shards, row


def _identifier(row: _Row) -> str:
    match row:
        case TaggedArticle():
            return row.article.article_id
        case Copy():
            return row.copy_id
        case Reject():
            return row.reject_id
        case Alias():
            return row.old_id
        case Fetch():
            return row.fetch_id
        case FeedPoll():
            return row.feed_url


class _WriteFiles(beam.DoFn):
    def __init__(self, table: str, folder: str, cycle: int) -> None:
        self._table = table
        self._folder = folder
        self._cycle = cycle
        self._microseconds = Metrics.counter(WriteTable, "microseconds")

    def process(self, group: tuple[int, Iterable[_Row]]) -> Iterator[WrittenFile]:
        started = time.perf_counter()
        shard, rows = group
        day_of = partition_of(self._table)
        days: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
        for row in map(flat_row, rows):
            days[day_of(row)].append(row)
        files = [self._write(day, shard, days[day]) for day in sorted(days)]
        self._microseconds.inc(int((time.perf_counter() - started) * 1e6))
        yield from files

    def _write(self, day: Any, shard: int, rows: list[Mapping[str, Any]]) -> WrittenFile:
        path = partition_path(self._table, day, f"c{self._cycle:08d}-{shard:03d}.parquet")
        encoded = to_parquet(self._table, rows)
        write_file(FileSystems.join(self._folder, path), encoded)
        return WrittenFile(self._table, path, len(rows), len(encoded))


def write_file(path: str, content: bytes) -> None:
    """Write a whole file on any Beam file system, making the folders above it.

    Raises:
        LakeError: it cannot be written.
    """
    folder = FileSystems.split(path)[0]
    try:
        if not FileSystems.exists(folder):
            FileSystems.mkdirs(folder)
        with FileSystems.create(path, "application/octet-stream", CompressionTypes.UNCOMPRESSED) as file:
            file.write(content)
    except OSError as error:
        raise LakeError(f"{path} cannot be written: {error}. Nothing of this cycle was kept; run again.") from error
