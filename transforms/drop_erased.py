"""Keeps out what was taken down: from articles and rejects to those that may be written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.metrics import Metrics

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.printed_article import PrintedArticle
from schemas.reject import Reject
from transforms.functions.tombstones import Tombstones


@dataclass
class DropErased(beam.PTransform):
    """PrintedArticle -> PrintedArticle, or Reject -> Reject, without those that tombstones cover.

    Of these nothing is kept, not even a reject; they are counted as seen before (`already_seen`).
    """

    tombstones: Tombstones
    row_type: type[PrintedArticle] | type[Reject]

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """Chain the one step."""
        return rows | "Drop" >> beam.ParDo(_Drop(self.tombstones)).with_output_types(self.row_type)


class _Drop(beam.DoFn):
    def __init__(self, tombstones: Tombstones) -> None:
        self._tombstones = tombstones
        self._already_seen = Metrics.counter(DropErased, "already_seen")

    def process(self, row: PrintedArticle | Reject) -> Iterator[PrintedArticle | Reject]:
        table, columns = ("rejects", row) if isinstance(row, Reject) else ("articles", row.article)
        if self._tombstones.cover_row(table, columns._asdict()):
            self._already_seen.inc()
        else:
            yield row
