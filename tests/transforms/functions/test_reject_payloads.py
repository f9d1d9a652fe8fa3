from __future__ import annotations

import hashlib
import json

import pytest

from schemas.article import Article
from schemas.due_page import DuePage
from schemas.errors import InputRejected
from schemas.feed_item import FeedDocument, FeedItem
from schemas.feed_state import FeedState
from schemas.page import Page
from schemas.reject import Reject
from tests.fetch_samples import NOW, URL
from tests.samples import html_page, paragraphs, reject
from tests.transforms.functions.test_feed_items import MemoryIndex
from transforms.functions.due_pages import payload_of_page
from transforms.functions.feed_inputs import payload_of_item
from transforms.functions.feed_items import STAGE, ItemReader
from transforms.functions.reject_payloads import (
    FILE,
    KEPT,
    KEPT_TOO_LITTLE,
    OF_FEED,
    PAGE,
    due_page_of,
    may_need_payload,
    row_again,
    way_of,
)
from transforms.functions.rejects import reject_input

WHOLE = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs("whole", 14))
PAGE_URL = "https://outlet.example/page"


def _digest(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def _fed(source: str, payload: bytes | None, input_id: str, **columns: object) -> Reject:
    error = InputRejected("error", "it went wrong")
    row = reject_input(
        error, stage=STAGE, source=source, first_seen_at=NOW, run_id="r", input_id=input_id, body=payload
    )
    return row._replace(**columns)


def _of_item(item: FeedItem) -> Reject:
    """The reject of an item of a poll, as it was written when something went wrong with it."""
    document = FeedDocument("rss", "rss20", "Outlet", items=(item,))
    return _fed(f"{URL}#1", payload_of_item(item, document, URL), "1" * 64)


def _given_up(due: DuePage) -> Reject:
    identity = _digest(f"given up\n{due.url}\n{due.first_seen_at}")
    return _fed(due.url, payload_of_page(due), identity)


def test_what_a_reader_or_an_extractor_gave_up_lies_in_its_file() -> None:
    for one in (reject(), reject(stage="read", source="a#3"), reject(source="gs://bucket/a.html")):
        assert way_of(one) == FILE
        assert not may_need_payload(one)


def test_an_item_is_done_again_as_it_was_met_first() -> None:
    item = FeedItem("1", PAGE_URL, "A title", content_html=WHOLE, authors=("Ada",), date_published=NOW)
    rejected = _of_item(item)
    assert way_of(rejected) == KEPT
    again = row_again(rejected, NOW + 1, "run-2")
    (polled,) = ItemReader(MemoryIndex(), "run-2", NOW + 1).rows_of(
        FeedState(URL, URL), FeedDocument("rss", "rss20", "Outlet", items=(item,)), NOW
    )
    assert isinstance(again, Article)
    assert isinstance(polled, Article)
    assert again == polled._replace(input_id=again.input_id)
    assert again.input_id == rejected.input_id


def test_an_item_that_fails_again_is_the_same_reject_with_what_is_wrong_now() -> None:
    rejected = _of_item(FeedItem("1", None, "Nowhere"))
    assert way_of(rejected) == KEPT
    again = row_again(rejected, NOW + 1, "run-2")
    assert isinstance(again, Reject)
    assert (again.reject_id, again.reason) == (rejected.reject_id, "no_address")


def test_an_item_that_only_names_its_page_has_it_fetched() -> None:
    item = FeedItem("1", f"{PAGE_URL}#top", "A title", authors=("Ada",))
    document = FeedDocument("json", "1.1", "Outlet", self_url=URL, items=(item,))
    index = MemoryIndex()
    assert list(ItemReader(index, "r", NOW).rows_of(FeedState(URL, URL), document, NOW)) == []
    (polled,) = index.pages.values()
    saved = reject(
        stage="read", source="saved.json#1", reason="not_fetched", payload=payload_of_item(item, document, None)
    )
    for one in (saved, _of_item(item)):
        assert way_of(one) == PAGE
        page = due_page_of(one, NOW + 5)
        assert (page.host, page.hints, page.due_at, page.attempts) == (polled.host, polled.hints, NOW + 5, 0)
        assert page.url.partition("#")[0] == polled.url


def test_a_page_that_was_given_up_waits_again_as_it_did() -> None:
    due = DuePage(PAGE_URL, "outlet.example", URL, '{"headline": "x", "feed_url": "' + URL + '"}', NOW, NOW, 7)
    rejected = _given_up(due)
    assert way_of(rejected) == PAGE
    again = due_page_of(rejected, NOW + 9)
    assert again == due._replace(due_at=NOW + 9, attempts=0, hints=again.hints)
    assert json.loads(again.hints or "") == json.loads(due.hints or "")
    # Given up once more, it is the same reject.
    assert _given_up(again).reject_id == rejected.reject_id


@pytest.mark.parametrize("payload", [None, b"not a feed", b"[1]", b'{"url": "https://outlet.example/feed"}', b"\xff"])
def test_what_is_of_a_feed_as_a_whole_is_left_alone(payload: bytes | None) -> None:
    assert way_of(_fed(URL, payload, "2" * 64)) == OF_FEED


def test_an_item_whose_address_is_none_is_no_item() -> None:
    forged = json.dumps({"guid": "1", "feed_kind": "rss", "url": ["x"], "left_out": ["title"]}).encode()
    assert way_of(_fed(f"{URL}#1", forged, "3" * 64)) == KEPT_TOO_LITTLE


def test_nobody_can_pass_a_feed_off_as_a_page_that_was_given_up() -> None:
    forged = json.dumps({"url": URL, "feed_url": URL, "first_seen_at": 5, "attempts": 3}).encode()
    assert way_of(_fed(URL, forged, "3" * 64)) == OF_FEED


def test_an_item_of_which_too_little_was_kept_has_its_page_fetched_or_is_lost() -> None:
    long = FeedItem("1", PAGE_URL, content_html=WHOLE * 20)
    assert way_of(_of_item(long)) == PAGE
    assert way_of(_of_item(long._replace(url=None))) == KEPT_TOO_LITTLE


def test_a_fetched_page_is_looked_at_again_where_it_was_kept_whole() -> None:
    body = html_page("page").encode()
    kept = reject(
        source=PAGE_URL, url=f"{PAGE_URL}?moved", payload=body, payload_bytes=len(body),
        input_id=_digest(f"{PAGE_URL}\n".encode() + body),
    )  # fmt: skip
    assert may_need_payload(kept)
    assert way_of(kept) == KEPT
    page = row_again(kept, NOW, "run-2")
    assert isinstance(page, Page)
    assert (page.body, page.url, page.kind, page.input_id) == (body, kept.url, "html", kept.input_id)
    cut = kept._replace(payload_bytes=len(body) + 1)
    assert way_of(cut) == PAGE
    assert due_page_of(cut, NOW).url == PAGE_URL
