"""Rows of one table from an unbounded stream to Parquet files, each row in exactly one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

import apache_beam as beam
from apache_beam.coders import FastPrimitivesCoder
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import Timestamp

from transforms.batch_files import Batch, FlatRow, batch_files
from transforms.functions.parquet_rows import flat_row, shard_of
from transforms.lake_files import check_claim

MOST_ROWS: Final = 2_000
MOST_BYTES: Final = 16_000_000
"""A batch ends at either: what a local cycle holds (`pipeline.input_plan`), so files are of the same size."""


@dataclass
class WriteStream(beam.PTransform):
    """Rows of one table -> files in the lake at `root`, for an unbounded run; returns nothing.

    Rows are collected by shard into batches, numbered in keyed state; a batch ends after `seconds`, or when it is full.
    Its files are named by what the state says (`<writer>-<shard>-<number>.parquet`), written under the private folder,
    and moved to readers when the engine has made the state durable that counts the batch as done (a bundle finalizer:
    Flink calls it after the checkpoint). An engine that goes back to an older state takes the number back with it; so
    whoever meets a shard for the first time, or with another number than it left it with, settles what lies there:
    batches below the number are published with the next that is durable, the others deleted; their rows come again.
    (Windows in front of a sink lost rows here, files named by content or time doubled them: `docs/decisions/0012`.)
    Two attempts at once, of which one hangs for longer than the engine waits, can still take each other's files.

    `publish_at_once` is for engines that call no finalizer: a row is seen at once, and again after a failure.
    """

    table: str
    root: str
    run_id: str
    seconds: float
    shards: int = 1
    publish_at_once: bool = False
    claim: str = ""
    """File of the lake (path inside it) that names the one run which may write it; empty where there is none."""

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """Chain: spread over shards, collect, write."""
        return (
            rows
            | "KeyByShard" >> beam.Map(_by_shard, self.table, self.shards).with_output_types(tuple[int, dict[str, Any]])
            | "BufferRows" >> beam.ParDo(_BufferRows(self)).with_output_types(Batch)
            | "WriteBatch" >> beam.ParDo(_WriteBatch(self))
        )


def _by_shard(row: Any, table: str, shards: int) -> tuple[int, FlatRow]:
    flat = dict(flat_row(row))
    return shard_of(table, flat, shards), flat


class _Head(NamedTuple):
    """What the state says of a shard, beside the rows. It is read by position: new fields come last."""

    series: str
    number: int = 0
    """Of the next batch. All before it are done, as far as the state is concerned."""
    rows: int = 0
    stored_bytes: int = 0


_ROWS: Final = BagStateSpec("rows", FastPrimitivesCoder())
_HEAD: Final = ReadModifyWriteStateSpec("head", FastPrimitivesCoder())
_FLUSH: Final = TimerSpec("flush_rows", TimeDomain.REAL_TIME)
_END: Final = TimerSpec("end_of_rows", TimeDomain.WATERMARK)


class _BufferRows(beam.DoFn):
    def __init__(self, given: WriteStream) -> None:
        self._table, self._root, self._run_id, self._seconds = given.table, given.root, given.run_id, given.seconds
        self._claim = given.claim

    def setup(self) -> None:
        if self._claim:
            check_claim(self._root, self._claim, self._run_id)
        self._files = batch_files(self._table, self._root)

    def process(
        self,
        keyed: tuple[int, FlatRow],
        rows: Any = beam.DoFn.StateParam(_ROWS),
        head_state: Any = beam.DoFn.StateParam(_HEAD),
        flush: Any = beam.DoFn.TimerParam(_FLUSH),
        end: Any = beam.DoFn.TimerParam(_END),
    ) -> Iterator[Batch]:
        shard, row = keyed
        head = self._settled(shard, head_state)
        if not head.rows:
            self._set_alarm(flush)
            end.set(GlobalWindow().max_timestamp())
        rows.add(row)
        head = head._replace(rows=head.rows + 1, stored_bytes=head.stored_bytes + _size(row))
        if head.rows >= MOST_ROWS or head.stored_bytes >= MOST_BYTES:
            yield from self._batch(head, rows, head_state)
        else:
            head_state.write(tuple(head))

    @on_timer(_FLUSH)  # type: ignore[untyped-decorator]  # Beam ships no types
    def flush(
        self,
        shard: Any = beam.DoFn.KeyParam,
        rows: Any = beam.DoFn.StateParam(_ROWS),
        head_state: Any = beam.DoFn.StateParam(_HEAD),
        flush: Any = beam.DoFn.TimerParam(_FLUSH),
    ) -> Iterator[Batch]:
        """End the batch; and look again later while files wait to be published.

        For those that an earlier process has left, or that could not be moved when it was time, an empty batch has the
        engine tell once more what is durable.
        """
        head = self._settled(shard, head_state)
        if head.rows:
            yield from self._batch(head, rows, head_state)
        elif self._files.is_waiting(head.series):
            yield Batch(head.series, head.number - 1, [])
        if head.rows or self._files.is_waiting(head.series):
            self._set_alarm(flush)

    @on_timer(_END)  # type: ignore[untyped-decorator]
    def finish(
        self,
        shard: Any = beam.DoFn.KeyParam,
        rows: Any = beam.DoFn.StateParam(_ROWS),
        head_state: Any = beam.DoFn.StateParam(_HEAD),
    ) -> Iterator[Batch]:
        """End the last batch: the stream has come to its end, or is drained."""
        head = self._settled(shard, head_state)
        if head.rows:
            yield from self._batch(head, rows, head_state)

    def _settled(self, shard: int, head_state: Any) -> _Head:
        known = head_state.read()
        head = _Head(*known) if known else _Head(f"{self._run_id}-{shard:03d}")
        number = self._files.settle(head.series, head.number)
        if number != head.number:
            head = head._replace(number=number)
            head_state.write(tuple(head))
        return head

    def _batch(self, head: _Head, rows: Any, head_state: Any) -> Iterator[Batch]:
        batch = Batch(head.series, head.number, list(rows.read()))
        rows.clear()
        head_state.write(tuple(_Head(head.series, head.number + 1)))
        yield batch

    def _set_alarm(self, timer: Any) -> None:
        timer.set(Timestamp.now() + self._seconds)


def _size(row: FlatRow) -> int:
    return sum(len(value) for value in row.values() if isinstance(value, str | bytes))


class _WriteBatch(beam.DoFn):
    def __init__(self, given: WriteStream) -> None:
        self._table, self._root, self._at_once = given.table, given.root, given.publish_at_once
        self._rows = Metrics.counter(WriteStream, given.table)

    def setup(self) -> None:
        self._files = batch_files(self._table, self._root)

    def process(self, batch: Batch, finalizer: Any = beam.DoFn.BundleFinalizerParam) -> None:
        if batch.rows:
            self._files.write(batch)
        self._rows.inc(len(batch.rows))
        publish = partial(self._files.publish, batch.series, batch.number)
        if self._at_once:
            publish()
        else:
            finalizer.register(publish)
