"""The documents of a scripted world: feeds in five formats and the pages that they name."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Final
from xml.sax.saxutils import escape

from tests.feed_world import Feed, Item
from tests.samples import html_page, paragraphs

_SENTENCES: Final = 7
"""Of 27 words each: over the 150 that a whole article needs."""

_PERIODS: Final = {900.0: ("hourly", 4), 3_600.0: ("hourly", 1), 7_200.0: ("daily", 12)}

CONTENT_TYPES: Final = {
    "rss": "application/rss+xml", "atom": "application/atom+xml", "rdf": "application/rdf+xml",
    "json": "application/feed+json", "sitemap": "application/xml",
}  # fmt: skip

Url = Callable[[str, str], str]
"""Makes an address of a host and a path."""


@lru_cache(maxsize=20_000)
def content_of(text: str) -> str:
    """Return the HTML of a whole story."""
    return "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs(text, _SENTENCES))


def page_of(item: Item, url: str, started_at: float) -> bytes:
    """Return an item's page."""
    date = datetime.fromtimestamp(started_at + item.added_at, UTC).isoformat()
    return html_page(item.guid, url=url, text=paragraphs(item.text, _SENTENCES), date=date).encode()


def document_of(feed: Feed, items: Sequence[Item], url: Url, started_at: float) -> bytes:
    """Return a feed's document with these items, the latest first."""
    entries = [_WRITERS[feed.format](item, url(item.host, item.path), started_at + item.added_at) for item in items]
    entries.reverse()
    return _FRAMES[feed.format](feed, entries, url).encode()


def _rss_item(item: Item, url: str, at: float) -> str:
    content = f"<content:encoded>{escape(content_of(item.text))}</content:encoded>" if item.is_full else ""
    return (
        f"<item><title>{item.title}</title><link>{url}</link><guid isPermaLink='false'>{item.guid}</guid>"
        f"<pubDate>{_mail_date(at)}</pubDate><description>In short.</description>{content}</item>"
    )


def _atom_entry(item: Item, url: str, at: float) -> str:
    content = f"<content type='html'>{escape(content_of(item.text))}</content>" if item.is_full else ""
    date = _iso_date(at)
    return (
        f"<entry><title>{item.title}</title><link href='{url}'/><id>{item.guid}</id><published>{date}</published>"
        f"<updated>{date}</updated><summary>In short.</summary>{content}</entry>"
    )


def _rdf_item(item: Item, url: str, at: float) -> str:
    content = f"<content:encoded>{escape(content_of(item.text))}</content:encoded>" if item.is_full else ""
    return (
        f"<item rdf:about='{item.guid}'><title>{item.title}</title><link>{url}</link>"
        f"<dc:identifier>{item.guid}</dc:identifier><dc:date>{_iso_date(at)}</dc:date>{content}</item>"
    )


def _json_item(item: Item, url: str, at: float) -> str:
    entry = {"id": item.guid, "url": url, "title": item.title, "date_published": _iso_date(at), "summary": "In short."}
    return json.dumps(entry | ({"content_html": content_of(item.text)} if item.is_full else {}))


def _sitemap_url(item: Item, url: str, at: float) -> str:
    return (
        f"<url><loc>{url}</loc><news:news><news:publication><news:name>Northern Ledger</news:name><news:language>en"
        f"</news:language></news:publication><news:publication_date>{_iso_date(at)}</news:publication_date>"
        f"<news:title>{item.title}</news:title></news:news></url>"
    )


def _rss(feed: Feed, entries: Sequence[str], url: Url) -> str:
    spaces = f'{_CONTENT_SPACE} xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
    ttl = f"<ttl>{feed.hint_seconds / 60:.0f}</ttl>" if feed.hints == "ttl" else _period(feed)
    head = f"<title>Paper {feed.number}</title><link>{url(feed.host, '/')}</link>{ttl}"
    return f'<?xml version="1.0"?><rss version="2.0" {spaces}><channel>{head}{"".join(entries)}</channel></rss>'


def _atom(feed: Feed, entries: Sequence[str], url: Url) -> str:
    head = f"<title>Paper {feed.number}</title><id>paper {feed.number}</id><link href='{url(feed.host, '/')}'/>"
    return f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">{head}{"".join(entries)}</feed>'


def _rdf(feed: Feed, entries: Sequence[str], url: Url) -> str:
    spaces = (
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" '
        f"{_CONTENT_SPACE}"
    )
    about = f"<channel rdf:about='{url(feed.host, '/')}'><title>Paper {feed.number}</title>{_period(feed)}</channel>"
    return f'<?xml version="1.0"?><rdf:RDF {spaces}>{about}{"".join(entries)}</rdf:RDF>'


def _json(feed: Feed, entries: Sequence[str], url: Url) -> str:
    version = '"version": "https://jsonfeed.org/version/1.1"'
    return f'{{{version}, "title": "Paper {feed.number}", "items": [{", ".join(entries)}]}}'


def _sitemap(feed: Feed, entries: Sequence[str], url: Url) -> str:
    spaces = (
        'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    )
    return f'<?xml version="1.0"?><urlset {spaces}>{"".join(entries)}</urlset>'


def _period(feed: Feed) -> str:
    if feed.hints != "period":
        return ""
    period, times = _PERIODS[feed.hint_seconds]
    return f"<sy:updatePeriod>{period}</sy:updatePeriod><sy:updateFrequency>{times}</sy:updateFrequency>"


def _mail_date(at: float) -> str:
    return format_datetime(datetime.fromtimestamp(at, UTC), usegmt=True)


def _iso_date(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


_CONTENT_SPACE: Final = 'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
_WRITERS: Final = {
    "rss": _rss_item, "atom": _atom_entry, "rdf": _rdf_item, "json": _json_item, "sitemap": _sitemap_url,
}  # fmt: skip
_FRAMES: Final = {"rss": _rss, "atom": _atom, "rdf": _rdf, "json": _json, "sitemap": _sitemap}
