"""From ticks without end to pages, finished articles and rejects: polling over keyed state."""

from __future__ import annotations

import inspect
import logging
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol
from zlib import crc32

import apache_beam as beam
from apache_beam.coders import FastPrimitivesCoder
from apache_beam.metrics import Metrics
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.article import Article
from schemas.errors import UsageError
from schemas.feed_poll import FeedPoll
from schemas.fetch import Fetch
from schemas.instants import Instant
from schemas.page import Page
from schemas.reject import Reject
from transforms.functions.feed_index import FeedIndex
from transforms.functions.feed_poller import GO_ON, STOP, FeedPoller
from transforms.functions.http_hints import DAY, SECOND
from transforms.functions.poll_settings import PollSettings, World
from transforms.functions.redirects import host_of
from transforms.functions.urls import site_of

_logger = logging.getLogger(__name__)

DOCUMENTS, REJECTS, FETCHES, FEEDS = "documents", "rejects", "fetches", "feeds"
_TAGS: Final = {Page: DOCUMENTS, Article: DOCUMENTS, Reject: REJECTS, Fetch: FETCHES, FeedPoll: FEEDS}
_COUNTS: Final = ("inputs", "already_seen", "bytes_read", "feeds_polled", "not_modified", "items_new", "pages_fetched")

_CELLS: Final = 16
"""Bags that records of feeds, pages and hosts are spread over by their keys: a bag is read whole, so none is large."""

_DAYS: Final = 8
"""Days for which the items of feeds are remembered beyond what each feed's own record does (2,000 items): a feed that
shows an item again after a week shows it as one of its own known ones."""

Change = tuple[str, str | bytes, Mapping[str, Any] | None]
"""A table of the keeper, a key in it, and the row that is there now; None where it is gone."""


class KeyedFeeds(FeedIndex, Protocol):
    """A keeper of feeds that can be taken down as records, and made again from them."""

    def cycle(self) -> AbstractContextManager[object]:
        """Hold everything that is noted meanwhile, or, after an exception, nothing of it."""

    def changes(self) -> Iterator[Change]:
        """Yield what has changed since this was last asked."""

    def apply(self, changes: Iterable[Change]) -> None:
        """Note what another keeper has yielded; it is no change of this one's own."""

    def listed(self) -> Iterable[str]:
        """Return the addresses of the user's list, as it was the last time."""

    def records(self, keys: Iterable[tuple[str, str | bytes]]) -> Iterator[Change]:
        """Yield what is there now under (table, key)."""


class StreamOfFeeds(NamedTuple):
    """What a streaming poller needs beside its settings: functions that pickle by name."""

    open_keeper: Callable[[], KeyedFeeds]
    read_list: Callable[[], Sequence[str]]
    """Gives the addresses of all feeds; asked at each tick."""
    open_world: Callable[[], World]
    asked_to_stop: Callable[[], bool]


