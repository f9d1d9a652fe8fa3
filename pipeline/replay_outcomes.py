"""What came of each reject that a cycle did again: told by the rows that it wrote, and the rejects that it dropped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from pyarrow.parquet import read_table

from pipeline.lake import Lake
from pipeline.replay_memory import Attempting, Queued
from schemas.instants import Instant
from schemas.reject import Reject
from schemas.replay import (
    ALREADY_SEEN,
    ARTICLE,
    COPY,
    DROPPED,
    OTHER_REJECT,
    REJECTED,
    SOURCE_CHANGED,
    Replay,
)
from schemas.tables import SCHEMA_VERSION
from schemas.written_file import WrittenFile

_ROW_IDS: Final = {
    "articles": ("article_id", ARTICLE), "copies": ("copy_id", COPY), "rejects": ("reject_id", OTHER_REJECT),
}  # fmt: skip
"""Id and outcome of a row that a cycle has written, by its table; the better outcome first."""


class InFile(NamedTuple):
    """A reject whose file is read again."""

    reject: Reject
    path: str
    line: int | None
    """Its line, or its place in a feed; None where the reject is of the file as a whole."""


class Row(NamedTuple):
    """A row that the cycle has written."""

    outcome: str
    row_id: str
    input_id: str | None
    source: str


def key_of(reject: Reject) -> str:
    """Return how the memory knows the input of a reject that the reader has made, or passed on."""
    return reject.input_id or reject.reject_id


def rows_of(lake: Lake, files: Iterable[WrittenFile]) -> list[Row]:
    """Return the rows that this cycle has written, as far as they say of which input they are."""
    rows: list[Row] = []
    for file in files:
        if file.table in _ROW_IDS:
            name, outcome = _ROW_IDS[file.table]
            columns = [name, "input_id", "source"]
            table = read_table(lake.unpublished / file.path, columns=columns, partitioning=None)
            rows += [Row(outcome, *(one[column] for column in columns)) for one in table.to_pylist()]
    return rows


class Outcomes:
    """What came of each reject, told by the rows that its cycle has written and those that it has dropped."""

    def __init__(self, attempting: Attempting, written: Sequence[Row], run_id: str, at: Instant) -> None:
        self._attempting = attempting
        self._run_id = run_id
        self._at = at
        self._written = written
        self._by_input: dict[str, Row] = {}
        self._by_source: dict[str, list[Row]] = defaultdict(list)
        self._failed_by_input = {key_of(one): one.reject_id for one in attempting.failed.values()}
        for row in written:
            if row.input_id is not None:
                self._by_input.setdefault(row.input_id, row)
            for place in {row.source, row.source.rpartition("#")[0]}:
                self._by_source[place].append(row)

    def row(
        self,
        reject_id: str,
        outcome: str,
        row_id: str | None = None,
        *,
        reason: str | None = None,
        message: str | None = None,
    ) -> Replay:
        """Return a row of `replays`."""
        return Replay(reject_id, self._at, outcome, self._run_id, SCHEMA_VERSION, row_id, reason, message)

    def of_input(self, reject: Reject) -> Replay:
        """Return what came of a reject whose input was there."""
        return self._told(reject.reject_id, reject.input_id) or self.row(reject.reject_id, ALREADY_SEEN)

    def of_file(self, one: InFile) -> Replay:
        """Return what came of a reject whose file was read. Whatever became of a whole file settles its reject."""
        reject_id = one.reject.reject_id
        told = self._told(reject_id, one.reject.input_id)
        if told is not None:
            return told
        if one.line is None:
            return self._best(reject_id, self._rows_of_file(one.path))
        if key_of(one.reject) in self._attempting.met:
            return self.row(reject_id, ALREADY_SEEN)
        return self.row(reject_id, SOURCE_CHANGED, message="its bytes are not in the file any more")

    def of_page(self, waiting: Queued, others: Sequence[str], *, is_asked: bool) -> Replay:
        """Return what came of a reject whose page waits no more."""
        failed = self._attempting.failed
        if waiting.reject_id in failed:
            return self._failed_again(waiting.reject_id)
        other = next((one for one in others if one in failed), None)
        if other is not None:
            return self.row(waiting.reject_id, OTHER_REJECT, other)
        rows = [row for row in self._by_source[waiting.url] if row.source == waiting.url]
        if not rows and not is_asked:
            return self.row(waiting.reject_id, DROPPED, message="its feed has named too many newer pages")
        return self._best(waiting.reject_id, rows)

    def of_others(self, rows: Iterable[Replay]) -> list[Replay]:
        """Return the attempts of rejects that were not meant, and failed: they are open again."""
        told = {row.reject_id for row in rows}
        return [self._failed_again(one) for one in sorted(self._attempting.failed.keys() - told)]

    def _told(self, reject_id: str, input_id: str | None) -> Replay | None:
        if reject_id in self._attempting.failed:
            return self._failed_again(reject_id)
        if input_id in self._failed_by_input:
            return self.row(reject_id, OTHER_REJECT, self._failed_by_input[input_id])
        row = self._by_input.get(input_id or "")
        return None if row is None else self.row(reject_id, row.outcome, row.row_id)

    def _failed_again(self, reject_id: str) -> Replay:
        failed = self._attempting.failed[reject_id]
        return self.row(reject_id, REJECTED, reason=failed.reason, message=failed.message)

    def _best(self, reject_id: str, rows: Sequence[Row]) -> Replay:
        if not rows:
            return self.row(reject_id, ALREADY_SEEN)
        order = [outcome for _, outcome in _ROW_IDS.values()]
        best = min(rows, key=lambda row: order.index(row.outcome))
        return self.row(reject_id, best.outcome, best.row_id if len(rows) == 1 else None)

    def _rows_of_file(self, path: str) -> Sequence[Row]:
        """Return the rows of a file, or of what lies in a folder that could not be looked into before."""
        return self._by_source.get(path) or [row for row in self._written if row.source.startswith(f"{path}/")]
