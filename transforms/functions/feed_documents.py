"""The bytes of a feed made into typed items: RSS 0.9 to 2.0, RDF, Atom, JSON Feed, sitemaps and their indexes.

Time and memory are bounded by the limits on bytes and items, not by what the document holds: whatever it is, the answer
is a `FeedDocument` or an `InputRejected`.
"""

from __future__ import annotations

import codecs
import re
import zlib
from typing import Final

from schemas.errors import InputRejected
from schemas.feed_item import FeedDocument
from transforms.functions.charsets import decode_text
from transforms.functions.feed_markup import cut_markup, kind_of_root
from transforms.functions.feed_xml import read_xml_feed
from transforms.functions.json_feeds import is_json_feed, may_be_json_feed, read_json_feed
from transforms.functions.sitemaps import read_sitemap, read_sitemap_index

MAX_FEED_BYTES: Final = 5 * 1024 * 1024
"""Bytes of a document after decompression: the limit that the project sets for a response."""

_GZIP: Final = b"\x1f\x8b"
_ANY_GZIP: Final = zlib.MAX_WBITS | 16
_HEAD_CHARACTERS: Final = 20_000
"""How far a head is looked into for what it starts as; comments before the root seldom pass 2,000."""

_UTF_32: Final = {b"\0\0\0<": "utf-32-be", b"<\0\0\0": "utf-32-le"}
"""How XML in UTF-32 starts without a byte order mark (XML 1.0, appendix F); `charsets` looks for marks only."""

_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{2,40})", re.IGNORECASE)


def read_feed(body: bytes, *, url: str | None = None, content_type: str | None = None) -> FeedDocument:
    """Return what a feed document holds.

    Args:
        body: the document's bytes, any transfer encoding undone; a gzip file (`sitemap.xml.gz`) is unpacked here.
        url: address that it was read from, the base of relative links where the document names none itself.
        content_type: the `Content-Type` header, of which only the charset is believed, and only where it fits.

    Raises:
        InputRejected: `empty`, `too_large` (5 MiB), `binary`, `doctype` (it defines entities), `too_many_elements`,
            `not_a_feed`.
    """
    body = _unpacked(body)
    if len(body) > MAX_FEED_BYTES:
        raise InputRejected("too_large", f"the feed has {len(body):,} bytes or more, the limit is {MAX_FEED_BYTES:,}")
    if not body.strip():
        raise InputRejected("empty", "nothing but whitespace in it")
    text = _decoded(body, content_type).lstrip()
    return _read_json(text, url) if text.startswith(("{", "[")) else _read_xml(text, url)


def feed_kind(head: bytes) -> str | None:
    """Return what kind of feed the first bytes of a file begin, None where they begin none.

    The answer is one of `FeedDocument.kind`. A JSON Feed is known by its version's address only.

    Args:
        head: the first bytes, decompressed: 4 kB or more, unless the document is shorter.
    """
    head = head[: 4 * _HEAD_CHARACTERS]
    try:
        # All signs that are looked for are ASCII, so only charsets that are not like it have to be told.
        text = _decoded(head) if b"\0" in head[:64] else head.removeprefix(codecs.BOM_UTF8).decode("latin-1")
    except InputRejected:
        return None
    text = text[:_HEAD_CHARACTERS].lstrip()
    if text.startswith("{"):
        return "json" if is_json_feed(text) else None
    return kind_of_root(text)


def _decoded(body: bytes, content_type: str | None = None) -> str:
    for start, codec in _UTF_32.items():
        if body.startswith(start):
            return body.decode(codec, "replace").removeprefix("\ufeff")
    return decode_text(body, charset_hint=charset_of(content_type), is_html=True)


def charset_of(content_type: str | None) -> str | None:
    """Return the charset that a `Content-Type` header names."""
    charset = _CHARSET.search((content_type or "")[:1000])
    return charset[1] if charset else None


def _unpacked(body: bytes) -> bytes:
    """Return the bytes, those of a gzip file unpacked as far as they go, to one more than the limit at most."""
    if not body.startswith(_GZIP):
        return body
    unpacker = zlib.decompressobj(_ANY_GZIP)
    try:
        return unpacker.decompress(body, MAX_FEED_BYTES + 1)
    except zlib.error as error:
        raise InputRejected("binary", "it starts like a gzip file and cannot be unpacked") from error


def _read_json(text: str, url: str | None) -> FeedDocument:
    if not may_be_json_feed(text):
        raise InputRejected("not_a_feed", "JSON, but no JSON Feed: its version names no jsonfeed.org")
    return read_json_feed(text, url)


def _read_xml(text: str, url: str | None) -> FeedDocument:
    markup = cut_markup(text)
    if markup is None:
        raise InputRejected(
            "not_a_feed", "neither RSS, Atom, JSON Feed nor sitemap: its root element is none of theirs"
        )
    if markup.kind == "sitemap":
        return read_sitemap(markup)
    return read_sitemap_index(markup) if markup.kind == "sitemap_index" else read_xml_feed(markup, url)
