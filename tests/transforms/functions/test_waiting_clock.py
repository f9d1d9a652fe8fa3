from __future__ import annotations

import time

import pytest

from tests.fetch_samples import HOUR, JumpingClock
from transforms.functions.waiting_clock import SystemClock, steady


@pytest.mark.parametrize("jump", [-5 * HOUR, 5 * HOUR])
def test_a_steady_clock_starts_with_the_machines_and_does_not_jump_with_it(
    monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    clock, usual = steady(SystemClock()), time.time_ns
    before = clock.now()
    assert abs(before - usual() // 1_000) < 1_000_000
    monkeypatch.setattr(time, "time_ns", lambda: usual() + jump * 1_000)
    time.sleep(0.01)
    assert 10_000 <= clock.now() - before < 5_000_000
    assert abs(steady(SystemClock()).now() - before - jump) < 5_000_000


def test_a_clock_of_a_test_is_taken_as_it_is() -> None:
    clock = JumpingClock()
    assert steady(clock) is clock
