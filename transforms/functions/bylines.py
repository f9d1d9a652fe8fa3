"""The line that names an article's writers where its head does not: markup that sites put around a byline."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

from transforms.functions.names import clean_authors, clean_name

_MAX_BYLINE = 150
"""Characters of the longest byline. Longer elements of these names are boxes about the author."""

_NAMED = (
    "//*[@itemprop='author']//*[@itemprop='name']",
    "//*[@itemprop='author' and not(.//*[@itemprop])]",
    "//*[@rel='author']",
    "//*[{0}][contains(@class, 'author') and (contains(@class, 'name') or contains(@class, 'Name'))]",
    "//*[{0}][contains(@class, 'byline') or contains(@class, 'Byline') or contains(@class, 'by-line')]",
    "//*[{0}][contains(concat(' ', @class, ' '), ' author ') or contains(concat(' ', @class, ' '), ' vcard ')]",
    "//*[{0}][contains(@class, 'author') or contains(@class, 'Author')]",
)
"""Where bylines stand, surest first: schema.org and microformats, then the class names of common themes."""

_MAX_ELEMENTS = 5_000
"""Elements looked at for a written byline: more than the head of any article needs."""

_ELEMENTS = "self::a or self::span or self::p or self::div or self::address or self::strong or self::cite or self::li"

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
    for path in _NAMED:
        for element in tree.xpath(f"({path.format(_ELEMENTS)})[position() <= 12]"):
            text = " ".join(" ".join(element.itertext()).split())
            if 2 <= len(text) <= _MAX_BYLINE and not _stands_elsewhere(element):
                names = _names(text)
                if names:
                    return names, text
    return _written_byline(tree)


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
