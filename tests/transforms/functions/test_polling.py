from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.feed_state import NEVER, FeedState
from schemas.fetch import Answer, Headers
from schemas.instants import datetime_of
from tests.fetch_samples import DAY, HOUR, NOW, RULES, SECOND, URL, Document, NoJitter, answer, feed_body, parse
from transforms.functions.polling import Polled, after_poll, validators
from transforms.functions.skipped_times import skips_of

NEW = FeedState(URL, URL)
ETAG, DATE = b'W/"a b\xff"', b"Tue, 31 mar 2026 23:33:20 +0000"
VALIDATORS = ((b"etag", ETAG), (b"last-modified", DATE))


def poll(state: FeedState, given_answer: Answer, random: Random | None = None) -> Polled:
    return after_poll(state, given_answer, parse, random or NoJitter(), RULES)


def polled(*bodies: bytes, every: int = HOUR) -> FeedState:
    """A feed after polls that these bodies answered, the last of them now."""
    state = NEW
    for number, body in enumerate(bodies):
        at = NOW - (len(bodies) - 1 - number) * every
        state = poll(state, answer(body=body, headers=VALIDATORS, at=at)).state
    return state


# Validators


def test_validators_are_stored_and_sent_byte_for_byte() -> None:
    state = polled(feed_body(0, 9))
    assert (state.etag, state.last_modified) == (ETAG, DATE)
    assert validators(state, NOW, RULES) == ((b"if-none-match", ETAG), (b"if-modified-since", DATE))


def test_a_first_poll_has_no_validators() -> None:
    assert validators(NEW, NOW, RULES) == ()


def test_validators_that_a_body_comes_without_are_dropped() -> None:
    state = poll(polled(feed_body(0, 9)), answer(body=feed_body(1, 10))).state
    assert (state.etag, state.last_modified) == (None, None)


def test_new_validators_on_304_are_kept() -> None:
    state = poll(polled(feed_body(0, 9)), answer(304, b"", headers=((b"etag", b'"2"'),), conditional=True)).state
    assert (state.etag, state.last_modified) == (b'"2"', DATE)


def test_one_poll_in_a_hundred_is_unconditional() -> None:
    state, unconditional = polled(feed_body(0, 9)), []
    for number in range(1, 301):
        at = NOW + number * HOUR // 60
        sent = validators(state, at, RULES)
        unconditional += [] if sent else [number]
        again = answer(body=feed_body(0, 9), headers=VALIDATORS, at=at)
        state = poll(state, answer(304, b"", at=at, conditional=True) if sent else again).state
    assert [later - earlier for earlier, later in pairwise(unconditional)] == [100, 100]
    assert unconditional[0] <= 100


def test_feeds_met_together_are_not_asked_without_validators_together() -> None:
    places = {poll(FeedState(f"{URL}/{n}", URL), answer()).state.conditional_polls for n in range(100)}
    assert len(places) > 30


def test_a_slow_feed_gets_a_whole_body_once_a_week() -> None:
    state = polled(feed_body(0, 9))
    assert not validators(state, NOW + DAY, RULES)  # once, since nothing is known of its pace
    state = poll(state, answer(body=feed_body(0, 9), headers=VALIDATORS, at=NOW + DAY)).state
    assert validators(state, NOW + 7 * DAY, RULES)
    assert not validators(state, NOW + 8 * DAY, RULES)


def test_a_lively_feed_that_falls_silent_is_asked_without_validators_once_a_day() -> None:
    state = polled(*(feed_body(n, n + 20) for n in range(30)))  # an item an hour
    for hours in range(1, 24):
        state = poll(state, answer(304, b"", at=NOW + hours * HOUR, conditional=True)).state
        assert validators(state, NOW + hours * HOUR, RULES)
    assert not validators(state, NOW + 24 * HOUR, RULES)
    state = poll(state, answer(body=feed_body(29, 49), headers=VALIDATORS, at=NOW + 24 * HOUR)).state
    assert validators(state, NOW + 25 * HOUR, RULES)


def test_a_server_that_says_304_for_ever_is_found_out() -> None:
    state = polled(*(feed_body(n, n + 20) for n in range(30)))
    for hours in range(1, 24):
        state = poll(state, answer(304, b"", at=NOW + hours * HOUR, conditional=True)).state
    found = poll(state, answer(body=feed_body(53, 73), headers=VALIDATORS, at=NOW + 24 * HOUR))
    assert (found.outcome, found.new_items) == ("changed", 20)
    # For a week it gets no validators; then it is trusted again.
    assert not validators(found.state, NOW + 25 * HOUR, RULES)
    later = poll(found.state, answer(body=feed_body(60, 80), headers=VALIDATORS, at=NOW + 8 * DAY)).state
    assert validators(later, NOW + 8 * DAY + HOUR, RULES)


