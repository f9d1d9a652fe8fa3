"""Publication dates as pages write them: ISO 8601 and its common misspellings, RFC 2822, Unix time."""

from __future__ import annotations

import re
from datetime import MAXYEAR, UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

_ISO = re.compile(
    r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"
    r"(?:(?:\s*T\s*|\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?",
    re.IGNORECASE,
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2})Z?)?$")

_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""News on the web starts here; earlier dates are placeholders (1970-01-01, 0001-01-01)."""

_LEAP_SECOND = re.compile(r"(?<=\d:\d\d):60(?!\d)")

_CLOCKS_ARE_RIGHT_FROM = 2026
"""A machine that has lost its clock wakes up in 1970; a year before this one is no reason to doubt a date."""

_UNIX_SECONDS = re.compile(r"\d{10}(?:\d{3})?$")


def parse_date(text: str) -> datetime | None:
    """Return the time that a date string states; None where it states none that a news page can have.

    The offset from UTC is kept as stated, so that `.date()` is the calendar day that readers of the page saw.
    A date without a time of day is midnight UTC; a time without a zone is taken as UTC, as a page's zone is unknown.
    """
    text = without_leap_second(text.strip()[:60])
    for parse in (_parse_iso, _parse_compact, _parse_rfc_2822):
        try:
            moment = parse(text)
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
        if moment is not None:
            return moment if moment >= _EARLIEST else None
    return None


def end_of_reason(year: int) -> datetime:
    """Return from when on no date of a page or feed is believed, if it was read in this year: from the end of the next.

    What is later is a placeholder (9999-12-31), and would stand first wherever the latest comes first.
    """
    return datetime(min(max(year, _CLOCKS_ARE_RIGHT_FROM), MAXYEAR - 2) + 2, 1, 1, tzinfo=UTC)


def without_leap_second(text: str) -> str:
    """Return a time as it is written, but the 60th second of a minute, which Python knows no time of, as the 59th."""
    return _LEAP_SECOND.sub(":59", text)


def _parse_iso(text: str) -> datetime | None:
    match = _ISO.match(text)
    if not match:
        return None
    parts = [int(match[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")]
    parts[5] = min(parts[5], 59)
    return datetime(*parts, tzinfo=_zone(match["zone"]))  # type: ignore[misc, arg-type]


def _zone(text: str | None) -> timezone:
    if not text or text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _parse_compact(text: str) -> datetime | None:
    if _UNIX_SECONDS.match(text):
        return datetime.fromtimestamp(int(text[:10]), UTC)
    match = _COMPACT.match(text)
    return datetime(*(int(part or 0) for part in match.groups()), tzinfo=UTC) if match else None  # type: ignore[misc, arg-type]


def _parse_rfc_2822(text: str) -> datetime | None:
    moment = parsedate_to_datetime(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
