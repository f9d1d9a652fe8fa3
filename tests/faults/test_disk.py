"""The short form of `python -m tests.faults disk`."""

from __future__ import annotations

from pathlib import Path

from tests.faults import disk
from tests.faults.tally import Effort


def test_a_run_whose_disk_fails_says_so_and_goes_on_where_it_was(tmp_path: Path) -> None:
    tallies = list(disk.faults(Effort(tmp_path)))
    assert all(tally.tries for tally in tallies)
    assert [tally.row() for tally in tallies if not tally.is_clean] == []


def test_faults_that_are_built_in_are_found(tmp_path: Path) -> None:
    assert [tally.fault for tally in disk.breaks(Effort(tmp_path)) if tally.is_clean] == []
