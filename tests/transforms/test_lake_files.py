from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import LakeError
from transforms.lake_files import delete_files, find_paths, publish_files, write_file


def test_write_file_makes_the_folders_above(tmp_path: Path) -> None:
    write_file(str(tmp_path / "a/b/c.parquet"), b"\x1f\x8b not packed again")
    assert (tmp_path / "a/b/c.parquet").read_bytes() == b"\x1f\x8b not packed again"


def test_published_files_are_moved_and_may_be_published_again(tmp_path: Path) -> None:
    tmp, lake = tmp_path / "tmp", tmp_path / "lake"
    for name in ("t/date=1/a", "t/date=2/a"):
        write_file(str(tmp / name), b"rows")
    for _ in range(2):
        publish_files(str(tmp), str(lake), ["t/date=1/a", "t/date=2/a"])
    assert sorted(path.relative_to(lake).as_posix() for path in lake.rglob("a")) == ["t/date=1/a", "t/date=2/a"]
    assert not list(tmp.rglob("a"))


def test_a_file_that_is_nowhere_is_told(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="t/gone cannot be published"):
        publish_files(str(tmp_path / "tmp"), str(tmp_path / "lake"), ["t/gone"])


def test_paths_are_found_inside_their_folder(tmp_path: Path) -> None:
    for name in ("t/date=1/w-000-00000001.parquet", "t/date=2/w-000-00000002.parquet", "t/date=2/v-000.parquet"):
        write_file(str(tmp_path / name), b"")
    assert find_paths(str(tmp_path), "t/date=*/w-000-*.parquet") == [
        "t/date=1/w-000-00000001.parquet",
        "t/date=2/w-000-00000002.parquet",
    ]
    assert find_paths(str(tmp_path / "nowhere"), "t/*") == []


def test_deleting_what_is_gone_is_no_error(tmp_path: Path) -> None:
    write_file(str(tmp_path / "t/a"), b"")
    for _ in range(2):
        delete_files(str(tmp_path), ["t/a"])
    assert not (tmp_path / "t/a").exists()
