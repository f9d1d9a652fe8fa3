"""Reads whole files, and the slices of JSONL files that are too large to be read at once.

Works on any open binary file; gzip is told by its first bytes, whatever the file is called.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final, cast

from schemas.errors import InputRejected
from schemas.input_slice import InputSlice
from transforms.functions.kinds import is_gzip

SLICE_BYTES: Final = 4_000_000
"""A JSONL file is read in slices of about this size (to the next line end): some hundred articles, so that the memory
of a run does not depend on the size of a file."""

MAX_FILE_BYTES: Final = 20_000_000
"""A single page or text longer than this is rejected unread; trafilatura's own limit is the same."""

_SLICE_LINES: Final = 4_000
"""A slice ends after so many lines, too: of lines too short for an article a slice of the full size holds a million."""

_LONGEST_WAIT: Final = 16_000_000
"""How far beyond its size a slice goes to find a line end: twice the longest line that is read (`records`)."""

_CHUNK_BYTES: Final = 1 << 18


def decompressed(file: IO[bytes]) -> IO[bytes]:
    """Return the file, or, where it is gzip, a file of what it holds. Both can `seek` and `tell`."""
    head = file.read(4)
    file.seek(0)
    return cast(IO[bytes], gzip.GzipFile(fileobj=file)) if is_gzip(head) else file


def read_up_to(file: IO[bytes], length: int | None) -> tuple[bytes, InputRejected | None]:
    """Read `length` bytes (None: to the end) from where the file stands.

    Returns:
        the bytes, and why there are no more of them where reading failed half-way (a gzip file cut off, say): what
        could be read is not lost.
    """
    chunks: list[bytes] = []
    missing = length
    try:
        while missing is None or missing > 0:
            chunk = _read_once(file, _CHUNK_BYTES if missing is None else min(_CHUNK_BYTES, missing))
            if not chunk:
                break
            chunks.append(chunk)
            missing = None if missing is None else missing - len(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        message = f"the gzip data ends or breaks after {file.tell():,} bytes: {error}"
        return b"".join(chunks), InputRejected("truncated", message, error_class=type(error).__name__)
    except OSError as error:
        return b"".join(chunks), unreadable(error)
    return b"".join(chunks), None


def _read_once(file: IO[bytes], length: int) -> bytes:
    # GzipFile.read drops what it holds when the data breaks; read1 hands it out first.
    return file.read1(length) if isinstance(file, gzip.GzipFile) else file.read(length)


def unreadable(error: Exception) -> InputRejected:
    """Return the rejection for a file that the system does not let us read."""
    message = f"cannot be read: {error}"
    return InputRejected("unreadable", message, retryable=True, error_class=type(error).__name__)


def slices_of_lines(file: IO[bytes], path: str, slice_bytes: int = SLICE_BYTES) -> Iterator[InputSlice]:
    """Cut a file of lines into slices that end at line ends; yields each as soon as its end is found.

    A function of the file's bytes alone. Reads the file once and holds one chunk of it. Where reading fails, the last
    slice is open (`length` None): whoever reads it meets the same failure and reports it. A line far beyond what may be
    read is cut where it stands, so that no slice is without bound; each part of it is then rejected by itself.
    """
    cutter = _Cutter(path, slice_bytes)
    while True:
        chunk, failure = read_up_to(file, _CHUNK_BYTES)
        if failure is not None:
            yield InputSlice(path, cutter.offset, None, cutter.first_line)
            return
        if not chunk:
            break
        yield from cutter.cut(chunk)
    yield from cutter.rest()


@dataclass
class _Cutter:
    """Where the slice that is being measured began, and how far it has come."""

    path: str
    slice_bytes: int
    offset: int = 0
    first_line: int = 1
    length: int = 0
    lines: int = 0

    def cut(self, chunk: bytes) -> Iterator[InputSlice]:
        """Take the next bytes of the file; yield the slices that end in them."""
        position = 0
        while position < len(chunk):
            line_end = chunk.find(b"\n", self._earliest_end(chunk, position))
            end = line_end + 1 if line_end >= 0 else len(chunk)
            self.lines += chunk.count(b"\n", position, end)
            self.length += end - position
            position = end
            if line_end >= 0 or self.length >= self.slice_bytes + _LONGEST_WAIT:
                yield from self.rest()

    def _earliest_end(self, chunk: bytes, position: int) -> int:
        """Return where to look for the slice's line end: after its bytes, or after its lines, if they are many."""
        wanted = max(position, position + self.slice_bytes - self.length - 1)
        if chunk.count(b"\n", position, wanted) + self.lines < _SLICE_LINES:
            return wanted
        for _ in range(_SLICE_LINES - self.lines - 1):
            position = chunk.find(b"\n", position) + 1
        return position

    def rest(self) -> Iterator[InputSlice]:
        """End the slice here, if there is anything in it."""
        if self.length:
            yield InputSlice(self.path, self.offset, self.length, self.first_line, self.lines)
            self.offset, self.first_line = self.offset + self.length, self.first_line + self.lines
            self.length = self.lines = 0
