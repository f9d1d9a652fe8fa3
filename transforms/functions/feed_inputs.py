"""The items of a feed document, each an input of its own: an article where the feed carries it whole, else a reject.

A saved feed is read as it lies: nothing is fetched here. What only points at a page says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from schemas.article import Article
from schemas.errors import InputRejected
from schemas.feed_item import FeedDocument, FeedItem
from transforms.functions.articles import Origin, article_from_record
from transforms.functions.feed_documents import read_feed
from transforms.functions.full_content import is_appended_line, text_lines_of
from transforms.functions.records import Record
from transforms.functions.rejects import payload_object
from transforms.functions.texts import clean_line

_DESCRIPTION_HTML: Final = 20_000
"""Characters of a teaser that are looked at: a description is one line, and markup seldom ten times its text."""


@dataclass(frozen=True)
class FeedInput:
    """An item, or what is wrong with the document as a whole."""

    number: int
    """From 1, in the document's order."""
    identity: bytes
    """What the item is known by: all that the feed says of it, so that a changed item is a new input."""
    content: FeedItem | InputRejected
    payload: bytes | None = None
    """What the reject of what is no item keeps; None for nothing."""


def feed_inputs(data: bytes) -> tuple[FeedDocument, list[FeedInput]]:
    """Return a feed document and its inputs: its items, and one more for what is not read of it.

    Raises:
        InputRejected: the document cannot be read, or holds no item.
    """
    document = read_feed(data)
    if not document.items and not document.broken and document.is_cut_off:
        raise InputRejected("truncated", f"the feed ({document.kind}) breaks off before the end of its first item")
    if not document.items and not document.broken:
        what = f"a list of {len(document.named):,} sitemaps" if document.named else f"a feed ({document.kind})"
        raise InputRejected("no_items", f"{what} without an item")
    inputs = [FeedInput(number, identity_of_item(item), item) for number, item in enumerate(document.items, 1)]
    return document, inputs + list(_failures(document, data, len(inputs) + 1))


def article_from_item(item: FeedItem, content: str | None, document: FeedDocument, origin: Origin) -> Article:
    """Return the article that an item carries; `content` is what `full_content` finds in it.

    Raises:
        InputRejected: `not_fetched`, where the item only points at its page; `no_address`, where it does not even do
            that; `no_article`.
    """
    if content is None and item.url is None:
        raise InputRejected("no_address", "the feed carries neither the article nor an absolute address of its page")
    if content is None:
        raise InputRejected("not_fetched", f"the feed does not carry the article itself: {item.url}", retryable=True)
    record = Record("\n".join(text_lines_of(content)), None, columns_of_item(item, document, content), None)
    return article_from_record(record, origin)._replace(extraction_method="feed")


def columns_of_item(item: FeedItem, document: FeedDocument, content: str | None) -> dict[str, Any]:
    """Return what the feed says of an item, in our column names; only what it says.

    Args:
        content: what of it is the article's text, and so no description of it; None for nothing.
    """
    columns = {
        "url": item.url,
        "publisher": document.title,
        "feed_url": document.self_url,
        "headline": item.title,
        "headline_source": "feed" if item.title else None,
        "description": _description(item, content),
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


def payload_of_item(item: FeedItem, document: FeedDocument, feed_url: str | None) -> bytes:
    """Return the JSON object from which a rejected item can be done again.

    Its keys are the fields of `FeedItem`, as far as the feed gives them (times are microseconds since 1970), and those
    of the feed that its row would have: `feed_url`, `feed_kind`, `publisher`.
    """
    said = {"feed_url": feed_url or document.self_url, "feed_kind": document.kind, "publisher": document.title}
    return payload_object(said | item._asdict())


def failures_of(document: FeedDocument) -> Iterator[InputRejected]:
    """Yield what is not read of a document, each as a reject of its own."""
    if document.is_cut_off:
        yield InputRejected("truncated", f"the feed breaks off behind item {len(document.items):,}")
    if document.items_left_out:
        what = f"{document.items_left_out:,} items behind the first {len(document.items):,} were not read"
        yield InputRejected("too_large", what)


def _description(item: FeedItem, content: str | None) -> str | None:
    if not item.summary_html or item.summary_html == content:
        return None
    lines = text_lines_of(item.summary_html[:_DESCRIPTION_HTML])
    return clean_line(" ".join(line for line in lines if not is_appended_line(line)))


def _failures(document: FeedDocument, data: bytes, number: int) -> Iterator[FeedInput]:
    digest = hashlib.sha256(data).digest()
    for place, entry in enumerate(document.broken, number):
        yield FeedInput(place, b"broken" + entry.encode(), broken_entry(document, entry), payload=entry.encode())
    for place, rejected in enumerate(failures_of(document), number + len(document.broken)):
        yield FeedInput(place, rejected.reason.encode() + digest, rejected)


def broken_entry(document: FeedDocument, entry: str) -> InputRejected:
    """Return why an entry that is no item is none."""
    return InputRejected("not_an_item", f"an entry of the feed ({document.kind}) is no item: {entry[:100]}")
