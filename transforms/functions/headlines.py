"""The headline of a page, chosen among those that it states: JSON-LD, Open Graph, the title element and its h1.

Search engines are told a shorter or longer headline than readers see, and titles end in the name of the site. What the
reader sees is the h1, so an h1 that says the same as one of the others is taken; an h1 that does not is often the
site's name or a heading of the page around the article.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_HEADLINE = 500
"""Characters of the longest headline taken; longer ones are texts set as headings."""

_SAME_WORDS = 0.6
"""Share of an h1's words that must stand in a stated headline for both to be the same one (chosen on one half of the
development pages, confirmed on the other)."""

_SUFFIX = re.compile(r"\s+(?:[|–—·•»«›‹:]|-{1,2})\s+|\s*[|»›]\s*")
_AROUND_SITE = " |–—·•»«›‹:-"
"""What goes with a site's name from the end of a title: all that `_SUFFIX` matches."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Headline:
    """A headline and where it stands: `json-ld`, `meta`, `title` or `h1`."""

    text: str
    source: str


def choose_headline(
    *, json_ld: str | None, meta: str | None, title: str | None, h1: Sequence[str], site_names: Iterable[str]
) -> Headline | None:
    """Return the page's headline, or None where it states none.

    Args:
        json_ld: headline of the article's JSON-LD.
        meta: og:title or its likes.
        title: text of the title element.
        h1: texts of the h1 elements in page order.
        site_names: names of the site, which are cut off the end of a title and are no headline themselves.
    """
    names = {key for name in site_names if (key := _key(name))}
    stated = [
        Headline(cleaned, source)
        for text, source in ((json_ld, "json-ld"), (meta, "meta"), (title, "title"))
        if text and (cleaned := _without_site(_one_line(text), names))
    ]
    headings = [text for text in map(_one_line, h1) if text and len(text) <= MAX_HEADLINE and _key(text) not in names]
    seen = _heading_that_says(headings, stated)
    if seen:
        return Headline(seen, "h1")
    if stated:
        return stated[0]
    return Headline(headings[0], "h1") if headings else None


def _heading_that_says(headings: Sequence[str], stated: Sequence[Headline]) -> str | None:
    """Return the heading that shares most words with the stated headlines, if it is one of them in other words."""
    scored = [(max((_shared(heading, other.text) for other in stated), default=0.0), -place, heading)
              for place, heading in enumerate(headings[:20])]  # fmt: skip
    best = max(scored, default=None)
    return best[2] if best and best[0] >= _SAME_WORDS else None


def _shared(heading: str, stated: str) -> float:
    """Return the share of the heading's words that the stated headline has, 0 where it has too little of the latter."""
    words, others = _words(heading), _words(stated)
    if not words or not others:
        return 0.0
    both = len(words & others)
    return both / len(words) if both / len(others) >= 0.3 else 0.0


def _words(text: str) -> set[str]:
    words = set(_WORD.findall(_key(text)))
    if len(words) > 1 or not text or ord(max(text)) < 0x3000:
        return words
    # Chinese and Japanese have no spaces: pairs of letters stand in for words.
    return {text[i : i + 2] for i in range(len(text) - 1)} or words


def _without_site(text: str, names: set[str]) -> str:
    """Cut a site's name off either end of a title, in time linear in its length: it may be a list of thousands."""
    separators = [found.span() for found in _SUFFIX.finditer(text)]
    end = len(text)
    while separators and _key(text[separators[-1][1] : end]) in names:
        end = separators[-1][1]
        while end and text[end - 1] in _AROUND_SITE:
            end -= 1
        while separators and separators[-1][0] >= end:
            separators.pop()
    text = text[:end]
    if not separators:
        return text if _key(text) not in names else ""
    if _key(text[: separators[0][0]]) in names:
        return text[separators[0][1] :]
    return text


def _key(text: str) -> str:
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _one_line(text: str) -> str:
    return " ".join(text.replace("\u00ad", "").split())