def test_a_server_that_has_said_304_from_the_first_poll_on_is_found_out_in_a_day() -> None:
    state = polled(feed_body(0, 9))
    for hours in range(1, 24):
        state = poll(state, answer(304, b"", at=NOW + hours * HOUR, conditional=True)).state
    assert not validators(state, NOW + 24 * HOUR, RULES)
    state = poll(state, answer(body=feed_body(24, 33), headers=VALIDATORS, at=NOW + 24 * HOUR)).state
    assert state.validators_barred_until == NOW + 8 * DAY


def test_a_slow_feed_with_something_new_is_not_taken_for_a_liar() -> None:
    state = polled(feed_body(0, 9))
    for hours in range(1, 6):
        state = poll(state, answer(304, b"", at=NOW + hours * HOUR, conditional=True)).state
    young = Document(("item-9",), newest_at=NOW + 6 * HOUR)
    came = answer(body=b"new", headers=VALIDATORS, at=NOW + 7 * HOUR)
    state = after_poll(state, came, lambda _: young, NoJitter(), RULES).state
    assert validators(state, NOW + 8 * HOUR, RULES)


def test_not_modified_that_nobody_asked_for_is_a_failure() -> None:
    assert poll(polled(feed_body(0, 9)), answer(304, b"")).outcome == "failed"


# Bodies


def test_body_hash_is_stored_after_a_good_parse_only() -> None:
    good = polled(feed_body(0, 9))
    bad = poll(good, answer(body=b"<html>maintenance"))
    assert (bad.outcome, bad.reason) == ("failed", "not_a_feed")
    assert bad.state.body_digest == good.body_digest
    assert poll(bad.state, answer(body=b"<html>maintenance")).outcome == "failed"


def test_a_body_that_has_not_changed_is_not_parsed_again() -> None:
    def refuse(_: Answer) -> Document:
        raise AssertionError("parsed")

    state = polled(feed_body(0, 9))
    again = after_poll(state, answer(body=feed_body(0, 9), at=NOW + HOUR), refuse, NoJitter(), RULES)
    assert again.outcome == "unchanged"
    assert again.state.interval == 1.5 * state.interval


def test_a_document_that_is_cut_off_is_asked_for_again_without_validators() -> None:
    half = Document(("a", "b"), is_cut_off=True)
    state = after_poll(NEW, answer(headers=VALIDATORS), lambda _: half, NoJitter(), RULES).state
    assert validators(state, NOW + HOUR, RULES) == ()
    assert poll(state, answer(headers=VALIDATORS, at=NOW + HOUR)).outcome == "changed"


# When


def test_interval_follows_overlap() -> None:
    # An hour is how it starts, and what it stays at where half is new.
    assert polled(feed_body(0, 10), feed_body(5, 15)).interval == 3600
    assert polled(feed_body(0, 10), feed_body(2, 12)).interval == 5400
    assert polled(feed_body(0, 10), feed_body(8, 18)).interval == 2400


def test_not_modified_makes_the_interval_longer() -> None:
    assert poll(polled(feed_body(0, 9)), answer(304, b"", at=NOW + HOUR, conditional=True)).state.interval == 5400


def test_a_poll_long_after_its_time_does_not_shorten_the_interval() -> None:
    state = polled(feed_body(0, 10))
    assert poll(state, answer(body=feed_body(50, 60), at=NOW + 9 * HOUR)).state.interval == 3600


@pytest.mark.parametrize(
    ("document_asks", "headers"),
    [(7200, ()), (None, ((b"cache-control", b"max-age=7200"),)), (60, ((b"cache-control", b"max-age=7200"),))],
)
def test_publisher_hints_are_lower_bounds(document_asks: float | None, headers: Headers) -> None:
    document = Document(("a", "b"), update_seconds=document_asks)
    state = after_poll(NEW, answer(headers=headers), lambda _: document, NoJitter(), RULES).state
    assert state.next_poll_at == NOW + 7200 * SECOND


