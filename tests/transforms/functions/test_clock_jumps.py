from __future__ import annotations

from schemas.feed_state import NEVER, FeedState
from schemas.host_state import HostState, RobotsRecord
from tests.fetch_samples import DAY, HOUR, NOW, SECOND, URL
from transforms.functions.clock_jumps import settled_feed, settled_host

AHEAD = FeedState(
    URL, URL, next_poll_at=NOW + 21 * HOUR, last_polled_at=NOW + 20 * HOUR, last_success_at=NOW + 20 * HOUR,
    last_full_at=NOW - HOUR, last_new_at=NOW + 19 * HOUR, validators_barred_until=NOW + 20 * HOUR + 7 * DAY,
)  # fmt: skip


def test_a_feed_whose_last_poll_lies_ahead_waits_as_long_as_it_would_have_from_now_on() -> None:
    settled = settled_feed(AHEAD, NOW)
    assert settled.next_poll_at == NOW + HOUR
    assert settled.validators_barred_until == NOW + 7 * DAY
    assert (settled.last_polled_at, settled.last_success_at, settled.last_new_at) == (NOW, NOW, NOW)
    assert settled.last_full_at == NOW - HOUR
    assert settled_feed(settled, NOW) == settled


def test_a_feed_that_waits_longer_than_any_is_due() -> None:
    years = FeedState(URL, URL, next_poll_at=NOW + 73 * 365 * DAY)
    assert settled_feed(years, NOW).next_poll_at == NOW
    failing = FeedState(URL, URL, next_poll_at=NOW + 33 * DAY, last_polled_at=NOW - HOUR)
    assert settled_feed(failing, NOW) == failing


def test_a_feed_that_is_gone_stays_so() -> None:
    gone = AHEAD._replace(next_poll_at=NEVER, gone_at=NOW)
    assert settled_feed(gone, NOW).next_poll_at == NEVER


def test_a_host_whose_last_request_lies_ahead_is_left_alone_for_as_long_from_now_on() -> None:
    early, late = (
        RobotsRecord(f"https://{name}.example", "rules", "", at, at + 6 * HOUR)
        for name, at in (("a", NOW - HOUR), ("b", NOW + HOUR))
    )
    host = HostState(
        "a.example", next_start_at=NOW + DAY + 5 * SECOND, blocked_until=NOW + DAY + HOUR, blocked_why="retry_after",
        last_start_at=NOW + DAY, last_answer_at=NOW + DAY, unanswered_since=None, crawl_delay=9.0, robots=(early, late),
    )  # fmt: skip
    settled = settled_host(host, NOW)
    assert (settled.next_start_at, settled.blocked_until) == (NOW + 5 * SECOND, NOW + HOUR)
    assert (settled.last_start_at, settled.last_answer_at, settled.unanswered_since) == (NOW, NOW, None)
    assert settled.robots == (early,)
    assert settled.crawl_delay == 9.0
    assert settled_host(settled, NOW) == settled
    assert settled_host(HostState("b.example"), NOW) == HostState("b.example")
