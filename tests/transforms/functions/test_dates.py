from __future__ import annotations

from datetime import UTC, datetime

import pytest

from transforms.functions.dates import end_of_reason, parse_date


@pytest.mark.parametrize(
    "written", ["2016-12-31T23:59:60Z", "Sat, 31 Dec 2016 23:59:60 GMT", "2016-12-31 23:59:60.5 +00:00"]
)
def test_the_sixtieth_second_of_a_minute_is_its_last(written: str) -> None:
    assert parse_date(written) == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_a_minute_that_is_the_sixtieth_is_none() -> None:
    assert parse_date("Sat, 31 Dec 2016 23:60:00 GMT") is None


@pytest.mark.parametrize(("read_in", "until"), [(2026, 2028), (2031, 2033), (1970, 2028), (9999, 9999)])
def test_dates_are_believed_to_the_end_of_the_year_after_that_of_reading(read_in: int, until: int) -> None:
    assert end_of_reason(read_in) == datetime(until, 1, 1, tzinfo=UTC)
