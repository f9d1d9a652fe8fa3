from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.lake import Lake, open_or_make_lake
from pipeline.memory import Memory, opened_memory
from pipeline.publishing import publish, recover
from schemas.errors import LakeError
from schemas.written_file import WrittenFile


def _unpublished(lake: Lake, name: str) -> WrittenFile:
    path = lake.unpublished / "articles" / "date=2026-03-31" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(name.encode())
    return WrittenFile("articles", path.relative_to(lake.unpublished).as_posix(), 1, path.stat().st_size)


def test_recovery_publishes_what_was_committed_and_deletes_the_rest(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path / "lake"))
    memory = Memory(lake.memory)
    with memory.cycle() as number:
        memory.note_file(number, _unpublished(lake, "c1.parquet"))
        memory.note_cycle(number, "run-1", 0)
    with pytest.raises(RuntimeError), memory.cycle() as number:  # noqa: PT012  (what it notes before is the point)
        memory.note_file(number, _unpublished(lake, "c2.parquet"))
        raise RuntimeError
    _unpublished(lake, "c2.parquet.half")
    assert recover(lake, memory) == (1, 2)
    assert (lake.root / "articles/date=2026-03-31/c1.parquet").read_bytes() == b"c1.parquet"
    assert list(lake.unpublished.iterdir()) == []
    assert len(list((lake.root / "articles/date=2026-03-31").iterdir())) == 1
    assert recover(lake, memory) == (0, 0)
    memory.close()


def _publish_one(lake: Lake, path: str) -> None:
    unpublished = lake.unpublished / path
    unpublished.parent.mkdir(parents=True, exist_ok=True)
    unpublished.write_bytes(b"rows")
    publish(lake, [path])


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path / "lake"))
    path = "articles/date=2026-01-01/c00000001-000.parquet"
    _publish_one(lake, path)
    with pytest.raises(LakeError, match="not overwritten"):
        _publish_one(lake, path)


def test_a_lost_memory_is_told_before_anything_is_written(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path / "lake"))
    _publish_one(lake, "articles/date=2026-01-01/c00000007-000.parquet")
    memory = Memory(lake.memory)
    with pytest.raises(LakeError, match="rows of cycle 7"):
        recover(lake, memory)
    memory.close()


def test_what_a_killed_process_has_half_written_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path / "lake"))
    ended = subprocess.Popen(["true"])
    ended.wait()
    left, left_later = (lake.private / f".{name}.{ended.pid}.tmp" for name in ("lake.json", "tombstones.json"))
    empty = next(lake.root.glob("articles/date=1970-01-01"))
    left_too, at_work = (empty / f".schema-2.parquet.{process}.tmp" for process in (ended.pid, os.getppid()))
    for path in (left, left_later, left_too, at_work):
        path.touch()
    with opened_memory(lake.memory) as memory:
        recover(lake, memory)
    assert [path.exists() for path in (left, left_later, left_too, at_work)] == [False, False, False, True]
