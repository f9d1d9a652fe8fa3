"""From an unbounded stream of articles to articles, copies and aliases: the duplicate decision over keyed state."""

from __future__ import annotations

import inspect
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import apache_beam as beam
from apache_beam.coders import FastPrimitivesCoder
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.utils.timestamp import Timestamp

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.alias import Alias
from schemas.instants import Instant
from schemas.printed_article import PrintedArticle
from transforms.functions.dictionary_index import DictionaryIndex
from transforms.functions.duplicate_index import WINDOW
from transforms.functions.duplicates import ALIASES, ARTICLES, COPIES, TAGS, Decider
from transforms.functions.journal import from_plain, to_plain

_HOUR: Final = 3600
_HOURS_KEPT: Final = WINDOW // (_HOUR * 1_000_000) + 1
_CELLS: Final = _HOURS_KEPT + 2
"""Bags of the ring, one an hour: enough that the hour that is written never meets one that is still needed. Not one bag
for all: reading one of 300 MB cost 1.5 GB on Flink (lab)."""


def wall_clock() -> Instant:
    """Return the time now."""
    return time.time_ns() // 1000


@dataclass
class DeduplicateStream(beam.PTransform):
    """PrintedArticle -> tagged `articles` (Article), `copies` (Copy) and `aliases` (Alias), for a stream.

    As `Deduplicate`, but each article is decided when it comes, and all that is remembered is keyed state: one serial
    stage a language. It is remembered for 72 hours of the elements' timestamps (the time of fetching), pages and texts
    too: a page that is delivered again later than that is new. Rows keep their article's timestamp. Wants the global
    window: windows would drop late rows in front of the sink.
    """

    run_id: str
    clock: Callable[[], Instant] = wall_clock
    """The time that aliases bear."""

    def expand(self, articles: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Chain: key by language, decide."""
        decide = beam.ParDo(_DecideOnArrival(self.run_id, self.clock))
        return (
            articles
            | "KeyByLanguage" >> beam.Map(_by_language).with_output_types(tuple[str, PrintedArticle])
            | "DecideOnArrival" >> decide.with_outputs(ARTICLES, COPIES, ALIASES)
        )


def _by_language(arrival: PrintedArticle) -> tuple[str, PrintedArticle]:
    # A record may bring any text as its language; codes have two or three letters.
    language = arrival.article.in_language or ""
    return language if 2 <= len(language) <= 3 else "und", arrival


class _Head(NamedTuple):
    """What is read and written for each article beside the ring."""

    token: int = 0
    """Another one after each change: whoever holds an index for this token holds the current one."""
    records: int = 0
    """Records written so far: bags have no order, so each record bears its number."""
    hours: tuple[int, ...] = (-1,) * _CELLS
    """The hour that each cell of the ring holds, counted from 1970; -1 for none."""


_JOURNAL: Final = [BagStateSpec(f"duplicates_{cell:02d}", FastPrimitivesCoder()) for cell in range(_CELLS)]
_HEAD: Final = ReadModifyWriteStateSpec("duplicates_head", FastPrimitivesCoder())
_FORGET: Final = TimerSpec("forget_duplicates", TimeDomain.WATERMARK)

_held: dict[str, tuple[int, DictionaryIndex, list[Any]]] = {}
"""By language: the token, the index that it stands for, and where the index records its changes. Of this process, since
several instances of a DoFn share one and a key may go from one to another; the token tells whether it is current."""


class _DecideOnArrival(beam.DoFn):
    """Holds the index of a language in memory, and its journal in a ring of bags, one an hour.

    After a failed bundle or a restart the state has another token than the index held, which is then rebuilt.
    """

    def __init__(self, run_id: str, clock: Callable[[], Instant]) -> None:
        self._run_id = run_id
        self._clock = clock
        self._already_seen = Metrics.counter(DeduplicateStream, "already_seen")
        self._rebuilt = Metrics.counter(DeduplicateStream, "rebuilt")
        self._corrected = Metrics.counter(DeduplicateStream, "corrected")

    def process(
        self, keyed: tuple[str, PrintedArticle], timestamp: Any, head_state: Any, timer: Any, *cells: Any
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        """Decide one article; `process.__signature__` below tells Beam of the states."""
        language, arrival = keyed
        head = _Head(*(head_state.read() or ()))
        index, journal = self._index(language, head, cells)
        rows = list(Decider(index, self._clock(), self._run_id).decide_all([arrival]))
        if journal:
            head_state.write(tuple(self._write(language, head, index, journal, _hour_of(timestamp), timer, cells)))
        else:
            _held[language] = head.token, index, journal
        for row in rows:
            if row is None:
                self._already_seen.inc()
            else:
                self._corrected.inc(isinstance(row, Alias))
                yield beam.pvalue.TaggedOutput(TAGS[type(row)], row)

    @on_timer(_FORGET)  # type: ignore[untyped-decorator]  # Beam ships no types
    def forget(self, timestamp: Any, head_state: Any, timer: Any, **cells: Any) -> None:
        """Clear the cells whose hour nothing to come can be compared with, and wait for the next one."""
        head = _Head(*(head_state.read() or ()))
        now = _hour_of(timestamp)
        for cell, hour in enumerate(head.hours):
            if 0 <= hour <= now - _HOURS_KEPT:
                cells[_cell_name(cell)].clear()
        kept = tuple(hour if hour > now - _HOURS_KEPT else -1 for hour in head.hours)
        head_state.write(tuple(head._replace(token=_new_token(), hours=kept)))
        _wait_for_the_oldest(kept, timer)

    def _index(self, language: str, head: _Head, cells: Sequence[Any]) -> tuple[DictionaryIndex, list[Any]]:
        # Taken out until it is whole again: an exception in a decision must not leave it behind half changed.
        token, index, journal = _held.pop(language, (None, None, None))
        if index is None or journal is None or not _is_current(token, head):
            self._rebuilt.inc()
            index, journal = _rebuilt(cells, head)
        journal.clear()
        return index, journal

    def _write(
        self, language: str, head: _Head, index: DictionaryIndex, journal: list[Any], hour: int, timer: Any, cells: Any
    ) -> _Head:
        """Write the journal to the cell of the newest hour; returns the new head."""
        # Never to an older cell: what a late article joins must not be forgotten before the texts that it joined. (So
        # an element from the future has all that follow written to its cell until its time comes; nothing is lost.)
        hour = max(hour, *head.hours)
        cell = hour % _CELLS
        if head.hours[cell] not in (-1, hour):
            cells[cell].clear()
        cells[cell].add((head.records, tuple(map(to_plain, journal))))
        hours = tuple(hour if number == cell else held for number, held in enumerate(head.hours))
        if max(head.hours) < 0:
            _wait_for_the_oldest(hours, timer)
        written = _Head(_new_token(), head.records + 1, hours)
        _held[language] = written.token, index, journal
        return written


def _is_current(token: int | None, head: _Head) -> bool:
    return token == head.token


def _cell_name(cell: int) -> str:
    return f"cell_{cell:02d}"


def _signature(*parameters: Any) -> inspect.Signature:
    """The signature by which Beam learns of the states: one for each cell cannot be written down as defaults."""
    given = [("head_state", beam.DoFn.StateParam(_HEAD)), ("timer", beam.DoFn.TimerParam(_FORGET))]
    given += [(_cell_name(number), beam.DoFn.StateParam(spec)) for number, spec in enumerate(_JOURNAL)]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    own = [inspect.Parameter(name, kind) for name in parameters]
    stamp = inspect.Parameter("timestamp", kind, default=beam.DoFn.TimestampParam)
    return inspect.Signature([*own, stamp, *(inspect.Parameter(name, kind, default=value) for name, value in given)])


_DecideOnArrival.process.__signature__ = _signature("self", "keyed")  # type: ignore[attr-defined]
_DecideOnArrival.forget.__signature__ = _signature("self")


def _rebuilt(cells: Sequence[Any], head: _Head) -> tuple[DictionaryIndex, list[Any]]:
    records = sorted(
        (record for cell, hour in zip(cells, head.hours, strict=True) if hour >= 0 for record in cell.read()),
        key=lambda record: record[0],
    )
    journal: list[Any] = []
    index = DictionaryIndex(journal.append)
    for _, changes in records:
        for change in changes:
            index.apply(from_plain(change))
        index.finish()
    return index, journal


def _wait_for_the_oldest(hours: Sequence[int], timer: Any) -> None:
    """Set the one timer; not for each article, which would push it ahead for ever."""
    filled = [hour for hour in hours if hour >= 0]
    if filled:
        timer.set(Timestamp((min(filled) + _HOURS_KEPT) * _HOUR))


def _hour_of(timestamp: Any) -> int:
    return max(0, int(timestamp.micros) // (_HOUR * 1_000_000))


def _new_token() -> int:
    return random.getrandbits(62)
