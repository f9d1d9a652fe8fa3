"""The short form of `python -m tests.faults replays`; `tests/pipeline/commands/test_replay.py` has each case."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import replays
from tests.faults.tally import Effort


def test_what_is_done_again_becomes_a_row_once(tmp_path: Path) -> None:
    tallies = list(replays.faults(Effort(tmp_path)))
    assert all(tally.tries for tally in tallies)
    assert [tally.row() for tally in tallies if not tally.is_clean] == []


@pytest.mark.parametrize("name", replays.SHORT_BREAKS)
def test_faults_that_are_built_in_are_found(tmp_path: Path, name: str) -> None:
    (tally,) = replays.breaks(Effort(tmp_path), only=(name,))
    assert not tally.is_clean
