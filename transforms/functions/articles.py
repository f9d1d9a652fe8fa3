"""Makes the article row: from a page (in a worker process), or from a record that is an article already."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from schemas.article import Article
from schemas.errors import InputRejected
from schemas.instants import Instant, datetime_of, instant_of
from schemas.page import Page
from schemas.tables import SCHEMA_VERSION
from transforms.functions.charsets import decode_text
from transforms.functions.dates import end_of_reason
from transforms.functions.languages import language_of
from transforms.functions.pages import MIN_WORDS, PageContent, extract_page
from transforms.functions.plain_text import PlainText, lead_of, read_plain_text
from transforms.functions.records import Record
from transforms.functions.texts import clean_line, content_sha256, normalise_text, word_count
from transforms.functions.urls import article_id, canonical_url, source_domain, stored_address

MAX_TEXT_BYTES: Final = 5_000_000
"""A plain text longer than this is rejected: it is a book or a dump, not an article."""


@dataclass(frozen=True)
class Origin:
    """Where an article row comes from: what every row says of its input."""

    source: str
    input_id: str
    first_seen_at: Instant
    run_id: str


@dataclass(frozen=True)
class _Found:
    """What an extractor found: the text, and columns by name; `stated_url` is the address that a page claims."""

    body: str
    columns: Mapping[str, Any]
    url: str | None
    method: str
    stated_url: str | None = None


def article_from_page(page: Page, run_id: str) -> Article:
    """Extract a page, or read a plain text, into an article row.

    Deterministic: the same page gives the same row. Bounded only by the time limit of the process that runs it.

    Raises:
        InputRejected: there is no article in it.
    """
    origin = Origin(page.source, page.input_id, page.first_seen_at, run_id)
    hints = json.loads(page.hints) if page.hints else {}
    return _row(origin, _read_html(page) if page.kind == "html" else _read_text(page), hints)


def article_from_record(record: Record, origin: Origin) -> Article:
    """Turn a record that holds an `article_body` into an article row; its text is kept whole.

    Raises:
        InputRejected: `no_article`, where nothing is left of the text once it is cleaned.
    """
    columns = {name: value for name, value in record.columns.items() if name not in ("url", "first_seen_at")}
    columns["extra"] = record.extra
    return _row(origin, _Found(record.article_body or "", columns, record.columns.get("url"), "record"), {})


def _read_html(page: Page) -> _Found:
    content = extract_page(page.body, url=page.url, charset_hint=page.charset_hint)
    columns = _columns_of_page(content, page.first_seen_at)
    return _Found(content.text, columns, page.url, content.extraction_method, content.canonical_url)


def _read_text(page: Page) -> _Found:
    if len(page.body) > MAX_TEXT_BYTES:
        raise InputRejected("too_large", f"the text has {len(page.body):,} bytes, the limit is {MAX_TEXT_BYTES:,}")
    plain = read_plain_text(decode_text(page.body, charset_hint=page.charset_hint))
    if (words := word_count(plain.text)) < MIN_WORDS:
        raise InputRejected("no_article", f"no article: {words} words of text, {MIN_WORDS} are needed")
    return _Found(plain.text, _columns_of_text(plain), page.url, "plain_text")


def _row(origin: Origin, found: _Found, hints: Mapping[str, Any]) -> Article:
    """Assemble the row: what the text and its page say first, then what the source says of it, then what follows."""
    text = normalise_text(found.body)
    if not text:
        raise InputRejected("no_article", "no text is left once control characters and white space are removed")
    columns = _fill_gaps(found.columns, hints)
    if not columns.get("headline"):
        columns["headline"], columns["headline_source"] = lead_of(text), "lead"
    columns["in_language"] = language_of(text) or columns.get("in_language")
    canonical = _identity_url(found.url, found.stated_url)
    return Article(
        article_id=article_id(canonical, columns.get("publisher"), text),
        source=origin.source,
        input_id=origin.input_id,
        article_body=text,
        word_count=word_count(text),
        content_sha256=content_sha256(text),
        first_seen_at=origin.first_seen_at,
        extraction_method=found.method,
        run_id=origin.run_id,
        schema_version=SCHEMA_VERSION,
        url=stored_address(found.url or found.stated_url),
        url_canonical=canonical,
        source_domain=source_domain(canonical) if canonical else None,
        **columns,
    )


def _fill_gaps(found: Mapping[str, Any], hints: Mapping[str, Any]) -> dict[str, Any]:
    columns = {name: value for name, value in found.items() if value}
    for name, value in hints.items():
        if value and not columns.get(name):
            columns[name] = value
    return columns


def _identity_url(url: str | None, stated_url: str | None) -> str | None:
    """The address an article is known by: the one that its page states, if it is of the same site, else its own.

    A page may only speak for its own site: a canonical link to another outlet is left to the duplicate decision. Where
    the input gives no address (a saved page), the page's own word is all there is, and it is believed.
    """
    own = canonical_url(url) if url else None
    stated = canonical_url(stated_url, url) if stated_url else None
    if stated is None or own is None:
        return own or (None if _is_home(stated) else stated)
    return own if source_domain(own) != source_domain(stated) or _is_home(stated) else stated


def _is_home(url: str | None) -> bool:
    """Whether an address is a site's front page, which careless templates state as the address of every page."""
    return url is not None and urlsplit(url).path in ("", "/") and not urlsplit(url).query


def _columns_of_page(content: PageContent, seen_at: Instant) -> dict[str, Any]:
    lines = ("headline", "headline_source", "description", "publisher", "byline", "article_section")
    columns: dict[str, Any] = {name: clean_line(getattr(content, name)) for name in lines}
    columns["image_url"] = stored_address(content.image_url)
    columns |= {"authors": _clean_lines(content.authors), "keywords": _clean_lines(content.keywords)}
    published = _instant(content.date_published, seen_at)
    columns |= {
        "date_published": published,
        "date_published_source": content.date_published_source if published is not None else None,
        "date_modified": _instant(content.date_modified, seen_at),
        "access_state": content.access_state,
        "in_language": content.page_language,
    }
    return columns


def _columns_of_text(plain: PlainText) -> dict[str, Any]:
    return {
        "headline": clean_line(plain.headline),
        "headline_source": plain.headline_source,
        "byline": clean_line(plain.byline),
        "authors": _clean_lines(plain.authors),
        "dateline": clean_line(plain.dateline),
    }


def _clean_lines(values: Sequence[str]) -> list[str]:
    return [cleaned for value in values if (cleaned := clean_line(value))]


def _instant(moment: datetime | None, seen_at: Instant) -> Instant | None:
    """Return the instant of a date that a page can have when it is read; None for another."""
    believed = moment is not None and moment < end_of_reason(datetime_of(seen_at).year)
    return instant_of(moment) if moment is not None and believed else None
