from __future__ import annotations

from schemas.host_state import HostState
from tests.fetch_samples import DAY, HOUR, NOW
from transforms.functions.network_outage import OutageWatch, may_be_well


def known(name: str) -> HostState:
    return HostState(name, last_answer_at=NOW - 30 * DAY)


def test_several_hosts_failing_with_no_answer_in_between_raise_suspicion() -> None:
    watch: OutageWatch[int] = OutageWatch()
    for number, host in enumerate(["a", "b", "b", "a"]):
        watch.hold(known(host), number, number)
        assert not watch.suspected
    watch.hold(known("c"), 4, 4)
    assert watch.suspected
    assert watch.release() == [0, 1, 2, 3, 4]
    assert not watch.suspected


def test_an_answer_to_a_later_request_ends_the_suspicion() -> None:
    watch: OutageWatch[int] = OutageWatch()
    for number, host in enumerate(["a", "b", "c"]):
        watch.hold(known(host), number, number)
    assert watch.note_answer(1) == [0, 1]
    assert not watch.suspected
    assert watch.release() == [2]


def test_an_answer_to_an_earlier_request_shows_nothing() -> None:
    watch: OutageWatch[int] = OutageWatch()
    for host in ("a", "b", "c"):
        watch.hold(known(host), 5, 0)
    assert watch.note_answer(4) == []
    assert watch.suspected


def test_names_that_never_answered_raise_no_suspicion() -> None:
    watch: OutageWatch[int] = OutageWatch()
    for number in range(2_000):
        watch.hold(HostState(f"made-up-{number}"), number, number)
    assert not watch.suspected
    assert len(watch.release()) == 2_000


def test_a_host_may_be_well_for_a_day_after_it_went_silent_however_long_nobody_asked_it() -> None:
    host = known("a")
    assert may_be_well(host, NOW)
    host = host._replace(unanswered_since=NOW)
    assert may_be_well(host, NOW + 23 * HOUR)
    assert not may_be_well(host, NOW + 25 * HOUR)
    assert not may_be_well(HostState("new"), NOW)
