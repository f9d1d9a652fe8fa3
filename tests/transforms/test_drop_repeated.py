from __future__ import annotations

from pathlib import Path

from schemas.reject import Reject
from tests.beam_rows import run_stage
from tests.samples import reject
from transforms.drop_repeated import DropRepeated


class Known:
    """Rejects that have a row; it says so to whoever asks, in whatever process."""

    def note_failure(self, reject: Reject) -> bool:
        return reject.reject_id == f"{1:032x}"


def test_a_reject_that_has_its_row_is_counted_and_not_written_again(tmp_path: Path) -> None:
    found = run_stage(DropRepeated(Known), [reject(1, reason="new"), reject(2)], tmp_path)
    assert [row for row, _ in found[""]] == [reject(2)]
    assert found["counters"]["already_seen"] == 1
