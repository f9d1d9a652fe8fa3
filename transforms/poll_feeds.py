"""From feeds that are due to pages, finished articles and rejects, with a row for each request and each poll."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.metrics import Metrics

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.article import Article
from schemas.feed_poll import FeedPoll
from schemas.fetch import Fetch
from schemas.instants import Instant
from schemas.page import Page
from schemas.reject import Reject
from transforms.functions.feed_index import FeedIndex
from transforms.functions.feed_poller import FeedPoller
from transforms.functions.poll_settings import PollSettings, World

DOCUMENTS, REJECTS, FETCHES, FEEDS = "documents", "rejects", "fetches", "feeds"
_TAGS = {Page: DOCUMENTS, Article: DOCUMENTS, Reject: REJECTS, Fetch: FETCHES, FeedPoll: FEEDS}
_COUNTS = ("inputs", "already_seen", "bytes_read", "feeds_polled", "not_modified", "items_new", "pages_fetched", "cut")


@dataclass
class PollFeeds(beam.PTransform):
    """One tick -> tagged `documents` (Page or Article), `rejects` (Reject), `fetches` (Fetch), `feeds` (FeedPoll).

    Polls all that is due, politely, and waits for it, within the time budget of `settings`. All of it is in memory
    before the first row goes on, so a cycle ends early where it is full, and the rest stays due.
    """

    open_feeds: Callable[[], FeedIndex]
    listed: Sequence[str]
    open_world: Callable[[], World]
    asked_to_stop: Callable[[], int]
    settings: PollSettings
    run_id: str
    read_at: Instant
    """When the rows are said to have been first seen."""

    def expand(self, ticks: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Chain the one step."""
        return ticks | "Poll" >> beam.ParDo(_Poll(self)).with_outputs(DOCUMENTS, REJECTS, FETCHES, FEEDS)


class _Poll(beam.DoFn):
    def __init__(self, given: PollFeeds) -> None:
        self._open_feeds = given.open_feeds
        self._listed = given.listed
        self._open_world = given.open_world
        self._asked_to_stop = given.asked_to_stop
        self._settings = given.settings
        self._run_id = given.run_id
        self._read_at = given.read_at
        self._counters = {name: Metrics.counter(PollFeeds, name) for name in _COUNTS}
        self._microseconds = Metrics.counter(PollFeeds, "microseconds")

    def process(self, tick: object) -> Iterator[beam.pvalue.TaggedOutput]:
        started = time.perf_counter()
        poller = FeedPoller(
            self._open_feeds(),
            self._listed,
            self._settings,
            self._open_world(),
            self._asked_to_stop,
            self._run_id,
            self._read_at,
        )
        rows = poller.run()
        for name, counter in self._counters.items():
            counter.inc(poller.counts[name])
        self._microseconds.inc(int((time.perf_counter() - started) * 1e6))
        rows.reverse()
        while rows:  # a page's body is let go of as soon as it is passed on
            row = rows.pop()
            yield beam.pvalue.TaggedOutput(_TAGS[type(row)], row)
