from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.errors import InputRejected
from schemas.instants import datetime_of, instant_of
from transforms.functions.records import MAX_LINE_BYTES, hints_of, read_record

ANY_TEXT = st.text(alphabet=st.characters(), max_size=30)  # lone surrogates and control characters too
ANY_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), ANY_TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(ANY_TEXT, inner, max_size=3)),
    max_leaves=6,
)
COLUMN_NAMES = st.sampled_from(
    [
        "url",
        "headline",
        "authors",
        "keywords",
        "date_published",
        "date_modified",
        "first_seen_at",
        "extra",
        "in_language",
    ]
)
FIELDS = st.dictionaries(st.one_of(COLUMN_NAMES, ANY_TEXT), ANY_JSON, max_size=6)


def _line(**fields: Any) -> bytes:
    return json.dumps({"article_body": "A text."} | fields).encode()


def _refusal(line: bytes) -> InputRejected | None:
    try:
        read_record(line)
    except InputRejected as rejected:
        return rejected
    return None


def _refused(line: bytes) -> InputRejected:
    with pytest.raises(InputRejected) as caught:
        read_record(line)
    return caught.value


@given(FIELDS)
@example({"first_seen_at": "0001-01-01T00:00:00+14:00"})
@example({"date_published": "9999-12-31T23:59:59-14:00"})
@example({"\ud800": "\udfff"})
@example({"extra": '{"url": {"extra": "{}"}}'})
def test_any_fields_beside_a_text_give_a_record_that_can_be_stored(fields: dict[str, Any]) -> None:
    record = read_record(_line(**fields | {"article_body": "A text.", "html": None}))
    assert record.article_body == "A text."
    for name, value in record.columns.items():
        if name in ("date_published", "date_modified", "first_seen_at"):
            datetime_of(value)  # a day can be told from it
        elif name in ("authors", "keywords"):
            assert all(one and one == one.strip() for one in value)
            "".join(value).encode()
        else:
            value.encode()
    if record.extra is not None:
        record.extra.encode()
        assert isinstance(json.loads(record.extra), dict)


@given(st.binary(max_size=60))
@example(b"[" * 100_000)
@example(b'{"article_body": "a", "x": ' + b"[" * 100_000)
@example(b'{"article_body": "a", "n": ' + b"9" * 5000 + b"}")
def test_any_bytes_are_a_record_or_refused(line: bytes) -> None:
    rejected = _refusal(line)
    assert rejected is None or (rejected.reason in ("bad_json", "bad_record") and not rejected.retryable)


@pytest.mark.parametrize("depth", range(860, 1000, 7))
def test_deep_nesting_is_read_or_refused_whatever_is_left_of_the_stack(depth: int) -> None:
    line = b'{"article_body": "a", "x": ' + b"[" * depth + b"]" * depth + b"}"
    rejected = _refusal(line)
    assert rejected is None or rejected.reason == "bad_json"


@pytest.mark.parametrize(
    ("line", "reason", "words"),
    [
        (b"{", "bad_json", "not JSON"),
        (b"[1]", "bad_json", "list"),
        (b"null", "bad_json", "NoneType"),
        (b'{"article_body": "a\xff"}', "bad_json", "byte 19"),
        (b"{}", "bad_record", "article_body"),
        (b'{"article_body": "a", "html": "<p>"}', "bad_record", "not both"),
        (b'{"article_body": ["a"]}', "bad_record", "list"),
        (b'{"article_body": " \\n "}', "bad_record", "article_body"),
        (b'{"html": ""}', "bad_record", "html"),
    ],
)
def test_what_makes_an_article_impossible_refuses_the_line(line: bytes, reason: str, words: str) -> None:
    rejected = _refused(line)
    assert rejected.reason == reason
    assert words in rejected.message


def test_a_line_over_the_limit_is_refused_and_one_at_the_limit_is_not() -> None:
    start, end = b'{"article_body": "', b'"}'
    fitting = start + b"a" * (MAX_LINE_BYTES - len(start) - len(end)) + end
    assert read_record(fitting).article_body
    assert _refused(fitting + b" ").reason == "too_large"


