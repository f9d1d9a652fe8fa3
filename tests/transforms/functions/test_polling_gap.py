from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.feed_state import FeedState
from tests.fetch_samples import DAY, HOUR, NOW
from transforms.functions.polling_gap import items_lost, new_items_rate, silence_is_odd, was_told_wrong

LIVE = FeedState("u", "u", known_items=b"12345678", last_success_at=NOW - 10 * HOUR, last_polled_at=NOW, items=20)


def test_a_poll_that_knows_one_item_has_lost_none() -> None:
    assert items_lost(LIVE, 20, 19, None, None) == 0


def test_a_first_poll_has_lost_none() -> None:
    assert items_lost(FeedState("u", "u"), 20, 20, None, None) == 0


def test_a_gap_is_measured_by_the_documents_own_pace() -> None:
    # 21 items in 5 hours: 4 an hour; the oldest came 5 hours after the last poll.
    assert items_lost(LIVE, 21, 21, NOW - 5 * HOUR, NOW) == 20


def test_a_gap_without_dates_is_measured_by_the_feeds_usual_pace() -> None:
    assert items_lost(LIVE._replace(items_per_hour=6.0), 20, 20, None, None) == 40


def test_a_gap_of_unknown_size_is_at_least_one_item() -> None:
    assert items_lost(LIVE, 20, 20, None, None) == 1


def test_dates_that_cannot_be_do_not_make_a_gap_of_any_size() -> None:
    assert items_lost(LIVE._replace(items_per_hour=6.0), 20, 20, NOW + 300 * DAY, NOW + 300 * DAY + 1) == 40
    assert items_lost(LIVE, 2_000, 2_000, NOW - 1, NOW) == 100_000
    assert items_lost(LIVE._replace(items_per_hour=1e300), 20, 20, None, None) == 100_000


def test_a_first_document_tells_its_pace_by_its_dates() -> None:
    assert new_items_rate(FeedState("u", "u"), 11, 11, NOW, NOW - 5 * HOUR, NOW) == 2.0
    assert new_items_rate(FeedState("u", "u"), 11, 11, NOW, None, None) == 0.0


def test_the_pace_is_smoothed() -> None:
    state = FeedState("u", "u", last_new_at=NOW - 2 * HOUR, items_per_hour=1.0)
    assert 1.0 < new_items_rate(state, 20, 10, NOW, None, None) < 5.0
    assert new_items_rate(state, 20, 0, NOW, None, None) == 1.0


def test_silence_is_odd_where_many_items_should_have_come() -> None:
    state = FeedState("u", "u", last_new_at=NOW, items_per_hour=1.0)
    assert not silence_is_odd(state, NOW + 4 * HOUR)
    assert silence_is_odd(state, NOW + 6 * HOUR)
    assert not silence_is_odd(state._replace(items_per_hour=0.01), NOW + DAY)


def test_silence_at_an_unknown_pace_is_odd_until_a_second_whole_body_was_read() -> None:
    state = FeedState("u", "u", last_new_at=NOW, last_full_at=NOW)
    assert silence_is_odd(state, NOW + DAY)
    assert not silence_is_odd(state._replace(last_full_at=NOW + DAY), NOW + 2 * DAY)


def test_one_young_item_does_not_show_that_not_modified_was_wrong() -> None:
    state = LIVE._replace(not_modified_in_a_row=5)
    assert not was_told_wrong(state, 1, NOW - HOUR, conditional=False)
    assert was_told_wrong(state, 1, NOW - 11 * HOUR, conditional=False)
    assert was_told_wrong(state, 2, NOW - HOUR, conditional=False)
    assert not was_told_wrong(state, 2, NOW - HOUR, conditional=True)


@settings(deadline=None)
@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 2 * NOW), st.integers(0, 2 * NOW))
def test_estimates_are_finite_and_never_negative(items: int, new: int, oldest: int, newest: int) -> None:
    new = min(new, items)
    assert 0 <= items_lost(LIVE, items, new, oldest, newest) < 10**15
    state = LIVE._replace(last_new_at=NOW - HOUR)
    assert 0 <= new_items_rate(state, items, new, NOW, oldest, newest) < 10**15
