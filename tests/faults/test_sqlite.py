"""The short form of `python -m tests.faults sqlite`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import sqlite
from tests.faults.tally import Effort


def test_a_memory_that_is_damaged_is_told_and_made_anew(tmp_path: Path) -> None:
    tallies = list(sqlite.faults(Effort(tmp_path)))
    assert all(tally.tries for tally in tallies)
    assert [tally.row() for tally in tallies if not tally.is_clean] == []


@pytest.mark.parametrize("name", ["forget_later_rows", "migrate_step_by_step"])
def test_faults_that_are_built_in_are_found(tmp_path: Path, name: str) -> None:
    (tally,) = sqlite.breaks(Effort(tmp_path), only=(name,))
    assert not tally.is_clean
