from __future__ import annotations

from pipeline.cycle import FinishedCycle
from pipeline.summary import RunSummary
from schemas.cycle_report import CycleReport


def _cycle(**reasons: int) -> FinishedCycle:
    rejects = sum(reasons.values())
    report = CycleReport("run-1", 1, 0, 1, rejects, 0, 0, rejects, 0, 10, "0.1.0", 1)
    return FinishedCycle(report, {"read": 0.5}, 1.0, rejects_by_reason=reasons)


def test_reasons_are_added_up_over_cycles_and_the_commonest_come_first() -> None:
    summary = RunSummary("run-1", "lake")
    for cycle in (_cycle(b=1, c=2), _cycle(), _cycle(a=1, b=3)):
        summary.add(cycle)
    assert list(summary.rejects_by_reason.items()) == [("b", 4), ("c", 2), ("a", 1)]
    assert sum(summary.rejects_by_reason.values()) == summary.rejects == 7
    assert summary.seconds_by_stage == {"read": 1.5}
