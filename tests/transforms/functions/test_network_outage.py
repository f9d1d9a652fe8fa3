from __future__ import annotations

from transforms.functions.network_outage import OutageWatch


def test_several_hosts_failing_with_no_answer_in_between_raise_suspicion() -> None:
    watch: OutageWatch[int] = OutageWatch()
    for number, host in enumerate(["a", "b", "b", "a"]):
        watch.hold(host, number, number)
        assert not watch.suspected
    watch.hold("c", 4, 4)
    assert watch.suspected
    assert watch.release() == [0, 1, 2, 3, 4]
    assert not watch.suspected


def test_an_answer_to_a_later_request_ends_the_suspicion() -> None:
    watch: OutageWatch[int] = OutageWatch()
    for number, host in enumerate(["a", "b", "c"]):
        watch.hold(host, number, number)
    assert watch.note_answer(1) == [0, 1]
    assert not watch.suspected
    assert watch.release() == [2]


def test_an_answer_to_an_earlier_request_shows_nothing() -> None:
    watch: OutageWatch[int] = OutageWatch()
    for host in ("a", "b", "c"):
        watch.hold(host, 5, 0)
    assert watch.note_answer(4) == []
    assert watch.suspected
