"""Faults built into `newsbeam replay`, which `tests.faults.replays` must find. Each is called in the run's process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schemas.reject import Reject
from schemas.written_file import WrittenFile


def forget_nothing() -> None:
    """Take what is done again for known."""
    from pipeline.replay_memory import Attempting

    Attempting.knows_input = lambda self, input_id: self._memory.knows_input(input_id)  # type: ignore[method-assign]


def forget_everything() -> None:
    """Take all inputs of the slices that are read for new."""
    from pipeline.replay_memory import Attempting

    def knows_input(self: Attempting, input_id: str) -> bool:
        known = input_id in self.met
        self.met.add(input_id)
        return known

    Attempting.knows_input = knows_input  # type: ignore[method-assign]


def write_rejects_again() -> None:
    """Write what fails again as if it had no row."""
    from pipeline.replay_memory import Attempting

    def note_failure(self: Attempting, reject: Reject) -> bool:
        self.failed[reject.reject_id] = reject
        return False

    Attempting.note_failure = note_failure  # type: ignore[method-assign]


def count_no_attempts() -> None:
    """Leave out the rows of what fails again."""
    from pipeline import replay_cycle

    real = replay_cycle.encode_by_day

    def encode_by_day(table: str, rows: Any, name: str) -> Any:
        return real(table, [row for row in rows if row["outcome"] != "rejected"], name)

    replay_cycle.encode_by_day = encode_by_day


def do_settled_ones_again() -> None:
    """Do rejects again that are done with."""
    from pipeline import replay

    real = replay._condition

    def condition(wanted: Any) -> tuple[str, list[Any]]:
        text, values = real(wanted)
        return text.replace("settled_at is null", "true"), values

    replay._condition = condition


def show_attempts_early() -> None:
    """Put the attempts into their table before the cycle is committed, and under a name that no cycle owns."""
    from pipeline.replay_cycle import CycleReplay

    real = CycleReplay.write

    def write(self: CycleReplay, cycle: int, run_id: str, at: int) -> list[WrittenFile]:
        files: Sequence[WrittenFile] = real(self, cycle, run_id, at)
        for file in files:
            path = self.lake.root / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(f"early-{path.name}").write_bytes((self.lake.unpublished / file.path).read_bytes())
        return []

    CycleReplay.write = write  # type: ignore[method-assign]


def settle_nothing() -> None:
    """Have a run that polls know nothing of what is queued."""
    from pipeline import replay_cycle

    replay_cycle.queued = lambda memory: []


def note_attempts_only() -> None:
    """Settle what passes, and leave out the lines' rows: the memory knows them, the tables do not."""
    from transforms.functions.folder_inputs import SliceReader

    real = SliceReader.rows_of

    def rows_of(self: SliceReader, *given: Any) -> Any:
        rows = list(real(self, *given))
        self.already_seen += len(rows)
        return iter(())

    SliceReader.rows_of = rows_of  # type: ignore[method-assign]
