"""Which of the sitemaps that an index lists, or of the feeds that a list does, are polled.

An index of a large site lists its whole archive: thousands of sitemaps of which one or two change in a day.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Final

from schemas.errors import InputRejected
from schemas.feed_item import FeedDocument, NamedFeed
from schemas.instants import Instant
from transforms.functions.http_hints import DAY, SECOND
from transforms.functions.redirects import checked_url, host_of
from transforms.functions.urls import site_of

SITEMAP_INDEX: Final = "sitemap_index"
LIST: Final = "list"
NAMING_KINDS: Final = (SITEMAP_INDEX, LIST)
"""Kinds of documents that hold no items but name other documents."""

MOST_SITEMAPS: Final = 50
"""Sitemaps of one index that are polled: own choice; indexes of news have one a day or one a section."""

MOST_FEEDS: Final = 20_000
"""Feeds of one list that are polled: what a lake is measured with."""

_FRESH_DAYS: Final = 3.0
"""A sitemap that says of itself that it has not changed for so long brings no news until it says otherwise: Google
keeps news in a sitemap for two days."""


def followed(document: FeedDocument, now: Instant, own: Iterable[str | None]) -> tuple[list[str], int]:
    """Return the addresses to poll, the likeliest to bring news first, and how many others may bring some, too.

    Of an index those on its own site that changed lately, by its own word, or say nothing of it; where it says of all
    that they are old, the newest, in case it does not keep its word. Those elsewhere are for the user to list: any feed
    may turn into an index, which must not send requests to other publishers' servers.

    Args:
        document: one of `NAMING_KINDS`.
        own: its own addresses, which it must not name.
    """
    own_urls = {url for url in own if url}
    if document.kind == LIST:
        urls = _asked(document.named, own_urls)
        return urls[:MOST_FEEDS], max(0, len(urls) - MOST_FEEDS)
    sites = {site_of(host_of(url)) for url in own_urls}
    here = [one for one in document.named if _site(one.url) in sites]
    urls = _asked(_fresh(here, now), own_urls)
    elsewhere = len(_asked((one for one in document.named if _site(one.url) not in sites), own_urls))
    return urls[:MOST_SITEMAPS], max(0, len(urls) - MOST_SITEMAPS) + elsewhere


def _fresh(named: Sequence[NamedFeed], now: Instant) -> list[NamedFeed]:
    oldest = now - int(_FRESH_DAYS * DAY * SECOND)
    dated = sorted((one for one in named if one.changed_at is not None), key=lambda one: -(one.changed_at or 0))
    undated = sorted((one for one in named if one.changed_at is None), key=lambda one: "news" not in one.url.lower())
    fresh = [one for one in dated if (one.changed_at or 0) >= oldest]
    return fresh + undated or dated[:1]


def _asked(named: Iterable[NamedFeed], own: Container[str]) -> list[str]:
    urls = (_address(one.url) for one in named)
    return list(dict.fromkeys(url for url in urls if url and url not in own))


def _address(url: str) -> str | None:
    try:
        return str(checked_url(url).copy_with(fragment=None))
    except InputRejected:
        return None


def _site(url: str) -> str | None:
    return site_of(host_of(url)) if _address(url) else None