def test_values_go_to_their_columns() -> None:
    record = read_record(
        _line(
            url=" https://ledger.example/a ",
            headline="Two\nlines",
            authors=["Jonna Pellworth", "", " "],
            keywords="ferries",
            date_published="2026-03-30T10:00:00+02:00",
            first_seen_at="2026-03-31",
        )
    )
    assert record.columns == {
        "url": "https://ledger.example/a",
        "headline": "Two lines",
        "authors": ["Jonna Pellworth"],
        "keywords": ["ferries"],
        "headline_source": "record",
        "date_published": instant_of(datetime(2026, 3, 30, 8, tzinfo=UTC)),
        "date_published_source": "record",
        "first_seen_at": instant_of(datetime(2026, 3, 31, tzinfo=UTC)),
    }
    assert record.extra is None


def test_what_does_not_fit_its_column_moves_to_extra_under_its_key() -> None:
    given = {
        "headline": 5,
        "authors": ["a", 1],
        "date_published": 1_700_000_000,
        "date_modified": "soon",
        "desk": "city",
    }
    record = read_record(_line(**given))
    assert record.columns == {}
    assert json.loads(record.extra or "") == given


def test_an_address_too_long_to_keep_whole_is_not_cut_into_another_one() -> None:
    address = "https://ledger.example/" + "a" * 100_000
    record = read_record(_line(url=address, access_state="wide open"))
    assert record.columns == {}
    assert json.loads(record.extra or "") == {"url": address, "access_state": "wide open"}


def test_columns_that_newsbeam_makes_itself_are_read_over() -> None:
    record = read_record(_line(article_id="ff", word_count=3, date="2026-01-01", run_id="r", duplicate_of="x"))
    assert (record.columns, record.extra) == ({}, None)


def test_newsbeams_own_tags_are_read_over_and_others_of_that_name_kept() -> None:
    ours = {"topics": [{"id": "medtop:1", "creator": "model"}], "entities": [{"name": "A", "extractor": "model"}]}
    assert read_record(_line(**ours, topics_state="ok")).extra is None
    theirs = {"topics": ["trade"], "entities": [{"name": "A"}]}
    assert json.loads(read_record(_line(**theirs)).extra or "") == theirs


def test_an_absent_value_is_no_value() -> None:
    record = read_record(_line(headline=None, desk=None, html=None))
    assert (record.columns, record.extra) == ({}, None)


def test_the_extra_of_an_exported_row_does_not_nest_deeper_with_each_round() -> None:
    once = read_record(_line(desk="city", edition={"n": 1})).extra
    assert once is not None
    assert read_record(_line(extra=once)).extra == once


def test_a_byte_order_mark_is_read_over() -> None:
    assert read_record(b"\xef\xbb\xbf" + _line()).article_body == "A text."


def test_hints_are_what_the_line_says_beside_the_address_and_the_time() -> None:
    fields = {"html": "<p>", "article_body": None, "url": "https://a.example/", "first_seen_at": "2026-03-31"}
    assert hints_of(read_record(_line(**fields))) is None
    hints = hints_of(read_record(_line(**fields, headline="Été", desk="city")))
    assert json.loads(hints or "") == {
        "headline": "Été",
        "headline_source": "record",
        "extra": '{"desk": "city"}',
    }


def test_the_sixtieth_second_of_a_minute_is_its_last() -> None:
    record = read_record(_line(date_published="2016-12-31T23:59:60Z"))
    assert datetime_of(record.columns["date_published"]) == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert record.extra is None


def test_extra_is_json_that_every_reader_takes() -> None:
    record = read_record(_line(desk="half \ud800 a pair", whole="\ud83d\ude00"))
    assert json.loads(record.extra or "") == {"desk": "half \ufffd a pair", "whole": "\U0001f600"}
    [(valid,)] = duckdb.execute("select json_valid($extra)", {"extra": record.extra}).fetchall()
    assert valid


def test_what_can_be_read_but_not_written_is_no_record() -> None:
    nested = (
        b'{"article_body": "A text.", "desk": ' + b"[" * depth + b"]" * depth + b"}" for depth in range(500, 1000, 7)
    )
    refused = [_refusal(line) for line in nested]
    assert {one.reason for one in refused if one is not None} == {"bad_json"}
