from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from schemas.article import Article
from schemas.due_page import DuePage
from schemas.errors import LakeError
from schemas.feed_item import FeedDocument, FeedItem
from schemas.feed_state import FeedState
from schemas.host_state import HostState
from schemas.instants import Instant
from schemas.reject import Reject
from tests.fetch_samples import DAY, NOW, URL
from tests.samples import paragraphs
from transforms.functions import feed_items
from transforms.functions.feed_items import ItemReader
from transforms.functions.full_content import full_content
from transforms.functions.polling_interval import hash_items, remember_items

NEW = FeedState(URL, URL)
WHOLE = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs("whole", 14))


class MemoryIndex:
    """As much of a `FeedIndex` as items need."""

    def __init__(self) -> None:
        self.pages: dict[str, DuePage] = {}
        self._inputs: set[str] = set()

    def add_page(self, page: DuePage) -> bool:
        return self.pages.setdefault(page.url, page) is page

    def knows_input(self, input_id: str) -> bool:
        return input_id in self._inputs

    def remember_input(self, input_id: str) -> None:
        self._inputs.add(input_id)

    def take_list(self, urls: Iterable[str]) -> tuple[list[FeedState], list[FeedState]]:
        raise NotImplementedError

    def take_named(
        self, naming: str, urls: Iterable[str], *, complete: bool
    ) -> tuple[list[FeedState], list[FeedState]]:
        raise NotImplementedError

    def due_feeds(self, now: Instant) -> list[FeedState]:
        raise NotImplementedError

    def feeds(self) -> list[FeedState]:
        raise NotImplementedError

    def keep_feed(self, state: FeedState) -> None:
        raise NotImplementedError

    def due_pages(self, now: Instant, most: int) -> list[DuePage]:
        raise NotImplementedError

    def is_settled(self, url: str) -> bool:
        return False

    def trim_pages(self, feed_url: str, most: int) -> int:
        beyond = list(self.pages)[:-most]
        for url in beyond:
            del self.pages[url]
        return len(beyond)

    def keep_page(self, page: DuePage) -> None:
        raise NotImplementedError

    def drop_page(self, url: str) -> None:
        raise NotImplementedError

    def host(self, name: str) -> HostState | None:
        raise NotImplementedError

    def keep_host(self, state: HostState) -> None:
        raise NotImplementedError

    def settle_times(self, now: Instant) -> None:
        raise NotImplementedError

    def forget_old(self, now: Instant) -> None:
        raise NotImplementedError


def _read(reader: ItemReader, *items: FeedItem, before: FeedState = NEW) -> list[Article | Reject]:
    return list(reader.rows_of(before, FeedDocument("rss", "rss20", "The Ledger", items=items), NOW))


def test_an_item_with_its_article_becomes_it() -> None:
    reader = ItemReader(MemoryIndex(), "run", NOW)
    (row,) = _read(reader, FeedItem("g1", "https://a.example/1", "Title", content_html=WHOLE, authors=["Ada"]))
    assert isinstance(row, Article)
    assert (row.extraction_method, row.feed_url, row.headline, row.publisher) == ("feed", URL, "Title", "The Ledger")
    assert json.loads(row.extra or "") == {"guid": "g1"}
    assert reader.counts == {"items_new": 1, "inputs": 1}


def test_the_page_of_another_item_is_due_and_no_input_yet() -> None:
    index = MemoryIndex()
    reader = ItemReader(index, "run", NOW)
    link = FeedItem("g1", "https://a.example/1#part", "Title", authors=["Ada"], date_published=5, categories=["city"])
    assert _read(reader, link) == []
    assert reader.counts == {"items_new": 1}
    page = index.pages["https://a.example/1"]
    assert page[:3] == ("https://a.example/1", "a.example", URL)
    assert json.loads(page.hints or "") == {
        "publisher": "The Ledger", "feed_url": URL, "headline": "Title", "headline_source": "feed", "authors": ["Ada"],
        "keywords": ["city"], "date_published": 5, "date_published_source": "feed", "extra": '{"guid": "g1"}',
    }  # fmt: skip


def test_known_items_are_passed_over_and_those_of_other_feeds_counted() -> None:
    index = MemoryIndex()
    reader = ItemReader(index, "run", NOW)
    items = [FeedItem(f"g{number}", f"https://a.example/{number}") for number in range(3)]
    before = NEW._replace(known_items=remember_items(b"", hash_items(["g0"])))
    assert _read(reader, *items, items[1], before=before) == []
    assert sorted(index.pages) == ["https://a.example/1", "https://a.example/2"]
    index.pages.clear()
    _read(reader, *items, before=NEW._replace(listed_url="https://b.example/feed"))
    assert sorted(index.pages) == ["https://a.example/0"]
    assert reader.counts == {"items_new": 5, "inputs": 2, "already_seen": 2}


