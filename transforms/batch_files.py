"""Numbered batches of rows: files written aside, and published once it is certain that nobody will write them again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from apache_beam.io.filesystems import FileSystems

from transforms.functions.parquet_rows import encode_by_day
from transforms.lake_files import UNPUBLISHED, delete_files, find_paths, publish_files, write_file

FlatRow: TypeAlias = Mapping[str, Any]
_NONE: Final = -1


class Batch(NamedTuple):
    """Rows that go to one file a partition."""

    series: str
    """What the names of all batches of a shard begin with; no other job has it."""
    number: int
    rows: list[FlatRow]


class BatchFiles:
    """The files of one table's batches, as this process knows them; safe from its threads.

    For each series an engine's state holds the number of the next batch. A number that this process does not know, or
    knows otherwise, means that the state has come from elsewhere: from a checkpoint after a failure, most often.
    """

    def __init__(self, table: str, root: str) -> None:
        self._table = table
        self._root = root
        self._unpublished = FileSystems.join(root, UNPUBLISHED)
        self._next: dict[str, int] = {}
        self._waiting: dict[str, set[str]] = {}
        self._told: dict[str, int] = {}
        self._lock = threading.RLock()

    def settle(self, series: str, number: int) -> int:
        """Take up the batches of a series below a number and delete the others, unless this process wrote them all.

        Args:
            number: of the next batch, as the state has it: those below are done, as far as the state is concerned, and
                are published with the next that is durable; the others will come again.

        Returns:
            the number that the next batch is to have: a higher one where the job was started from a state older than
            what readers see, so that nothing that they see is overwritten.
        """
        with self._lock:
            if self._next.get(series) == number:
                return number
            pattern = f"{self._table}/*/{series}-*.parquet"
            left = find_paths(self._unpublished, pattern)
            delete_files(self._unpublished, [path for path in left if _number_of(path) >= number])
            seen = max(map(_number_of, find_paths(self._root, pattern)), default=-1)
            self._next[series] = max(number, seen + 1)
            self._waiting[series] = {path for path in left if _number_of(path) < number}
            self._told[series] = _NONE
            return self._next[series]

    def write(self, batch: Batch) -> list[str]:
        """Write a batch's files aside; returns their paths inside the lake."""
        with self._lock:
            self._next[batch.series] = batch.number + 1
            paths = []
            for file in encode_by_day(self._table, batch.rows, f"{batch.series}-{batch.number:08d}.parquet"):
                write_file(FileSystems.join(self._unpublished, file.path), file.content)
                paths.append(file.path)
            self._waiting.setdefault(batch.series, set()).update(paths)
            return paths

    def told(self, series: str) -> int:
        """Return up to which batch of a series an engine has told that it is durable; below 0 for none.

        Not to be believed at once: Flink tells it, when a checkpoint is complete, also of bundles that ended after the
        state had been taken for it. (Beam's `ExecutableStageDoFnOperator.notifyCheckpointComplete`; a kill right then
        doubled rows.) What it tells later of a bundle that began after that is true of all that it told before.
        """
        with self._lock:
            return self._told.get(series, _NONE)

    def hear(self, series: str, number: int, told_before: int) -> None:
        """Take in that an engine calls a batch durable.

        Args:
            told_before: what `told` was when the batch's bundle was under way; all up to there is moved.
        """
        with self._lock:
            self._told[series] = max(number, self._told.get(series, _NONE))
            self.publish(series, told_before)

    def publish(self, series: str, number: int) -> None:
        """Move what waits of a series up to a batch."""
        with self._lock:
            waiting = self._waiting.get(series, set())
            durable = {path for path in waiting if _number_of(path) <= number}
            publish_files(self._unpublished, self._root, sorted(durable))
            waiting.difference_update(durable)

    def is_waiting(self, series: str) -> bool:
        """Whether files of a series are still to be published."""
        return bool(self._waiting.get(series))


def _number_of(path: str) -> int:
    return int(path.removesuffix(".parquet").rpartition("-")[2])


_all: dict[tuple[str, str], BatchFiles] = {}
_lock = threading.Lock()


def batch_files(table: str, root: str) -> BatchFiles:
    """Return this process's one keeper of a table's files: several instances of a stage may meet the same shard."""
    with _lock:
        return _all.setdefault((table, root), BatchFiles(table, root))
