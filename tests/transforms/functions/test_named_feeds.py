from __future__ import annotations

import time

import pytest

from schemas.feed_item import FeedDocument, NamedFeed
from tests.fetch_samples import DAY, HOUR, NOW
from transforms.functions.feed_lists import is_list
from transforms.functions.named_feeds import MOST_SITEMAPS, followed

A = "https://a.example"
OWN = (f"{A}/index.xml", None)


def _index(*named: NamedFeed) -> FeedDocument:
    return FeedDocument("sitemap_index", "", named=named)


def test_what_changed_lately_comes_first_and_what_is_old_not_at_all() -> None:
    named = [
        NamedFeed(f"{A}/archive.xml", NOW - 400 * DAY),
        NamedFeed(f"{A}/pages.xml"),
        NamedFeed(f"{A}/yesterday.xml", NOW - DAY),
        NamedFeed(f"{A}/today.xml", NOW - HOUR),
        NamedFeed(f"{A}/news.xml"),
    ]
    urls, others = followed(_index(*named), NOW, OWN)
    assert urls == [f"{A}/{name}.xml" for name in ("today", "yesterday", "news", "pages")]
    assert others == 0


def test_of_an_index_that_says_that_all_is_old_the_newest_is_polled() -> None:
    named = [NamedFeed(f"{A}/{days}.xml", NOW - days * DAY) for days in (500, 400, 600)]
    assert followed(_index(*named), NOW, OWN) == ([f"{A}/400.xml"], 0)


def test_an_index_names_neither_itself_nor_what_is_no_address_nor_one_twice() -> None:
    named = [NamedFeed(url) for url in (f"{A}/i", f"{A}/1", f"{A}/1#x", "https://u:p@a.example/2", "file:///etc")]
    assert followed(_index(*named), NOW, [f"{A}/i", None]) == ([f"{A}/1"], 0)


def test_an_index_names_what_is_on_its_own_site_and_the_rest_is_counted() -> None:
    urls = ["https://victim.example/1", "https://news.a.example/2", "https://[bad/", "https://moved.example/3"]
    index = _index(*(NamedFeed(url) for url in urls))
    assert followed(index, NOW, OWN) == ([urls[1]], 2)
    assert followed(index, NOW, (*OWN, "https://moved.example/index.xml")) == ([urls[1], urls[3]], 1)
    old = _index(NamedFeed(urls[0], NOW - 400 * DAY), NamedFeed(f"{A}/1", NOW - 500 * DAY))
    assert followed(old, NOW, OWN) == ([f"{A}/1"], 1)
    assert followed(old._replace(kind="list"), NOW, OWN) == ([urls[0], f"{A}/1"], 0)


def test_what_is_too_much_is_counted() -> None:
    urls, others = followed(_index(*(NamedFeed(f"{A}/{number}") for number in range(2_000))), NOW, OWN)
    assert (len(urls), others) == (MOST_SITEMAPS, 2_000 - MOST_SITEMAPS)
    listed = FeedDocument("list", "", named=tuple(NamedFeed(f"{A}/{number}") for number in range(2_000)))
    assert len(followed(listed, NOW, OWN)[0]) == 2_000


@pytest.mark.parametrize(
    ("data", "content_type", "expected"),
    [
        (b"<opml version='2.0'><body/></opml>", "application/octet-stream", True),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x -->\n<!DOCTYPE opml>\n<OPML>", None, True),
        (b"# mine\n\nhttps://a.example/feed # one\nfeed://b.example/\n", "text/plain; charset=utf-8", True),
        (b"https://a.example/feed\n", "text/html", False),
        (b"https://a.example/feed\nread this\n", "text/plain", False),
        (b"# nothing\n", "text/plain", False),
        (b"<rss version='2.0'><channel><title>&lt;opml&gt;</title></channel></rss>", "text/plain", False),
        (b"<html><opml>", "text/html", False),
        (b"", None, False),
    ],
)
def test_a_list_is_told_by_its_root_or_as_plain_text(data: bytes, content_type: str | None, expected: bool) -> None:
    assert is_list(data, content_type) is expected


@pytest.mark.parametrize("unit", [b"<? ?>", b"<!-- -->", b"<?", b"<!--", b" ", b"<!DOCTYPE a>", b"<!DOCTYPE "])
def test_a_head_that_never_ends_takes_no_time(unit: bytes) -> None:
    started = time.perf_counter()
    assert not is_list(unit * (2_000_000 // len(unit)), None)
    assert time.perf_counter() - started < 5
