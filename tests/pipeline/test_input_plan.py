from __future__ import annotations

import gzip
import os
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from pipeline import input_plan
from pipeline.input_plan import find_files, plan_cycles
from pipeline.lake import open_or_make_lake
from schemas.errors import UsageError
from schemas.input_slice import InputSlice
from tests.samples import record, write_lines
from transforms.functions.file_slices import SLICE_BYTES
from transforms.stored_files import open_stored


def _write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def _names(folder: Path, *inputs: str) -> list[str]:
    return [os.path.relpath(file.path, folder) for file in find_files(str(folder / given) for given in inputs)]


def test_a_folder_is_read_with_all_below_it_but_what_is_hidden(tmp_path: Path) -> None:
    _write(tmp_path, "b.html", "a/c.txt", "a/d/e.jsonl", ".git/config", ".hidden.html", "a/.cache/f.html", "z/no-kind")
    assert _names(tmp_path, ".") == ["a/c.txt", "a/d/e.jsonl", "b.html", "z/no-kind"]


def test_a_hidden_folder_that_is_named_is_read(tmp_path: Path) -> None:
    _write(tmp_path, ".saved/a.html", ".saved/.b.html")
    assert _names(tmp_path, ".saved") == [".saved/a.html"]


def test_globs(tmp_path: Path) -> None:
    _write(tmp_path, "x/1.html", "x/2.txt", "x/y/3.html", "x/.4.html", "x/y.html/5.txt")
    assert _names(tmp_path, "x/*.html") == ["x/1.html", "x/y.html/5.txt"]
    assert _names(tmp_path, "x/**/*.html") == ["x/1.html", "x/y.html/5.txt", "x/y/3.html"]
    assert _names(tmp_path, "x/[12].*") == ["x/1.html", "x/2.txt"]


def test_a_name_that_looks_like_a_pattern_is_taken_as_it_is(tmp_path: Path) -> None:
    _write(tmp_path, "[1].html", "1.html")
    assert _names(tmp_path, "[1].html") == ["[1].html"]


def test_no_file_is_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, "x/1.html", "x/y/2.html")
    assert _names(tmp_path, ".", "x", "x/1.html", "x/**", "x/**/*.html") == ["x/1.html", "x/y/2.html"]
    monkeypatch.chdir(tmp_path)
    assert [file.path for file in find_files(["x", "./x/1.html", "./x/**/*.html", "x//y"])] == [
        "x/1.html",
        "x/y/2.html",
    ]


@pytest.mark.parametrize("given", ["missing.html", "missing/*.html", "missing/", "empty", "gone/link.html"])
def test_an_input_that_names_nothing_is_wrong_usage(tmp_path: Path, given: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="--input") as caught:
        find_files([str(tmp_path / given)])
    assert given.rstrip("/") in str(caught.value)


