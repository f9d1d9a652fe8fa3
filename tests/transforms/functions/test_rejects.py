from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputRejected
from tests.samples import SEEN_AT, page
from transforms.functions.file_slices import unreadable
from transforms.functions.rejects import (
    MAX_PAYLOAD_BYTES,
    reject_id,
    reject_input,
    reject_page,
)

EMPTY = InputRejected("empty", "nothing but whitespace in it")


def test_a_reject_says_what_was_wrong_where_and_whether_to_try_again() -> None:
    rejected = InputRejected("no_article", "nothing\nreads like one", retryable=True)
    row = reject_page(rejected, page(url="https://ledger.example/a"), stage="extract", run_id="run-1")
    assert (row.stage, row.reason, row.retryable, row.run_id) == ("extract", "no_article", True, "run-1")
    assert (row.source, row.input_id, row.first_seen_at) == ("pages/one.html", page().input_id, SEEN_AT)
    assert row.message == "nothing reads like one"
    assert row.url == "https://ledger.example/a"
    assert (row.payload, row.payload_bytes) == (page().body, len(page().body))
    assert row.line is None


def test_the_underlying_error_is_named() -> None:
    row = reject_input(unreadable(PermissionError(13, "no")), stage="read", source="a", first_seen_at=0, run_id="r")
    assert (row.error_class, row.reason) == ("PermissionError", "unreadable")
    assert reject_input(EMPTY, stage="read", source="a", first_seen_at=0, run_id="r").error_class == "InputRejected"


def test_only_the_first_bytes_are_kept_and_the_length_told() -> None:
    body = bytes(MAX_PAYLOAD_BYTES + 1)
    row = reject_page(EMPTY, page(body=body), stage="extract", run_id="r")
    assert row.payload == body[:-1]
    assert row.payload_bytes == MAX_PAYLOAD_BYTES + 1


def test_the_same_input_has_the_same_id_at_any_time_and_place() -> None:
    one = reject_page(EMPTY, page(), stage="extract", run_id="r")
    later = reject_page(EMPTY, page(source="moved.html", first_seen_at=1), stage="extract", run_id="other")
    assert one.reject_id == later.reject_id
    assert one.reject_id != reject_page(EMPTY, page("two"), stage="extract", run_id="r").reject_id
    assert one.reject_id != reject_page(EMPTY, page(), stage="read", run_id="r").reject_id


def test_inputs_without_bytes_are_told_apart_by_their_place() -> None:
    rows = [reject_input(EMPTY, stage="read", source=name, first_seen_at=0, run_id="r") for name in "ab"]
    assert rows[0].reject_id != rows[1].reject_id
    assert {row.input_id for row in rows} == {None}


@given(st.text(alphabet=st.characters(), max_size=40), st.text(alphabet=st.characters(), max_size=40))
def test_any_message_becomes_one_line_that_can_be_stored(message: str, source: str) -> None:
    row = reject_input(InputRejected("error", message), stage="read", source=source, first_seen_at=0, run_id="r")
    row.message.encode()
    assert row.message
    assert "\n" not in row.message
    assert len(reject_id("read", source)) == 32