def test_what_a_document_asks_for_holds_through_not_modified() -> None:
    document = Document(("a", "b"), update_seconds=50_000)
    state = after_poll(NEW, answer(headers=VALIDATORS), lambda _: document, NoJitter(), RULES).state
    state = poll(state, answer(304, b"", at=state.next_poll_at, conditional=True)).state
    assert state.next_poll_at == NOW + 100_000 * SECOND


@pytest.mark.parametrize("asked", [float("inf"), float("nan"), -5.0, 1e300])
def test_an_absurd_hint_is_kept_within_a_day(asked: float) -> None:
    document = Document(("a",), update_seconds=asked)
    state = after_poll(NEW, answer(), lambda _: document, NoJitter(), RULES).state
    assert NOW + 3600 * SECOND <= state.next_poll_at <= NOW + DAY


def test_retry_after_is_obeyed_where_it_is_longer_than_our_plan() -> None:
    state = poll(polled(feed_body(0, 9)), answer(503, b"", retry_after=80_000.0)).state
    assert state.next_poll_at == NOW + 80_000 * SECOND
    state = poll(polled(feed_body(0, 9)), answer(503, b"", retry_after=5.0)).state
    assert state.next_poll_at > NOW + 600 * SECOND


# Failures


def test_a_success_forgives_all_failures() -> None:
    state = poll(polled(feed_body(0, 9)), answer(500, b"")).state
    assert (state.failure_score, state.last_failure) == (0.5, "http_500")
    state = poll(state, answer(body=feed_body(0, 9))).state
    assert (state.failure_score, state.last_failure) == (0, None)


def test_a_dead_feed_is_never_disabled() -> None:
    state, tries = polled(feed_body(0, 9)), 0
    while state.next_poll_at < NOW + 2 * 365 * DAY:
        state, tries = poll(state, answer(None, b"", at=state.next_poll_at, failure="no_such_name")).state, tries + 1
    assert 30 < tries < 60
    back = poll(state, answer(body=feed_body(90, 99), at=state.next_poll_at)).state
    assert back.next_poll_at - state.next_poll_at <= DAY


def test_410_ends_a_feed() -> None:
    gone = poll(polled(feed_body(0, 9)), answer(410, b""))
    assert gone.outcome == "gone"
    assert gone.state.next_poll_at == NEVER


# Redirects


def test_a_permanent_redirect_seen_twice_updates_the_stored_url() -> None:
    once = poll(NEW, answer(permanent_url="https://new.example/")).state
    assert once.url == URL
    twice = poll(once, answer(permanent_url="https://new.example/", at=NOW + HOUR)).state
    assert (twice.url, twice.listed_url) == ("https://new.example/", URL)


def test_a_permanent_redirect_must_be_seen_twice_in_a_row() -> None:
    state = poll(NEW, answer(permanent_url="https://new.example/")).state
    state = poll(state, answer(at=NOW + HOUR)).state
    assert poll(state, answer(permanent_url="https://new.example/", at=NOW + 2 * HOUR)).state.url == URL


def test_a_permanent_redirect_to_what_is_no_feed_updates_nothing() -> None:
    state = NEW
    for hours in range(3):
        home = answer(body=b"<html>", permanent_url="https://home.example/", at=NOW + hours * HOUR)
        state = poll(state, home).state
    assert (state.url, state.moved_to) == (URL, None)


def test_a_temporary_redirect_never_updates_the_stored_url() -> None:
    state = NEW
    for hours in range(5):
        state = poll(state, answer(url="https://elsewhere.example/", at=NOW + hours * HOUR)).state
    assert state.url == URL


def test_a_moved_feed_that_fails_is_tried_at_both_addresses_in_turn() -> None:
    moved = "https://new.example/"
    state, urls = polled(feed_body(0, 9))._replace(url=moved), []
    for _ in range(5):
        state = poll(state, answer(404, b"", at=state.next_poll_at)).state
        state = poll(state, answer(404, b"", at=state.next_poll_at)).state
        urls.append(state.url)
        assert state.url == moved or state.etag is None
    assert urls == [moved, moved, URL, URL, URL]


def test_a_moved_feed_goes_back_where_its_new_address_dies_and_on_where_the_old_one_does() -> None:
    moved = "https://new.example/"
    dying = polled(feed_body(0, 9))._replace(url=moved, failure_score=2.0)
    state = poll(dying, answer(403, b"")).state
    assert (state.url, state.moved_to, validators(state, NOW, RULES)) == (URL, moved, ())
    back = poll(state, answer(at=NOW + HOUR)).state
    assert (back.url, back.moved_to) == (URL, None)
    on = poll(state, answer(404, b"", at=NOW + HOUR)).state
    assert (on.url, on.moved_to) == (moved, None)


