from __future__ import annotations

import hashlib
import json

import pytest

from pipeline.memory import Memory
from schemas.article import Article
from schemas.errors import InputRejected
from schemas.input_slice import InputSlice
from schemas.page import Page
from schemas.reject import Reject
from tests.samples import SEEN_AT, html_page, record, text_of
from transforms.functions.file_slices import MAX_FILE_BYTES
from transforms.functions.folder_inputs import InputRow, SliceReader

BROKEN_OFF = InputRejected("truncated", "the gzip data ends")


def _rows(
    memory: Memory, name: str, data: bytes, failure: InputRejected | None = None, piece: InputSlice | None = None
) -> tuple[list[InputRow], tuple[int, int]]:
    """The rows of a slice, and (inputs, already seen)."""
    reader = SliceReader(memory, "run-1", SEEN_AT)
    rows = list(reader.rows_of(piece or InputSlice(name), data, failure))
    assert reader.inputs == len(rows) + reader.already_seen
    return rows, (reader.inputs, reader.already_seen)


def _lines(*records: dict[str, object] | str) -> bytes:
    return "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in records).encode()


def test_a_page_is_one_input_known_by_its_bytes(memory: Memory) -> None:
    data = html_page("a").encode()
    (row,), _ = _rows(memory, "a.html", data)
    assert row == Page(hashlib.sha256(data).hexdigest(), "a.html", "html", data, SEEN_AT)
    assert _rows(memory, "elsewhere.html", data) == ([], (1, 1))
    (other,), _ = _rows(memory, "a.html", data + b" ")
    assert isinstance(other, Page)


def test_a_kind_is_told_by_content_where_the_name_lies(memory: Memory) -> None:
    (html,), _ = _rows(memory, "a.txt", html_page("a").encode())
    (text,), _ = _rows(memory, "b.html", text_of("b").encode())
    (line,), _ = _rows(memory, "c.txt", _lines(record("c")))
    assert isinstance(html, Page)
    assert html.kind == "html"
    assert isinstance(text, Page)
    assert text.kind == "text"
    assert isinstance(line, Article)


def test_each_line_is_an_input_of_its_own(memory: Memory) -> None:
    page_line = {"url": "https://ledger.example/b", "html": html_page("b"), "desk": "night"}
    data = _lines(record("a"), "", page_line, "{broken", record("d"))
    rows, counts = _rows(memory, "all.jsonl", data)
    assert [type(row) for row in rows] == [Article, Page, Reject, Article]
    assert [row.source for row in rows] == [f"all.jsonl#{line}" for line in (1, 3, 4, 5)]
    assert counts == (4, 0)
    page, broken = rows[1], rows[2]
    assert isinstance(page, Page)
    assert (page.url, page.charset_hint, page.kind) == ("https://ledger.example/b", "utf-8", "html")
    assert page.body.decode() == html_page("b")
    assert isinstance(broken, Reject)
    assert (broken.line, broken.reason, broken.stage, broken.payload) == (4, "bad_json", "read", b"{broken")


def test_lines_are_numbered_within_the_file_not_the_slice(memory: Memory) -> None:
    rows, _ = _rows(memory, "", _lines(record("a"), record("b")), piece=InputSlice("all.jsonl", 500, 900, 41))
    assert [row.source for row in rows] == ["all.jsonl#41", "all.jsonl#42"]


def test_an_unchanged_slice_is_counted_without_a_look_at_its_lines(memory: Memory) -> None:
    data = _lines(record("a"), "{broken", record("c"))
    _rows(memory, "all.jsonl", data)
    assert _rows(memory, "all.jsonl", data) == ([], (3, 3))


def test_of_a_file_that_grew_only_the_new_lines_are_read(memory: Memory) -> None:
    _rows(memory, "all.jsonl", _lines(record("a"), record("b")))
    rows, counts = _rows(memory, "all.jsonl", _lines(record("a"), record("b"), record("c")))
    assert [row.source for row in rows] == ["all.jsonl#3"]
    assert counts == (3, 2)


def test_the_same_line_twice_is_one_row(memory: Memory) -> None:
    rows, counts = _rows(memory, "all.jsonl", _lines(record("a"), record("a")))
    assert (len(rows), counts) == (1, (2, 1))


def test_lines_with_carriage_returns_and_without_a_last_end_are_read(memory: Memory) -> None:
    data = (json.dumps(record("a")) + "\r\n" + json.dumps(record("b"))).encode()
    rows, _ = _rows(memory, "all.jsonl", data)
    assert [type(row) for row in rows] == [Article, Article]


def test_of_a_file_that_breaks_off_whole_lines_are_kept_and_the_break_is_a_reject(memory: Memory) -> None:
    data = _lines(record("a"), record("b"))[:-20]
    rows, counts = _rows(memory, "all.jsonl.gz", data, BROKEN_OFF)
    assert [type(row) for row in rows] == [Article, Reject]
    assert counts == (2, 0)
    assert isinstance(rows[1], Reject)
    assert (rows[1].source, rows[1].reason, rows[1].line) == ("all.jsonl.gz", "truncated", None)


