"""From slices of a folder to pages, finished articles and rejects."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.metrics import Metrics

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.article import Article
from schemas.input_slice import InputSlice
from schemas.instants import Instant
from schemas.page import Page
from schemas.reject import Reject
from transforms.functions.folder_inputs import InputIndex, SliceReader
from transforms.stored_files import read_slice

DOCUMENTS, REJECTS = "documents", "rejects"
_TAGS = {Page: DOCUMENTS, Article: DOCUMENTS, Reject: REJECTS}


@dataclass
class ReadFolder(beam.PTransform):
    """InputSlice -> tagged `documents` (Page, whose text is still to be found, or Article) and `rejects` (Reject).

    An input whose bytes were seen before goes nowhere: it is only counted. Reads a file when its slice arrives, so that
    payloads do not travel in the graph.
    """

    open_index: Callable[[], InputIndex]
    run_id: str
    read_at: Instant | None
    """When the rows are said to have been first seen, unless a record brings its own time; None for the moment at which
    each is read, as in a stream."""

    def expand(self, slices: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Chain the one step."""
        read = beam.ParDo(_ReadSlice(self.open_index, self.run_id, self.read_at))
        return slices | "ReadSlices" >> read.with_outputs(DOCUMENTS, REJECTS)


class _ReadSlice(beam.DoFn):
    def __init__(self, open_index: Callable[[], InputIndex], run_id: str, read_at: Instant | None) -> None:
        self._open_index = open_index
        self._run_id = run_id
        self._read_at = read_at
        self._inputs = Metrics.counter(ReadFolder, "inputs")
        self._already_seen = Metrics.counter(ReadFolder, "already_seen")
        self._bytes_read = Metrics.counter(ReadFolder, "bytes_read")
        self._microseconds = Metrics.counter(ReadFolder, "microseconds")

    def setup(self) -> None:
        self._index = self._open_index()

    def process(self, piece: InputSlice) -> Iterator[beam.pvalue.TaggedOutput]:
        started = time.perf_counter()
        reader = SliceReader(self._index, self._run_id, self._read_at or time.time_ns() // 1_000)
        data, failure = read_slice(piece)
        rows = list(reader.rows_of(piece, data, failure))  # a slice is small; so that the clock runs for reading alone
        self._bytes_read.inc(len(data))
        self._inputs.inc(reader.inputs)
        self._already_seen.inc(reader.already_seen)
        self._microseconds.inc(int((time.perf_counter() - started) * 1e6))
        for row in rows:
            yield beam.pvalue.TaggedOutput(_TAGS[type(row)], row)
