"""The short form of `python -m tests.faults upgrade`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import upgrade
from tests.faults.tally import Effort


def test_a_lake_of_an_older_newsbeam_is_read_and_written(tmp_path: Path) -> None:
    tallies = list(upgrade.faults(Effort(tmp_path)))
    assert all(tally.tries for tally in tallies)
    assert [tally.row() for tally in tallies if not tally.is_clean] == []


@pytest.mark.parametrize("name", upgrade.SHORT_BREAKS)
def test_faults_that_are_built_in_are_found(tmp_path: Path, name: str) -> None:
    (tally,) = upgrade.breaks(Effort(tmp_path), only=(name,))
    assert not tally.is_clean
