from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import partitions
from pipeline.lake import Lake
from pipeline.partitions import Partition, clear_rewriting, partitions_of, replace_files
from schemas.errors import LakeError
from tests.pipeline.small_lakes import files, make_lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return make_lake(tmp_path / "lake", days=1, cycles=2)


@pytest.fixture
def day(lake: Lake) -> Partition:
    return next(one for one in partitions_of(lake) if one.table == "articles")


def _write(folder: Path) -> None:
    (folder / "new.parquet").write_bytes(b"new")


def _fails(number: int, after: int = 0) -> Callable[..., None]:
    """What stands in for a call of the disk: fails, and so does every later one, once it went well so often."""
    calls = 0

    def call(*_: Any, **__: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > after:
            raise OSError(number, "the disk says no")

    return call


def _names(day: Partition) -> list[str]:
    return [path.name for path in day.files()]


def _tables_and_memory(lake: Lake) -> list[str]:
    return [path for path in files(lake) if "/readers" not in path]  # locks


def test_files_are_exchanged_and_nothing_of_the_old_ones_is_left(lake: Lake, day: Partition) -> None:
    replace_files(lake, day, _write)
    assert _names(day) == ["new.parquet"]
    assert not lake.rewriting.exists()


@pytest.mark.parametrize("name", ["exchange_folders", "sync_folder"])
def test_a_day_that_could_not_be_exchanged_is_told_to_be_as_it_was(
    lake: Lake, day: Partition, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = _tables_and_memory(lake)
    monkeypatch.setattr(partitions, name, _fails(errno.ENOSPC))
    with pytest.raises(LakeError, match=r"could not be rewritten: the disk says no.*as it was"):
        replace_files(lake, day, _write)
    assert _tables_and_memory(lake) == before
    assert not lake.rewriting.exists()


@pytest.mark.parametrize("after", [1, 2])
def test_a_day_that_was_exchanged_is_told_to_be_so_where_the_disk_does_not_confirm_it(
    lake: Lake, day: Partition, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    before = _names(day)
    monkeypatch.setattr(partitions, "sync_folder", _fails(errno.EIO, after))
    with pytest.raises(LakeError, match=r"has its new files.*not confirm.*the disk says no.*start it again") as raised:
        replace_files(lake, day, _write)
    assert "could not be rewritten" not in str(raised.value)
    assert _names(day) == ["new.parquet"]
    old = lake.rewriting / day.table / day.folder.name
    assert str(old) in str(raised.value)
    assert sorted(path.name for path in old.iterdir()) == before  # what a power cut would bring back
    clear_rewriting(lake)
    assert _names(day) == ["new.parquet"]


def test_old_files_that_cannot_be_deleted_are_told(lake: Lake, day: Partition, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions.shutil, "rmtree", _fails(errno.EIO))  # type: ignore[attr-defined]
    with pytest.raises(LakeError, match=r"has its new files.*not all could be deleted: the disk says no"):
        replace_files(lake, day, _write)
    assert _names(day) == ["new.parquet"]


def test_what_the_function_raises_leaves_the_day_as_it_was(lake: Lake, day: Partition) -> None:
    before = _names(day)

    def write(folder: Path) -> None:
        _write(folder)
        raise LakeError("the rows are others")

    with pytest.raises(LakeError, match="the rows are others"):
        replace_files(lake, day, write)
    assert _names(day) == before
    assert not lake.rewriting.exists()