def test_a_file_that_breaks_off_is_read_anew_once_it_is_whole(memory: Memory) -> None:
    whole = _lines(record("a"), record("b"))
    _rows(memory, "all.jsonl.gz", whole[:-20], BROKEN_OFF)
    rows, counts = _rows(memory, "all.jsonl.gz", whole)
    assert [row.source for row in rows] == ["all.jsonl.gz#2"]
    assert counts == (2, 1)


def test_half_a_page_is_no_page(memory: Memory) -> None:
    (row,), _ = _rows(memory, "a.html.gz", html_page("a").encode()[:500], BROKEN_OFF)
    assert isinstance(row, Reject)
    assert row.reason == "truncated"


@pytest.mark.parametrize("data", [b"", b" \n\t"])
def test_nothing_is_a_reject_and_two_files_of_nothing_are_two(memory: Memory, data: bytes) -> None:
    (one,), _ = _rows(memory, "a.html", data)
    (other,), _ = _rows(memory, "b.html", data)
    assert isinstance(one, Reject)
    assert isinstance(other, Reject)
    assert one.reason == other.reason == "empty"
    assert one.reject_id != other.reject_id
    assert _rows(memory, "a.html", data) == ([], (1, 1))


def test_what_cannot_be_read_is_a_reject_that_may_pass_later(memory: Memory) -> None:
    (row,), _ = _rows(memory, "a.html", b"", InputRejected("unreadable", "cannot be read: no", retryable=True))
    assert isinstance(row, Reject)
    assert (row.reason, row.retryable, row.input_id) == ("unreadable", True, None)
    # ... and does, as soon as there is something to read.
    (page,), _ = _rows(memory, "a.html", html_page("a").encode())
    assert isinstance(page, Page)


def test_a_file_over_the_limit_is_a_reject_of_its_own_bytes(memory: Memory) -> None:
    (row,), _ = _rows(memory, "big.html", b"<html>" + b"a" * MAX_FILE_BYTES)
    assert isinstance(row, Reject)
    assert row.reason == "too_large"
    (page,), _ = _rows(memory, "fits.html", b"<html>" + b"a" * (MAX_FILE_BYTES - 6))
    assert isinstance(page, Page)


def test_a_record_brings_its_own_time_and_a_page_in_a_record_too(memory: Memory) -> None:
    fields = {"first_seen_at": "2020-01-01T00:00:00Z"}
    data = _lines(record("a", **fields), {"html": html_page("b"), **fields}, record("c"))
    rows, _ = _rows(memory, "all.jsonl", data)
    assert [row.first_seen_at for row in rows] == [1_577_836_800_000_000] * 2 + [SEEN_AT]


@pytest.mark.parametrize("depth", [200, 500, 900, 994, 1500, 100_000])
def test_a_value_of_any_depth_ends_as_a_row_or_a_reject(memory: Memory, depth: int) -> None:
    line = b'{"article_body": "Some words", "k": ' + b"[" * depth + b"]" * depth + b"}\n"
    (row, other), _ = _rows(memory, "a.jsonl", line + _lines(record("next")))
    assert isinstance(row, Article | Reject)
    assert isinstance(other, Article)


def test_a_block_of_zeros_in_a_file_of_lines_costs_no_other_line(memory: Memory) -> None:
    data = _lines(*(record(f"n{n}") for n in range(300))) + b"\0" * 8192 + b"\n" + _lines(record("last"))
    rows, _ = _rows(memory, "log.jsonl", data)
    assert sum(isinstance(row, Article) for row in rows) == 301
    assert sum(isinstance(row, Reject) for row in rows) == 1


def test_letters_under_mountains_of_accents_take_no_time(memory: Memory) -> None:
    text = "A word with a" + "\u0300\u0316" * 150_000
    (row,), _ = _rows(
        memory, "a.jsonl", _lines({"article_body": text, "headline": text, "url": f"https://{'漢字' * 2000}.example/"})
    )
    assert isinstance(row, Article)
    assert len(row.article_body) < 100
    assert row.url_canonical is None


@pytest.mark.parametrize(
    ("told", "seen_at"),
    [
        ("1987-10-19T14:00:00Z", 561_650_400_000_000),
        ("0001-01-01T00:00:00Z", SEEN_AT),
        ("9999-12-31T23:59:59Z", SEEN_AT),
        ("2026-04-01T20:00:00Z", 1_775_073_600_000_000),
        ("2026-04-03T20:00:00Z", SEEN_AT),
    ],
)
def test_a_record_is_seen_when_it_says_so_unless_nobody_can_have_seen_it_then(
    memory: Memory, told: str, seen_at: int
) -> None:
    lines = _lines(record("a", first_seen_at=told), {"html": html_page("b"), "first_seen_at": told})
    rows, _ = _rows(memory, "a.jsonl", lines)
    assert [row.first_seen_at for row in rows] == [seen_at, seen_at]
