"""Sitemaps (sitemaps.org 0.9), with Google's news and image elements, and sitemap indexes.

Elements are known by their local names: which namespace a site declares for `news:title` varies, its name does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from lxml import etree

from schemas.errors import InputRejected
from schemas.feed_item import FeedDocument, FeedItem, NamedFeed
from transforms.functions.feed_markup import FeedMarkup
from transforms.functions.feed_repair import parsable
from transforms.functions.feed_values import address, distinct, guid_of, instant_from_text, name_of, plain_title
from transforms.functions.page_metadata import plain_language

_MOST_FIELDS: Final = 100
"""Elements read of one entry. News entries have about ten; image galleries list up to 1,000 pictures."""


def read_sitemap(feed: FeedMarkup) -> FeedDocument:
    """Return a sitemap's entries as items: with title, date and language where it is a news sitemap.

    `news:publication_date` is the date of publication, `lastmod` that of the last change; the name of the publication
    is the document's title. An entry without an absolute address is an item without one.

    Raises:
        InputRejected: `not_a_feed`, where no tree can be made of the markup.
    """
    entries = [_fields(entry) for entry in _entries(feed, "url")]
    items = [_item(fields) for fields in entries]
    return FeedDocument(
        kind="sitemap",
        version="",
        title=next((name for fields in entries if (name := plain_title(fields.get("name")))), None),
        language=next((item.language for item in items if item.language), None),
        items=tuple(items),
        items_left_out=feed.items_left_out,
        is_cut_off=feed.is_cut_off,
    )


def read_sitemap_index(feed: FeedMarkup) -> FeedDocument:
    """Return a sitemap index: the sitemaps that it lists, each once, in its order, with the times that it gives.

    Raises:
        InputRejected: `not_a_feed`, where no tree can be made of the markup.
    """
    named: dict[str, NamedFeed] = {}
    for entry in _entries(feed, "sitemap"):
        fields = _fields(entry)
        if url := address(fields.get("loc")):
            named.setdefault(url, NamedFeed(url, instant_from_text(fields.get("lastmod"))))
    return FeedDocument(
        kind="sitemap_index",
        version="",
        items_left_out=feed.items_left_out,
        is_cut_off=feed.is_cut_off,
        named=tuple(named.values()),
    )


def _entries(feed: FeedMarkup, name: str) -> Iterator[Any]:
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, encoding="utf-8")
    try:
        root: Any = etree.fromstring(parsable(feed.text).encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        raise InputRejected("not_a_feed", f"a sitemap that cannot be read: {error}"[:300]) from error
    if root is not None:
        yield from (child for child in root if _local_name(child) == name)


def _fields(entry: Any) -> dict[str, str]:
    """Return the first text under each local name; `image:loc` is told from the entry's own by its parent."""
    fields: dict[str, str] = {}
    for number, element in enumerate(entry.iter(etree.Element)):
        if number > _MOST_FIELDS:
            break
        name, parent = _local_name(element), _local_name(element.getparent())
        fields.setdefault(f"{parent} {name}" if parent in ("image", "video") else name, (element.text or "").strip())
    return fields


def _local_name(element: Any) -> str:
    tag = element.tag if element is not None else ""
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""


def _item(fields: dict[str, str]) -> FeedItem:
    url, title = address(fields.get("loc")), plain_title(fields.get("title"))
    return FeedItem(
        guid=url or guid_of(fields.get("loc"), None, title, None),
        url=url,
        title=title,
        date_published=instant_from_text(fields.get("publication_date")),
        date_modified=instant_from_text(fields.get("lastmod")),
        categories=distinct(map(name_of, fields.get("keywords", "")[:10_000].split(","))),
        language=plain_language(fields.get("language")),
        image_url=address(fields.get("image loc")),
    )
