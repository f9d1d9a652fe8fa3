from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from schemas.instants import datetime_of, instant_of, utc_date_of

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES)


@given(MOMENTS)
def test_an_instant_is_the_same_moment_in_utc_to_the_microsecond(moment: datetime) -> None:
    back = datetime_of(instant_of(moment))
    assert back == moment
    assert back.utcoffset() == timedelta(0)
    assert utc_date_of(instant_of(moment)) == moment.astimezone(UTC).date()


@given(MOMENTS, MOMENTS)
def test_instants_are_ordered_as_their_moments(one: datetime, other: datetime) -> None:
    assert (instant_of(one) < instant_of(other)) == (one < other)


def test_a_moment_without_a_zone_is_taken_as_utc() -> None:
    assert instant_of(datetime(1970, 1, 1, 0, 0, 1)) == 1_000_000


def test_the_day_changes_at_midnight_utc_before_1970_too() -> None:
    assert utc_date_of(0) == date(1970, 1, 1)
    assert utc_date_of(-1) == date(1969, 12, 31)
    assert utc_date_of(86_400_000_000 - 1) == date(1970, 1, 1)
    assert utc_date_of(86_400_000_000) == date(1970, 1, 2)
