from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.host_state import HostState
from transforms.functions.host_lanes import HostLanes, Rank


def nothing(_: str) -> None:
    return None


def add(lanes: HostLanes[int], host: str, step: int, urgency: int = 1, due_at: int = 0) -> None:
    lanes.add(host, Rank(urgency, due_at), step)


def test_a_host_has_one_step_at_a_time() -> None:
    lanes: HostLanes[int] = HostLanes(nothing)
    add(lanes, "a", 1)
    add(lanes, "a", 2)
    assert lanes.take(10) == ("a", 1)
    assert lanes.take(10) is None
    lanes.open("a")
    assert lanes.take(10) == ("a", 2)


def test_no_step_starts_before_its_hosts_time() -> None:
    lanes: HostLanes[int] = HostLanes(lambda host: HostState(host, next_start_at=50, blocked_until=70))
    add(lanes, "a", 1)
    assert lanes.next_start() == 70
    assert lanes.take(69) is None
    assert lanes.take(70) == ("a", 1)


def test_a_time_that_moves_while_the_lane_waits_is_obeyed() -> None:
    lanes: HostLanes[int] = HostLanes(nothing)
    add(lanes, "a", 1)
    lanes.set_state(HostState("a", next_start_at=99))
    assert lanes.next_start() == 99
    assert lanes.take(98) is None
    assert lanes.take(99) == ("a", 1)


def test_urgent_steps_go_first_and_then_those_due_for_longest() -> None:
    lanes: HostLanes[int] = HostLanes(nothing)
    for step, (urgency, due_at) in enumerate([(2, 5), (1, 9), (1, 3), (0, 8)]):
        add(lanes, "a", step, urgency, due_at)
    order = []
    while taken := lanes.take(0):
        order.append(taken[1])
        lanes.open("a")
    assert order == [3, 2, 1, 0]


def test_a_host_with_many_steps_takes_turns_with_all_others() -> None:
    lanes: HostLanes[int] = HostLanes(nothing)
    for step in range(500):
        add(lanes, "busy", step)
    for host in range(20):
        for step in range(2):
            add(lanes, f"host-{host}", step)
    first = []
    for now in range(1, 62):
        taken = lanes.take(now)
        assert taken is not None
        first.append(taken[0])
        lanes.set_state(lanes.state(taken[0])._replace(next_start_at=now))
        lanes.open(taken[0])
    assert Counter(first)["busy"] <= 22
    assert len(set(first)) == 21


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9), st.booleans()), max_size=60))
def test_every_step_comes_out_exactly_once(moves: list[tuple[str, int, bool]]) -> None:
    lanes: HostLanes[int] = HostLanes(nothing)
    put, out, closed = [], [], set()
    for step, (host, wait, take) in enumerate(moves):
        add(lanes, host, step)
        put.append(step)
        if take and (taken := lanes.take(step)):
            assert taken[0] not in closed
            out.append(taken[1])
            closed.add(taken[0])
        if wait > 5 and host in closed:
            lanes.set_state(HostState(host, next_start_at=step + wait))
            lanes.open(host)
            closed.discard(host)
    out += lanes.clear()
    assert sorted(out) == put
    assert lanes.next_start() is None
