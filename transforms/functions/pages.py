"""A saved news page made into what the `articles` table asks of it: text, headline, writers, dates, access.

`extract_page` runs in a worker process under a hard time limit; the limits of `page_limits` keep it far below that.
It remembers nothing: the same bytes give the same content in any order and process. (htmldate, the last source of a
date, believes no day later than today.)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from trafilatura.metadata import extract_author

from schemas.errors import InputRejected
from transforms.functions import access_state
from transforms.functions.article_text import extract_text
from transforms.functions.bylines import find_byline
from transforms.functions.charsets import decode_text
from transforms.functions.headlines import Headline, choose_headline
from transforms.functions.names import clean_authors
from transforms.functions.page_limits import check_size, parse_html, strip_within_limits
from transforms.functions.page_metadata import PageHead, plain_language
from transforms.functions.publication_date import find_publication_date
from transforms.functions.structured_data import StructuredData, read_structured_data
from transforms.functions.text_lines import clean_text

MIN_WORDS = 10
"""Words that the shortest article has; less is a page without one. News in brief starts at about 20."""


@dataclass(frozen=True)
class PageContent:
    """What one page holds. Texts are plain; times know their zone, a day alone is midnight UTC.

    `text` has one paragraph a line. The `_source` fields say where the page states the thing: `json-ld`, `meta`,
    `title`, `h1`, `url`, `text`. `access_state` is one of those of `access_state`; `extraction_method` is that of
    `article_text.extract_text`. Addresses are absolute.
    """

    text: str
    headline: str | None = None
    headline_source: str | None = None
    description: str | None = None
    publisher: str | None = None
    authors: tuple[str, ...] = ()
    byline: str | None = None
    article_section: str | None = None
    keywords: tuple[str, ...] = ()
    image_url: str | None = None
    canonical_url: str | None = None
    page_language: str | None = None
    date_published: datetime | None = None
    date_published_source: str | None = None
    date_modified: datetime | None = None
    access_state: str = "ok"
    extraction_method: str = "trafilatura"


def extract_page(body: bytes, *, url: str | None = None, charset_hint: str | None = None) -> PageContent:
    """Return the article that the page holds.

    Args:
        body: the page's bytes as they were read.
        url: address of the page, where known.
        charset_hint: charset that the source declares (an HTTP header).

    Raises:
        InputRejected: `empty`, `binary`, `too_large`, `too_many_elements`, `no_article`, or (retryable) `bot_wall`.
    """
    check_size(body)
    page = strip_within_limits(decode_text(body, charset_hint=charset_hint, is_html=True))
    stated = read_structured_data(page.json_ld)
    tree = parse_html(page.html)
    head = PageHead(tree, url)
    metadata = _metadata(tree, head, stated, url)
    page_text = " ".join(" ".join(tree.itertext()).split())
    raw, method = extract_text(tree, url=url, article_body=stated.article_body)
    text = clean_text(raw, headline=metadata["headline"], authors=metadata["authors"])
    _check_article(text, f"{head.title or ''} {page_text}")
    state = access_state.find_access_state(text, page_text=page_text, is_free=stated.is_free, is_locked=head.is_locked)
    return PageContent(text=text, access_state=state, extraction_method=method, **metadata)


def _check_article(text: str, page_text: str) -> None:
    words = access_state.count_words(text)
    if access_state.is_bot_wall(page_text, words):
        raise InputRejected("bot_wall", "the site sent a check for robots instead of the page", retryable=True)
    if words < MIN_WORDS:
        raise InputRejected("no_article", f"no article was found: {words} words of text, {MIN_WORDS} are needed")


def _metadata(tree: Any, head: PageHead, stated: StructuredData, url: str | None) -> dict[str, Any]:
    """Return all fields but text, state and method. JSON-LD speaks first, then the page's head, then its markup."""
    canonical = head.canonical_url or head.absolute(stated.url)
    published = find_publication_date(
        tree, json_ld=stated.date_published, meta=head.date_published, url=url or canonical
    )
    sites = _site_names(head, stated, url or canonical)
    headline = _headline(head, stated, sites)
    authors, byline = _authors(tree, head, stated, sites)
    return {
        "headline": headline.text if headline else None,
        "headline_source": headline.source if headline else None,
        "description": stated.description or head.description,
        "publisher": stated.publisher or head.publisher,
        "authors": authors,
        "byline": byline,
        "article_section": stated.section or head.section,
        "keywords": stated.keywords or head.keywords,
        "image_url": head.absolute(stated.image_url) or head.image_url,
        "canonical_url": canonical,
        "page_language": head.language or plain_language(stated.language),
        "date_published": published.moment if published else None,
        "date_published_source": published.source if published else None,
        "date_modified": stated.date_modified or head.date_modified,
    }


def _headline(head: PageHead, stated: StructuredData, sites: list[str]) -> Headline | None:
    return choose_headline(
        json_ld=stated.headline, meta=head.meta_title, title=head.title, h1=head.headings, site_names=sites
    )


def _authors(tree: Any, head: PageHead, stated: StructuredData, sites: list[str]) -> tuple[tuple[str, ...], str | None]:
    """Return the writers and the byline. A site that names itself as author is believed last."""
    if stated.authors:
        return stated.authors, None
    known = {name.casefold() for name in sites}
    people = tuple(name for name in head.authors if name.casefold() not in known)
    if people:
        return people, None
    names, byline = find_byline(tree)
    return names or head.authors or _guess_author(tree), byline


def _guess_author(tree: Any) -> tuple[str, ...]:
    """Ask trafilatura, which looks at any element named like an author; only what reads like a name is taken."""
    try:
        names = clean_authors([extract_author(tree) or ""])
    except Exception:
        return ()
    return names if all(len(name.split()) <= 4 for name in names) else ()


def _site_names(head: PageHead, stated: StructuredData, url: str | None) -> list[str]:
    try:
        host = (urlsplit(url or "").hostname or "").removeprefix("www.")
    except ValueError:
        host = ""
    return [name for name in (stated.publisher, head.publisher, host, host.rpartition(".")[0]) if name]
