"""The items of a feed document, each an input of its own: an article where the feed carries it whole, else a reject.

A saved feed is read as it lies: nothing is fetched here. What only points at a page says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schemas.article import Article
from schemas.errors import InputRejected
from schemas.feed_item import FeedDocument, FeedItem
from transforms.functions.articles import Origin, article_from_record
from transforms.functions.feed_documents import read_feed
from transforms.functions.full_content import text_lines_of
from transforms.functions.records import Record


@dataclass(frozen=True)
class FeedInput:
    """An item, or what is wrong with the document as a whole."""

    number: int
    """From 1, in the document's order."""
    identity: bytes
    """What the item is known by: all that the feed says of it, so that a changed item is a new input."""
    content: FeedItem | InputRejected


def feed_inputs(data: bytes) -> tuple[FeedDocument, list[FeedInput]]:
    """Return a feed document and its inputs: its items, and one more for what is not read of it.

    Raises:
        InputRejected: the document cannot be read, or holds no item.
    """
    document = read_feed(data)
    if not document.items and document.is_cut_off:
        raise InputRejected("truncated", f"the feed ({document.kind}) breaks off before the end of its first item")
    if not document.items:
        what = f"a list of {len(document.sitemaps):,} sitemaps" if document.sitemaps else f"a feed ({document.kind})"
        raise InputRejected("no_items", f"{what} without an item")
    inputs = [FeedInput(number, identity_of_item(item), item) for number, item in enumerate(document.items, 1)]
    return document, inputs + list(_failures(document, data, len(inputs) + 1))


def article_from_item(item: FeedItem, content: str | None, document: FeedDocument, origin: Origin) -> Article:
    """Return the article that an item carries; `content` is what `full_content` finds in it.

    Raises:
        InputRejected: `not_fetched`, where the item only points at its page; `no_article`.
    """
    if content is None:
        where = f": {item.url}" if item.url else ""
        raise InputRejected("not_fetched", f"the feed does not carry the article itself{where}", retryable=True)
    record = Record("\n".join(text_lines_of(content)), None, columns_of_item(item, document), None)
    return article_from_record(record, origin)._replace(extraction_method="feed")


def columns_of_item(item: FeedItem, document: FeedDocument) -> dict[str, Any]:
    """Return what the feed says of an item, in our column names; only what it says."""
    columns = {
        "url": item.url,
        "publisher": document.title,
        "feed_url": document.self_url,
        "headline": item.title,
        "headline_source": "feed" if item.title else None,
        "in_language": item.language.partition("-")[0].lower() if item.language else None,
        "authors": list(item.authors),
        "keywords": list(item.categories),
        "image_url": item.image_url,
        "date_published": item.date_published,
        "date_published_source": "feed" if item.date_published else None,
        "date_modified": item.date_modified,
    }
    return {name: value for name, value in columns.items() if value}


def identity_of_item(item: FeedItem) -> bytes:
    """Return what an item is known by: all that the feed says of it, so that a changed item is a new input."""
    return json.dumps(item, ensure_ascii=True).encode()


def _failures(document: FeedDocument, data: bytes, number: int) -> Iterator[FeedInput]:
    digest = hashlib.sha256(data).digest()
    if document.is_cut_off:
        message = f"the feed breaks off behind item {len(document.items):,}"
        yield FeedInput(number, b"cut off" + digest, InputRejected("truncated", message))
    if document.items_left_out:
        message = f"{document.items_left_out:,} items behind the first {len(document.items):,} were not read"
        yield FeedInput(number + 1, b"left out" + digest, InputRejected("too_large", message))
