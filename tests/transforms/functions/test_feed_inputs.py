"""Saved feeds as a folder's input."""

from __future__ import annotations

import gzip
import json

import pytest

from pipeline.memory import Memory
from schemas.article import Article
from schemas.input_slice import InputSlice
from schemas.reject import Reject
from tests.samples import SEEN_AT, paragraphs
from transforms.functions.folder_inputs import InputRow, SliceReader

_ITEM = """<item><title>{name}</title><link>https://ledger.example/{name}</link><guid>{name}</guid>
<dc:creator>Ada Moss</dc:creator><category>Ferries</category><pubDate>Tue, 31 Mar 2026 08:00:00 GMT</pubDate>
<description>In short.</description>{content}</item>"""


def _rss(*items: str) -> bytes:
    head = '<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    head += 'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>The Ledger</title>'
    return f"{head}{''.join(items)}</channel></rss>".encode()


def _whole(name: str) -> str:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs(name, 14))
    return _ITEM.format(name=name, content=f"<content:encoded><![CDATA[{text}]]></content:encoded>")


def _teaser(name: str) -> str:
    return _ITEM.format(name=name, content="")


def _rows(memory: Memory, data: bytes) -> tuple[list[InputRow], int, int]:
    reader = SliceReader(memory, "run-1", SEEN_AT)
    rows = list(reader.rows_of(InputSlice("feeds/a.xml"), data, None))
    assert reader.inputs == len(rows) + reader.already_seen
    return rows, reader.inputs, reader.already_seen


def test_an_item_that_carries_its_article_is_one_and_a_teaser_is_a_reject(memory: Memory) -> None:
    (article, reject), inputs, _ = _rows(memory, _rss(_whole("one"), _teaser("two")))
    assert isinstance(article, Article)
    assert isinstance(reject, Reject)
    assert inputs == 2
    assert article.article_body == "\n".join(paragraphs("one", 14))
    assert (article.headline, article.headline_source, article.publisher) == ("one", "feed", "The Ledger")
    assert (article.authors, article.keywords, article.extraction_method) == (["Ada Moss"], ["Ferries"], "feed")
    assert (article.date_published, article.date_published_source) == (1_774_944_000_000_000, "feed")
    assert (article.url_canonical, article.source) == ("https://ledger.example/one", "feeds/a.xml#1")
    assert (reject.reason, reject.retryable, reject.url) == ("not_fetched", True, "https://ledger.example/two")
    assert reject.source == "feeds/a.xml#2"


def test_the_same_feed_is_known_and_of_a_longer_one_only_the_new_items_are_read(memory: Memory) -> None:
    _rows(memory, _rss(_whole("one"), _teaser("two")))
    assert _rows(memory, _rss(_whole("one"), _teaser("two"))) == ([], 2, 2)
    rows, inputs, seen = _rows(memory, _rss(_whole("three"), _whole("one"), _teaser("two")))
    assert ([row.headline for row in rows if isinstance(row, Article)], inputs, seen) == (["three"], 3, 2)


@pytest.mark.parametrize(
    ("data", "reasons"),
    [
        (_rss(), ["no_items"]),
        (b'<!DOCTYPE rss [<!ENTITY a "b">]><rss version="2.0"><channel><item/></channel></rss>', ["doctype"]),
        (b"<sitemapindex><sitemap><loc>https://a.example/s.xml</loc></sitemap></sitemapindex>", ["no_items"]),
        (_rss(_whole("one"))[:-300], ["truncated"]),
        (_rss(*[_teaser(f"n{number}") for number in range(2003)]), ["not_fetched", "too_large"]),
    ],
)
def test_what_is_not_read_of_a_feed_is_a_reject(memory: Memory, data: bytes, reasons: list[str]) -> None:
    rows, _, _ = _rows(memory, data)
    assert sorted({row.reason for row in rows if isinstance(row, Reject)}) == reasons
    assert _rows(memory, data)[0] == []


def test_a_packed_feed_is_unpacked(memory: Memory) -> None:
    packed = gzip.compress(_rss(_whole("one")))
    reader = SliceReader(memory, "run-1", SEEN_AT)
    rows = list(reader.rows_of(InputSlice("feeds/a.xml.gz"), gzip.decompress(packed), None))
    assert [type(row) for row in rows] == [Article]


def test_entries_of_a_json_feed_that_are_no_objects_are_counted_and_rejected(memory: Memory) -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "x",
        "items": [7, {"id": "a", "url": "https://a.example/"}],
    }
    rows, inputs, _ = _rows(memory, json.dumps(feed).encode())
    assert inputs == 2
    rejects = [row for row in rows if isinstance(row, Reject)]
    assert [(row.reason, row.url) for row in rejects] == [("not_fetched", "https://a.example/"), ("not_an_item", None)]
    assert json.loads(rejects[0].payload or b"") == {
        "feed_kind": "json",
        "publisher": "x",
        "guid": "a",
        "url": "https://a.example/",
    }
    assert rejects[1].payload == b"7"
