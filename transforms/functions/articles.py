"""Makes the article row: from a page (in a worker process), or from a record that is an article already."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from schemas.article import Article
from schemas.errors import InputRejected
from schemas.instants import Instant, instant_of
from schemas.page import Page
from schemas.tables import SCHEMA_VERSION
from transforms.functions.charsets import decode_text
from transforms.functions.languages import language_of
from transforms.functions.pages import PageContent, extract_page
from transforms.functions.plain_text import PlainText, lead_of, read_plain_text
from transforms.functions.records import Record
from transforms.functions.texts import clean_line, content_sha256, normalise_text, word_count
from transforms.functions.urls import article_id, canonical_url, source_domain

MAX_TEXT_BYTES: Final = 5_000_000
"""A plain text longer than this is rejected: it is a book or a dump, not an article."""


@dataclass(frozen=True)
class Origin:
    """Where an article row comes from: what every row says of its input."""

    source: str
    input_id: str
    first_seen_at: Instant
    run_id: str


def article_from_page(page: Page, run_id: str) -> Article:
    """Extract a page, or read a plain text, into an article row.

    Deterministic: the same page gives the same row. Bounded only by the time limit of the process that runs it.

    Raises:
        InputRejected: there is no article in it.
    """
    origin = Origin(page.source, page.input_id, page.first_seen_at, run_id)
    hints = json.loads(page.hints) if page.hints else {}
    if page.kind == "html":
        content = extract_page(page.body, url=page.url, charset_hint=page.charset_hint)
        stated = content.canonical_url
        return _row(origin, content.text, _columns_of_page(content), hints, page.url, stated, content.extraction_method)
    if len(page.body) > MAX_TEXT_BYTES:
        raise InputRejected("too_large", f"the text has {len(page.body):,} bytes, the limit is {MAX_TEXT_BYTES:,}")
    plain = read_plain_text(normalise_text(decode_text(page.body, charset_hint=page.charset_hint)))
    return _row(origin, plain.text, _columns_of_text(plain), hints, page.url, None, "plain_text")


def article_from_record(record: Record, origin: Origin) -> Article:
    """Turn a record that holds an `article_body` into an article row; its text is kept whole.

    Raises:
        InputRejected: `no_article`, where nothing is left of the text once it is cleaned.
    """
    columns = dict(record.columns)
    first_seen_at = columns.pop("first_seen_at", origin.first_seen_at)
    origin = Origin(origin.source, origin.input_id, first_seen_at, origin.run_id)
    columns["extra"] = record.extra
    url = columns.pop("url", None)
    return _row(origin, record.article_body or "", columns, {}, url, None, "record")


def _row(
    origin: Origin,
    body: str,
    found: Mapping[str, Any],
    hints: Mapping[str, Any],
    url: str | None,
    stated_url: str | None,
    method: str,
) -> Article:
    """Assemble the row: what the text and its page say first, then what the source says of it, then what follows."""
    text = normalise_text(body)
    if not text:
        raise InputRejected("no_article", "no text is left once control characters and white space are removed")
    columns = _fill_gaps(found, hints)
    if not columns.get("headline"):
        columns["headline"], columns["headline_source"] = lead_of(text), "lead"
    canonical = _identity_url(url, stated_url)
    return Article(
        article_id=article_id(canonical, columns.get("publisher"), text),
        source=origin.source,
        input_id=origin.input_id,
        article_body=text,
        word_count=word_count(text),
        content_sha256=content_sha256(text),
        first_seen_at=origin.first_seen_at,
        extraction_method=method,
        run_id=origin.run_id,
        schema_version=SCHEMA_VERSION,
        url=clean_line(url or stated_url or ""),
        url_canonical=canonical,
        source_domain=source_domain(canonical) if canonical else None,
        in_language=language_of(text) or columns.pop("in_language", None),
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

    A page may only speak for its own site: a canonical link to another outlet is left to the duplicate decision, and a
    hostile page cannot take another's identity.
    """
    own = canonical_url(url) if url else None
    stated = canonical_url(stated_url, url) if stated_url else None
    if own and stated and source_domain(own) != source_domain(stated):
        return own
    return stated or own


def _columns_of_page(content: PageContent) -> dict[str, Any]:
    lines = ("headline", "headline_source", "description", "publisher", "byline", "article_section", "image_url")
    columns: dict[str, Any] = {name: clean_line(getattr(content, name) or "") for name in lines}
    columns |= {"authors": _clean_lines(content.authors), "keywords": _clean_lines(content.keywords)}
    columns |= {
        "date_published": _instant(content.date_published),
        "date_published_source": content.date_published_source if content.date_published else None,
        "date_modified": _instant(content.date_modified),
        "access_state": content.access_state,
    }
    return columns


def _columns_of_text(plain: PlainText) -> dict[str, Any]:
    return {
        "headline": clean_line(plain.headline or ""),
        "headline_source": plain.headline_source,
        "byline": clean_line(plain.byline or ""),
        "authors": _clean_lines(plain.authors),
        "dateline": clean_line(plain.dateline or ""),
    }


def _clean_lines(values: Sequence[str]) -> list[str]:
    return [cleaned for value in values if (cleaned := clean_line(value))]


def _instant(moment: datetime | None) -> Instant | None:
    return instant_of(moment) if moment else None
