"""From slices of a folder to pages, finished articles and rejects."""

from __future__ import annotations

import errno
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO
from urllib.parse import quote_from_bytes, unquote_to_bytes

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.article import Article
from schemas.errors import InputRejected
from schemas.input_slice import InputSlice
from schemas.instants import Instant
from schemas.page import Page
from schemas.reject import Reject
from transforms.functions.file_slices import MAX_FILE_BYTES, decompressed, read_up_to, unreadable
from transforms.functions.folder_inputs import InputIndex, SliceReader

_FILE_URL = "file://"
PAGES, ARTICLES, REJECTS = "pages", "articles", "rejects"
_TAGS = {Page: PAGES, Article: ARTICLES, Reject: REJECTS}


@dataclass
class ReadFolder(beam.PTransform):
    """InputSlice -> tagged `pages` (Page, text still to be found), `articles` (Article) and `rejects` (Reject).

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
        return slices | "ReadSlices" >> read.with_outputs(PAGES, ARTICLES, REJECTS)


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
        data, failure = _read(piece)
        rows = list(reader.rows_of(piece, data, failure))  # a slice is small; so that the clock runs for reading alone
        self._bytes_read.inc(len(data))
        self._inputs.inc(reader.inputs)
        self._already_seen.inc(reader.already_seen)
        self._microseconds.inc(int((time.perf_counter() - started) * 1e6))
        for row in rows:
            yield beam.pvalue.TaggedOutput(_TAGS[type(row)], row)


def _read(piece: InputSlice) -> tuple[bytes, InputRejected | None]:
    """Read a slice; of a file that is read whole, one byte more than is allowed, so that too much can be told."""
    whole = piece.length is None and piece.offset == 0
    try:
        file = _streams.take(piece)
        file.seek(piece.offset)
    except (OSError, EOFError, zlib.error) as error:
        return b"", unreadable(error)
    data, failure = read_up_to(file, MAX_FILE_BYTES + 1 if whole else piece.length)
    _streams.give_back(piece, file, more_to_come=failure is None and not whole)
    return data, failure


def open_stored(path: str) -> IO[bytes]:
    """Open a path of any Beam file system, or a `file://` URL made by `name_of_path`, as it is stored.

    Raises:
        OSError: it cannot be opened.
    """
    if path.startswith(_FILE_URL):
        return open(unquote_to_bytes(path[len(_FILE_URL) :]), "rb")
    try:
        opened: IO[bytes] = FileSystems.open(path, "application/octet-stream", CompressionTypes.UNCOMPRESSED)
    except Exception as error:
        if getattr(error, "code", None) == HTTPStatus.NOT_FOUND:  # of a cloud's client, which has errors of its own
            raise FileNotFoundError(errno.ENOENT, "no such file", path) from error
        raise
    return opened


def name_of_path(path: str) -> str:
    """Return a local path as rows carry it: itself, or a `file://` URL where its bytes are no valid UTF-8."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return _FILE_URL + quote_from_bytes(os.fsencode(path))
    return path


class _OpenStreams:
    """Keeps the file of the last slice open: the next slice of a gzip file need not be decompressed from the start.

    Shared by all DoFn instances of the process, which outlive no cycle.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[str, IO[bytes]] | None = None

    def take(self, piece: InputSlice) -> IO[bytes]:
        with self._lock:
            kept, self._kept = self._kept, None
        if kept is not None and kept[0] == piece.path and kept[1].tell() <= piece.offset > 0:
            return kept[1]
        if kept is not None:
            kept[1].close()
        return decompressed(open_stored(piece.path))

    def give_back(self, piece: InputSlice, file: IO[bytes], *, more_to_come: bool) -> None:
        if not more_to_come:
            file.close()
            return
        with self._lock:
            replaced, self._kept = self._kept, (piece.path, file)
        if replaced is not None:
            replaced[1].close()


_streams = _OpenStreams()
