"""From documents to articles: pages in worker processes, while those that came as articles are printed here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.metrics import Metrics

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.article import Article
from schemas.errors import InputRejected
from schemas.page import Page
from schemas.printed_article import PrintedArticle
from schemas.reject import Reject
from transforms.clocks import timed, with_timestamp
from transforms.functions.printed_articles import ExtractPage, print_article
from transforms.functions.rejects import reject_page
from transforms.functions.task_stream import Finished, TaskStream
from transforms.functions.worker_pool import shared_pool

STAGE = "extract"
ARTICLES, REJECTS = "articles", "rejects"


@dataclass
class ExtractArticles(beam.PTransform):
    """Page or Article -> tagged `articles` (PrintedArticle) and `rejects` (Reject); each ends in exactly one of them.

    An article has its text already and is only printed. Pages are extracted in `processes` worker processes of this
    machine, shared by all instances of the stage; a page that takes longer than `time_limit` seconds is rejected and
    its process replaced. Rows keep their document's timestamp; they come in the order in which pages finish. A runner
    that brings its own parallelism wants `processes=1`.
    """

    run_id: str
    processes: int
    time_limit: float

    def expand(self, documents: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Chain the one step."""
        extract = beam.ParDo(_Extract(self.run_id, self.processes, self.time_limit))
        return documents | "ExtractInWorkers" >> extract.with_outputs(ARTICLES, REJECTS)


_Ticket = tuple[Page, object]


class _Extract(beam.DoFn):
    """Keeps pages under way across elements; what has not finished by the end of the bundle is waited for there."""

    def __init__(self, run_id: str, processes: int, time_limit: float) -> None:
        self._run_id = run_id
        self._processes = processes
        self._time_limit = time_limit
        self._microseconds_waited = Metrics.counter(ExtractArticles, "microseconds_waited")
        self._rejected = Metrics.counter(ExtractArticles, "rejected")

    def setup(self) -> None:
        self._pool = shared_pool(self._processes, self._time_limit)

    def start_bundle(self) -> None:
        self._stream: TaskStream[Page, _Ticket, PrintedArticle] = TaskStream(self._pool, ExtractPage(self._run_id))

    def process(
        self, document: Page | Article, timestamp: object = beam.DoFn.TimestampParam
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        if isinstance(document, Article):
            yield beam.pvalue.TaggedOutput(ARTICLES, print_article(document))
        else:
            yield from self._outputs(self._stream.give(document, (document, timestamp)))

    def finish_bundle(self) -> Iterator[beam.pvalue.TaggedOutput]:
        yield from self._outputs(self._stream.rest())

    def _outputs(self, finished: Iterator[Finished[_Ticket, PrintedArticle]]) -> Iterator[beam.pvalue.TaggedOutput]:
        for one in timed(finished, self._microseconds_waited):
            page, timestamp = one.ticket
            tag, row = self._row(page, one.result)
            yield beam.pvalue.TaggedOutput(tag, with_timestamp(row, timestamp))

    def _row(self, page: Page, result: PrintedArticle | InputRejected) -> tuple[str, PrintedArticle | Reject]:
        if isinstance(result, InputRejected):
            self._rejected.inc()
            return REJECTS, reject_page(result, page, stage=STAGE, run_id=self._run_id)
        return ARTICLES, result
