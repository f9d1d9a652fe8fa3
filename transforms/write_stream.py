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

    Rows are collected by shard into batches, numbered in keyed state; a batch ends after `seconds`, or when it is
    full. Its files are named by what the state says (`<writer>-<shard>-<number>.parquet`), written under the private
    folder, and moved to readers when the engine has made the state durable that counts the batch as done (a bundle
    finalizer: Flink calls it after the checkpoint, and not always the right one: see `BatchFiles.told`). An engine
    that goes back to an older state takes the number back with it; so whoever meets a shard for the first time, or
    with another number than it left it with, settles what lies there: batches below the number are published with the
    next that is durable, the others deleted; their rows come again. (Windows in front of a sink lost rows here, files
    named by content or time doubled them: `docs/decisions/0012`.) Two attempts at once, of which one hangs for longer
    than the engine waits, can still take each other's files.

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
_TELL: Final = TimerSpec("tell_of_rows", TimeDomain.REAL_TIME)
_END: Final = TimerSpec("end_of_rows", TimeDomain.WATERMARK)

_SECONDS_BETWEEN_LOOKS: Final = 2.0
"""While files wait to be published; a checkpoint is taken every 10 s."""


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
        tell: Any = beam.DoFn.TimerParam(_TELL),
        end: Any = beam.DoFn.TimerParam(_END),
    ) -> Iterator[Batch]:
        shard, row = keyed
        head = self._settled(shard, head_state)
        if not head.rows:
            flush.set(Timestamp.now() + self._seconds)
            end.set(GlobalWindow().max_timestamp())
        rows.add(row)
        head = head._replace(rows=head.rows + 1, stored_bytes=head.stored_bytes + _size(row))
        if head.rows >= MOST_ROWS or head.stored_bytes >= MOST_BYTES:
            yield from self._batch(head, rows, head_state, tell)
        else:
            head_state.write(tuple(head))

    @on_timer(_FLUSH)  # type: ignore[untyped-decorator]  # Beam ships no types
    def flush(
        self,
        shard: Any = beam.DoFn.KeyParam,
        rows: Any = beam.DoFn.StateParam(_ROWS),
        head_state: Any = beam.DoFn.StateParam(_HEAD),
        tell: Any = beam.DoFn.TimerParam(_TELL),
    ) -> Iterator[Batch]:
        """End the batch: its time is up."""
        yield from self._rest(shard, rows, head_state, tell)

    @on_timer(_TELL)  # type: ignore[untyped-decorator]
    def tell(
        self,
        shard: Any = beam.DoFn.KeyParam,
        head_state: Any = beam.DoFn.StateParam(_HEAD),
        tell: Any = beam.DoFn.TimerParam(_TELL),
    ) -> Iterator[Batch]:
        """While files wait to be published, have the engine tell what is durable, by an empty batch.

        They are this process's, or an earlier one has left them, or they could not be moved when it was time.
        """
        head = self._settled(shard, head_state)
        if self._files.is_waiting(head.series):
            yield Batch(head.series, head.number - 1, [])
            tell.set(Timestamp.now() + _SECONDS_BETWEEN_LOOKS)

    @on_timer(_END)  # type: ignore[untyped-decorator]
    def finish(
        self,
        shard: Any = beam.DoFn.KeyParam,
        rows: Any = beam.DoFn.StateParam(_ROWS),
        head_state: Any = beam.DoFn.StateParam(_HEAD),
        tell: Any = beam.DoFn.TimerParam(_TELL),
    ) -> Iterator[Batch]:
        """End the last batch: the stream has come to its end, or is drained."""
        yield from self._rest(shard, rows, head_state, tell)

    def _rest(self, shard: int, rows: Any, head_state: Any, tell: Any) -> Iterator[Batch]:
        head = self._settled(shard, head_state)
        if head.rows:
            yield from self._batch(head, rows, head_state, tell)

    def _settled(self, shard: int, head_state: Any) -> _Head:
        known = head_state.read()
        head = _Head(*known) if known else _Head(f"{self._run_id}-{shard:03d}")
        number = self._files.settle(head.series, head.number)
        if number != head.number:
            head = head._replace(number=number)
            head_state.write(tuple(head))
        return head

    def _batch(self, head: _Head, rows: Any, head_state: Any, tell: Any) -> Iterator[Batch]:
        tell.set(Timestamp.now() + _SECONDS_BETWEEN_LOOKS)
        batch = Batch(head.series, head.number, list(rows.read()))
        rows.clear()
        head_state.write(tuple(_Head(head.series, head.number + 1)))
        yield batch


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
        if self._at_once:
            self._files.publish(batch.series, batch.number)
        else:
            told_before = self._files.told(batch.series)
            finalizer.register(partial(self._files.hear, batch.series, batch.number, told_before))
