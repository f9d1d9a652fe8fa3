"""When a page was published, from the surest statement of it that the page makes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from htmldate import find_date

from transforms.functions.dates import parse_date

_URL_DATE = re.compile(r"/((?:19|20)\d{2})[/-]?(0[1-9]|1[0-2])[/-]?(0[1-9]|[12]\d|3[01])(?:[/._-]|$)")
_MARKUP = "(//*[@itemprop='datePublished'] | //time[@pubdate])[position() <= 5]"


@dataclass(frozen=True)
class PublicationDate:
    """A time and where it stands: `json-ld`, `meta`, `url` or `text`."""

    moment: datetime
    source: str


def find_publication_date(
    tree: Any, *, json_ld: datetime | None, meta: datetime | None, url: str | None
) -> PublicationDate | None:
    """Return when the page says it was published, or None.

    Times are aware of their zone; where only a day is known, it is midnight UTC.

    Args:
        tree: root of the parsed page.
        json_ld: date that its JSON-LD states.
        meta: date that its meta tags state.
        url: address of the page, where known; many name the day.
    """
    stated = ((json_ld, "json-ld"), (meta, "meta"), (_in_markup(tree), "meta"), (date_in_url(url), "url"))
    for moment, source in stated:
        if moment is not None:
            return PublicationDate(_on_day_in_url(moment, url), source)
    found = _in_text(tree)
    return PublicationDate(found, "text") if found else None


def date_in_url(url: str | None) -> datetime | None:
    """Return the day that an address names (`/2026/11/05/`), as midnight UTC."""
    match = _URL_DATE.search(url or "")
    return parse_date("-".join(match.groups())) if match else None


def _on_day_in_url(moment: datetime, url: str | None) -> datetime:
    """Return the same instant in a zone where it falls on the day that the address names, if one exists.

    Sites state times in UTC and put their own day into the address: 02:25 UTC on the 25th is the evening of the 24th in
    New York. The instant stays as stated; only the calendar day is that of the site.
    """
    day = date_in_url(url)
    if day is None or moment.utcoffset() or day.date() == moment.date():
        return moment
    west = -1 if day.date() < moment.date() else 1
    shifted = (moment.astimezone(timezone(timedelta(hours=west * hours))) for hours in range(1, 15))
    return next((local for local in shifted if local.date() == day.date()), moment)


def _in_markup(tree: Any) -> datetime | None:
    stated = (element.get("datetime") or element.get("content") for element in tree.xpath(_MARKUP))
    return next((moment for text in stated if text and (moment := parse_date(text))), None)


def _in_text(tree: Any) -> datetime | None:
    try:
        day = find_date(tree, original_date=True, extensive_search=True)
    except Exception:
        # htmldate is a fall-back of guesses; what it trips over has no date.
        return None
    return datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None
