"""Author names as pages give them, made into a list of names: no "By", no addresses, no roles, no logins."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

from transforms.functions.texts import unescape

MAX_AUTHORS = 20
"""Names kept of one article. Investigations credit a dozen people; longer lists are lists of staff."""

_MAX_STATED = 100
"""Strings looked at: five times the names that are kept, since many hold none."""

_MAX_NAME = 80
"""Characters of the longest name taken. "European Bank for Reconstruction and Development" has 47."""

# "by" in the languages of the test pages; "from" and "text" as some pages label their writer.
_PREFIX = re.compile(
    r"^(?:(?:written|posted|published|reviewed|story|article|words|text|report|interview)\s+)?(?:by|von"
    r"|par|por|di|door|av|af|przez|yazan|autor(?:in)?|"
    r"auteur|author|texte?|reporter|interview|beitrag von|posted by|foto|photo)\b\s*[:\-|]?\s+|^(?:by|von"
    r"|author|autor|auteur|text)\s*:\s*",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"\s{2,}")
_SEPARATOR = re.compile(r"\s*(?:;|\||•|·|\n|\s/\s|,\s*(?:and|und|et|y)\s+|,|\s+(?:and|und|et|&)\s+)\s*")
# Of an e-mail address each part has one place to end: a thousand `@` then take no time by their cube.
_ADDRESS = re.compile(r"https?://\S*|\bwww\.\S+|(?<!\S)[^\s@]+@[^\s.]+\.\S+|(?<!\S)@\w+")
_AFTER_NAME = re.compile(
    r"\s*(?:[|•·»(\[]|\s[–—-]\s|\b(?:on|am|at|in|le|el|il|op)\s+(?:\w+\s+){0,2}\d|\b(?:on|am|at)$"
    r"|\b(?:last\s+)?(?:updated|published|posted"
    r"|reviewed|stand|modified)\b|\blast$).*$",
    re.IGNORECASE | re.DOTALL,
)
# A date is no name, in the languages whose months look like words.
_MONTH = re.compile(
    r"\b(?:jan|feb|mar|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])(?:\.|\b|\w*\s+\d)|\b(?:january"
    r"|february|march|april|june|"
    r"july|august|september|o[ck]tober|november|de[cz]ember|januar|februar|märz|juni|juli|mon|tues|wednes"
    r"|thurs|fri|satur|sun)"
    r"(?:day)?\b\s*(?:\d|$)",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"^(?:(?:senior|staff|chief|associate|deputy|managing|contributing|guest|freelance|executive|political|science|"
    r"technology|business|news|sports?)\s+)*(?:editor|writer|reporter|correspondent|journalist|contributor|author|"
    r"columnist|producer|analyst|photographer|redakteur(?:in)?|ph\.?d\.?|m\.?d\.?|r\.?d\.?|jr\.?|sr\.?|mba|cpa|esq\.?)"
    r"(?:\s+(?:at|of|for|in)\s.*|[\s-]in[\s-]chief)?$",
    re.IGNORECASE,
)
_NO_NAME = frozenset(
    [
        "admin",
        "administrator",
        "editor",
        "user",
        "author",
        "authors",
        "guest",
        "unknown",
        "anonymous",
        "none",
        "null",
        "webmaster",
        "root",
        "test",
        "staff",
        "posts",
        "redaktion",
        "view_all",
        "see_all",
        "read_more",
        "about",
        "home",
        "share",
        "follow",
        "updated",
        "published",
        "no_author",
        "von",
        "by",
        "text",
        "datum",
        "name",
        "autor",
        "interview",
        "date",
        "posted",
        "last",
        "written",
    ]
)
_LOGIN = re.compile(r"^[a-z0-9._-]*\d{3,}[a-z0-9._-]*$|^[0-9\W_]+$")


def clean_authors(stated: Iterable[str]) -> tuple[str, ...]:
    """Return the names in what a page states as authors: each once, in its order, at most `MAX_AUTHORS`.

    One stated string may hold several names ("A. Muster, B. Exempel and C. Sample"). Roles after a comma, addresses and
    placeholders such as "admin" are dropped; what is no name at all gives an empty tuple.
    """
    names: dict[str, str] = {}
    for text in islice(stated, _MAX_STATED):
        for part in _parts(unescape(text)[:1_000]):
            name = clean_name(part)
            if name:
                names.setdefault(name.casefold(), name)
    return tuple(names.values())[:MAX_AUTHORS]


def clean_name(text: str) -> str | None:
    """Return one name without "By", role and address; None where no name is left."""
    name = " ".join(_ADDRESS.sub(" ", text).split())
    name = _AFTER_NAME.sub("", _PREFIX.sub("", name)).strip(" ,.:;-–—|/\"'“”")
    if not 2 <= len(name) <= _MAX_NAME or name.casefold().replace(" ", "_") in _NO_NAME:
        return None
    if _MONTH.search(name) and any(letter.isdigit() for letter in name + text):
        return None
    if _ROLE.match(name) or _LOGIN.match(name) or not any(letter.isalpha() for letter in name):
        return None
    return _without_capitals(name)


def _parts(text: str) -> list[str]:
    # "Muster, Anna" is one name turned round only in library metadata; news pages separate people by commas.
    # One blank at a time: of a run of them the search for separators takes the cube.
    text = _BLANKS.sub(lambda run: "\n" if "\n" in run[0] else " ", _ADDRESS.sub(" ", text))
    return [part for part in _SEPARATOR.split(text) if part]


def _without_capitals(name: str) -> str:
    # A byline all in capitals is typography; initials and agencies (AP, AFP, dpa) keep theirs.
    return name.title() if name.isupper() and " " in name and len(name) > 6 else name
