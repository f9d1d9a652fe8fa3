"""The line that names an article's writers where its head does not: markup that sites put around a byline."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from typing import Any

from lxml import etree

from transforms.functions.names import clean_authors, clean_name

_MAX_BYLINE = 150
"""Characters of the longest byline. Longer elements of these names are boxes about the author."""

_CANDIDATES = etree.XPath(
    "//*[@itemprop or @rel='author' or contains(@class, 'uthor') or contains(@class, 'yline')"
    " or contains(@class, 'by-line') or contains(@class, 'vcard')]"
)
_MOST_OF_A_KIND = 12
"""Elements looked at of one kind: a page with more of them names others' writers."""

_MAX_ELEMENTS = 5_000
"""Elements looked at for a written byline: more than the head of any article needs."""

_CLASSED = frozenset(("a", "span", "p", "div", "address", "strong", "cite", "li"))
"""Elements whose class is believed."""

# A comment or a teaser names people too.
_ELSEWHERE = re.compile(r"comment|related|teaser|sidebar|footer|recommend|widget|reply|more-", re.IGNORECASE)

_BY = re.compile(
    r"^(?:(?:written|posted|words|story|report|text|article)\s+)?(?:by|von|par|por|di|door|av|af"
    r"|przez)\s*:?\s+(\S.{1,120})$",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\b(?:19|20)\d{2}\b|\d{1,2}:\d{2}")


def find_byline(tree: Any) -> tuple[tuple[str, ...], str | None]:
    """Return the writers that the page's markup names and the byline as it stands there; nothing found: `((), None)`.

    Args:
        tree: root of the parsed page.
    """
    candidates = _CANDIDATES(tree)
    for is_named in _KINDS:
        for element in islice(filter(is_named, candidates), _MOST_OF_A_KIND):
            text = " ".join(" ".join(element.itertext()).split())
            if 2 <= len(text) <= _MAX_BYLINE and not _stands_elsewhere(element):
                names = _names(text)
                if names:
                    return names, text
    return _written_byline(tree)


def _is_name_of_author(element: Any) -> bool:
    return element.get("itemprop") == "name" and any(
        ancestor.get("itemprop") == "author" for ancestor in element.iterancestors()
    )


def _is_author_without_parts(element: Any) -> bool:
    return element.get("itemprop") == "author" and element.find(".//*[@itemprop]") is None


def _is_author_link(element: Any) -> bool:
    return bool(element.get("rel") == "author")


def _has_class(*parts: tuple[str, ...]) -> Callable[[Any], bool]:
    """Whether an element's class holds, of each of the given tuples, at least one part."""

    def is_named(element: Any) -> bool:
        name = f" {element.get('class') or ''} "
        return element.tag in _CLASSED and all(any(part in name for part in group) for group in parts)

    return is_named


_KINDS = (
    _is_name_of_author,
    _is_author_without_parts,
    _is_author_link,
    _has_class(("author",), ("name", "Name")),
    _has_class(
        ("byline", "Byline", "by-line"),
    ),
    _has_class(
        (" author ", " vcard "),
    ),
    _has_class(
        ("author", "Author"),
    ),
)
"""Where bylines stand, surest first: schema.org and microformats, then the class names of common themes."""


def _written_byline(tree: Any) -> tuple[tuple[str, ...], str | None]:
    """Return the first short text that reads "By" and a name, in the languages whose word for it is known."""
    for element in islice(
        tree.iter("p", "span", "div", "a", "em", "strong", "h4", "h5", "h6", "li", "td", "b", "i"), _MAX_ELEMENTS
    ):
        match = _BY.match((element.text or "").strip()[:_MAX_BYLINE])
        if match and match[1][0].isupper() and not _stands_elsewhere(element):
            text = " ".join(" ".join(element.itertext()).split())
            names = _names(match[1])
            if names and len(text) <= _MAX_BYLINE and all(" " in name for name in names):
                return names, text
    return (), None


def _names(text: str) -> tuple[str, ...]:
    names = clean_authors([_DATE.split(text)[0]])
    return names if names and all(_is_name(name) for name in names) else ()


def _is_name(name: str) -> bool:
    # "Uwe", "dpa", "Maria del Carmen Ruiz" - but not "Read all articles of this author" or a date.
    return len(name.split()) <= 5 and not _DATE.search(name) and clean_name(name) is not None


def _stands_elsewhere(element: Any) -> bool:
    ancestors = [element, *element.iterancestors()][:12]
    return any(
        ancestor.tag in ("footer", "aside", "nav") or _ELSEWHERE.search(f"{ancestor.get('class')} {ancestor.get('id')}")
        for ancestor in ancestors
        if isinstance(ancestor.tag, str) and ancestor.tag not in ("body", "html")
    )
