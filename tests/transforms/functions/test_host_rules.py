from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.fetch import Fetch
from schemas.host_state import HostState
from tests.fetch_samples import HOUR, NOW, SECOND, NoJitter, fetch
from transforms.functions.host_rules import HostRules, after_fetch, after_start, gap_seconds, may_start_at

HOST = HostState("news.example")
RULES = HostRules()


def blocked_seconds(host: HostState, row: Fetch, random: Random | None = None) -> float:
    after = after_fetch(host, row, random or NoJitter(), RULES)
    return (after.blocked_until - row.requested_at) / SECOND - row.seconds


def test_five_seconds_between_starts() -> None:
    after = after_start(HOST, NOW, RULES)
    assert may_start_at(after) == NOW + 5 * SECOND
    assert may_start_at(after_fetch(after, fetch(), NoJitter(), RULES)) == NOW + 5 * SECOND


def test_the_gap_is_configurable() -> None:
    assert may_start_at(after_start(HOST, NOW, HostRules(gap=9.0))) == NOW + 9 * SECOND


def test_a_slow_host_is_asked_more_slowly_at_once() -> None:
    after = after_fetch(after_start(HOST, NOW, RULES), fetch(seconds=4.0), NoJitter(), RULES)
    assert may_start_at(after) == NOW + 20 * SECOND
    assert gap_seconds(after._replace(response_seconds=300.0), RULES) == 60


def test_one_slow_answer_does_not_make_a_slow_host() -> None:
    quick = HOST._replace(response_seconds=0.1)
    assert gap_seconds(after_fetch(quick, fetch(seconds=2.0), NoJitter(), RULES), RULES) == 5


@pytest.mark.parametrize(
    ("status", "failure", "is_answer"),
    [(503, None, True), (None, "connection_refused", True), (None, "time_limit", False),
     (None, "no_such_name", False)],
)  # fmt: skip
def test_any_status_is_an_answer_and_so_is_a_refusal(status: int | None, failure: str | None, is_answer: bool) -> None:
    host = after_fetch(HOST, fetch(status, failure=failure, seconds=2.0), NoJitter(), RULES)
    assert host.last_answer_at == (NOW + 2 * SECOND if is_answer else None)


def test_a_host_is_silent_from_the_first_request_that_may_have_met_a_dead_network_until_it_does_anything_else() -> None:
    host = HOST
    for hours in range(3):
        host = after_fetch(host, fetch(None, failure="connect_timeout", at=NOW + hours * HOUR), NoJitter(), RULES)
        assert host.unanswered_since == NOW
    for row in (fetch(404), fetch(None, failure="connection_refused"), fetch(None, failure="time_limit")):
        assert after_fetch(host, row, NoJitter(), RULES).unanswered_since is None


def test_crawl_delay_is_obeyed_however_long() -> None:
    host = HOST._replace(crawl_delay=3600.0)
    assert may_start_at(after_start(host, NOW, RULES)) == NOW + 3600 * SECOND


@pytest.mark.parametrize("status", [429, 503])
def test_overload_without_retry_after_blocks_the_host_sixty_seconds_doubling(status: int) -> None:
    host, lengths = HOST, []
    for _ in range(13):
        row = fetch(status, at=may_start_at(host) or NOW)
        lengths.append(blocked_seconds(host, row))
        host = after_fetch(host, row, NoJitter(), RULES)
    assert lengths[:4] == pytest.approx([60, 120, 240, 480])
    assert lengths[-1] == pytest.approx(86_400)


def test_overload_is_forgiven_after_half_an_hour_of_quiet() -> None:
    host = after_fetch(HOST, fetch(503), NoJitter(), RULES)
    soon = fetch(503, at=host.blocked_until + 29 * 60 * SECOND)
    later = fetch(503, at=host.blocked_until + 31 * 60 * SECOND)
    assert blocked_seconds(host, soon) == pytest.approx(120)
    assert blocked_seconds(host, later) == pytest.approx(60)


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_retry_after_blocks_the_host_for_so_long(status: int) -> None:
    assert blocked_seconds(HOST, fetch(status, retry_after=777.0)) == pytest.approx(777)


def test_403_does_not_block_the_host() -> None:
    after = after_fetch(after_start(HOST, NOW, RULES), fetch(403), NoJitter(), RULES)
    assert after.blocked_until == 0
    assert may_start_at(after) == NOW + 5 * SECOND


@pytest.mark.parametrize("failure", ["connection_refused", "connect_timeout", "no_such_name", "tls_failed"])
def test_a_connection_failure_parks_the_host_ten_minutes(failure: str) -> None:
    assert blocked_seconds(HOST, fetch(None, failure=failure)) == pytest.approx(600)


def test_an_answer_that_is_too_slow_does_not_park_the_host_but_slows_it_down() -> None:
    after = after_fetch(HOST, fetch(None, failure="time_limit", seconds=20.0), NoJitter(), RULES)
    assert after.blocked_until == 0
    assert gap_seconds(after, RULES) == 60


def test_what_the_guard_refuses_says_nothing_of_the_hosts_pace() -> None:
    assert after_fetch(HOST, fetch(None, failure="address_refused"), NoJitter(), RULES) == HOST


def test_jitter_on_every_block() -> None:
    random = Random(1)
    lengths = {blocked_seconds(HOST, fetch(429), random) for _ in range(20)}
    assert len(lengths) == 20
    assert min(lengths) >= 60
    assert max(lengths) <= 66.01


FETCHES = st.builds(
    fetch,
    st.sampled_from([None, 200, 304, 403, 404, 429, 500, 503]),
    failure=st.sampled_from([None, "connect_timeout", "time_limit", "truncated"]),
    seconds=st.floats(0, 30),
    retry_after=st.none() | st.floats(0, 86_400),
)


@settings(deadline=None)
@given(st.lists(st.tuples(FETCHES, st.integers(0, 10**12)), max_size=15), st.randoms())
def test_starts_are_never_nearer_than_the_gap_and_never_further_than_blocks_allow(
    rows: list[tuple[Fetch, int]], random: Random
) -> None:
    host, at = HOST, NOW
    for row, late in rows:
        at = max(at, may_start_at(host)) + late
        host = after_fetch(after_start(host, at, RULES), row._replace(requested_at=at), random, RULES)
        assert at + 5 * SECOND <= may_start_at(host) <= at + (31 + 1.1 * 86_400) * SECOND
        if row.retry_after is not None and (row.status or 0) >= 400 and row.failure != "connect_timeout":
            assert may_start_at(host) >= at + row.retry_after * SECOND
