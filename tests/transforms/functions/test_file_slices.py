from __future__ import annotations

import gzip
import io
import random
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.input_slice import InputSlice
from transforms.functions import file_slices
from transforms.functions.file_slices import decompressed, read_up_to, slices_of_lines, unreadable

LINES = st.lists(st.sampled_from([b"\n", b"a\n", b"{}\n", b"\r\n", b"\x00\xff\n", b"0123456789" * 5 + b"\n"]))
FILES = st.builds(lambda lines, tail: b"".join(lines) + tail, LINES, st.binary(max_size=40))


@given(FILES, st.integers(1, 60), st.integers(1, 30))
@example(b"", 1, 1)
@example(b"\n\n\n", 1, 1)
@example(b"no line end", 3, 1 << 18)
def test_slices_join_to_the_whole_and_end_at_line_ends(data: bytes, slice_bytes: int, chunk_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:  # so that a slice's end falls on every place of a chunk
        patch.setattr(file_slices, "_CHUNK_BYTES", chunk_bytes)
        slices = list(slices_of_lines(io.BytesIO(data), "f.jsonl", slice_bytes))
    parts = [data[one.offset : one.offset + (one.length or 0)] for one in slices]
    assert b"".join(parts) == data
    assert all(part for part in parts)
    assert all(part.endswith(b"\n") for part in parts[:-1])
    assert [one.first_line for one in slices] == [1 + data.count(b"\n", 0, one.offset) for one in slices]
    # Each slice but the last has the size asked for, and ends with the line that reached it.
    for part in parts[:-1]:
        assert len(part) >= slice_bytes
        assert part[:-1].rfind(b"\n") + 1 < slice_bytes


@given(FILES, st.integers(1, 60), st.binary(max_size=60))
def test_what_is_appended_leaves_the_earlier_slices_as_they_were(data: bytes, slice_bytes: int, more: bytes) -> None:
    before = list(slices_of_lines(io.BytesIO(data), "f", slice_bytes))
    after = list(slices_of_lines(io.BytesIO(data + more), "f", slice_bytes))
    assert after[: len(before) - 1] == before[:-1]


def test_gzip_is_told_by_its_first_bytes_and_gives_the_same_slices(tmp_path: Path) -> None:
    data = b"".join(b"line %d\n" % number for number in range(5000))
    named_plain = tmp_path / "lines.jsonl"
    named_plain.write_bytes(gzip.compress(data))
    with named_plain.open("rb") as stored:
        file = decompressed(stored)
        slices = list(slices_of_lines(file, "f", 1000))
        file.seek(slices[7].offset)
        assert read_up_to(file, slices[7].length) == (
            data[slices[7].offset : slices[7].offset + (slices[7].length or 0)],
            None,
        )
    assert slices == list(slices_of_lines(io.BytesIO(data), "f", 1000))
    plain = io.BytesIO(data)
    assert decompressed(plain) is plain
    assert plain.tell() == 0


@pytest.mark.parametrize("data", [b"", b"\x1f", b"abc"])
def test_a_file_shorter_than_any_mark_is_read_as_it_is(data: bytes) -> None:
    assert read_up_to(decompressed(io.BytesIO(data)), None) == (data, None)


def test_several_gzip_members_are_one_file() -> None:
    file = decompressed(io.BytesIO(gzip.compress(b"one\n") + gzip.compress(b"two\n")))
    assert read_up_to(file, None) == (b"one\ntwo\n", None)


def _incompressible(size: int) -> bytes:
    return bytes(random.Random(7).choices(b"abcdefghijklmnop\n", k=size))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1.0])
def test_a_truncated_gzip_gives_what_can_be_read_and_the_reason(share: float) -> None:
    data = _incompressible(600_000)
    stored = gzip.compress(data)
    cut = stored[: min(int(len(stored) * share), len(stored) - 4)]
    read, failure = read_up_to(decompressed(io.BytesIO(cut)), None)
    assert failure is not None
    assert (failure.reason, failure.retryable) == ("truncated", False)
    assert failure.error_class == "EOFError"
    assert data.startswith(read)
    assert len(read) > len(data) * share * 0.7


def test_a_damaged_gzip_gives_what_stands_before_the_damage() -> None:
    data = _incompressible(600_000)
    stored = bytearray(gzip.compress(data))
    middle = len(stored) // 2
    stored[middle : middle + 2000] = b"\xff" * 2000
    read, failure = read_up_to(decompressed(io.BytesIO(bytes(stored))), None)
    assert failure is not None
    assert failure.reason == "truncated"
    assert failure.error_class in ("error", "BadGzipFile")
    # Whatever follows the damage may be garbage, what precedes it is there.
    assert read[:200_000] == data[:200_000]


def test_a_file_that_cannot_be_sliced_to_its_end_has_an_open_last_slice() -> None:
    data = b"".join(b"line number %07d\n" % number for number in range(40_000))
    cut = gzip.compress(data, compresslevel=1)[:-50]
    slices = list(slices_of_lines(decompressed(io.BytesIO(cut)), "f", 100_000))
    assert slices[-1].length is None
    assert len(slices) > 2
    covered = sum(one.length or 0 for one in slices)
    assert slices[-1] == InputSlice("f", covered, None, 1 + data.count(b"\n", 0, covered))


class _Failing(io.BytesIO):
    """A file on a disk that gives up: reading beyond a place is an error of the system."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= 4:
            raise OSError(5, "Input/output error")
        return super().read(min(size or 4, 4))


def test_a_read_error_keeps_what_was_read_and_may_pass_another_time() -> None:
    read, failure = read_up_to(_Failing(b"abcdefgh"), None)
    assert read == b"abcd"
    assert failure is not None
    assert (failure.reason, failure.retryable) == ("unreadable", True)
    assert "Input/output error" in failure.message


def test_reading_stops_at_the_length_asked_for() -> None:
    file = io.BytesIO(b"abcdef")
    assert read_up_to(file, 4) == (b"abcd", None)
    assert read_up_to(file, 4) == (b"ef", None)
    assert read_up_to(file, 0) == (b"", None)


def test_unreadable_names_the_cause() -> None:
    cause = PermissionError(13, "Permission denied", "a.html")
    assert unreadable(cause).error_class == type(cause).__name__
    assert "Permission denied" in unreadable(cause).message
