"""From articles to articles and copies: what was published before is folded into it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.metrics import Metrics

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.article import Article
from schemas.copy import Copy
from transforms.functions.identity import IdentityIndex, decide_identity

ARTICLES, COPIES = "articles", "copies"


@dataclass
class Deduplicate(beam.PTransform):
    """Article -> tagged `articles` (Article) and `copies` (Copy); what was seen before goes nowhere, only counted.

    One serial step over an index of what is known, so that no two decisions race. Within a bounded run the
    decisions are made in the order of (first_seen_at, date_published, id), so the outcome does not depend on the order
    of arrival; among texts read at one moment the one published first is the article.
    """

    open_index: Callable[[], IdentityIndex]

    def expand(self, articles: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Chain: bring together, decide in order."""
        return (
            articles
            | "KeyTogether" >> beam.Map(_together).with_output_types(tuple[int, Article])
            | "GroupAll" >> beam.GroupByKey()
            | "DecideInOrder" >> beam.ParDo(_DecideInOrder(self.open_index)).with_outputs(ARTICLES, COPIES)
        )


def _together(article: Article) -> tuple[int, Article]:
    # One key: a page whose language changes, or a short text that is told now as one and now as another language, must
    # meet what is known of it. A decision takes some 10 microseconds, so one key is no bottleneck.
    return 0, article


def _order(article: Article) -> tuple[int, bool, int, str, str, str]:
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
    def __init__(self, open_index: Callable[[], IdentityIndex]) -> None:
        self._open_index = open_index
        self._already_seen = Metrics.counter(Deduplicate, "already_seen")
        self._microseconds = Metrics.counter(Deduplicate, "microseconds")

    def setup(self) -> None:
        self._index = self._open_index()

    def process(self, group: tuple[int, Iterable[Article]]) -> Iterator[beam.pvalue.TaggedOutput]:
        for article in sorted(group[1], key=_order):
            started = time.perf_counter()
            row = decide_identity(article, self._index)
            self._microseconds.inc(int((time.perf_counter() - started) * 1e6))
            if row is None:
                self._already_seen.inc()
            else:
                yield beam.pvalue.TaggedOutput(COPIES if isinstance(row, Copy) else ARTICLES, row)
