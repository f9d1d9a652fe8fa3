from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.instants import datetime_of, instant_of
from tests.fetch_samples import DAY, HOUR, NOW
from transforms.functions.skipped_times import after_skipped, is_skipped, skips_of

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@pytest.mark.parametrize(
    ("hours", "days", "at", "then"),
    [
        ((), (), "2026-04-03 23:30", "2026-04-03 23:30"),
        ((), ("saturday", "sunday"), "2026-04-03 23:30", "2026-04-03 23:30"),
        ((), ("saturday", "sunday"), "2026-04-04 00:30", "2026-04-06 00:30"),
        ((22, 23, 0, 1), (), "2026-04-03 22:10", "2026-04-04 02:10"),
        ((22, 23, 0, 1), ("saturday",), "2026-04-03 22:10", "2026-04-05 02:10"),
        ((24, 99), ("someday",), "2026-04-03 22:10", "2026-04-03 22:10"),
        (range(24), DAYS, "2026-04-03 22:10", "2026-04-03 22:10"),
    ],
)
def test_the_first_time_that_is_not_skipped(hours: tuple[int, ...], days: tuple[str, ...], at: str, then: str) -> None:
    instant = instant_of(datetime.fromisoformat(at).replace(tzinfo=UTC))
    assert f"{datetime_of(after_skipped(instant, skips_of(hours, days))):%Y-%m-%d %H:%M}" == then


@given(st.sets(st.integers(0, 23)), st.sets(st.sampled_from(DAYS)), st.integers(NOW, NOW + 30 * DAY))
def test_never_earlier_never_skipped_never_later_than_a_week(hours: set[int], days: set[str], instant: int) -> None:
    skips = skips_of(hours, days)
    then = after_skipped(instant, skips)
    assert instant <= then < instant + 7 * DAY
    assert not is_skipped(then, skips)
    assert then == instant or is_skipped(then - HOUR, skips)
