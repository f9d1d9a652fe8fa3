"""JSON Feed 1.0 and 1.1 (jsonfeed.org): read leniently, as the format asks, one broken item harming no other."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from schemas.errors import InputRejected
from schemas.feed_item import FeedDocument, FeedItem
from transforms.functions.feed_markup import MAX_ITEMS
from transforms.functions.feed_values import (
    address,
    distinct,
    encodable,
    guid_of,
    instant_from_text,
    markup,
    markup_of_text,
    name_of,
    plain_title,
)
from transforms.functions.names import clean_authors
from transforms.functions.page_metadata import plain_language
from transforms.functions.texts import clean_line

# Escaped slashes are what PHP writes.
_VERSION: Final = re.compile(r'"version"\s*:\s*"\s*https?:\\?/\\?/(?:www\.)?jsonfeed\.org\\?/version\\?/([\w.]{1,10})')
_BARE_VERSION: Final = re.compile(r'"version"\s*:\s*"(1(?:\.[01])?)"')
"""What some writers give instead of the address; believed of a document that was fetched as a feed and has items."""

_BROKEN_CHARACTERS: Final = 1_000
"""Kept of an entry that is no object: enough to see what it is."""

_ITEMS: Final = re.compile(r'"items"\s*:\s*\[')
_BETWEEN_ITEMS: Final = re.compile(r"[\s,]*")


def is_json_feed(text: str) -> bool:
    """Return whether a text, or the beginning of one, names jsonfeed.org as its version."""
    return _VERSION.search(text) is not None


def may_be_json_feed(text: str) -> bool:
    """Return whether a whole text reads like a JSON Feed: names its version, or gives a bare number and has items."""
    return is_json_feed(text) or bool(_BARE_VERSION.search(text) and _ITEMS.search(text))


def read_json_feed(text: str, url: str | None) -> FeedDocument:
    """Return what a JSON Feed holds; of one that breaks off, the items that are whole.

    Args:
        text: the document.
        url: address that it was read from; relative links are resolved against it or else the feed's own address.

    Raises:
        InputRejected: `not_a_feed`, where it is no JSON object even as far as it goes.
    """
    feed, is_cut_off = _load(text)
    base = url or address(feed.get("feed_url"))
    language = _language(feed.get("language"))
    people = _authors(feed)
    items = feed.get("items")
    given = items if isinstance(items, list) else []
    entries, broken = _entries(given)
    return FeedDocument(
        kind="json",
        version=_version(text),
        title=clean_line(feed.get("title")),
        url=address(feed.get("home_page_url"), base),
        self_url=address(feed.get("feed_url"), base),
        language=language,
        items=tuple(_item(entry, base, language, people) for entry in entries),
        items_left_out=max(0, len(given) - MAX_ITEMS),
        is_cut_off=is_cut_off,
        broken=tuple(broken),
    )


def _entries(given: Sequence[Any]) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Return the entries that may be items, and the others as text, of as many as are read."""
    read = given[:MAX_ITEMS]
    others = [json.dumps(entry)[:_BROKEN_CHARACTERS] for entry in read if not isinstance(entry, dict)]
    return [entry for entry in read if isinstance(entry, dict)], others


def _version(text: str) -> str:
    found = _VERSION.search(text) or _BARE_VERSION.search(text)
    number = found[1] if found else "1"
    return "1.0" if number == "1" else number


def _load(text: str) -> tuple[Mapping[str, Any], bool]:
    """Return the feed's object, and whether the document breaks off."""
    try:
        feed = json.loads(text)
        is_cut_off = False
    except RecursionError as error:
        raise InputRejected("not_a_feed", "a JSON Feed nested too deeply to be read") from error
    except ValueError as error:
        feed, is_cut_off = _salvage(text), True
        if feed is None:
            raise InputRejected("not_a_feed", f"a JSON Feed that is no JSON: {error}"[:300]) from error
    if not isinstance(feed, dict):
        raise InputRejected("not_a_feed", f"JSON, but not an object: a {type(feed).__name__}")
    return feed, is_cut_off


def _salvage(text: str) -> Any:
    """Return what stands before a document's items with the items that can be read; None where there is neither."""
    start = _ITEMS.search(text)
    if start is None:
        return None
    try:
        feed = json.loads(text[: start.end()] + "]}")
    except (ValueError, RecursionError):
        return None
    if isinstance(feed, dict):
        feed["items"] = _whole_items(text, start.end())
    return feed


def _whole_items(text: str, at: int) -> list[Any]:
    decoder = json.JSONDecoder()
    items: list[Any] = []
    while (passed := _BETWEEN_ITEMS.match(text, at)) and text.startswith("{", passed.end()):
        try:
            item, at = decoder.raw_decode(text, passed.end())
        except (ValueError, RecursionError):
            break
        items.append(item)
    return items


def _item(entry: Mapping[str, Any], base: str | None, language: str | None, people: tuple[str, ...]) -> FeedItem:
    url = address(entry.get("url"), base) or address(entry.get("external_url"), base)
    title = plain_title(entry.get("title"))
    content = markup(entry.get("content_html")) or markup_of_text(entry.get("content_text"))
    summary = markup_of_text(entry.get("summary"))
    tags = entry.get("tags")
    return FeedItem(
        guid=guid_of(_guid(entry.get("id")), url, title, content or summary),
        url=url,
        title=title,
        summary_html=summary,
        content_html=content,
        authors=_authors(entry) or people,
        date_published=instant_from_text(entry.get("date_published")),
        date_modified=instant_from_text(entry.get("date_modified")),
        categories=distinct(map(name_of, tags[: 2 * MAX_ITEMS])) if isinstance(tags, list) else (),
        language=_language(entry.get("language")) or language,
        image_url=address(entry.get("image"), base) or address(entry.get("banner_image"), base),
    )


def _guid(value: object) -> str | None:
    """Return an id as text: version 1 feeds give numbers, which the format asks readers to take as strings."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def _authors(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names in `authors` (1.1) or `author` (1.0)."""
    given = entry.get("authors")
    authors = given if isinstance(given, list) and given else [entry.get("author")]
    names = [author.get("name") for author in authors if isinstance(author, dict)]
    return clean_authors(encodable(name) for name in names if isinstance(name, str))


def _language(value: object) -> str | None:
    return plain_language(value) if isinstance(value, str) else None
