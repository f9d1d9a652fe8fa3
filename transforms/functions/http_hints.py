"""What an HTTP answer says of time: how long to wait, how long it stays fresh. RFC 9110 and 9111.

Headers are written by anybody: whatever stands in one gives a number within bounds or None, and never an error.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import Final

from schemas.fetch import Headers
from schemas.instants import Instant, instant_of
from transforms.functions.dates import without_leap_second

SECOND: Final = 1_000_000
"""Microseconds of a second: what instants count in."""

DAY: Final = 86_400.0
"""Seconds. What a Retry-After is capped at: servers ask for 88 hours by mistake (mediacloud/rss-fetcher)."""

_DELAY: Final = re.compile(r"\s*(\d{1,18})(?:\.\d*)?\s*")
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,18})", re.IGNORECASE)


def header(headers: Headers, name: bytes) -> bytes | None:
    """Return the value of the last header field of a name (in lower case), byte for byte; None where there is none."""
    return next((value for key, value in reversed(headers) if key == name), None)


def retry_after_seconds(headers: Headers, now: Instant) -> float | None:
    """Return how many seconds the answer asks to wait, between 0 and a day; None where it does not ask.

    Reads both forms of RFC 9110 10.2.3. A date counts from the server's own clock where it gives it (Date), so that a
    clock that is wrong, theirs or ours, does no harm.
    """
    value = _text(headers, b"retry-after")
    if value is None:
        return None
    if delay := _DELAY.fullmatch(value):
        return min(float(delay[1]), DAY)
    until = _date(value)
    if until is None:
        return None
    return _between_zero_and_day((until - _server_time(headers, now)) / SECOND)


def fresh_seconds(headers: Headers, now: Instant) -> float:
    """Return for how many seconds the answer says to be fresh, between 0 and a day; 0 where it does not say.

    RFC 9111 4.2.1: `max-age` less the `Age` that the answer has reached on its way, or else `Expires` less `Date`.
    """
    lifetime = _MAX_AGE.search(_text(headers, b"cache-control") or "")
    if lifetime:
        age = _DELAY.fullmatch(_text(headers, b"age") or "")
        return _between_zero_and_day(float(lifetime[1]) - (float(age[1]) if age else 0.0))
    expires = _date(_text(headers, b"expires") or "")
    if expires is None:
        return 0.0  # `0`, which many servers send, is no date and means already stale (RFC 9111 5.3)
    return _between_zero_and_day((expires - _server_time(headers, now)) / SECOND)


def _text(headers: Headers, name: bytes) -> str | None:
    value = header(headers, name)
    return None if value is None else value.decode("latin-1")


def _server_time(headers: Headers, now: Instant) -> Instant:
    date = _date(_text(headers, b"date") or "")
    return now if date is None else date


def _date(value: str) -> Instant | None:
    """Read any of the three forms of an HTTP date."""
    try:
        return instant_of(parsedate_to_datetime(without_leap_second(value[:100])))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _between_zero_and_day(seconds: float) -> float:
    return min(max(seconds, 0.0), DAY)
