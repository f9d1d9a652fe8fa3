"""An article, as extraction and records give it: the row that goes from stage to stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.instants import Instant


class Article(NamedTuple):
    """A text with its metadata. Names are the snake_case of schema.org's NewsArticle where it has one.

    Column meanings stand beside the Arrow schema in `schemas.tables`.
    """

    article_id: str
    source: str
    input_id: str
    article_body: str
    word_count: int
    content_sha256: str
    first_seen_at: Instant
    extraction_method: str
    run_id: str
    schema_version: int
    url: str | None = None
    url_canonical: str | None = None
    source_domain: str | None = None
    publisher: str | None = None
    feed_url: str | None = None
    headline: str | None = None
    headline_source: str | None = None
    description: str | None = None
    in_language: str | None = None
    authors: Sequence[str] = ()
    byline: str | None = None
    dateline: str | None = None
    article_section: str | None = None
    keywords: Sequence[str] = ()
    image_url: str | None = None
    date_published: Instant | None = None
    date_published_source: str | None = None
    date_modified: Instant | None = None
    access_state: str = "ok"
    extra: str | None = None
