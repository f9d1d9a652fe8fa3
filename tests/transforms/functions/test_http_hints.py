from __future__ import annotations

from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.instants import datetime_of
from tests.fetch_samples import NOW, SECOND
from transforms.functions.http_hints import DAY, fresh_seconds, header, retry_after_seconds


def http_date(seconds_from_now: int) -> bytes:
    return format_datetime(datetime_of(NOW + seconds_from_now * SECOND), usegmt=True).encode()


def test_retry_after_is_read_as_seconds() -> None:
    assert retry_after_seconds(((b"retry-after", b"120"),), NOW) == 120
    assert retry_after_seconds(((b"retry-after", b" 1.5 "),), NOW) == 1


def test_retry_after_is_read_as_date() -> None:
    assert retry_after_seconds(((b"retry-after", http_date(300)),), NOW) == 300


@pytest.mark.parametrize("form", ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])
def test_retry_after_reads_the_old_forms_of_dates_too(form: str) -> None:
    at = 784_111_777 * SECOND
    assert retry_after_seconds(((b"retry-after", form.encode()),), at - 60 * SECOND) == 60


def test_a_date_counts_from_the_servers_own_clock() -> None:
    # Our clock is an hour off.
    headers = ((b"date", http_date(-3600)), (b"retry-after", http_date(-3300)))
    assert retry_after_seconds(headers, NOW) == 300


def test_retry_after_is_capped_at_a_day() -> None:
    assert retry_after_seconds(((b"retry-after", b"316800"),), NOW) == DAY
    assert retry_after_seconds(((b"retry-after", http_date(10 * 86_400)),), NOW) == DAY


def test_retry_after_in_the_past_asks_to_wait_for_nothing() -> None:
    assert retry_after_seconds(((b"retry-after", http_date(-300)),), NOW) == 0


@pytest.mark.parametrize("value", [b"", b"soon", b"-5", b"1e9", b"\xff\xfe", b"99999999999999999999999999"])
def test_a_retry_after_that_cannot_be_read_asks_for_nothing(value: bytes) -> None:
    assert retry_after_seconds(((b"retry-after", value),), NOW) is None


@settings(deadline=None)
@given(st.binary(max_size=200) | st.dates().map(lambda day: f"Sun, {day:%d %b %Y} 24:61:99 GMT".encode()))
def test_retry_after_never_crashes_and_never_leaves_its_bounds(value: bytes) -> None:
    for name in (b"retry-after", b"expires", b"cache-control", b"age", b"date"):
        headers = ((name, value), (b"retry-after", value), (b"expires", value))
        assert 0 <= (retry_after_seconds(headers, NOW) or 0) <= DAY
        assert 0 <= fresh_seconds(headers, NOW) <= DAY


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (((b"cache-control", b"public, max-age=1800"),), 1800),
        (((b"cache-control", b"max-age=1800"), (b"age", b"600")), 1200),
        (((b"cache-control", b"max-age=600"), (b"age", b"900")), 0),
        (((b"cache-control", b"s-maxage=1800"),), 0),
        (((b"cache-control", b"max-age=31536000"),), DAY),
        (((b"expires", http_date(900)),), 900),
        (((b"expires", http_date(900)), (b"cache-control", b"max-age=60")), 60),
        (((b"expires", b"0"),), 0),
        ((), 0),
    ],
)
def test_freshness_is_max_age_less_age_or_expires_less_date(
    headers: tuple[tuple[bytes, bytes], ...], seconds: float
) -> None:
    assert fresh_seconds(headers, NOW) == seconds


def test_of_a_field_sent_twice_the_last_holds() -> None:
    assert header(((b"etag", b'"1"'), (b"etag", b'"2"')), b"etag") == b'"2"'
    assert header((), b"etag") is None


def test_a_date_may_have_a_leap_second() -> None:
    headers = ((b"date", b"Sat, 31 Dec 2016 23:59:00 GMT"), (b"retry-after", b"Sat, 31 Dec 2016 23:59:60 GMT"))
    assert retry_after_seconds(headers, NOW) == 59