def test_linked_folders_are_read_and_links_that_go_round_end(tmp_path: Path) -> None:
    _write(tmp_path, "pages/a.html", "pages/deep/b.html", "elsewhere/c.html")
    (tmp_path / "pages/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "pages/deep/round").symlink_to(tmp_path / "pages")
    assert _names(tmp_path, "pages") == ["pages/a.html", "pages/deep/b.html", "pages/linked/c.html"]


def test_a_lake_among_the_input_is_passed_over(tmp_path: Path) -> None:
    _write(tmp_path, "pages/a.html", "pages/lake/note.html")
    (tmp_path / "pages/lake/note.html").unlink()
    open_or_make_lake(str(tmp_path / "pages/lake"))
    assert _names(tmp_path, "pages") == ["pages/a.html"]


def test_a_missing_input_among_others_is_wrong_usage(tmp_path: Path) -> None:
    _write(tmp_path, "a.html")
    with pytest.raises(UsageError, match="missing"):
        find_files([str(tmp_path), str(tmp_path / "missing")])


@pytest.mark.parametrize("given", ["pages", "pages/*", "pages/link.html"])
def test_a_broken_link_is_an_input_that_cannot_be_read(tmp_path: Path, given: str) -> None:
    _write(tmp_path, "pages/a.html")
    (tmp_path / "pages/link.html").symlink_to(tmp_path / "nowhere.html")
    assert "pages/link.html" in _names(tmp_path, given)


@pytest.mark.parametrize("given", ["pages", "pages/*"])
def test_a_named_pipe_is_passed_over(tmp_path: Path, given: str) -> None:
    _write(tmp_path, "pages/a.html")
    os.mkfifo(tmp_path / "pages/pipe.jsonl")
    assert _names(tmp_path, given) == ["pages/a.html"]


def test_a_named_pipe_that_is_named_is_wrong_usage(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(UsageError, match=r"pipe\.jsonl"):
        find_files([str(tmp_path / "pipe.jsonl")])


def test_a_name_that_is_no_utf8_is_carried_and_opened(tmp_path: Path) -> None:
    raw = os.path.join(os.fsencode(tmp_path), b"caf\xe9 100%.html")
    with open(raw, "wb") as file:
        file.write(b"<html>")
    (found,) = find_files([str(tmp_path)])
    found.path.encode()
    with open_stored(found.path) as stored:
        assert stored.read() == b"<html>"
    assert find_files([os.fsdecode(raw)]) == [found]
    ((piece,),) = plan_cycles([found])
    assert piece.path == found.path


def _plan(*inputs: str | Path) -> list[list[InputSlice]]:
    return list(plan_cycles(find_files(map(str, inputs))))


def _big_records(count: int = 3000) -> list[dict[str, object]]:
    letters = random.Random(3)
    return [record(str(n), noise=letters.randbytes(1000).hex()) for n in range(count)]


@pytest.mark.parametrize("packed", [False, True])
def test_a_large_file_of_lines_is_cut_and_a_small_one_is_not(tmp_path: Path, packed: bool) -> None:
    data = write_lines(tmp_path / "all.jsonl", _big_records()).read_bytes()
    (tmp_path / "all.jsonl").unlink()
    path = tmp_path / ("all.jsonl.gz" if packed else "all.jsonl")
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    (slices,) = _plan(tmp_path)
    assert len(slices) == len(data) // SLICE_BYTES + 1
    assert [piece.path for piece in slices] == [str(path)] * len(slices)
    assert [piece.offset for piece in slices] == [
        sum(one.length or 0 for one in slices[:n]) for n in range(len(slices))
    ]
    assert sum(piece.length or 0 for piece in slices) == len(data)
    assert sum(piece.stored_bytes for piece in slices) == path.stat().st_size
    assert _plan(tmp_path) == [slices]


def test_a_large_page_is_not_cut(tmp_path: Path) -> None:
    (tmp_path / "big.html").write_bytes(b"<p>\n" * (SLICE_BYTES // 2))
    (tmp_path / "big.txt").write_bytes(b"word\n" * SLICE_BYTES)
    assert [(piece.offset, piece.length) for piece in _plan(tmp_path)[0]] == [(0, None), (0, None)]


@pytest.mark.parametrize("damage", ["cut", "start", "middle", "empty", "no gzip"])
def test_a_damaged_gzip_file_is_planned_and_left_to_the_reader(tmp_path: Path, damage: str) -> None:
    stored = bytearray(gzip.compress(b"".join(b'{"n": "%d"}\n' % n for n in range(200_000))))
    match damage:
        case "cut":
            stored = stored[: len(stored) // 2]
        case "start":
            stored[12:400] = b"\xff" * 388
        case "middle":
            half = len(stored) // 2
            stored[half : half + 400] = b"\xff" * 400
        case "empty":
            stored = bytearray()
        case _:
            stored = bytearray(b'{"article_body": "not packed at all"}\n')
    (tmp_path / "all.jsonl.gz").write_bytes(stored)
    last = _plan(tmp_path)[-1][-1]
    assert last.length is None or damage == "no gzip"


def _sizes(cycles: Iterable[list[InputSlice]]) -> list[int]:
    return [len(cycle) for cycle in cycles]


def test_a_cycle_ends_at_its_number_of_slices_or_its_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_plan, "CYCLE_SLICES", 4)
    monkeypatch.setattr(input_plan, "CYCLE_BYTES", 100_000)
    small = [InputSlice(f"{n}.txt", stored_bytes=10) for n in range(10)]
    assert _sizes(plan_cycles(small)) == [4, 4, 2]
    assert _sizes(plan_cycles([InputSlice(f"{n}.txt", stored_bytes=60_000) for n in range(5)])) == [2, 2, 1]
    # Of a page only its text stays, so that its bytes count no further than a long text's.
    assert _sizes(plan_cycles([InputSlice(f"{n}.html", stored_bytes=60_000) for n in range(5)])) == [4, 1]
    assert _sizes(plan_cycles([])) == []


def test_the_last_pages_are_cut_into_ever_smaller_cycles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_plan, "CYCLE_SLICES", 40)
    monkeypatch.setattr(input_plan, "_LEAST_PAGES", 10)
    pages = [InputSlice(f"{n}.html", stored_bytes=5) for n in range(100)]
    assert _sizes(plan_cycles(pages)) == [40, 30, 15, 10, 5]
    assert _sizes(plan_cycles(pages[:10])) == [10]
    texts = [InputSlice(f"{n}.txt", stored_bytes=5) for n in range(40)]
    assert _sizes(plan_cycles([*texts, *pages[:1]])) == [40, 1]  # a text is cheap: there is nothing to share out
    assert _sizes(plan_cycles([*texts[:9], *pages[:30]])) == [24, 10, 5]
    assert _sizes(input_plan.cycles_of(pages)) == [40, 40, 20]


def test_files_are_looked_into_only_as_their_cycle_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_plan, "CYCLE_SLICES", 1)
    late = tmp_path / "late.jsonl.gz"
    cycles = plan_cycles([InputSlice("first.html", stored_bytes=5), InputSlice(str(late), stored_bytes=5)])
    assert next(cycles)[0].path == "first.html"
    late.write_bytes(gzip.compress(b'{"n": 1}\n'))
    assert next(cycles)[0].length == 9
