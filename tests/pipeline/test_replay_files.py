from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from pipeline.replay_files import FilePlan, in_file
from schemas.reject import Reject
from schemas.replay import SOURCE_CHANGED, SOURCE_GONE
from tests.samples import reject
from transforms.stored_files import name_of_path


def _of_line(path: Path, line: int) -> Reject:
    return reject(line, source=f"{path}#{line}", line=line)


def _planned(*rejects: Reject) -> tuple[dict[tuple[str, int], list[int]], list[tuple[int, str]]]:
    """Return the numbers of the rejects of each slice, by path and first line, and those that are lost, with why."""
    plan = FilePlan([in_file(one) for one in rejects])
    slices = {(piece.path, piece.first_line): plan.take(piece) for piece in plan.slices()}
    lost = [(int(one.reject_id, 16), why) for one, why, _ in plan.lost]
    return {place: [int(one.reject.reject_id, 16) for one in some] for place, some in slices.items()}, lost


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """25 lines in slices of ten, the last one without a line end."""
    monkeypatch.setattr("transforms.functions.file_slices._SLICE_LINES", 10)
    monkeypatch.setattr("pipeline.input_plan._ALWAYS_WHOLE_BYTES", 100)
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(json.dumps({"number": number}) for number in range(1, 26)))
    return path


def test_only_the_slices_that_hold_a_line_are_read(lines: Path) -> None:
    slices, lost = _planned(*(_of_line(lines, line) for line in (10, 11, 20, 25)))
    assert slices == {(str(lines), 1): [10], (str(lines), 11): [11, 20], (str(lines), 21): [25]}
    assert lost == []
    assert _planned(_of_line(lines, 21))[0] == {(str(lines), 21): [21]}


def test_a_whole_file_is_read_whole_and_settled_by_its_last_slice(lines: Path) -> None:
    slices, _ = _planned(reject(1, source=str(lines)), _of_line(lines, 12))
    assert slices == {(str(lines), 1): [], (str(lines), 11): [12], (str(lines), 21): [1]}


def test_a_line_beyond_the_end_and_a_file_that_is_gone_are_lost(lines: Path) -> None:
    slices, lost = _planned(_of_line(lines, 99), reject(1, source=f"{lines}.gone"), reject(2, source="glob[1]*.html"))
    assert slices == {}
    assert sorted(lost) == [(1, SOURCE_GONE), (2, SOURCE_GONE), (99, SOURCE_CHANGED)]


def test_a_packed_file_that_breaks_off_may_hold_any_later_line(lines: Path) -> None:
    packed = gzip.compress(lines.read_bytes() * 200)
    path = lines.with_suffix(".jsonl.gz")
    path.write_bytes(packed[:-20])
    slices, lost = _planned(_of_line(path, 3))
    assert list(slices.values()) == [[3]]
    assert lost == []


def test_names_with_a_number_sign_and_items_of_feeds(tmp_path: Path) -> None:
    (tmp_path / "a#1.html").write_text("a page")
    (tmp_path / "feed.json").write_text("{}")
    page, item = reject(1, source=str(tmp_path / "a#1.html")), reject(2, source=str(tmp_path / "feed.json#7"))
    assert [(Path(one.path).name, one.line) for one in map(in_file, (page, item))] == [
        ("a#1.html", None), ("feed.json", 7),
    ]  # fmt: skip
    assert sorted(_planned(page, item)[0].values()) == [[1], [2]]


def test_a_name_that_is_no_utf_8_is_found(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.html"
    Path(os.fsdecode(path)).write_text("a page")
    source = name_of_path(os.fsdecode(path))
    assert source.startswith("file://")
    assert _planned(reject(1, source=source)) == ({(source, 1): [1]}, [])


def test_a_broken_link_is_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "link.html").symlink_to("nowhere")
    assert _planned(reject(1, source=str(tmp_path / "link.html")))[1] == []


def test_a_folder_that_can_be_listed_now_is_read_whole(tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        (tmp_path / name).write_text("a page")
    slices, _ = _planned(reject(1, source=str(tmp_path)))
    assert sorted((Path(path).name, numbers) for (path, _), numbers in slices.items()) == [
        ("a.html", []),
        ("b.html", [1]),
    ]
