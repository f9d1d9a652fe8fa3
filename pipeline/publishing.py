"""Putting written files where readers see them, and settling what a killed run left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from pipeline.durable_files import clear_half_written, sync_folder
from pipeline.lake import EMPTY_FILE_DAY, Lake, lift
from pipeline.lake_memory import check_memory
from pipeline.memory import Memory
from pipeline.memory_faults import how_to_rebuild
from pipeline.tombstone_memory import settle_copy
from schemas.errors import LakeError
from schemas.tables import TABLES
from schemas.written_file import WrittenFile
from transforms.functions.parquet_rows import partition_path


def publish(lake: Lake, paths: Iterable[str]) -> None:
    """Move files (paths inside the lake) from where they were written to where readers see them: one rename each.

    Raises:
        LakeError: a file is there already, or cannot be moved there.
    """
    for path in paths:
        target = lake.root / path
        if target.exists():
            raise LakeError(
                f"{target} is there already and is not overwritten: the memory was lost or is an old copy. "
                f"{how_to_rebuild(lake.memory)}"
            )
        try:
            _move_in(lake.unpublished / path, target)
        except OSError as error:
            raise LakeError(
                f"{target} cannot be put in its place: {error.strerror or error}. What is committed is kept in "
                f"{lake.unpublished}; the next run puts it there"
            ) from error


def _move_in(written: Path, target: Path) -> None:
    if not target.parent.exists():
        target.parent.mkdir(parents=True)
        sync_folder(target.parent.parent)
    written.replace(target)
    sync_folder(target.parent)


def sync(lake: Lake, files: Iterable[WrittenFile]) -> None:
    """Force unpublished files and their folders to the disk: a commit must not outlive the rows that it speaks of."""
    folders: set[Path] = {lake.unpublished}
    for file in files:
        path = lake.unpublished / file.path
        with path.open("rb") as written:
            os.fsync(written.fileno())
        folders |= {path.parent, path.parent.parent}
    for folder in folders:
        sync_folder(folder)


def recover(lake: Lake, memory: Memory) -> tuple[int, int]:
    """Settle what a killed run left: files of committed cycles are published, all others deleted. A lake of an older
    schema is lifted to this one's.

    Returns:
        how many files were published and how many deleted. The inputs of the deleted ones are due again, since the
        memory of their cycle went with it.
    """
    check_memory(lake, memory)
    settle_copy(memory)
    _clear_half_written(lake)
    lift(lake)
    if lake.rewriting.exists():
        shutil.rmtree(lake.rewriting)
    lake.unpublished.mkdir(exist_ok=True)  # what copies lakes may leave empty folders out
    left = [path for path in lake.unpublished.rglob("*") if path.is_file()]
    paths = [path.relative_to(lake.unpublished).as_posix() for path in left]
    committed = [path for path in paths if memory.is_committed(path)]
    publish(lake, committed)
    shutil.rmtree(lake.unpublished)
    lake.unpublished.mkdir()
    return len(committed), len(paths) - len(committed)


def _clear_half_written(lake: Lake) -> None:
    empty = (lake.root / partition_path(table, EMPTY_FILE_DAY, "none") for table in TABLES)
    for folder in {lake.private, *(path.parent for path in empty)}:
        clear_half_written(folder)
