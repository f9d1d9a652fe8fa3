from __future__ import annotations

import gzip
import tracemalloc
import zlib

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InputRejected
from transforms.functions.http_bodies import BodyReader

LIMIT = 5 * 1024 * 1024
PIECE = 4_096


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


ENCODERS = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "x-gzip": gzip.compress}


def read(data: bytes, encodings: str, limit: int = LIMIT, piece: int = PIECE) -> bytes:
    reader = BodyReader(encodings, limit)
    for at in range(0, len(data), piece):
        reader.feed(data[at : at + piece])
    return reader.finish()


def reason(data: bytes, encodings: str, limit: int = LIMIT) -> str:
    with pytest.raises(InputRejected) as rejected:
        read(data, encodings, limit)
    return rejected.value.reason


@settings(deadline=None)
@given(st.binary(max_size=3000), st.sampled_from(sorted(ENCODERS)), st.integers(1, 200), st.integers(1, 100))
def test_every_encoding_is_undone_however_it_is_cut(body: bytes, encoding: str, times: int, piece: int) -> None:
    body = body * times
    encoded = ENCODERS[encoding](body)
    assert read(encoded, encoding, piece=piece if len(encoded) < 10_000 else PIECE) == body


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 131_072, 1_000_000])
@pytest.mark.parametrize("encoding", sorted(ENCODERS))
def test_bodies_that_end_at_a_pieces_border_are_whole(encoding: str, size: int) -> None:
    assert read(ENCODERS[encoding](b"a" * size), encoding, piece=10**7) == b"a" * size


def test_deflate_without_its_frame_is_read() -> None:
    assert read(raw_deflate(b"news" * 9), "deflate") == b"news" * 9
    for size in range(65_536, 65_536 + 600, 7):  # nothing follows the last bytes here that would push them out
        assert read(raw_deflate(b"a" * size), "deflate", piece=10**7) == b"a" * size


def test_gzip_in_several_members_is_read_and_garbage_after_the_end_is_ignored() -> None:
    assert read(gzip.compress(b"one ") + gzip.compress(b"two"), "gzip") == b"one two"
    assert read(gzip.compress(b"one") + b"\n<!-- cached -->", "gzip") == b"one"


def test_encodings_in_each_other_are_undone_in_turn() -> None:
    assert read(brotli.compress(gzip.compress(b"news")), "gzip, br") == b"news"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_bomb_is_stopped_while_streaming(encoding: str) -> None:
    zeros = b"\0" * 60_000_000
    bomb = brotli.compress(zeros, quality=1) if encoding == "br" else ENCODERS[encoding](zeros)
    tracemalloc.start()
    assert reason(bomb, encoding) == "too_large"
    assert tracemalloc.get_traced_memory()[1] < 3 * LIMIT
    tracemalloc.stop()


def test_a_bomb_in_a_bomb_is_stopped_while_streaming() -> None:
    assert reason(gzip.compress(gzip.compress(b"\0" * 60_000_000)), "gzip, gzip") == "too_large"
    # The inner body is small, but what leads there is not.
    assert reason(gzip.compress(b"\0" * 60_000_000), "br, gzip") in ("too_large", "bad_encoding")


def test_the_limit_is_exact_and_holds_before_decompression_too() -> None:
    assert len(read(b"x" * LIMIT, "")) == LIMIT
    assert reason(b"x" * (LIMIT + 1), "") == "too_large"
    empty_blocks = b"\x00\x00\x00\xff\xff" * 1_100_000  # stored blocks of no bytes
    assert reason(empty_blocks, "deflate") == "too_large"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_compressed_body_cut_short_is_truncated(encoding: str) -> None:
    assert reason(ENCODERS[encoding](bytes(range(256)) * 40)[:-4], encoding) == "truncated"


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=300), st.sampled_from(["gzip", "deflate", "br"]))
def test_what_is_not_in_its_coding_is_refused_by_name(body: bytes, encoding: str) -> None:
    try:
        read(body, encoding)
    except InputRejected as rejected:
        assert rejected.reason in ("bad_encoding", "truncated")  # noqa: PT017


@pytest.mark.parametrize("encodings", ["zstd", "compress", "gzip, gzip, gzip", "aes128gcm"])
def test_codings_that_were_not_asked_for_are_refused(encodings: str) -> None:
    assert reason(b"x", encodings) == "unknown_encoding"


def test_an_empty_body_is_whole_in_any_coding() -> None:
    assert BodyReader("gzip", LIMIT).finish() == b""
