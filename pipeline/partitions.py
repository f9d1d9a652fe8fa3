"""The days of a lake's tables: what files they have, and exchanging all files of one for others, at once.

New files are written and forced to the disk in a private folder, which then changes places with the day's own. Whenever
the process dies, the day has either all of the old files or all of the new ones, and the private folder holds what is
to be deleted, whichever it is: so recovery is to empty it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from pipeline.batches import batches
from pipeline.durable_files import sync_folder
from pipeline.folder_exchange import exchange_folders
from pipeline.lake import EMPTY_FILE_DAY, Lake
from pipeline.memory import Memory
from pipeline.reader_lock import without_readers
from schemas.errors import LakeError
from schemas.tables import PARTITION_COLUMN, TABLES

_FORGOTTEN_AT_A_TIME: Final = 10_000
"""Files in one transaction: own choice, so that none is long."""

_AS_IT_WAS: Final = (
    "could not be rewritten: {why}. It is as it was, and readers see that; nothing is lost. Mend that, then start it "
    "again"
)
_NOT_CONFIRMED: Final = (
    "has its new files, and readers see these, but the disk did not confirm the exchange: {why}. A power cut may bring "
    "the old files back, which are still in {old}; nothing is lost. Mend that, then start it again"
)
_NOT_DELETED: Final = (
    "has its new files, and readers see these, but of the old ones, in {old}, not all could be deleted: {why}. Nothing "
    "is lost. Mend that, then start it again: whatever writes this lake next deletes them first"
)


@dataclass(frozen=True)
class Partition:
    """One day of one table."""

    table: str
    day: date
    folder: Path

    def files(self) -> list[Path]:
        """Return its files, in the order of their names."""
        return sorted(self.folder.glob("*.parquet"))


def partitions_of(lake: Lake) -> Iterator[Partition]:
    """Yield the days of all tables, oldest first, without the one whose file has no rows."""
    for table in TABLES:
        for folder in sorted((lake.root / table).glob(f"{PARTITION_COLUMN}=????-??-??")):
            day = date.fromisoformat(folder.name.partition("=")[2])
            if day != EMPTY_FILE_DAY:
                yield Partition(table, day, folder)


def clear_rewriting(lake: Lake) -> None:
    """Delete what a rewriting that was cut off has left."""
    if lake.rewriting.exists():
        shutil.rmtree(lake.rewriting)


def replace_files(lake: Lake, partition: Partition, write: Callable[[Path], None]) -> None:
    """Exchange all files of a day for those that a function writes.

    Args:
        write: gets the empty folder to write to; what it raises leaves the day as it was.

    Raises:
        LakeError: the disk or the file system failed; it says whether the day has its old files or its new ones.
    """
    staged = lake.rewriting / partition.table / partition.folder.name
    state = _AS_IT_WAS
    try:
        staged.mkdir(parents=True)
        write(staged)
        _sync(staged)
        with without_readers(lake):
            exchange_folders(staged, partition.folder)
            state = _NOT_CONFIRMED
            sync_folder(partition.folder.parent)
            sync_folder(staged.parent)
            if not partition.files():
                partition.folder.rmdir()
        state = _NOT_DELETED
        clear_rewriting(lake)
    except OSError as error:
        why = error.strerror or error
        raise LakeError(f"{partition.folder} {state.format(why=why, old=staged)}") from error
    finally:
        # After an exchange that may not be on the disk, the old files are what a power cut would bring back.
        if state == _AS_IT_WAS:
            shutil.rmtree(lake.rewriting, ignore_errors=True)


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sync_folder(folder)


def forget_files(lake: Lake, memory: Memory) -> None:
    """Have the memory forget files that are no longer there: it names them to tell, after a crash, which are finished.

    All files of committed cycles have been published when this is called.
    """
    gone = [path for (path,) in memory.rows("select path from files") if not (lake.root / path).exists()]
    for batch in batches(gone, _FORGOTTEN_AT_A_TIME):
        with memory.cycle():
            for path in batch:
                memory.do("delete from files where path = ?", path)
