"""Points in time as rows carry them.

An `Instant` is a whole number of microseconds since 1970-01-01 UTC: what Parquet's `timestamp[us, UTC]` stores, and
plain to every coder, unlike a datetime or a Beam Timestamp (measured on Beam 2.77: not deterministic in a row).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

Instant: TypeAlias = int

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def instant_of(moment: datetime) -> Instant:
    """Return the instant of a datetime; one without a time zone is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND


def datetime_of(instant: Instant) -> datetime:
    """Return the instant as a datetime in UTC."""
    return _EPOCH + instant * _MICROSECOND


def utc_date_of(instant: Instant) -> date:
    """Return the UTC calendar day that the instant falls on: the `date=` partition of a row seen then."""
    return datetime_of(instant).date()
