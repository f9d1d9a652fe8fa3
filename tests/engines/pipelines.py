"""Small pipelines that lean on what newsbeam needs of an engine; their rows end in files, which workers write, too."""

from __future__ import annotations

import os
import pickle
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import apache_beam as beam
from apache_beam.coders import VarIntCoder, registry
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.printed_article import PrintedArticle

# Rows held in keyed state until a timer of event time, then grouped


def hold_and_group(pipeline: beam.Pipeline, rows: Iterable[PrintedArticle], start: int, folder: Path) -> None:
    """Rows -> by outlet into a bag of state -> at a timer, out again -> grouped by language -> files."""
    _ = (
        pipeline
        | "Rows" >> beam.Create(list(enumerate(rows)), reshuffle=False)
        | "Stamp" >> beam.Map(_stamped, start).with_output_types(PrintedArticle)
        | "ByOutlet" >> beam.Map(_by_outlet).with_output_types(tuple[str, PrintedArticle])
        | "Hold" >> beam.ParDo(_Hold()).with_output_types(tuple[str, PrintedArticle])
        | "ByLanguage" >> beam.GroupByKey()
        | "Keep" >> beam.ParDo(_Keep(str(folder)))
    )


def grouped(folder: Path) -> dict[str, list[PrintedArticle]]:
    """Return what `hold_and_group` wrote: rows by language, in the order of their ids."""
    found: dict[str, list[PrintedArticle]] = defaultdict(list)
    for path in folder.iterdir():
        language, rows = pickle.loads(path.read_bytes())  # noqa: S301  (written below)
        found[language] += rows
    return {language: sorted(rows, key=lambda row: row.article.article_id) for language, rows in found.items()}


def _stamped(numbered: tuple[int, PrintedArticle], start: int) -> TimestampedValue:
    number, row = numbered
    return TimestampedValue(row, start + number)


def _by_outlet(row: PrintedArticle) -> tuple[str, PrintedArticle]:
    return row.article.source_domain, row


class _Hold(beam.DoFn):
    ROWS = BagStateSpec("rows", registry.get_coder(PrintedArticle))
    DUE = TimerSpec("due", TimeDomain.WATERMARK)

    def process(
        self,
        keyed: tuple[str, PrintedArticle],
        stamp: Timestamp = beam.DoFn.TimestampParam,
        rows: Any = beam.DoFn.StateParam(ROWS),
        due: Any = beam.DoFn.TimerParam(DUE),
    ) -> None:
        rows.add(keyed[1])
        due.set(stamp + 60)

    @on_timer(DUE)
    def let_go(self, rows: Any = beam.DoFn.StateParam(ROWS)) -> Iterator[tuple[str, PrintedArticle]]:
        for row in rows.read():
            yield row.article.in_language, row
        rows.clear()


class _Keep(beam.DoFn):
    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(self, group: tuple[str, Iterable[PrintedArticle]]) -> None:
        Path(self._folder, uuid4().hex).write_bytes(pickle.dumps((group[0], list(group[1]))))


# A stream that counts itself


class Count(NamedTuple):
    """What a worker saw: the tick's number, and how many ticks its key had had by then."""

    key: str
    tick: int
    count: int
    worker: int


SECONDS_BETWEEN_TICKS = 0.25


def count_ticks(pipeline: beam.Pipeline, start: float, folder: Path) -> None:
    """Ticks from `start` on, for ever -> to two keys each -> counted in keyed state -> lines of a file a worker."""
    _ = (
        pipeline
        | "Ticks" >> PeriodicImpulse(start_timestamp=Timestamp(start), fire_interval=SECONDS_BETWEEN_TICKS)
        | "ToKeys" >> beam.FlatMap(_to_keys, start).with_output_types(tuple[str, int])
        | "Count" >> beam.ParDo(_Count(str(folder)))
    )


def counts(folder: Path) -> list[Count]:
    """Return the lines so far."""
    lines = [line.split() for path in folder.iterdir() for line in path.read_text().splitlines(keepends=True)
             if line.endswith("\n")]  # fmt: skip
    return [Count(key, int(tick), int(count), int(worker)) for key, tick, count, worker in lines]


def _to_keys(tick: Any, start: float) -> Iterator[tuple[str, int]]:
    number = round((float(tick) - start) / SECONDS_BETWEEN_TICKS)
    yield "a", number
    yield "b", number


class _Count(beam.DoFn):
    SO_FAR = ReadModifyWriteStateSpec("so_far", VarIntCoder())

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(self, keyed: tuple[str, int], so_far: Any = beam.DoFn.StateParam(SO_FAR)) -> None:
        count = (so_far.read() or 0) + 1
        so_far.write(count)
        with Path(self._folder, str(os.getpid())).open("a") as file:
            file.write(f"{keyed[0]} {keyed[1]} {count} {os.getpid()}\n")


# A failure that no restart mends


def fail_always(pipeline: beam.Pipeline) -> None:
    """One element -> an exception."""
    _ = pipeline | beam.Create([1], reshuffle=False) | beam.Map(_fail)


def _fail(element: int) -> int:
    raise ValueError(f"{element}: on purpose")
