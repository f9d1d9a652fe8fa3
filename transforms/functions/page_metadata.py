"""What a page says of itself in its head: meta tags, title, canonical address, language.

Names of properties are those of Open Graph, Dublin Core, Parsely and the other vocabularies that news sites use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from transforms.functions.dates import parse_date
from transforms.functions.names import clean_authors

_TITLES = ("og:title", "twitter:title", "citation_title", "dc.title", "parsely-title", "sailthru.title")
_DESCRIPTIONS = ("og:description", "description", "twitter:description", "dc.description", "sailthru.description")
_PUBLISHERS = ("og:site_name", "application-name", "citation_journal_title", "dc.publisher", "publisher")
_AUTHORS = (
    "author",
    "article:author",
    "parsely-author",
    "sailthru.author",
    "dc.creator",
    "byl",
    "citation_author",
    "og:author",
    "article:author_name",
    "cxenseparse:author",
    "dcterms.creator",
    "authors",
)
_PUBLISHED = (
    "article:published_time", "og:article:published_time", "datepublished", "parsely-pub-date", "sailthru.date",
    "dc.date.issued", "dcterms.created", "dc.date.created", "citation_publication_date", "pubdate", "publishdate",
    "publish-date",
    "article.published", "cxenseparse:recs:publishtime", "dc.date", "dcterms.date", "publication_date", "date",
)  # fmt: skip
_MODIFIED = ("article:modified_time", "og:updated_time", "datemodified", "last-modified", "dcterms.modified", "lastmod")
_SECTIONS = ("article:section", "parsely-section", "cxenseparse:category", "section")
_KEYWORDS = ("news_keywords", "article:tag", "keywords", "parsely-tags")
_IMAGES = ("og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src", "thumbnail")

_MAX_META = 500
"""Meta tags read of one page. Real pages have 20-100; portals that tag every topic reach 300."""

_MAX_KEYWORDS = 20


class PageHead:
    """The statements in a page's head and the headings of its body.

    Args:
        tree: root of the parsed page.
        url: address of the page, where known; relative addresses are resolved against it.
    """

    def __init__(self, tree: Any, url: str | None = None) -> None:
        self._tree = tree
        self._url = url
        self._meta = _meta_tags(tree)

    @property
    def title(self) -> str | None:
        """Text of the title element."""
        element = tree_find(self._tree, ".//head//title", ".//title")
        return _line(element.text_content()) if element is not None else None

    @property
    def meta_title(self) -> str | None:
        """og:title or one of its likes."""
        return self._first(_TITLES)

    @property
    def headings(self) -> list[str]:
        """Texts of the first 20 h1 elements."""
        found = (_line(" ".join(element.itertext())) for element in self._tree.xpath("(//h1)[position() <= 20]"))
        return [text for text in found if text]

    @property
    def description(self) -> str | None:
        """Summary for search engines and shares."""
        return self._first(_DESCRIPTIONS)

    @property
    def publisher(self) -> str | None:
        """Name of the site."""
        return self._first(_PUBLISHERS)

    @property
    def authors(self) -> tuple[str, ...]:
        """Names in the first author property that has any; addresses of profiles are no names."""
        for name in _AUTHORS:
            if authors := clean_authors(self._meta.get(name, ())):
                return authors
        return ()

    @property
    def section(self) -> str | None:
        """Section of the site that the article stands in."""
        return self._first(_SECTIONS)

    @property
    def keywords(self) -> tuple[str, ...]:
        """Key words, each once, at most 20."""
        for name in _KEYWORDS:
            words = [_line(word) for text in self._meta.get(name, ()) for word in re.split(r"[,;]", text)]
            if kept := [word for word in words if word and len(word) <= 100]:
                return tuple(dict.fromkeys(kept))[:_MAX_KEYWORDS]
        return ()

    @property
    def image_url(self) -> str | None:
        """Absolute address of the picture that stands for the page."""
        return self.absolute(self._first(_IMAGES))

    @property
    def canonical_url(self) -> str | None:
        """Absolute address that the page states as its own: rel=canonical, then og:url."""
        for link in self._tree.xpath("(//link[@rel and @href])[position() <= 500]"):
            if "canonical" in link.get("rel").lower().split() and (address := self.absolute(link.get("href"))):
                return address
        return self.absolute(self._first(("og:url",)))

    @property
    def language(self) -> str | None:
        """Language tag of the page as it states it (`de`, `pt-BR`)."""
        stated = self._tree.get("lang") or self._tree.get("{http://www.w3.org/XML/1998/namespace}lang")
        return plain_language(stated or self._first(("content-language", "og:locale", "language", "dc.language")))

    @property
    def date_published(self) -> datetime | None:
        """Publication time, in UTC."""
        return self._date(_PUBLISHED)

    @property
    def date_modified(self) -> datetime | None:
        """Time of the last change, in UTC."""
        return self._date(_MODIFIED)

    @property
    def is_locked(self) -> bool:
        """Whether the page says that its text is for subscribers only."""
        return (self._first(("article:content_tier", "og:article:content_tier")) or "").lower() in ("locked", "metered")

    def absolute(self, address: str | None) -> str | None:
        """Return an http(s) address resolved against the page's, or None where that gives none."""
        if not address or not address.strip():
            return None
        try:
            resolved = urljoin(self._url or "", address.strip())
            parts = urlsplit(resolved)
        except ValueError:
            return None
        return resolved if parts.scheme in ("http", "https") and parts.hostname and len(resolved) <= 2_000 else None

    def _first(self, names: Iterable[str]) -> str | None:
        return next((text for name in names for value in self._meta.get(name, ()) if (text := _line(value))), None)

    def _date(self, names: Iterable[str]) -> datetime | None:
        values = (value for name in names for value in self._meta.get(name, ()))
        return next((moment for value in values if (moment := parse_date(value))), None)


def plain_language(stated: str | None) -> str | None:
    """Return a language tag in its usual form (`pt-BR`), or None where the string is none."""
    match = re.match(r"\s*([A-Za-z]{2,3})(?:[-_]([A-Za-z]{2}|[A-Za-z]{4}))?\b", stated or "")
    if not match or match[1].lower() == "und":
        return None
    return match[1].lower() + (f"-{match[2].upper() if len(match[2]) == 2 else match[2].title()}" if match[2] else "")


def tree_find(tree: Any, *paths: str) -> Any:
    """Return the first element that one of the paths finds, or None."""
    return next((element for path in paths if (element := tree.find(path)) is not None), None)


def _meta_tags(tree: Any) -> dict[str, list[str]]:
    """Return the contents of the page's meta tags under their lower-case names."""
    tags: dict[str, list[str]] = {}
    for element in tree.xpath(f"(//meta[@content])[position() <= {_MAX_META}]"):
        name = element.get("property") or element.get("name") or element.get("itemprop") or element.get("http-equiv")
        if name:
            tags.setdefault(name.strip().lower(), []).append(element.get("content")[:4_000])
    return tags


def _line(text: str) -> str | None:
    return " ".join(text.split())[:2_000] or None
