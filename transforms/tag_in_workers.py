"""The step that `TagTopics` and `TagEntities` share: batches of articles to worker processes and back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.utils.windowed_value import WindowedValue

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.errors import InputRejected, ModelError
from schemas.tagged_article import NO_MODEL, NOT_DONE, TaggedArticle
from transforms.clocks import timed, with_timestamp
from transforms.functions.tagging import BATCH_ARTICLES, BATCH_CHARACTERS, Text
from transforms.functions.task_stream import Finished, TaskStream
from transforms.functions.worker_pool import MODEL_BROKEN, shared_pool

Tags: TypeAlias = list[tuple[list[Any], str]]
_Ticket: TypeAlias = list[tuple[TaggedArticle, Any]]
"""The rows of a batch, each with its timestamp."""


class TagInWorkers(beam.DoFn):
    """Fills one tag column of articles. No article is lost for its tags: what fails comes without, and says so.

    A batch that fails, or takes too long, is done again one by one, so that one odd text costs the others nothing.
    Rows keep their timestamp and come in the order in which batches finish.
    """

    def __init__(
        self,
        stage: type[beam.PTransform],
        column: Literal["topics", "entities"],
        function: Callable[[Sequence[Text]], Tags],
        languages: Collection[str],
        processes: int,
        time_limit: float,
    ) -> None:
        self._languages = languages
        self._column = column
        self._function = function
        self._processes = processes
        self._time_limit = time_limit
        self._microseconds_waited = Metrics.counter(stage, "microseconds_waited")
        self._failed = Metrics.counter(stage, "failed")

    def setup(self) -> None:
        """Join the pool of this process."""
        self._pool = shared_pool(self._processes, self._time_limit, with_models=True)

    def start_bundle(self) -> None:
        """Begin without a batch."""
        self._stream: TaskStream[list[Text], _Ticket, Tags] = TaskStream(self._pool, self._function)
        self._batch: _Ticket = []
        self._characters = 0

    def process(self, row: TaggedArticle, timestamp: Any = beam.DoFn.TimestampParam) -> Iterator[WindowedValue]:
        """Take an article into the batch; yields those that are done by now."""
        if row.article.in_language not in self._languages:
            yield with_timestamp(self._with(row, [], NO_MODEL), timestamp)
            return
        self._batch.append((row, timestamp))
        self._characters += len(row.article.article_body)
        if len(self._batch) >= BATCH_ARTICLES or self._characters >= BATCH_CHARACTERS:
            yield from self._tagged(self._give_batch())

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Wait for all that is under way."""
        yield from self._tagged(self._give_batch())
        yield from self._tagged(self._stream.rest())

    def _give_batch(self) -> Iterator[Finished[_Ticket, Tags]]:
        batch, self._batch, self._characters = self._batch, [], 0
        return self._give(batch) if batch else iter(())

    def _give(self, batch: _Ticket) -> Iterator[Finished[_Ticket, Tags]]:
        return self._stream.give([Text.of(row.article) for row, _ in batch], batch)

    def _tagged(self, finished: Iterator[Finished[_Ticket, Tags]]) -> Iterator[WindowedValue]:
        for one in timed(finished, self._microseconds_waited):
            if not isinstance(one.result, InputRejected):
                for (row, seen_at), (tags, state) in zip(one.ticket, one.result, strict=True):
                    yield with_timestamp(self._with(row, tags, state), seen_at)
            elif one.result.reason == MODEL_BROKEN:
                raise ModelError(one.result.message)
            elif len(one.ticket) > 1:
                for single in one.ticket:
                    yield from self._tagged(self._give([single]))
            else:
                self._failed.inc()
                ((row, seen_at),) = one.ticket
                yield with_timestamp(self._with(row, [], NOT_DONE), seen_at)

    def _with(self, row: TaggedArticle, tags: list[Any], state: str) -> TaggedArticle:
        if self._column == "topics":
            return row._replace(topics=tags, topics_state=state)
        return row._replace(entities=tags, entities_state=state)