@dataclass
class PollFeedsStream(beam.PTransform):
    """Ticks -> tagged `pages`, `articles`, `rejects`, `fetches`, `feeds`, as `PollFeeds`, for a stream.

    At each tick all that is due is polled within the budget of `settings`, which has to be short, since an engine waits
    for it before a checkpoint. What it leaves over is due at the next tick. Ticks that come late, after a pause, are
    skipped. Feeds are spread over `shards` by site: a site's feeds and their pages are asked by one of them, politely;
    where feeds name pages of other sites, two shards may ask one host at a time.

    After a restart the state is that of the last checkpoint: what was polled since is polled again (its rows were not
    published), one gap between requests later.
    """

    given: StreamOfFeeds
    settings: PollSettings
    run_id: str
    seconds: float
    """Between two ticks."""
    shards: int = 1

    def expand(self, ticks: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Chain: a tick for each shard, poll."""
        poll = beam.ParDo(_PollShard(self)).with_outputs(DOCUMENTS, REJECTS, FETCHES, FEEDS)
        return (
            ticks
            | "TickShards" >> beam.FlatMap(_for_shards, self.shards).with_output_types(tuple[int, int])
            | "PollShard" >> poll
        )


def _for_shards(tick: int, shards: int) -> Iterator[tuple[int, int]]:
    return ((shard, tick) for shard in range(shards))


def shard_of_feed(url: str, shards: int) -> int:
    """Return the shard that polls a feed: the same for all of a site."""
    return crc32(site_of(host_of(url)).encode("utf-8", "surrogatepass")) % shards


class _Head(NamedTuple):
    """What is read and written at each tick beside the bags. It is read by position: new fields come last."""

    token: int = 0
    """Another one after each change: whoever holds a keeper for this token holds the current one."""
    entries: int = 0
    """Entries written so far: bags have no order, so each bears its number."""
    written: tuple[int, ...] = (0,) * _CELLS
    """Records in each bag, outdated ones with them."""
    days: tuple[int, ...] = (-1,) * _DAYS
    """The day whose items each bag holds, counted from 1970; -1 for none."""


class _Held(NamedTuple):
    """A keeper in this process's memory."""

    token: int
    keeper: KeyedFeeds
    keys: tuple[set[tuple[str, str | bytes]], ...]
    """What lies in each cell."""
    not_before: Instant


_HEAD: Final = ReadModifyWriteStateSpec("feeds_head", FastPrimitivesCoder())
_RECORDS: Final = [BagStateSpec(f"feeds_{cell:02d}", FastPrimitivesCoder()) for cell in range(_CELLS)]
_ITEMS: Final = [BagStateSpec(f"feed_items_{cell}", FastPrimitivesCoder()) for cell in range(_DAYS)]
_LATE: Final = 10 * SECOND
"""Ticks are never late before that: what an engine takes to hand one over (2 to 3 s on Flink; lab), with room."""
_OLDER: Final = 2
"""A bag is written anew when it holds so many times what is current."""
_FEW: Final = 256
"""Records that a bag may hold in any case."""

_held: dict[tuple[str, int], _Held] = {}
"""By run and shard, for all instances of the stage in this process."""


class _PollShard(beam.DoFn):
    def __init__(self, given: PollFeedsStream) -> None:
        self._given = given.given
        self._settings, self._run_id = given.settings, given.run_id
        self._microseconds_between = int(given.seconds * SECOND)
        self._shard_count = given.shards
        self._counters = {name: Metrics.counter(PollFeedsStream, name) for name in _COUNTS}
        self._rebuilt = Metrics.counter(PollFeedsStream, "rebuilt")
        self._skipped = Metrics.counter(PollFeedsStream, "ticks_skipped")

    def process(
        self, keyed: tuple[int, int], timestamp: Any, head_state: Any, *bags: Any
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        """Poll one shard; `process.__signature__` below tells Beam of the states."""
        world, (shard, _) = self._given.open_world(), keyed
        now = world.clock.now()
        if now - int(timestamp.micros) > max(2 * self._microseconds_between, _LATE):
            self._skipped.inc()
            return  # the engine makes up for ticks that it was too late for; the next one is on its way
        head = _Head(*(head_state.read() or ()))
        held = self._take_held(shard, head, bags, now)
        if now < held.not_before:
            _held[self._run_id, shard] = held
            return
        rows = self._poll(held.keeper, shard, now, world)
        written = _write(head, held, bags, now)
        head_state.write(tuple(written))
        if written.days == head.days:  # else the items of a day are forgotten, and the keeper is made anew
            _held[self._run_id, shard] = held._replace(token=written.token)
        for row in rows:
            yield beam.pvalue.TaggedOutput(_TAGS[type(row)], row)

    def _poll(self, keeper: KeyedFeeds, shard: int, now: Instant, world: World) -> Sequence[Any]:
        feeds = self._listed(keeper)
        feeds = [feed for feed in feeds if shard_of_feed(feed, self._shard_count) == shard]
        poller = FeedPoller(keeper, feeds, self._settings, world, self._asked_to_stop, self._run_id, now)
        with keeper.cycle():
            rows = poller.run()
        for name, counter in self._counters.items():
            counter.inc(poller.counts[name])
        return rows

    def _listed(self, keeper: KeyedFeeds) -> Iterable[str]:
        try:
            return self._given.read_list()
        except UsageError as error:  # mended while the feeds of before go on, also in a worker that was started anew
            before = keeper.listed()
            if not before:
                raise
            _logger.warning("%s; going on with the feeds of before", error)
            return before

    def _asked_to_stop(self) -> int:
        return STOP if self._given.asked_to_stop() else GO_ON

    def _take_held(self, shard: int, head: _Head, bags: Sequence[Any], now: Instant) -> _Held:
        # Taken out until it is whole again: an exception must not leave it behind half changed.
        held = _held.pop((self._run_id, shard), None)
        if held is None or held.token != head.token:
            self._rebuilt.inc()
            # What was asked after the state was last kept is not known any more.
            not_before = now + int(self._settings.host_gap * SECOND) if head.token else now
            held = _rebuilt(self._given.open_keeper(), head, bags)._replace(not_before=not_before)
        return held


def _rebuilt(keeper: KeyedFeeds, head: _Head, bags: Sequence[Any]) -> _Held:
    keys: tuple[set[tuple[str, str | bytes]], ...] = tuple(set() for _ in range(_CELLS))
    with keeper.cycle():
        for cell in range(_CELLS):
            for _, changes in sorted(bags[cell].read(), key=lambda entry: entry[0]):
                keeper.apply(changes)
                _note_keys(keys[cell], changes)
        for day, bag in zip(head.days, bags[_CELLS:], strict=True):
            for _, changes in bag.read() if day >= 0 else ():
                keeper.apply(changes)
    return _Held(head.token, keeper, keys, 0)


def _write(head: _Head, held: _Held, bags: Sequence[Any], now: Instant) -> _Head:
    """Write what a poll has changed; returns the new head."""
    cells: dict[int, list[Change]] = {}
    items: list[Change] = []
    for change in held.keeper.changes():
        if change[0] == "inputs":
            items.append(change)
        else:
            cells.setdefault(crc32(repr(change[:2]).encode()) % _CELLS, []).append(change)
    written = list(head.written)
    for cell, changes in cells.items():
        keys = held.keys[cell]
        _note_keys(keys, changes)
        if written[cell] + len(changes) > _OLDER * len(keys) + _FEW:
            bags[cell].clear()
            changes, written[cell] = list(held.keeper.records(sorted(keys, key=repr))), 0
        bags[cell].add((head.entries, tuple(changes)))
        written[cell] += len(changes)
    days, token = _write_items(head, items, bags[_CELLS:], int(now // (DAY * SECOND))), random.getrandbits(62)
    return _Head(token, head.entries + 1, tuple(written), days)


def _write_items(head: _Head, items: Sequence[Change], bags: Sequence[Any], day: int) -> tuple[int, ...]:
    cell = day % _DAYS
    if head.days[cell] != day:
        bags[cell].clear()
    if items:
        bags[cell].add((head.entries, tuple(items)))
    return tuple(day if number == cell else held for number, held in enumerate(head.days))


def _note_keys(keys: set[tuple[str, str | bytes]], changes: Iterable[Change]) -> None:
    for table, key, row in changes:
        if row is None:
            keys.discard((table, key))
        else:
            keys.add((table, key))


def _signature() -> inspect.Signature:
    """The signature by which Beam learns of the states: one for each bag cannot be written down as defaults."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    given = [("timestamp", beam.DoFn.TimestampParam), ("head_state", beam.DoFn.StateParam(_HEAD))]
    given += [(spec.name, beam.DoFn.StateParam(spec)) for spec in (*_RECORDS, *_ITEMS)]
    own = [inspect.Parameter(name, kind) for name in ("self", "keyed")]
    return inspect.Signature([*own, *(inspect.Parameter(name, kind, default=value) for name, value in given)])


_PollShard.process.__signature__ = _signature()  # type: ignore[attr-defined]
