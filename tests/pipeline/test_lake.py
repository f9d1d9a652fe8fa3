from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.lake import Lake, locked, open_lake, open_or_make_lake, publish, recover
from pipeline.memory import Memory, opened_memory
from schemas.errors import LakeError, UsageError
from schemas.tables import SCHEMA_VERSION, TABLES
from schemas.written_file import WrittenFile

ROOT = Path(__file__).parents[2]


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_lake_has_every_table_without_a_row(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path / "deep" / "lake"))
    for table, schema in TABLES.items():
        (file,) = (lake.root / table).rglob("*.parquet")
        assert pq.ParquetFile(file).metadata.num_rows == 0
        assert pq.ParquetFile(file).schema_arrow.names == schema.names
    assert open_lake(str(lake.root)) == lake
    before = _tree(lake.root)
    open_or_make_lake(str(lake.root))
    assert _tree(lake.root) == before


@pytest.mark.parametrize("writes", range(len(TABLES) + 2))
def test_a_lake_whose_making_was_cut_off_is_made_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    whole = open_or_make_lake(str(tmp_path / "whole"))
    left = iter(range(writes))
    replace = Path.replace

    def replace_or_die(path: Path, target: Path) -> Path:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace_or_die)
        if writes < len(TABLES) + 1:  # a file a table, and the description
            with pytest.raises(KeyboardInterrupt):
                open_or_make_lake(str(tmp_path / "lake"))
        else:
            open_or_make_lake(str(tmp_path / "lake"))
    lake = open_or_make_lake(str(tmp_path / "lake"))
    assert _tree(lake.root) == _tree(whole.root)


def test_a_folder_that_is_no_lake_cannot_be_asked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="newsbeam run"):
        open_lake(str(tmp_path))


def test_a_lake_of_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path / "lake"))
    lake.description.write_text(json.dumps({"schema_version": SCHEMA_VERSION + 1}))
    before = _tree(lake.root)
    for use in (open_lake, open_or_make_lake):
        with pytest.raises(LakeError, match="newer newsbeam"):
            use(str(lake.root))
    assert _tree(lake.root) == before


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"schema_version": "x"}', '{"schema_version": null}'])
def test_a_description_that_says_nothing_is_an_error(tmp_path: Path, content: str) -> None:
    lake = open_or_make_lake(str(tmp_path / "lake"))
    lake.description.write_text(content)
    with pytest.raises(LakeError, match=r"lake\.json"):
        open_lake(str(lake.root))


def test_a_folder_with_other_things_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("do not touch")
    with pytest.raises(UsageError, match="other files"):
        open_or_make_lake(str(tmp_path))
    assert _tree(tmp_path) == {"thesis.txt": b"do not touch"}


def test_an_empty_folder_may_become_a_lake(tmp_path: Path) -> None:
    assert open_or_make_lake(str(tmp_path)).description.exists()


def test_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        open_or_make_lake(str(path))
    assert path.read_text() == "x"


@pytest.mark.parametrize("output", ["file/lake", "/proc/newsbeam/lake"])
def test_where_nothing_can_be_written_is_an_error_in_one_line(tmp_path: Path, output: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LakeError, match="cannot be written") as caught:
        open_or_make_lake(str(tmp_path / output))
    assert "\n" not in str(caught.value)
    assert _tree(tmp_path) == {"file": b"x"}


@pytest.mark.parametrize("output", ["gs://bucket/lake", "file:///tmp/lake"])
def test_a_remote_lake_is_refused(output: str) -> None:
    with pytest.raises(UsageError, match="local folder"):
        open_or_make_lake(output)


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


_HOLDER = """
import sys, time
from pathlib import Path
from pipeline.lake import Lake, locked
with locked(Lake(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(100)
"""


def test_a_lake_in_use_names_its_holder_and_is_free_once_that_is_killed(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path / "lake"))
    command = [sys.executable, "-c", _HOLDER, str(lake.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for _ in range(2):  # a refused try must not wipe out who the holder is
            with pytest.raises(LakeError, match=f"process {holder.pid}"), locked(lake):
                pass
        holder.kill()
        holder.wait(20)
    with locked(lake):
        pass


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


def test_a_lake_below_a_folder_that_looks_like_a_partition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="="):
        open_or_make_lake(str(tmp_path / "env=prod" / "lake"))
    assert list(tmp_path.iterdir()) == []


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
