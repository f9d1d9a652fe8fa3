"""Values of feeds, whichever format they come from, made into what a `FeedItem` holds."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urljoin

from schemas.instants import Instant, instant_of
from transforms.functions.dates import end_of_reason, parse_date
from transforms.functions.markup import strip_markup
from transforms.functions.texts import clean_line, unescape
from transforms.functions.urls import MAX_URL_CHARACTERS, stored_address

MAX_CATEGORIES: Final = 100
"""Categories kept of one item: ten times what a desk files by hand. feedparser compares each with all before it."""

_GUID_LIMIT: Final = 2 * MAX_URL_CHARACTERS
"""Characters of a guid kept as given; a longer one is a text in the wrong place and known by its digest."""

_TITLE_LIMIT: Final = 1000
_CATEGORY_LIMIT: Final = 200
_EARLIEST: Final = instant_of(datetime(1990, 1, 1, tzinfo=UTC))
"""As in `dates`: news on the web starts here, what is earlier is a placeholder."""

# What XML 1.0 does not allow, and the C1 controls, which only misread charsets give; line ends and tabs stay.
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_TAG: Final = re.compile(r"</?[a-zA-Z][^<>]*>|<!--[^>]*>?")
_PARAGRAPH_BREAK: Final = re.compile(r"\n\s*\n")
_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


def encodable(text: str) -> str:
    """Return the text without control characters, lone surrogates replaced: UTF-8 can encode it."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        # JSON may escape the two halves of one character each: going through UTF-16 joins them.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _CONTROLS.sub("", text)


def markup(value: object) -> str | None:
    """Return HTML as items hold it; None for what is blank or no str."""
    text = encodable(value).strip() if isinstance(value, str) else ""
    return text or None


def markup_of_text(value: object) -> str | None:
    """Return plain text as HTML: blank lines separate paragraphs, `<` and `&` are escaped."""
    text = markup(value)
    if text is None:
        return None
    paragraphs = (html.escape(part, quote=False) for part in _PARAGRAPH_BREAK.split(text.replace("\r", "")))
    return "".join(f"<p>{part.strip()}</p>" for part in paragraphs if part.strip()) or None


def plain_title(value: object) -> str | None:
    """Return a title as one line of plain text: tags go, entities become their characters.

    Many feeds escape titles once too often, so they are unescaped once more than the format asks for.
    """
    if not isinstance(value, str):
        return None
    # Cut first, generously: what is given may be millions of characters long.
    text = unescape(value.strip()[: 8 * _TITLE_LIMIT])
    if "<" in text:
        text = _TAG.sub("", strip_markup(text).html)
    return clean_line(unescape(text))


def name_of(value: object) -> str | None:
    """Return a category's name, with its entities unescaped."""
    return clean_line(unescape(value[: 8 * _CATEGORY_LIMIT]), _CATEGORY_LIMIT) if isinstance(value, str) else None


def distinct(names: Iterable[str | None]) -> tuple[str, ...]:
    """Return the names that are there, each once, in their order, at most `MAX_CATEGORIES`."""
    return tuple(dict.fromkeys(name for name in names if name))[:MAX_CATEGORIES]


def address(value: object, base: str | None = None) -> str | None:
    """Return an absolute http(s) address as rows store it, or None.

    Args:
        value: the address as given; a relative one needs a base.
        base: absolute address of what it stands in.
    """
    if not isinstance(value, str) or not value.strip() or len(value) > 2 * MAX_URL_CHARACTERS:
        return None
    given = encodable(value).strip()
    try:
        joined = given if base is None or _SCHEME.match(given) else urljoin(base, given)
    except ValueError:
        return None
    return stored_address("https:" + joined if joined.startswith("//") else joined)


def instant_within_reason(moment: datetime | None) -> Instant | None:
    """Return the instant of a date that news can have, from 1990 to the end of next year; else None."""
    if moment is None:
        return None
    instant = instant_of(moment)
    return instant if _EARLIEST <= instant < instant_of(end_of_reason(datetime.now(UTC).year)) else None


def instant_from_text(value: object) -> Instant | None:
    """Return the instant that a date string states, None where it states none or an absurd one."""
    return instant_within_reason(parse_date(value)) if isinstance(value, str) else None


def guid_of(given: object, url: str | None, title: str | None, content: str | None) -> str:
    """Return what an item is known by: its guid as given, else its address, else a digest of title and content."""
    guid = " ".join(encodable(given[: _GUID_LIMIT + 1]).split()) if isinstance(given, str) else ""
    if guid and len(guid) <= _GUID_LIMIT:
        return guid
    return url or _digest(str(given) if guid else f"{title or ''}\n{content or ''}")


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