# Hours and days without polls


def test_skipped_days_are_kept_also_where_nothing_new_comes_and_after_failures() -> None:
    friday = 1_775_260_000 * SECOND  # 2026-04-03, 23:46 UTC
    document = Document(("a",), skips=skips_of((), ("saturday", "sunday")))
    polled_once = after_poll(NEW, answer(at=friday), lambda _: document, NoJitter(), RULES).state
    for again in (answer(304, b"", at=friday, conditional=True), answer(503, b"", at=friday)):
        state = poll(polled_once, again).state
        assert f"{datetime_of(state.next_poll_at):%A}" == "Monday"
        assert state.next_poll_at - friday <= 2 * DAY + 2 * HOUR


# Indexes


def test_one_new_sitemap_among_many_keeps_an_index_lively() -> None:
    def index(*names: str) -> Callable[[Answer], Document]:
        return lambda _: Document(names, kind="sitemap_index")

    many = tuple(map(str, range(40)))
    state = after_poll(NEW, answer(body=b"1"), index(*many), NoJitter(), RULES).state
    for _ in range(10):
        state = poll(state, answer(304, b"", at=state.next_poll_at, conditional=True)).state
    assert state.interval == 86_400
    got = after_poll(state, answer(body=b"2", at=state.next_poll_at), index("new", *many), NoJitter(), RULES)
    assert got.state.interval <= 3_600
    other = after_poll(got.state, answer(body=b"3", at=got.state.next_poll_at), index("x", "y"), NoJitter(), RULES)
    assert other.possibly_lost == 0


def test_a_list_is_known_by_all_that_it_names() -> None:
    def names(*more: str) -> Callable[[Answer], Document]:
        return lambda _: Document((*more, *(f"https://a.example/{n}" for n in range(6_000))), kind="list")

    state = after_poll(NEW, answer(body=b"1"), names(), NoJitter(), RULES).state
    assert (state.items, len(state.known_items)) == (6_000, 8)
    again = after_poll(state, answer(body=b"2", at=state.next_poll_at), names(), NoJitter(), RULES)
    assert (again.new_items, again.state.interval) == (0, 1.5 * state.interval)
    more = after_poll(again.state, answer(body=b"3", at=again.state.next_poll_at), names("new"), NoJitter(), RULES)
    assert (more.new_items, more.state.items) == (1, 6_001)


# Gaps


def test_a_poll_without_overlap_says_how_many_items_may_be_lost() -> None:
    assert poll(polled(feed_body(0, 20)), answer(body=feed_body(19, 39), at=NOW + HOUR)).possibly_lost == 0
    state = polled(*(feed_body(10 * n, 10 * n + 20) for n in range(8)))  # ten items an hour
    assert poll(state, answer(body=feed_body(500, 520), at=NOW + 10 * HOUR)).possibly_lost == pytest.approx(80, abs=15)


# All of it


STATUSES = st.sampled_from([None, 200, 204, 301, 304, 403, 404, 410, 429, 500, 503])
BODIES = st.one_of(st.just(b"<html>"), st.integers(0, 50).map(lambda start: feed_body(start, start + 10)))
SECONDS = st.none() | st.floats(0, 86_400)


@settings(deadline=None)
@given(
    st.lists(st.tuples(STATUSES, BODIES, SECONDS, st.booleans(), st.integers(0, 9 * DAY)), max_size=12), st.randoms()
)
def test_next_poll_is_never_sooner_than_ten_minutes_and_never_in_more_than_a_month(
    polls: list[tuple[int | None, bytes, float | None, bool, int]], random: Random
) -> None:
    state, at = NEW, NOW
    for status, body, retry_after, conditional, late in polls:
        at = max(at, state.next_poll_at) + late
        failure = None if status else "connect_timeout"
        came = answer(status, body, at=at, failure=failure, retry_after=retry_after, conditional=conditional)
        state = poll(state, came, random).state
        if state.gone_at is not None:
            return
        assert at + 600 * SECOND <= state.next_poll_at <= at + 1.1 * 30 * DAY
        assert state.next_poll_at >= at + (retry_after or 0) * SECOND
        assert state.interval == 0 or 600 <= state.interval <= 86_400
        assert len(state.known_items) <= 8 * 4000
