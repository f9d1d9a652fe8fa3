from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.lake import open_lake, open_or_make_lake
from schemas.errors import LakeError, UsageError
from schemas.tables import SCHEMA_VERSION, TABLES


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


def test_a_lake_below_a_folder_that_looks_like_a_partition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="="):
        open_or_make_lake(str(tmp_path / "env=prod" / "lake"))
    assert list(tmp_path.iterdir()) == []
