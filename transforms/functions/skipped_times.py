"""Hours and days in which a publisher wants no poll: `skipHours` and `skipDays` of RSS 0.91 to 2.0, all in UTC.

Kept as one whole number, fit for SQLite: bits 0 to 23 are hours, bits 24 to 30 the days from Monday on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from schemas.instants import Instant, datetime_of
from transforms.functions.http_hints import SECOND

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HOURS: Final = 24
_HOUR: Final = 3_600 * SECOND
_ALL_HOURS: Final = (1 << _HOURS) - 1
_ALL_DAYS: Final = (1 << len(_DAYS)) - 1


def skips_of(hours: Iterable[int], days: Iterable[str]) -> int:
    """Return hours (0 to 23) and days (English names in lower case) as one number; 0 for none.

    All hours, or all days, would be a feed that must never be polled: that is no wish but a mistake, and is passed
    over. What is left has at least one hour a week that may be polled in.
    """
    skipped_hours = sum(1 << hour for hour in set(hours) if 0 <= hour < _HOURS)
    skipped_days = sum(1 << _DAYS.index(day) for day in set(days) if day in _DAYS)
    skipped_hours = 0 if skipped_hours == _ALL_HOURS else skipped_hours
    skipped_days = 0 if skipped_days == _ALL_DAYS else skipped_days
    return skipped_hours | skipped_days << _HOURS


def is_skipped(instant: Instant, skips: int) -> bool:
    """Whether the publisher wants no poll at this time."""
    time = datetime_of(instant)
    return bool(skips >> time.hour & 1 or skips >> (_HOURS + time.weekday()) & 1)


def after_skipped(instant: Instant, skips: int) -> Instant:
    """Return the first time from an instant on that is not skipped: at most 6 days and 23 hours later.

    A feed that is moved keeps its minutes past the hour, so that those that wait for one hour do not all start with it.
    """
    if not skips:
        return instant
    hours = range(len(_DAYS) * _HOURS + 1)
    return next((at for hour in hours if not is_skipped(at := instant + hour * _HOUR, skips)), instant)
