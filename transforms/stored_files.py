"""Files of the input as they are stored, on this machine or any Beam file system: opened, and read slice by slice."""

from __future__ import annotations

import errno
import os
import threading
import zlib
from http import HTTPStatus
from typing import IO, Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from schemas.errors import InputRejected
from schemas.input_slice import InputSlice
from transforms.functions.file_slices import MAX_FILE_BYTES, decompressed, read_up_to, unreadable

_FILE_URL: Final = "file://"


def is_remote(path: str) -> bool:
    """Whether a path is for a Beam file system to open, and not for this machine's."""
    return "://" in path and not path.startswith(_FILE_URL)


def open_stored(path: str) -> IO[bytes]:
    """Open a path of any Beam file system, or a `file://` URL made by `name_of_path`, as it is stored.

    Raises:
        OSError: it cannot be opened.
    """
    return _open_remote(path) if is_remote(path) else open(local_path(path), "rb")


def _open_remote(path: str) -> IO[bytes]:
    from apache_beam.io.filesystem import CompressionTypes  # takes half a second to load, in which pages are extracted
    from apache_beam.io.filesystems import FileSystems

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


def local_path(path: str) -> str:
    """Return the path on this machine that a path of a row, made by `name_of_path`, stands for."""
    return os.fsdecode(unquote_to_bytes(path[len(_FILE_URL) :])) if path.startswith(_FILE_URL) else path


def is_whole(piece: InputSlice) -> bool:
    """Whether a slice is a whole file."""
    return piece.length is None and piece.offset == 0


def read_slice(piece: InputSlice) -> tuple[bytes, InputRejected | None]:
    """Return a slice's bytes, decompressed, and why there are no more of them where reading failed.

    Of a file that is read whole, one byte more than is allowed, so that too much can be told.
    """
    try:
        file = decompressed(open_stored(piece.path)) if is_whole(piece) else _streams.take(piece)
        file.seek(piece.offset)
    except (OSError, EOFError, zlib.error) as error:
        return b"", unreadable(error)
    if is_whole(piece):
        with file:
            return read_up_to(file, MAX_FILE_BYTES + 1)
    data, failure = read_up_to(file, piece.length)
    _streams.give_back(piece, file, more_to_come=failure is None)
    return data, failure


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
