"""RSS, RDF and Atom: read by feedparser, made into a `FeedDocument`.

feedparser's dictionaries hold whatever the document names, of any type, so each value is looked at before it is
believed.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from schemas.errors import InputRejected
from schemas.feed_item import FeedDocument, FeedItem
from schemas.instants import Instant
from transforms.functions.feed_markup import FeedMarkup
from transforms.functions.feed_parser import parse_feed
from transforms.functions.feed_repair import parsable
from transforms.functions.feed_values import (
    address,
    distinct,
    guid_of,
    instant_from_text,
    instant_within_reason,
    markup,
    markup_of_text,
    name_of,
    plain_title,
)
from transforms.functions.names import clean_authors
from transforms.functions.page_metadata import plain_language
from transforms.functions.texts import clean_line

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HTML_TYPES: Final = frozenset({"text/html", "application/xhtml+xml", "html", "xhtml"})
_PERIODS: Final = {"hourly": 3600, "daily": 86400, "weekly": 604800, "monthly": 2592000, "yearly": 31536000}
"""Seconds of `sy:updatePeriod` (RSS 1.0 syndication module); a month has 30 days here, a year 365."""

_NUMBER: Final = re.compile(r"\d{1,9}")
_SKIPPED: Final = re.compile(r"<skip(?:hours|days)\s*>(.{0,4000}?)</skip", re.IGNORECASE | re.DOTALL)
_SKIPPED_HOUR: Final = re.compile(r"<hour\s*>\s*(\d{1,2})\s*<", re.IGNORECASE)
_SKIPPED_DAY: Final = re.compile(r"<day\s*>\s*(\w{3,6}day)\s*<", re.IGNORECASE)
_HEAD_CHARACTERS: Final = 100_000
"""Where the channel's own elements are looked for by pattern; they stand before the items."""


def read_xml_feed(feed: FeedMarkup, url: str | None) -> FeedDocument:
    """Return what an RSS, RDF or Atom document holds.

    Args:
        feed: its markup, of kind `rss`, `rdf` or `atom`.
        url: address that it was read from; relative links are resolved against the document's `xml:base` or, where
            that is missing or relative itself, against this or else against the document's own link to itself.

    Raises:
        InputRejected: `not_a_feed`, where the markup breaks before the first item ends and cannot be mended, or its
            version is none that feedparser knows.
    """
    reader, broke_off = parse_feed(parsable(feed.text))
    version = "rss091n" if "netscape" in feed.doctype.lower() else str(reader.version or "")
    if not version:
        raise InputRejected("not_a_feed", "its root element is a feed's, but neither version nor namespace is")
    said = _mapping(reader.feeddata)
    self_url = _link(said, "self")
    base = url or self_url or address(said.get("link"))
    language = _language(said.get("language"))
    people = _authors(said) if feed.kind == "atom" else ()
    items = [_item(_mapping(entry), feed.kind, base, language, people) for entry in reader.entries]
    return FeedDocument(
        kind=feed.kind,
        version=version,
        title=plain_title(said.get("title")),
        url=_page_address(said, feed.kind, base),
        self_url=address(self_url, base),
        language=language,
        items=tuple(items),
        items_left_out=feed.items_left_out,
        is_cut_off=feed.is_cut_off or broke_off,
        **_polling_hints(said, feed.text),
    )


def _item(
    entry: Mapping[str, Any], kind: str, base: str | None, language: str | None, people: Sequence[str]
) -> FeedItem:
    url = _page_address(entry, kind, base)
    title = plain_title(entry.get("title")) or plain_title(entry.get("media_title"))
    summary, content = _texts(entry)
    published, modified = _dates(entry, kind)
    return FeedItem(
        guid=guid_of(entry.get("id"), url, title, content or summary),
        url=url,
        title=title,
        summary_html=summary,
        content_html=content,
        authors=_authors(entry) or people,
        date_published=published,
        date_modified=modified,
        categories=distinct(name_of(tag.get("label") or tag.get("term")) for tag in _mappings(entry.get("tags"))),
        language=_language(_mapping(entry.get("title_detail")).get("language")) or language,
        image_url=_image(entry, base),
    )


# --- addresses


def _page_address(entry: Mapping[str, Any], kind: str, base: str | None) -> str | None:
    """Return the address of the page: what FeedBurner counted clicks for, else the link.

    RSS has one link (feedparser takes the last of several); Atom may have one a language, and the first is the main
    one. A guid counts as link by RSS's rules unless it denies it; only one that is an absolute address is believed.
    """
    original = address(entry.get("feedburner_origlink"))
    if original:
        return original
    given = entry.get("link")
    first = _link(entry, "alternate")
    if kind == "atom" or given is None:
        given = first or given
    return address(given, base if first else None)


