"""Whatever a document holds, reading it ends soon, with a `FeedDocument` or an `InputRejected`.

Times are those of this process's processor, with room for a slow machine: what they guard against takes minutes.
"""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InputRejected
from schemas.feed_item import FeedDocument
from transforms.functions.feed_documents import MAX_FEED_BYTES, feed_kind, read_feed
from transforms.functions.feed_markup import MAX_ITEMS
from transforms.functions.full_content import full_content

SECONDS = 4.0
"""For 500 kB: the dearest document below takes half of one; what takes time by the square, from 5 to hours."""

HEAD = b'<rss version="2.0"><channel>'
ITEM = HEAD + b"<item><title>"
TAIL = b"</channel></rss>"

SEEDS = [
    b'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>T</title><ttl>5</ttl><link>/</link>'
    b"<item><title>A &amp; b</title><link>https://a.example/1</link><guid>1</guid><author>j@a.example (J M)</author>"
    b"<pubDate>Tue, 03 Mar 2026 12:00:00 GMT</pubDate><description><![CDATA[<p>x</p>]]></description></item>"
    b'<item><category>c</category><enclosure url="/a.png" type="image/png"/></item></channel></rss>',
    b'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="/b/"><entry><id>i</id><link href="x"/><updated>2026-03-03'
    b'T12:00:00Z</updated><content type="xhtml"><div><p>t</p></div></content></entry></feed>',
    b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "\\ud83d\\ude00 \\ud800",'
    b'"authors": [{"name": "\\udfff"}], "tags": ["\\u0000"], "content_text": "x", "date_published": "2026-03-03"}]}',
    b"<urlset><url><loc>https://a.example/1</loc><lastmod>2026-03-03</lastmod><title>t</title></url></urlset>",
    b"<sitemapindex><sitemap><loc>https://a.example/1</loc></sitemap></sitemapindex>",
]
PIECES = st.sampled_from(
    [
        b"<", b">", b"&", b"</", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<!DOCTYPE rss [", b"&#xD800;", b"&#99999999;",
        b"\x00", b"\xff", b"\xed\xa0\x80", b'"', b"<item>", b"</item>", b"<entry>", b"<links a='b'/>",
        b"<published_parsed>1</published_parsed>", b"<authors x=''>", b"<textinput>", b"<image>", b"<tags>a,b</tags>",
        b"<title_detail a=''/>",
        b"<content src='x'/>", b"<source>", b"\\ud800", b"[", b"{", b"xmlns:a=''", b"<svg>", b"<media:thumbnail/>",
    ]
)  # fmt: skip


def outcome(body: bytes, url: str | None = None) -> FeedDocument | str:
    """Read a document and all that it may be asked for; every text in it must be one that UTF-8 can encode."""
    try:
        document = read_feed(body, url=url)
    except InputRejected as refused:
        str(refused).encode()
        return refused.reason
    for item in document.items:
        full_content(item)
    assert len(document.items) <= MAX_ITEMS
    assert all(item.guid for item in document.items)
    json.dumps(document, ensure_ascii=False).encode()
    return document


def timed(body: bytes) -> tuple[FeedDocument | str, float]:
    began = time.process_time()
    return outcome(body), time.process_time() - began


def filled(head: bytes, unit: bytes, tail: bytes = b"", size: int = 500_000) -> bytes:
    return head + unit * ((size - len(head) - len(tail)) // len(unit)) + tail


@given(st.binary(max_size=300))
def test_any_bytes_give_a_document_or_a_refusal(body: bytes) -> None:
    outcome(body)
    feed_kind(body)


@settings(max_examples=200)
@given(st.sampled_from(SEEDS), st.data())
def test_a_changed_feed_gives_a_document_or_a_refusal(seed: bytes, data: st.DataObject) -> None:
    body = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body)))
        cut = data.draw(st.integers(0, 12))
        body[at : at + cut] = data.draw(st.one_of(PIECES, st.binary(max_size=4)))
    outcome(bytes(body), url="https://a.example/feed")


@given(st.sampled_from(SEEDS), st.integers(0, 500))
def test_a_feed_cut_anywhere_gives_a_document_or_a_refusal(seed: bytes, length: int) -> None:
    outcome(seed[:length])


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), lambda inner: st.lists(inner)))
def test_any_value_in_any_field_of_a_json_feed_gives_a_document(value: object) -> None:
    names = (
        "id",
        "url",
        "title",
        "content_html",
        "content_text",
        "summary",
        "image",
        "date_published",
        "authors",
        "tags",
    )
    feed = {"version": "https://jsonfeed.org/version/1", "title": value, "items": [dict.fromkeys(names, value)]}
    assert isinstance(outcome(json.dumps(feed | {"language": value, "home_page_url": value}).encode()), FeedDocument)


def test_an_entity_bomb_is_refused_before_it_is_parsed() -> None:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY l0 "lol">{entities}]><rss version="2.0"><channel><title>&l11;'
    result, seconds = timed(bomb.encode())
    assert result == "doctype"
    assert seconds < 0.1


@pytest.mark.parametrize(
    "doctype", [b'<!DOCTYPE r SYSTEM "file:///etc/passwd">', b"<!DOCTYPE r [<!ENTITY % a 'b'> %a;]>"]
)
def test_external_entities_are_never_asked_for(doctype: bytes) -> None:
    document = outcome(doctype + HEAD + b"<title>&a;</title>" + TAIL)
    assert isinstance(document, FeedDocument)
    assert document.title == "&a;"


