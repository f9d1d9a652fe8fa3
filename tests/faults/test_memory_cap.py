"""The short form of `python -m tests.faults memory_cap`."""

from __future__ import annotations

from pathlib import Path

from tests.faults import memory_cap
from tests.faults.tally import Effort


def test_memory_does_not_grow_with_the_documents(tmp_path: Path) -> None:
    (tally,) = memory_cap.faults(Effort(tmp_path))
    assert tally.is_clean, tally.row()


def test_a_run_that_holds_on_to_its_rows_is_found(tmp_path: Path) -> None:
    (tally,) = memory_cap.breaks(Effort(tmp_path))
    assert not tally.is_clean
