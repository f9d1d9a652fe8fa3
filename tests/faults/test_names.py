"""The short form of `python -m tests.faults names`."""

from __future__ import annotations

from tests.faults.family import table_of


def test_hostile_names_fool_nobody() -> None:
    code, rows = table_of("names")
    assert [row for row in rows if not row.endswith("| 0 | 0 | 0 | nothing |")] == []
    assert code == 0


def test_faults_that_are_built_in_are_found() -> None:
    code, rows = table_of("names", "--breaks")
    assert [row for row in rows if row.endswith("| 0 | 0 | 0 | nothing |")] == []
    assert code == 0