def _link(entry: Mapping[str, Any], relation: str) -> str | None:
    """Return the address of the first link of this relation, an HTML page's before another's."""
    links = [link for link in _mappings(entry.get("links")) if link.get("rel") == relation and link.get("href")]
    pages = [link for link in links if link.get("type") in _HTML_TYPES]
    return next((link["href"] for link in pages + links if isinstance(link["href"], str)), None)


def _image(entry: Mapping[str, Any], base: str | None) -> str | None:
    media = [one for one in _mappings(entry.get("media_content")) if _is_image(one)]
    enclosed = [link for link in _mappings(entry.get("links")) if link.get("rel") == "enclosure" and _is_image(link)]
    given = [*media, *_mappings(entry.get("media_thumbnail")), *enclosed, _mapping(entry.get("image"))]
    found = (address(one.get("url") or one.get("href"), base) for one in given)
    return next((url for url in found if url), None)


def _is_image(media: Mapping[str, Any]) -> bool:
    return media.get("medium") == "image" or str(media.get("type", "")).startswith("image/")


# --- texts


def _texts(entry: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return summary and content as HTML; where a feed gives one text, it is the summary unless marked as content."""
    contents = [_as_html(one) for one in _mappings(entry.get("content"))]
    content = max((text for text in contents if text), key=len, default=None)
    detail = {"type": "text/html", **_mapping(entry.get("summary_detail")), "value": entry.get("summary")}
    summary = _as_html(detail)
    if summary is not None and summary == content and "summary_detail" not in entry:
        summary = None  # feedparser's copy
    if summary is None:
        summary = markup(entry.get("media_description")) or markup(entry.get("itunes_summary"))
    return summary, content


def _as_html(detail: Mapping[str, Any]) -> str | None:
    return (markup if detail.get("type") in _HTML_TYPES else markup_of_text)(detail.get("value"))


def _authors(entry: Mapping[str, Any]) -> tuple[str, ...]:
    names = [author.get("name") for author in _mappings(entry.get("authors"))]
    return clean_authors(name for name in names if isinstance(name, str))


def _language(value: object) -> str | None:
    return plain_language(value) if isinstance(value, str) else None


# --- dates


def _dates(entry: Mapping[str, Any], kind: str) -> tuple[Instant | None, Instant | None]:
    """Return when the item was published and when it was changed.

    RSS and RDF date items by `dc:date`, which feedparser files under changes. Atom asks for the date of the last change
    only, so many feeds give no other.
    """
    updated = _date(entry, "updated")
    published = _date(entry, "published") or _date(entry, "created") or updated
    return published, updated if kind == "atom" or updated != published else None


def _date(entry: Mapping[str, Any], name: str) -> Instant | None:
    parsed = entry.get(f"{name}_parsed")
    if isinstance(parsed, tuple) and len(parsed) >= 6:
        try:
            return instant_within_reason(_EPOCH + timedelta(seconds=timegm(tuple(parsed))))
        except (OverflowError, ValueError, TypeError):
            return None
    return instant_from_text(entry.get(name))


# --- polling


def _polling_hints(said: Mapping[str, Any], text: str) -> dict[str, Any]:
    minutes = _whole_number(said.get("ttl"))
    period = _PERIODS.get(str(said.get("sy_updateperiod", "")).strip().lower())
    frequency = _whole_number(said.get("sy_updatefrequency")) or 1
    skipped = " ".join(_SKIPPED.findall(text, 0, _HEAD_CHARACTERS))
    hours = {int(hour) % 24 for hour in _SKIPPED_HOUR.findall(skipped)}  # some count from 1 to 24
    return {
        "time_to_live": minutes * 60 if minutes else None,
        "update_interval": period // frequency if period else None,
        "skip_hours": tuple(sorted(hours)),
        "skip_days": tuple(dict.fromkeys(day.lower() for day in _SKIPPED_DAY.findall(skipped))),
    }


def _whole_number(value: object) -> int | None:
    line = clean_line(value)
    return int(line) if line and _NUMBER.fullmatch(line) else None


# --- what feedparser's dictionaries hold


def _mapping(value: object) -> dict[str, Any]:
    # A plain dictionary: feedparser's own looks up each name in several ways.
    return dict(value) if isinstance(value, dict) else {}


def _mappings(value: object) -> list[dict[str, Any]]:
    return [dict(one) for one in value if isinstance(one, dict)] if isinstance(value, list) else []
