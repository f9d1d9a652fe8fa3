"""The short form of `python -m tests.faults kills`; `tests/pipeline/test_kill.py` has exact points beside."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import kills
from tests.faults.tally import Effort


def test_what_is_killed_and_started_again_ends_as_what_was_not(tmp_path: Path) -> None:
    tallies = list(kills.faults(Effort(tmp_path)))
    assert all(tally.tries for tally in tallies)
    assert [tally.row() for tally in tallies if not tally.is_clean] == []


@pytest.mark.parametrize("name", kills.SHORT_BREAKS)
def test_faults_that_are_built_in_are_found(tmp_path: Path, name: str) -> None:
    (tally,) = kills.breaks(Effort(tmp_path), only=(name,))
    assert not tally.is_clean