def test_an_item_that_leads_nowhere_is_a_reject() -> None:
    reader = ItemReader(MemoryIndex(), "run", NOW)
    rows = _read(reader, FeedItem("g1", None, "Title"), FeedItem("g2", "http://[bad", "Title"))
    assert [(row.reason, row.stage) for row in rows if isinstance(row, Reject)] == [
        ("no_address", "fetch"), ("bad_url", "fetch"),
    ]  # fmt: skip
    assert reader.counts == {"items_new": 2, "inputs": 2}


ENDLESS = "&#" + "5" * 5_000 + ";"


def test_a_character_reference_without_end_ends_nothing() -> None:
    item = FeedItem("g1", "https://a.example/1", "Title", content_html=f"<p>{ENDLESS}</p>{WHOLE}")
    (row,) = _read(ItemReader(MemoryIndex(), "run", NOW), item)
    assert isinstance(row, Article)
    assert row.article_body.startswith("\ufffd")


def test_an_item_that_cannot_even_be_looked_at_is_a_reject_and_the_next_one_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def look(item: FeedItem) -> str | None:
        if item.guid == "g1":
            raise ValueError("too much")
        return full_content(item)

    monkeypatch.setattr(feed_items, "full_content", look)
    reader = ItemReader(MemoryIndex(), "run", NOW)
    one, two = (FeedItem(guid, "https://a.example/1", "Title", content_html=WHOLE) for guid in ("g1", "g2"))
    reject, article = _read(reader, one, two)
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.error_class) == ("error", "ValueError")
    assert isinstance(article, Article)
    assert reader.counts == {"items_new": 2, "inputs": 2}


def test_a_memory_that_cannot_be_written_is_no_items_fault() -> None:
    class Full(MemoryIndex):
        def add_page(self, page: DuePage) -> bool:
            raise LakeError("the disk is full")

    with pytest.raises(LakeError):
        _read(ItemReader(Full(), "run", NOW), FeedItem("g1", "https://a.example/1", "Title"))


def test_a_reject_holds_what_the_item_can_be_done_again_from() -> None:
    long = FeedItem("g1", None, "Title", content_html="x" * 20_000, summary_html="In short.", date_published=5)
    rows = list(
        ItemReader(MemoryIndex(), "run", NOW).rows_of(NEW, FeedDocument("rss", "", "Ledger", items=[long]), NOW)
    )
    (reject,) = rows
    assert isinstance(reject, Reject)
    assert json.loads(reject.payload or b"") == {
        "feed_url": URL, "feed_kind": "rss", "publisher": "Ledger", "guid": "g1", "title": "Title",
        "summary_html": "In short.", "date_published": 5, "left_out": ["content_html"],
    }  # fmt: skip


def test_the_teaser_beside_an_article_is_its_description() -> None:
    summary = "<p>In short: ferries &amp; lamps.</p><p>The post Title appeared first on The Ledger.</p>"
    both = FeedItem("g1", "https://a.example/1", "Title", summary_html=summary, content_html=WHOLE)
    (row,) = _read(ItemReader(MemoryIndex(), "run", NOW), both)
    assert isinstance(row, Article)
    assert row.description == "In short: ferries & lamps."
    index = MemoryIndex()
    assert _read(ItemReader(index, "run", NOW), both._replace(content_html=None)) == []
    assert json.loads(index.pages["https://a.example/1"].hints or "")["description"] == "In short: ferries & lamps."
    only = FeedItem("g2", "https://a.example/2", "Title", summary_html=WHOLE * 2)
    (row,) = _read(ItemReader(MemoryIndex(), "run", NOW), only)
    assert isinstance(row, Article)
    assert row.description is None


def test_what_is_no_item_is_rejected_once_and_what_is_too_much_once_a_day() -> None:
    reader = ItemReader(MemoryIndex(), "run", NOW)
    document = FeedDocument("json", "1.1", items_left_out=7, broken=["1", '"text"'])

    def reasons(now: Instant) -> list[str]:
        return [row.reason for row in reader.rows_of(NEW, document, now) if isinstance(row, Reject)]

    assert reasons(NOW) == ["not_an_item", "not_an_item", "too_large"]
    assert reasons(NOW + 60) == []
    assert reasons(NOW + DAY) == ["too_large"]
    assert reader.counts == {"inputs": 4}


def test_a_feed_that_names_more_than_can_be_fetched_has_few_pages_wait_and_is_told_once_a_day() -> None:
    index = MemoryIndex()
    reader = ItemReader(index, "run", NOW)
    batches = [[FeedItem(f"{batch} {n}", f"https://a.example/{batch}/{n}") for n in range(2_000)] for batch in range(4)]
    rows = [_read(reader, *items) for items in batches]
    assert [[row.reason for row in some if isinstance(row, Reject)] for some in rows] == [
        [], [], ["too_many_pages"], [],
    ]  # fmt: skip
    assert len(index.pages) == 5_000
    assert "https://a.example/3/1999" in index.pages
