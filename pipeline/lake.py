"""Where a lake's tables and private files lie; making, checking and lifting one."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from pipeline.durable_files import write_whole
from pipeline.version import newsbeam_version
from schemas.errors import LakeError, UsageError
from schemas.tables import SCHEMA_VERSION, SORTED_BY, TABLES
from transforms.functions.parquet_rows import encode, partition_path

PRIVATE_FOLDER: Final = "_newsbeam"
"""Beside the tables, with a leading underscore, which Hive-style readers pass over."""

DESCRIPTION: Final = f"{PRIVATE_FOLDER}/lake.json"
"""The small JSON file that says which newsbeam made the lake; a folder without it is no lake."""

JOB: Final = f"{PRIVATE_FOLDER}/job.json"
"""Names the job on an engine that writes the lake, where it is one and no local run."""

EMPTY_FILE_DAY: Final = date(1970, 1, 1)
"""Partition of the file without rows that every table has, so that a table without rows can be read, too."""


@dataclass(frozen=True)
class Lake:
    """Paths of one lake on a local disk."""

    root: Path

    @property
    def private(self) -> Path:
        """Folder of what is not for readers."""
        return self.root / PRIVATE_FOLDER

    @property
    def unpublished(self) -> Path:
        """Folder that mirrors the lake and holds the files of cycles not yet committed or not yet published."""
        return self.private / "tmp"

    @property
    def lock(self) -> Path:
        """File that is locked by whoever writes the lake; it says who that is."""
        return self.private / "lock"

    @property
    def readers(self) -> Path:
        """File that newsbeam's own readers lock while they read."""
        return self.private / "readers"

    @property
    def rewriting(self) -> Path:
        """Folder of what `compact` and `erase` are writing, or have taken out of the tables: never needed again."""
        return self.private / "rewriting"

    @property
    def memory(self) -> Path:
        """The memory between runs."""
        return self.private / "memory.sqlite"

    @property
    def hosts(self) -> Path:
        """What is known of the hosts of feeds and their pages: in a file of its own, which no cycle holds back."""
        return self.private / "hosts.sqlite"

    @property
    def description(self) -> Path:
        """What says that the folder is a lake."""
        return self.root / DESCRIPTION

    @property
    def job(self) -> Path:
        """What names the job on an engine that writes the lake."""
        return self.root / JOB


def open_lake(root: str) -> Lake:
    """Return the lake at that path, checked for reading.

    Raises:
        UsageError: there is no lake.
        LakeError: it was made by a newer newsbeam, or its description cannot be read.
    """
    lake = Lake(_resolved(root))
    if not lake.description.exists():
        raise UsageError(f"{root} is no lake of newsbeam. Make one: newsbeam run --input FOLDER --output {root}")
    _check_version(lake)
    return lake


def open_or_make_lake(root: str) -> Lake:
    """Return the lake at that path, made where there is none; writes nothing where it cannot be used.

    Raises:
        UsageError: the path is on a remote file system, is a file, or is a folder with other things in it.
        LakeError: it cannot be written, or was made by a newer newsbeam.
    """
    if "://" in root:
        raise UsageError(f"--output {root}: a local run needs a local folder for its lake (its memory is SQLite)")
    lake = Lake(_resolved(root))
    if any("=" in part for part in lake.root.parts):
        # Readers of Hive partitions take every `key=value` of a path for a column.
        raise UsageError(f"--output {root}: a lake cannot lie below a folder with `=` in its name")
    try:
        if lake.description.exists():
            _check_version(lake)
        elif lake.root.exists() and not lake.root.is_dir():
            raise UsageError(f"--output {root} is a file; give the lake a folder of its own")
        elif lake.root.exists() and any(name.name != PRIVATE_FOLDER for name in lake.root.iterdir()):
            raise UsageError(f"--output {root} holds other files and is no lake; give the lake a folder of its own")
        _make(lake)
    except OSError as error:
        raise LakeError(
            f"--output {root} cannot be written: {error}. Choose a folder that you may write to."
        ) from error
    return lake


def _resolved(root: str) -> Path:
    return Path(os.path.expanduser(root)).resolve()


def check_no_job(lake: Lake) -> None:
    """Refuse a lake that a job on an engine writes, before a memory is made for it.

    Raises:
        UsageError: it is one.
    """
    if lake.job.exists():
        raise UsageError(
            f"--output {lake.root} is written by a job on an engine, whose memory a local run cannot share; "
            "use another lake"
        )


def job_of(lake: Lake) -> dict[str, Any] | None:
    """Return what is noted of the job on an engine that writes a lake: `run_id`, `runner`, `shards`, `started_at`.

    None where no job does; empty where what is noted cannot be read. Whether the job still runs, its engine knows.
    """
    try:
        noted = json.loads(lake.job.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return noted if isinstance(noted, dict) else {}


def _make(lake: Lake) -> None:
    lake.unpublished.mkdir(parents=True, exist_ok=True)
    if not os.access(lake.root, os.W_OK) or not os.access(lake.private, os.W_OK):
        raise PermissionError(13, "Permission denied", str(lake.root))
    # First, so that a lake whose making is cut off is known as one, and made whole by the next run.
    if not lake.description.exists():
        write_whole(lake.description, description_text().encode())
    for name in ("readers", "readers-gate"):
        (lake.private / name).touch()
    _make_tables(lake)


def _make_tables(lake: Lake) -> None:
    for table, schema in TABLES.items():
        path = lake.root / partition_path(table, EMPTY_FILE_DAY, f"schema-{SCHEMA_VERSION}.parquet")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, encode(schema.empty_table(), SORTED_BY[table]))


def lift(lake: Lake) -> None:
    """Make a lake of an older schema one of this one's, for whoever is about to write it.

    The tables that it lacks come first, then its description, by which an older newsbeam refuses it from then on. Cut
    off in between, the next one goes on.
    """
    described = json.loads(lake.description.read_text())
    if described["schema_version"] != SCHEMA_VERSION:
        _make_tables(lake)
        write_whole(lake.description, (json.dumps(described | {"schema_version": SCHEMA_VERSION}) + "\n").encode())


def description_text() -> str:
    """Return what the description of a new lake says."""
    return json.dumps({"schema_version": SCHEMA_VERSION, "made_by": f"newsbeam {newsbeam_version()}"}) + "\n"


def _check_version(lake: Lake) -> None:
    try:
        version = int(json.loads(lake.description.read_text())["schema_version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LakeError(f"{lake.description} cannot be read ({error}); restore it, or use another lake") from error
    if version > SCHEMA_VERSION:
        raise LakeError(
            f"{lake.root} has schema version {version}, this newsbeam knows {SCHEMA_VERSION}: it was written by a "
            "newer newsbeam. Upgrade newsbeam, or use another lake."
        )
