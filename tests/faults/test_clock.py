"""The short form of `python -m tests.faults clock`."""

from __future__ import annotations

from tests.faults.family import table_of


def test_clocks_and_dates_lose_and_double_nothing() -> None:
    code, rows = table_of("clock")
    assert [row for row in rows if not row.endswith("| 0 | 0 | 0 | nothing |")] == []
    assert code == 0


def test_faults_that_are_built_in_are_found() -> None:
    code, rows = table_of("clock", "--breaks")
    assert [row for row in rows if row.endswith("| 0 | 0 | 0 | nothing |")] == []
    assert code == 0
