"""A feed document as it was read: what it says of itself, and its items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.instants import Instant


class FeedItem(NamedTuple):
    """One entry of a feed, whatever format carried it.

    Texts hold neither control characters nor lone surrogates: UTF-8 can encode all of them. None (or an empty tuple) is
    what the feed does not say.
    """

    guid: str
    """What the feed knows the item by, as given; its address where it gives none, else `sha256:` and the digest of
    title and content. Never empty; two items of one document may share one where the publisher made them so."""
    url: str | None = None
    """Absolute http(s) address of the item's page, as given, without user and password."""
    title: str | None = None
    """Headline as plain text, on one line."""
    summary_html: str | None = None
    """Teaser as HTML, as published: neither sanitised nor its links made absolute."""
    content_html: str | None = None
    """What the feed gives as the item's content, as HTML, likewise; whether that is the whole article is for
    `transforms.functions.full_content` to say."""
    authors: Sequence[str] = ()
    """Names, without addresses, roles and "By"."""
    date_published: Instant | None = None
    """From 1990 to the end of next year; other dates are placeholders and left out. A feed that only dates changes
    gives the change's date here too."""
    date_modified: Instant | None = None
    """Likewise."""
    categories: Sequence[str] = ()
    language: str | None = None
    """Language tag of the item, or else of the feed (`pt-BR`)."""
    image_url: str | None = None
    """Absolute http(s) address of the item's picture."""


class NamedFeed(NamedTuple):
    """A sitemap or feed that a document names."""

    url: str
    changed_at: Instant | None = None
    """When it last changed, where the document says so (`lastmod`)."""


class FeedDocument(NamedTuple):
    """A feed or sitemap. Hints about polling are the publisher's own numbers, in seconds, not bounded here."""

    kind: str
    """`rss`, `rdf`, `atom`, `json`, `sitemap`, `sitemap_index` or `list` (of feeds: OPML, or text)."""
    version: str
    """`rss20`, `atom10`, `rss091n` ... as feedparser names them; `1.0` or `1.1` of a JSON Feed; else empty."""
    title: str | None = None
    url: str | None = None
    """Absolute address of the site that the feed belongs to."""
    self_url: str | None = None
    """Absolute address that the document gives as its own."""
    language: str | None = None
    items: Sequence[FeedItem] = ()
    """At most 2,000, in the document's order; none for a sitemap index."""
    items_left_out: int = 0
    """Further items (or, of an index, sitemaps) that the document holds and nobody read."""
    is_cut_off: bool = False
    """Whether the document breaks off: its last, broken item is not among `items`."""
    time_to_live: int | None = None
    """Seconds that a copy may be kept (RSS `ttl`)."""
    update_interval: int | None = None
    """Seconds between updates (`sy:updatePeriod` divided by `sy:updateFrequency`)."""
    skip_hours: Sequence[int] = ()
    """Hours (UTC, 0 to 23) in which the publisher wants no poll."""
    skip_days: Sequence[str] = ()
    """English day names in lower case, likewise."""
    named: Sequence[NamedFeed] = ()
    """Sitemaps that an index lists, at most 2,000, and feeds that a list of feeds does, at most 20,000."""
    broken: Sequence[str] = ()
    """Entries that are no items, as JSON cut at 1,000 characters: those of a JSON Feed that are no objects."""
