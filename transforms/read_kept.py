"""From rejects to pages, finished articles and rejects: what their rows have kept is done again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.metrics import Metrics

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.article import Article
from schemas.instants import Instant
from schemas.page import Page
from schemas.reject import Reject
from transforms.functions.reject_payloads import row_again

DOCUMENTS, REJECTS = "documents", "rejects"
_TAGS = {Page: DOCUMENTS, Article: DOCUMENTS, Reject: REJECTS}


@dataclass
class ReadKept(beam.PTransform):
    """Reject -> tagged `documents` (Page, whose text is still to be found, or Article) and `rejects` (Reject).

    For rejects that have no file to be read again; each is one input (`inputs`), as when it was met first.
    """

    run_id: str
    read_at: Instant
    """When the rows are said to have been first seen."""

    def expand(self, rejects: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Chain the one step."""
        read = beam.ParDo(_ReadOne(self.run_id, self.read_at))
        return rejects | "ReadOne" >> read.with_outputs(DOCUMENTS, REJECTS)


class _ReadOne(beam.DoFn):
    def __init__(self, run_id: str, read_at: Instant) -> None:
        self._run_id = run_id
        self._read_at = read_at
        self._inputs = Metrics.counter(ReadKept, "inputs")
        self._bytes_read = Metrics.counter(ReadKept, "bytes_read")

    def process(self, reject: Reject) -> Iterator[beam.pvalue.TaggedOutput]:
        self._inputs.inc()
        self._bytes_read.inc(len(reject.payload or b""))
        row = row_again(reject, self._read_at, self._run_id)
        yield beam.pvalue.TaggedOutput(_TAGS[type(row)], row)
