"""From articles to articles, copies and aliases: what was published before is folded into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.metrics import Metrics

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.alias import Alias
from schemas.instants import Instant
from schemas.printed_article import PrintedArticle
from transforms.clocks import timed
from transforms.functions.duplicate_index import DuplicateIndex
from transforms.functions.duplicates import ALIASES, ARTICLES, COPIES, TAGS, Decider


@dataclass
class Deduplicate(beam.PTransform):
    """PrintedArticle -> tagged `articles` (Article), `copies` (Copy) and `aliases` (Alias), for a bounded run.

    Each gives one row of the first two, or was seen before and goes nowhere, only counted. One serial step over
    an index of what is known, so that no two decisions race. The decisions are made in the order of (first_seen_at,
    date_published, id), so the outcome does not depend on the order of arrival; among texts read at one moment the one
    published first is the article.
    """

    open_index: Callable[[], DuplicateIndex]
    run_id: str
    decided_at: Instant
    """The time that aliases bear."""

    def expand(self, articles: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Chain: bring together, decide in order."""
        decide = _DecideInOrder(self.open_index, self.run_id, self.decided_at)
        return (
            articles
            | "KeyTogether" >> beam.Map(_together).with_output_types(tuple[int, PrintedArticle])
            | "GroupAll" >> beam.GroupByKey()
            | "DecideInOrder" >> beam.ParDo(decide).with_outputs(ARTICLES, COPIES, ALIASES)
        )


def _together(arrival: PrintedArticle) -> tuple[int, PrintedArticle]:
    # One key: a page whose language changes, or a short text that is told now as one and now as another language, must
    # meet what is known of it. Here one process decides for all languages anyway; texts of two languages share no key.
    return 0, arrival


def _order(arrival: PrintedArticle) -> tuple[int, bool, int, str, str, str]:
    article = arrival.article
    published = article.date_published
    return (
        article.first_seen_at,
        published is None,
        published or 0,
        article.article_id,
        article.content_sha256,
        article.source,
    )


class _DecideInOrder(beam.DoFn):
    def __init__(self, open_index: Callable[[], DuplicateIndex], run_id: str, decided_at: Instant) -> None:
        self._open_index = open_index
        self._run_id = run_id
        self._decided_at = decided_at
        self._already_seen = Metrics.counter(Deduplicate, "already_seen")
        self._compared = Metrics.counter(Deduplicate, "compared")
        self._corrected = Metrics.counter(Deduplicate, "corrected")
        self._microseconds = Metrics.counter(Deduplicate, "microseconds")

    def process(self, group: tuple[int, Iterable[PrintedArticle]]) -> Iterator[beam.pvalue.TaggedOutput]:
        # Opened here: on an engine, a group that is decided again must not find what the first try has left.
        decider = Decider(self._open_index(), self._decided_at, self._run_id)
        rows = decider.decide_all(sorted(group[1], key=_order))
        for row in timed(rows, self._microseconds):
            if row is None:
                self._already_seen.inc()
            else:
                self._corrected.inc(isinstance(row, Alias))
                yield beam.pvalue.TaggedOutput(TAGS[type(row)], row)
        self._compared.inc(decider.compared)
