"""The files of a rebuilding: what an earlier one has left, moving the old memory aside, and putting the new one in
place.

The old file is never deleted, and there is no moment without a file: a second name is given to it first, then its log
goes with that name (beside another database a log would be taken for its own), then the new file takes its place.
Killed at any moment, the next rebuilding reads the old memory under whichever name has its log.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.durable_files import sync_folder
from pipeline.lake import Lake
from pipeline.publishing import publish

_LOGS: Final = ("-wal", "-shm")
_DAMAGED, _REPLACED = "damaged", "replaced"


def scratch_of(lake: Lake) -> Path:
    """Return the folder for what a rebuilding sorts, empty."""
    scratch = lake.private / "rebuilding"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    return scratch


def new_file(path: Path) -> Path:
    """Return where a new memory is made; what an earlier rebuilding has left there is deleted."""
    new = path.with_name(f"{path.name}.rebuilding")
    delete(new)
    return new


def delete(path: Path) -> None:
    """Delete a memory and its logs."""
    for suffix in ("", *_LOGS):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def file_to_read(path: Path) -> Path:
    """Return under which name the old memory is read: the one that has its log, should a rebuilding have been
    killed."""
    return path if _log_of(path).exists() else _second_name(path) or path


def put_in_place(new: Path, path: Path, now: datetime, *, is_damaged: bool) -> Path | None:
    """Move the old memory aside and the new one, which is closed, to its place; returns where the old one is now."""
    with new.open("rb") as file:
        os.fsync(file.fileno())
    left = path.exists() or _log_of(path).exists()
    aside = _second_name(path)
    if aside is None:
        why = _DAMAGED if is_damaged else _REPLACED
        aside = path.with_name(f"{path.name}.{why}-{now:%Y%m%dT%H%M%SZ}")
        if path.exists():
            os.link(path, aside)
    for suffix in _LOGS:
        log = path.with_name(path.name + suffix)
        if log.exists():
            log.replace(aside.with_name(aside.name + suffix))
    sync_folder(path.parent)
    new.replace(path)
    sync_folder(path.parent)
    return aside if left else None


def _second_name(path: Path) -> Path | None:
    """Return the name that a rebuilding which was killed has given to the file; None where there is none."""
    names = (one for why in (_DAMAGED, _REPLACED) for one in path.parent.glob(f"{path.name}.{why}-*Z"))
    return next((one for one in names if path.exists() and one.samefile(path)), None)


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def settle_unpublished(lake: Lake, committed: Collection[str]) -> tuple[int, int]:
    """Publish what a killed run has left of cycles that were committed, as far as that can be told, and delete the
    rest.

    A cycle was committed if the old memory knows its files, or some of them are published. Where neither is so, one
    whose account is written is whole, and is taken, too: its rows count as those of any other, and its inputs with
    them. So is a takedown's, which writes aliases alone, before its tombstone is carried out.

    Returns:
        how many files were published and how many deleted.
    """
    lake.unpublished.mkdir(exist_ok=True)
    cycles: dict[str, list[Path]] = defaultdict(list)
    for path in lake.unpublished.rglob("*"):
        if path.is_file():
            cycles[path.name[:9]].append(path.relative_to(lake.unpublished))
    taken = [
        path.as_posix() for name, paths in cycles.items() if _is_taken(lake, name, paths, committed) for path in paths
    ]
    publish(lake, taken)
    shutil.rmtree(lake.unpublished)
    lake.unpublished.mkdir()
    return len(taken), sum(map(len, cycles.values())) - len(taken)


def _is_taken(lake: Lake, name: str, paths: Collection[Path], committed: Collection[str]) -> bool:
    if any(path.as_posix() in committed for path in paths):
        return True
    if not name.startswith("c") or not all(_is_whole(lake.unpublished / path) for path in paths):
        return False
    tables = {path.parts[0] for path in paths}
    return "runs" in tables or tables == {"aliases"} or any(lake.root.glob(f"*/*/{name}-*.parquet"))


def _is_whole(path: Path) -> bool:
    try:
        pq.read_metadata(path)
    except (OSError, pa.ArrowException):
        return False
    return True