@pytest.mark.parametrize("place", ["after the root starts", "behind a comment", "twice"])
def test_entities_are_never_expanded_wherever_they_are_defined(place: str) -> None:
    doctype = b'<!DOCTYPE rss [<!ENTITY a "EXPANDED">]>'
    body = {
        "after the root starts": HEAD + doctype + b"<title>&a;</title>" + TAIL,
        "behind a comment": b"<!-- <rss> -->" + doctype + HEAD + b"<title>&a;</title>" + TAIL,
        "twice": b"<!DOCTYPE rss>" + doctype + HEAD + b"<title>&a;</title>" + TAIL,
    }[place]
    result = outcome(body)
    assert result == "doctype" or "EXPANDED" not in (result[3] or "")


@pytest.mark.parametrize("item", [b"<item/>", b"<item></item>", b"<item>"])
def test_a_million_items_are_not_parsed(item: bytes) -> None:
    body = filled(HEAD, item, TAIL, MAX_FEED_BYTES)
    result, seconds = timed(body)
    assert result == "too_many_elements" or (
        isinstance(result, FeedDocument) and len(result.items) == MAX_ITEMS and result.items_left_out > 300_000
    )
    assert seconds < 3


def test_memory_is_a_few_times_the_documents_size() -> None:
    body = filled(HEAD, b"<item><title>a</title></item>", TAIL)
    tracemalloc.start()
    outcome(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * len(body)


@pytest.mark.parametrize("place", ["inside the second item", "behind the items"])
def test_what_comes_after_too_many_tags_is_left_out(place: str) -> None:
    junk = b"<a/>" * 210_000
    end = b"<item><guid>2</guid>" + junk + b"</item>" if place == "inside the second item" else junk
    result, seconds = timed(HEAD + b"<item><guid>1</guid></item>" + end + TAIL)
    assert isinstance(result, FeedDocument)
    assert [item.guid for item in result.items] == ["1"]
    assert (result.items_left_out, result.is_cut_off) == (int(place == "inside the second item"), False)
    assert seconds < 1


def test_a_million_json_items_are_counted() -> None:
    body = filled(b'{"version": "https://jsonfeed.org/version/1", "items": [', b"{},", b"{}]}", 3_100_000)
    result, seconds = timed(body)
    assert isinstance(result, FeedDocument)
    assert (len(result.items), result.items_left_out > 1_000_000) == (MAX_ITEMS, True)
    assert seconds < SECONDS


def test_ten_million_bytes_are_refused() -> None:
    result, seconds = timed(filled(HEAD, b"<item><title>a</title></item>", TAIL, 10_000_000))
    assert (result, seconds < 0.1) == ("too_large", True)


DEAR: dict[str, Callable[[], bytes]] = {
    "open tags": lambda: filled(ITEM, b"<a>"),
    "nested tags": lambda: ITEM + b"<a>" * 40_000 + b"</a>" * 40_000 + b"</title></item>" + TAIL,
    "open brackets": lambda: filled(ITEM, b"<"),
    "open attributes": lambda: filled(ITEM, b'<a b="'),
    "open sections": lambda: filled(ITEM, b"<![CDATA["),
    "open comments": lambda: filled(ITEM, b"<!--"),
    "open instructions": lambda: filled(b"", b"<?a "),
    "open doctype": lambda: filled(b"<!DOCTYPE rss [", b"] "),
    "ampersands": lambda: filled(ITEM, b"& "),
    "categories": lambda: (
        HEAD + b"<item>" + b"".join(b"<category>%d</category>" % n for n in range(20_000)) + b"</item>" + TAIL
    ),
    "keywords": lambda: filled(HEAD + b"<item><itunes:keywords>", b"a,", b"</itunes:keywords></item>" + TAIL),
    "an author": lambda: filled(HEAD + b"<item><author>", b"a-", b"</author></item>" + TAIL),
    "a date": lambda: filled(HEAD + b"<item><pubDate>", b"1:", b"</pubDate></item>" + TAIL),
    "spaces": lambda: filled(
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><content type="xhtml">',
        b"&#32;",
        b"</content></entry></feed>",
    ),
    "a title": lambda: filled(HEAD + b"<item><title>", b"&lt;!--", b"</title></item>" + TAIL),
    "prefixes": lambda: HEAD + b"<item>" + b"".join(b"<p%d:a/>" % n for n in range(30_000)) + b"</item>" + TAIL,
    "prefixes and a long root": lambda: (
        b'<rss version="2.0" a="'
        + b" " * 250_000
        + b'"><channel>'
        + b"".join(b"<p%d:a/>" % n for n in range(30_000))
        + TAIL
    ),
    "authors": lambda: (
        b'{"version": "https://jsonfeed.org/version/1", "items": [{"authors": ['
        + b",".join([b'{"name": "' + b"@" * 900 + b'"}'] * 500)
        + b"]}]}"
    ),
    "a root's name": lambda: filled(b"<", b"."),
    "a root": lambda: filled(b"<rss ", b"a "),
    "attributes": lambda: HEAD + b"<item " + b"".join(b'a%d="" ' % n for n in range(50_000)) + b"/>" + TAIL,
    "namespaces": lambda: (
        HEAD + b"<item>" + b"".join(b'<a:b xmlns:a="u:%d"/>' % n for n in range(20_000)) + b"</item>" + TAIL
    ),
    "JSON objects": lambda: filled(b'{"version": "https://jsonfeed.org/version/1", "items": [', b'{"a":'),
    "JSON scripts": lambda: filled(
        b'{"version": "https://jsonfeed.org/version/1", "items": [{"content_html": "', b"<script>", b'"}]}'
    ),
    "JSON spaces": lambda: filled(b"{", b'"version"' + b" " * 900),
}


@pytest.mark.parametrize("name", DEAR)
def test_no_document_takes_time_by_the_square_of_its_length(name: str) -> None:
    assert timed(DEAR[name]())[1] < SECONDS
