"""Rows of one table to Parquet files in its partitions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.alias import Alias
from schemas.copy import Copy
from schemas.feed_poll import FeedPoll
from schemas.fetch import Fetch
from schemas.reject import Reject
from schemas.tagged_article import TaggedArticle
from schemas.written_file import WrittenFile
from transforms.functions.parquet_rows import encode_by_day, flat_row, shard_of
from transforms.lake_files import write_file

ROW_TYPES: Final = {
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
    """Rows of one table -> WrittenFile, one for each file written below `folder`, for a bounded run.

    A batch of rows becomes one file a partition. The name says who wrote it and which number it has
    (`<writer>-<shard>.parquet`), never what is in it: a batch that is done again replaces itself. Whoever builds the
    graph makes the files visible, once everything that belongs to them is safe.
    """

    table: str
    folder: str
    writer: str
    """Name of the cycle or run, which no other one has."""
    shards: int = 1

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """Chain: spread over shards, group, write."""
        row_type = ROW_TYPES[self.table]
        return (
            rows
            | "KeyByShard" >> beam.Map(_by_shard, self.table, self.shards).with_output_types(tuple[int, row_type])  # type: ignore[valid-type]
            | "GroupShard" >> beam.GroupByKey()
            | "WriteFiles"
            >> beam.ParDo(_WriteFiles(self.table, self.folder, self.writer)).with_output_types(WrittenFile)
        )


def _by_shard(row: _Row, table: str, shards: int) -> tuple[int, _Row]:
    return 0 if shards == 1 else shard_of(table, flat_row(row), shards), row


class _WriteFiles(beam.DoFn):
    def __init__(self, table: str, folder: str, writer: str) -> None:
        self._table = table
        self._folder = folder
        self._writer = writer
        self._microseconds = Metrics.counter(WriteTable, "microseconds")

    def process(self, group: tuple[int, Iterable[_Row]]) -> Iterator[WrittenFile]:
        started = time.perf_counter()
        shard, rows = group
        files = []
        for file in encode_by_day(self._table, map(flat_row, rows), f"{self._writer}-{shard:03d}.parquet"):
            write_file(FileSystems.join(self._folder, file.path), file.content)
            files.append(WrittenFile(self._table, file.path, file.rows, len(file.content)))
        self._microseconds.inc(int((time.perf_counter() - started) * 1e6))
        yield from files
