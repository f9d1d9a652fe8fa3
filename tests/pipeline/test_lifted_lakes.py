"""Lakes of an older schema; `tests/faults/upgrade.py` tries all commands on one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipeline.commands.query import connect
from pipeline.engine_lake import Claim, open_or_make_engine_lake
from pipeline.lake import Lake, lift, open_lake, open_or_make_lake
from pipeline.memory import Memory
from pipeline.publishing import recover
from schemas.tables import SCHEMA_VERSION, TABLES

FIXTURES = Path(__file__).parents[1] / "fixtures" / "lakes"


@pytest.fixture
def older(tmp_path: Path) -> Lake:
    return Lake(shutil.copytree(FIXTURES / "schema-1" / "lake", tmp_path / "older"))


def _described(lake: Lake) -> dict[str, str]:
    described: dict[str, str] = json.loads(lake.description.read_text())
    return described


def test_the_views_of_an_older_lake_have_the_columns_of_a_new_one(older: Lake, tmp_path: Path) -> None:
    new = open_or_make_lake(str(tmp_path / "new"))
    for view in TABLES:
        columns = [
            connect(str(lake.root)).execute(f"select column_name, column_type from (describe {view})").fetchall()
            for lake in (older, new)
        ]
        assert columns[0] == columns[1], view
    assert connect(str(older.root)).execute("select count(*) from replays").fetchall() == [(0,)]
    assert connect(str(older.root)).execute("select count(*), count(settled_at) from rejects").fetchall() == [(9, 0)]


def test_whoever_reads_leaves_it_as_it_is_and_whoever_recovers_lifts_it(older: Lake) -> None:
    open_lake(str(older.root))
    assert _described(older)["schema_version"] == 1
    memory = Memory(older.memory)
    assert recover(older, memory) == (0, 0)
    assert _described(older) == {"schema_version": SCHEMA_VERSION, "made_by": "newsbeam 0.1.0"}
    assert all(list(older.root.glob(f"{table}/*/*.parquet")) for table in TABLES)
    before = {path: path.stat().st_mtime_ns for path in older.root.rglob("*.parquet")}
    recover(older, memory)
    memory.close()
    assert {path: path.stat().st_mtime_ns for path in older.root.rglob("*.parquet")} == before


def test_a_lake_is_not_said_to_be_lifted_before_it_is(older: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipeline.lake.write_whole", fail)
    with pytest.raises(OSError, match="No space"):
        lift(older)
    assert _described(older)["schema_version"] == 1
    assert connect(str(older.root)).execute("select count(*) from replays").fetchall() == [(0,)]


def test_a_job_on_an_engine_lifts_its_lake(tmp_path: Path) -> None:
    claim = Claim("a-run", "FlinkRunner", 1)
    lake = Lake(Path(open_or_make_engine_lake(str(tmp_path / "lake"), claim, goes_on=False).root))
    lake.description.write_text('{"schema_version": 1, "made_by": "newsbeam 0.1.0"}')
    shutil.rmtree(lake.root / "replays")
    open_or_make_engine_lake(str(lake.root), claim, goes_on=True)
    assert _described(lake)["schema_version"] == SCHEMA_VERSION
    assert list(lake.root.glob("replays/*/*.parquet"))
