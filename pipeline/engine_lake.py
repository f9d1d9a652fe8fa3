"""The lake of a job on an engine: on any file system, its memory in the job's state."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from pipeline.lake import DESCRIPTION, EMPTY_FILE_DAY, JOB, description_text, lift, open_or_make_lake
from schemas.cycle_report import CycleReport
from schemas.errors import LakeError, UsageError
from schemas.instants import utc_date_of
from schemas.tables import SCHEMA_VERSION, SORTED_BY, TABLES
from transforms.functions.parquet_rows import encode, flat_row, partition_path, to_parquet
from transforms.lake_files import UNPUBLISHED, delete_files, find_paths, publish_files, write_file

_RUNS: Final = "runs"


@dataclass(frozen=True)
class EngineLake:
    """A lake that a job on an engine writes."""

    root: str
    claim_before: str | None = None
    """What its claim said before this job's; None for nothing."""

    @property
    def unpublished(self) -> str:
        """Folder that mirrors the lake and holds what is not for readers yet."""
        return str(FileSystems.join(self.root, UNPUBLISHED))

    def give_back(self) -> None:
        """Take the claim back of a job that never came to be."""
        job = FileSystems.join(self.root, JOB)
        if self.claim_before is None:
            FileSystems.delete([job])
        else:
            _replace(job, self.claim_before)

    def publish_rest(self) -> int:
        """Publish what a job has left whose source has come to its end, with all of its rows. Returns how many files.

        Not for one that was stopped with a savepoint, which holds rows that were written a moment after it.
        """
        left = find_paths(self.unpublished, "*/*/*.parquet")
        publish_files(self.unpublished, self.root, left)
        return len(left)

    def drop_unpublished(self, run_id: str) -> None:
        """Delete what a bounded job has left that failed."""
        delete_files(self.unpublished, find_paths(self.unpublished, f"*/*/{run_id}-*.parquet"))

    def write_report(self, report: CycleReport) -> None:
        """Add a run's account to the table of runs."""
        path = partition_path(_RUNS, utc_date_of(report.started_at), f"{report.run_id}.parquet")
        write_file(FileSystems.join(self.root, path), to_parquet(_RUNS, [flat_row(report)]))


class Claim(NamedTuple):
    """Which job writes a lake."""

    run_id: str
    runner: str
    shards: int


def open_or_make_engine_lake(root: str, claim: Claim, *, goes_on: bool, anew: bool = False) -> EngineLake:
    """Return the lake of a job, made where there is none, and claimed for it.

    Args:
        goes_on: the job starts with what an earlier one remembered.
        anew: it is meant to start without.

    Raises:
        UsageError: rows are there of which the job would know nothing, or the path holds other things.
        LakeError: it cannot be written, or was made by a newer newsbeam.
    """
    if set(root) & set("*?["):
        raise UsageError(f"--output {root}: an engine's lake cannot have *, ? or [ in its path: Beam takes it for many")
    if "://" in root:
        lake = _make_remote(EngineLake(root.rstrip("/")))
    else:
        local = open_or_make_lake(root)
        if local.memory.exists():
            raise UsageError(
                f"--output {root} is kept by local runs, whose memory an engine cannot share; use another lake"
            )
        lift(local)
        lake = EngineLake(str(local.root))
    return _claimed(lake, claim, goes_on=goes_on, anew=anew)


def _claimed(lake: EngineLake, claim: Claim, *, goes_on: bool, anew: bool) -> EngineLake:
    """Note which job writes the lake; another one would know nothing of its rows."""
    job = FileSystems.join(lake.root, JOB)
    text = _read(job).decode() if _exists(job) else None
    if text is not None and not anew:
        _check_claim(lake, claim, json.loads(text), goes_on=goes_on)
    started = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    _replace(job, json.dumps(claim._asdict() | {"started_at": started}) + "\n")
    return replace(lake, claim_before=text)


def _check_claim(lake: EngineLake, claim: Claim, before: dict[str, Any], *, goes_on: bool) -> None:
    if goes_on and before.get("shards", claim.shards) != claim.shards:
        raise UsageError(
            f"--shards {claim.shards}: the job that this one goes on from had {before['shards']}, and feeds and files "
            "lie in its state by shard"
        )
    if not goes_on:
        raise UsageError(
            f"--output {lake.root} holds rows of job {before.get('run_id')} ({before.get('runner')}, started "
            f"{before.get('started_at')}), of which a new job knows nothing. Go on from its state with "
            "--savepoint_path (Flink) or --update (Dataflow), use another lake, or give --start-anew: then what is "
            "still in feeds and folders comes again"
        )


def _make_remote(lake: EngineLake) -> EngineLake:
    description = FileSystems.join(lake.root, DESCRIPTION)
    try:
        if _exists(description):
            version = int(json.loads(_read(description))["schema_version"])
            if version > SCHEMA_VERSION:
                raise LakeError(f"{lake.root} was written by a newer newsbeam (schema version {version}); upgrade")
            if version < SCHEMA_VERSION:
                _make_remote_tables(lake)
                _replace(description, description_text())
            return lake
        if FileSystems.match([FileSystems.join(lake.root, "**")], limits=[1])[0].metadata_list:
            raise UsageError(
                f"--output {lake.root} holds other files and is no lake; give the lake a folder of its own"
            )
        _replace(description, description_text())
        _make_remote_tables(lake)
    except (OSError, BeamIOError, ValueError, KeyError) as error:
        raise LakeError(f"--output {lake.root} cannot be used: {str(error)[:300]}") from error
    return lake


def _make_remote_tables(lake: EngineLake) -> None:
    for table, schema in TABLES.items():
        path = partition_path(table, EMPTY_FILE_DAY, f"schema-{SCHEMA_VERSION}.parquet")
        write_file(FileSystems.join(lake.root, path), encode(schema.empty_table(), SORTED_BY[table]))


def _exists(path: str) -> bool:
    try:
        return bool(FileSystems.exists(path))
    except (OSError, BeamIOError, ValueError) as error:
        raise LakeError(f"{path} cannot be looked at: {str(error)[:300]}") from error


def _read(path: str) -> bytes:
    with FileSystems.open(path, "application/octet-stream", CompressionTypes.UNCOMPRESSED) as file:
        return bytes(file.read())


def _replace(path: str, text: str) -> None:
    write_file(path, text.encode())  # every file system of Beam's takes the place of what is there
