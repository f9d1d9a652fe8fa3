"""Reads the body of an answer, decompressed, within a limit that no compression can get around.

A kilobyte of gzip can hold a megabyte, a kilobyte of brotli far more: so each decoder gives out a little at a time, and
reading ends where the limit is passed. What is declared (Content-Length) is used to give up early only.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import brotli

from schemas.errors import InputRejected

ACCEPTED_ENCODINGS: Final = "gzip, deflate, br"

TOO_LARGE: Final = "too_large"

_PIECE_BYTES: Final = 65_536
"""Most that a decoder gives out at once: what zlib and brotli work with anyway."""

_MOST_ENCODINGS: Final = 2
"""Content codings one in the other that are undone; more than one is met by mistake, more than two by malice only."""

_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
_RAW_DEFLATE: Final = -zlib.MAX_WBITS
_GZIP_MAGIC: Final = b"\x1f\x8b"


class Decoder(Protocol):
    """Undoes one content coding."""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield what the data decodes to, a bounded piece at a time."""

    @property
    def finished(self) -> bool:
        """Whether the coding's own end was read."""


class ZlibDecoder:
    """`gzip` and `deflate`, the latter with or without the frame that the standard asks for (servers do both)."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._started = False
        self.finished = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield what the data decodes to, a bounded piece at a time.

        Raises:
            zlib.error: the data are not in the coding.
        """
        full = False
        while data or full:
            piece = self._inflated(data)
            if piece:
                yield piece
            # A full piece may have more behind it, even where all data are taken in.
            data, full = self._inflate.unconsumed_tail, len(piece) == _PIECE_BYTES
            if self._inflate.eof:
                self.finished, full = True, False
                data = self._next_member(self._inflate.unused_data)

    def _inflated(self, data: bytes) -> bytes:
        try:
            return self._inflate.decompress(data, _PIECE_BYTES)
        except zlib.error:
            if self._started or data.startswith(_GZIP_MAGIC):
                raise
            self._inflate = zlib.decompressobj(_RAW_DEFLATE)
            return self._inflate.decompress(data, _PIECE_BYTES)
        finally:
            self._started = True

    def _next_member(self, rest: bytes) -> bytes:
        """gzip may be several files in a row (RFC 1952 2.2); anything else after the end is ignored, as browsers do."""
        if not rest.startswith(_GZIP_MAGIC):
            return b""
        self._inflate, self.finished = zlib.decompressobj(_GZIP_OR_ZLIB), False
        return rest


class BrotliDecoder:
    """`br`."""

    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield what the data decodes to, a bounded piece at a time.

        Raises:
            brotli.error: the data are not in the coding.
        """
        while not self._decoder.is_finished():
            piece = self._decoder.process(data, output_buffer_limit=_PIECE_BYTES)
            if not piece:
                return
            yield piece
            data = b""

    @property
    def finished(self) -> bool:
        """Whether the coding's own end was read."""
        return bool(self._decoder.is_finished())


class BodyReader:
    """Takes a body in as it comes.

    Args:
        encodings: value of the Content-Encoding header, empty for none.
        limit: bytes that the body may have, as it comes and after each decoding.

    Raises:
        InputRejected: `unknown_encoding`.
    """

    def __init__(self, encodings: str, limit: int) -> None:
        self._limit = limit
        self._decoders = _decoders(encodings)
        self._counts = [0] * len(self._decoders)
        self._pieces: list[bytes] = []
        self.wire_bytes = 0
        self.body_bytes = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes in.

        Raises:
            InputRejected: `too_large`, `bad_encoding`.
        """
        self.wire_bytes += len(data)
        self._check(self.wire_bytes)
        try:
            for piece in self._decoded(data, 0):
                self.body_bytes += len(piece)
                self._pieces.append(piece)
        except (zlib.error, brotli.error) as error:
            raise InputRejected("bad_encoding", f"the body is not in the coding that it claims: {error}") from error

    def finish(self) -> bytes:
        """Return the body.

        Raises:
            InputRejected: `truncated`, where a coding's end is missing.
        """
        if self.wire_bytes and not all(decoder.finished for decoder in self._decoders):
            raise InputRejected("truncated", "the compressed body ends in the middle", retryable=True)
        return b"".join(self._pieces)

    def beginning(self) -> bytes:
        """Return the body as far as it is read: all but a piece of what the limit lets through."""
        return b"".join(self._pieces)

    def _decoded(self, data: bytes, stage: int) -> Iterator[bytes]:
        if stage == len(self._decoders):
            yield data
            return
        for piece in self._decoders[stage].pieces(data):
            self._counts[stage] += len(piece)
            self._check(self._counts[stage])
            yield from self._decoded(piece, stage + 1)

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise too_large(self._limit)


def too_large(limit: int) -> InputRejected:
    """Return the rejection of a body with more than `limit` bytes."""
    return InputRejected(TOO_LARGE, f"the body has more than {limit:,} bytes, compressed or not")


def _decoders(encodings: str) -> Sequence[Decoder]:
    """Return decoders in the order in which they are applied: the last coding named was put on last."""
    names = [name for part in reversed(encodings.lower().split(",")) if (name := part.strip()) not in ("", "identity")]
    if len(names) > _MOST_ENCODINGS or any(name not in _DECODERS for name in names):
        raise InputRejected("unknown_encoding", f"the body's coding {encodings[:100]!r} was not asked for")
    return [_DECODERS[name]() for name in names]


_DECODERS: Final[dict[str, type[ZlibDecoder] | type[BrotliDecoder]]] = {
    "gzip": ZlibDecoder,
    "x-gzip": ZlibDecoder,
    "deflate": ZlibDecoder,
    "br": BrotliDecoder,
}
