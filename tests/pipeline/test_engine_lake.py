from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from pipeline.cli import main
from pipeline.engine_lake import Claim, EngineLake, open_or_make_engine_lake
from pipeline.lake import JOB, open_lake
from pipeline.views import view_definitions
from schemas.errors import LakeError, UsageError
from tests.samples import reject
from transforms.batch_files import Batch, BatchFiles
from transforms.functions.parquet_rows import flat_row
from transforms.lake_files import check_claim


def _open(root: Path, run_id: str = "one", shards: int = 1, *, goes_on: bool = False, anew: bool = False) -> EngineLake:
    return open_or_make_engine_lake(str(root), Claim(run_id, "FlinkRunner", shards), goes_on=goes_on, anew=anew)


def test_a_lake_of_an_engine_can_be_queried_at_once(tmp_path: Path) -> None:
    _open(tmp_path / "lake")
    with duckdb.connect() as connection:
        connection.execute("\n".join(view_definitions(open_lake(str(tmp_path / "lake")).root).values()))
        assert connection.execute("select count(*) from stories").fetchone() == (0,)


def test_another_job_is_refused_unless_it_goes_on(tmp_path: Path) -> None:
    _open(tmp_path / "lake")
    with pytest.raises(UsageError, match=r"rows of job one \(FlinkRunner, started 2.*--savepoint_path"):
        _open(tmp_path / "lake", "two")
    _open(tmp_path / "lake", "three", goes_on=True)
    job = json.loads((tmp_path / "lake" / "_newsbeam" / "job.json").read_text())
    assert job["run_id"] == "three"


def test_a_job_goes_on_with_the_shards_of_before(tmp_path: Path) -> None:
    _open(tmp_path / "lake", shards=2)
    with pytest.raises(UsageError, match=r"--shards 3: the job .* had 2"):
        _open(tmp_path / "lake", "two", 3, goes_on=True)
    _open(tmp_path / "lake", "two", 2, goes_on=True)
    _open(tmp_path / "lake", "three", 3, anew=True)


def test_a_job_that_never_came_to_be_leaves_the_claim_as_it_was(tmp_path: Path) -> None:
    _open(tmp_path / "lake").give_back()
    _open(tmp_path / "lake")
    _open(tmp_path / "lake", "two", goes_on=True).give_back()
    check_claim(str(tmp_path / "lake"), JOB, "one")
    with pytest.raises(LakeError, match="written by run one now; run two"):
        check_claim(str(tmp_path / "lake"), JOB, "two")


def test_a_path_that_stands_for_many_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\*, \? or \["):
        _open(tmp_path / "lake[1]")


def test_a_lake_of_local_runs_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("A text that is long enough. " * 20)
    lake = str(tmp_path / "lake")
    assert main(["run", "--input", str(tmp_path / "a.txt"), "--output", lake, "--quiet", "--tags", "none"]) == 0
    with pytest.raises(UsageError, match="is kept by local runs"):
        _open(tmp_path / "lake")


def test_a_local_run_refuses_the_lake_of_a_job(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _open(tmp_path / "lake")
    (tmp_path / "a.txt").write_text("A text that is long enough. " * 20)
    assert main(["run", "--input", str(tmp_path / "a.txt"), "--output", str(tmp_path / "lake"), "--quiet"]) == 2
    assert "job" in capfd.readouterr().err


def test_what_a_failed_job_has_left_is_dropped_and_what_a_drained_one_has_is_published(tmp_path: Path) -> None:
    lake = _open(tmp_path / "lake")
    files = BatchFiles("rejects", lake.root)
    for run_id in ("one", "two"):
        files.write(Batch(f"{run_id}-000", 0, [flat_row(reject(1))]))
    lake.drop_unpublished("two")
    assert lake.publish_rest() == 1
    names = sorted(path.name for path in (tmp_path / "lake").rglob("*-000-*.parquet"))
    assert names == ["one-000-00000000.parquet"]
    assert "_newsbeam" not in str(next((tmp_path / "lake").rglob("one-000-*.parquet")))


def test_a_lake_of_a_newer_version_or_other_files_is_refused_on_any_file_system(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"no lake|other files"):
        _open(other)
    _open(tmp_path / "lake")
    description = tmp_path / "lake" / "_newsbeam" / "lake.json"
    description.write_text(json.dumps(json.loads(description.read_text()) | {"schema_version": 99}))
    with pytest.raises(LakeError, match="newer newsbeam"):
        _open(tmp_path / "lake", goes_on=True)
