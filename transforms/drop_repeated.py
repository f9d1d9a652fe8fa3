"""Keeps rejects that are done again, and fail as before, from being written a second time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import apache_beam as beam
from apache_beam.metrics import Metrics

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.reject import Reject


class Attempts(Protocol):
    """Who keeps count of rejects that are done again."""

    def note_failure(self, reject: Reject) -> bool:
        """Note that a reject has failed; returns whether it is one that is done again, and so has its row."""


@dataclass
class DropRepeated(beam.PTransform):
    """Reject -> Reject, without those that have a row already and are only done again.

    Of these the attempt is noted; as inputs they are counted as seen before (`already_seen`).
    """

    open_attempts: Callable[[], Attempts]

    def expand(self, rejects: beam.PCollection) -> beam.PCollection:
        """Chain the one step."""
        return rejects | "Drop" >> beam.ParDo(_Drop(self.open_attempts)).with_output_types(Reject)


class _Drop(beam.DoFn):
    def __init__(self, open_attempts: Callable[[], Attempts]) -> None:
        self._open_attempts = open_attempts
        self._already_seen = Metrics.counter(DropRepeated, "already_seen")

    def process(self, reject: Reject) -> Iterator[Reject]:
        if self._open_attempts().note_failure(reject):
            self._already_seen.inc()
        else:
            yield reject
