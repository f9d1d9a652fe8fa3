from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fetch_samples import RULES, NoJitter
from transforms.functions.polling_interval import (
    delay_after_failures,
    delay_until_next,
    hash_items,
    known_hashes,
    next_interval,
    remember_items,
)

INTERVALS = st.floats(0, 10**9, allow_nan=False)
SHARES = st.none() | st.floats(0, 1)


@pytest.mark.parametrize("share", [0.67, 0.8, 1.0])
def test_interval_grows_where_most_items_were_known(share: float) -> None:
    assert next_interval(3600, share, late=False, rules=RULES) == 5400


@pytest.mark.parametrize("share", [0.34, 0.5, 0.66])
def test_interval_stays_where_about_half_were_known(share: float) -> None:
    assert next_interval(3600, share, late=False, rules=RULES) == 3600


def test_interval_shrinks_where_few_items_were_known() -> None:
    assert next_interval(3600, 0.32, late=False, rules=RULES) == 2400


def test_a_long_interval_snaps_back() -> None:
    assert next_interval(86_400, 0.1, late=False, rules=RULES) == RULES.first


def test_a_late_poll_that_knows_few_items_says_nothing() -> None:
    assert next_interval(7200, 0.0, late=True, rules=RULES) == 7200


def test_a_document_without_items_changes_nothing() -> None:
    assert next_interval(7200, None, late=False, rules=RULES) == 7200


@settings(deadline=None)
@given(INTERVALS, SHARES, st.booleans())
def test_interval_is_always_between_ten_minutes_and_a_day(interval: float, share: float | None, late: bool) -> None:
    assert 600 <= next_interval(interval, share, late=late, rules=RULES) <= 86_400


@settings(deadline=None)
@given(INTERVALS, INTERVALS, st.randoms())
def test_publisher_hints_are_lower_bounds_within_bounds(interval: float, asked: float, random: Random) -> None:
    delay = delay_until_next(interval, asked, random, RULES)
    assert max(600, min(max(interval, asked), 86_400)) <= delay <= 1.1 * 86_400


def test_jitter_on_every_delay() -> None:
    random = Random(3)
    assert len({delay_until_next(3600, 0, random, RULES) for _ in range(50)}) == 50
    assert len({delay_after_failures(3600, 2, random, RULES) for _ in range(50)}) == 50


@settings(deadline=None)
@given(INTERVALS, st.floats(0, 10**6), st.randoms())
def test_a_failing_feed_is_tried_at_least_every_thirty_days(interval: float, score: float, random: Random) -> None:
    assert 600 <= delay_after_failures(interval, score, random, RULES) <= 1.1 * 30 * 86_400


def test_intervals_of_a_failing_feed_grow_up_to_thirty_days() -> None:
    delays = [delay_after_failures(3600, score, NoJitter(), RULES) for score in range(30)]
    assert delays == sorted(delays)
    assert delays[1] == 7200
    assert delays[-1] == 30 * 86_400


@settings(deadline=None)
@given(st.lists(st.text(max_size=5), max_size=300), st.lists(st.text(max_size=5), max_size=300))
def test_all_items_of_the_latest_document_are_known_afterwards(earlier: list[str], latest: list[str]) -> None:
    kept = remember_items(remember_items(b"", hash_items(earlier)), hash_items(latest))
    assert set(hash_items(latest)) <= known_hashes(kept)
    assert len(kept) <= 8 * max(100, 2 * len(latest))


def test_remembered_items_are_bounded() -> None:
    kept = b""
    for start in range(0, 20_000, 2_000):
        kept = remember_items(kept, hash_items(str(number) for number in range(start, start + 2_000)))
    assert len(kept) == 8 * 4_000
