from __future__ import annotations

import gzip
import json
import os
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline.input_plan import find_files, plan_cycles
from pipeline.memory import memory_at, opened_memory
from schemas.article import Article
from schemas.input_slice import InputSlice
from schemas.page import Page
from schemas.reject import Reject
from tests.beam_rows import run_stage
from tests.samples import SEEN_AT, html_page, record, text_of, write_lines
from transforms.functions.file_slices import MAX_FILE_BYTES
from transforms.read_folder import DOCUMENTS, REJECTS, ReadFolder

KINDS = {"pages": Page, "articles": Article, "rejects": Reject}


def _read(folder: Path, slices: list[InputSlice], memory: str = "memory.sqlite") -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    with opened_memory(folder / memory) as opened, opened.cycle():
        stage = ReadFolder(partial(memory_at, str(opened.path)), "run-1", SEEN_AT)
        read: dict[str, Any] = run_stage(stage, slices, folder, DOCUMENTS, REJECTS)
    rows = [row for row, _ in [*read[DOCUMENTS], *read[REJECTS]]]
    for tag, kind in KINDS.items():
        read[tag] = {row.source: row for row in rows if isinstance(row, kind)}
    return read


def _slices(folder: Path) -> list[InputSlice]:
    return [piece for cycle in plan_cycles(find_files([str(folder)])) for piece in cycle]


def test_each_input_of_a_folder_goes_one_way_and_is_counted(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "a.html").write_text(html_page("a"))
    (pages / "b.txt").write_text(text_of("b"))
    (pages / "again.html").write_text(html_page("a"))
    (pages / "empty.html").touch()
    (pages / "gone.html").symlink_to(tmp_path / "nowhere")
    write_lines(pages / "c.jsonl", [record("c"), {"html": html_page("d")}, {"neither": 1}])
    raw = os.path.join(os.fsencode(pages), b"\xff.html")
    with open(raw, "wb") as file:
        file.write(html_page("e").encode())
    read = _read(tmp_path / "work", _slices(pages))
    at = f"{pages}/"
    assert set(read["pages"]) == {at + "a.html", at + "b.txt", at + "c.jsonl#2", f"file://{at}%FF.html"}
    assert set(read["articles"]) == {at + "c.jsonl#1"}
    reasons = {source.removeprefix(at): row.reason for source, row in read["rejects"].items()}
    assert reasons == {"empty.html": "empty", "gone.html": "unreadable", "c.jsonl#3": "bad_record"}
    assert read["counters"]["inputs"] == 9
    assert read["counters"]["already_seen"] == 1
    assert read["counters"]["bytes_read"] == sum(path.stat().st_size for path in pages.iterdir() if path.exists())
    assert read["rejects"][at + "gone.html"].retryable
    assert read["rejects"][at + "gone.html"].error_class == "FileNotFoundError"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_slices_of_a_file_give_its_lines_once_in_any_order(tmp_path: Path, packed: bool, reverse: bool) -> None:
    data = b"".join(json.dumps(record(str(n))).encode() + b"\n" for n in range(40))
    path = tmp_path / "all.jsonl"
    path.write_bytes(gzip.compress(data) if packed else data)
    ends = [place + 1 for place in range(len(data)) if data[place : place + 1] == b"\n"]
    cuts = [0, ends[6], ends[7], ends[30], len(data)]
    slices = [
        InputSlice(str(path), start, end - start, 1 + data.count(b"\n", 0, start)) for start, end in pairwise(cuts)
    ]
    read = _read(tmp_path / "work", slices[::-1] if reverse else slices)
    assert set(read["articles"]) == {f"{path}#{line}" for line in range(1, 41)}
    assert read["articles"][f"{path}#9"].url == "https://ledger.example/records/8"
    assert (read["pages"], read["rejects"]) == ({}, {})


def test_a_second_reading_gives_nothing_and_counts_everything(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "a.html").write_text(html_page("a"))
    (pages / "empty.html").touch()
    write_lines(pages / "c.jsonl", [record("c"), {"neither": 1}])
    _read(tmp_path / "work", _slices(pages))
    again = _read(tmp_path / "work", _slices(pages))
    assert [again[tag] for tag in KINDS] == [{}, {}, {}]
    assert (again["counters"]["inputs"], again["counters"]["already_seen"]) == (4, 4)


def test_a_file_over_the_limit_is_not_read_whole(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "bomb.html.gz", "wb", 1) as file:
        for _ in range(60):
            file.write(b"<p>" + bytes(1_000_000).replace(b"\0", b"a"))
    read = _read(tmp_path / "work", [InputSlice(str(tmp_path / "bomb.html.gz"))])
    (reject,) = read["rejects"].values()
    assert reject.reason == "too_large"
    assert read["counters"]["bytes_read"] == MAX_FILE_BYTES + 1


def test_a_truncated_file_of_lines_gives_the_lines_before_the_break(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl.gz"
    stored = gzip.compress(b"".join(json.dumps(record(str(n))).encode() + b"\n" for n in range(400)))
    path.write_bytes(stored[: len(stored) * 2 // 3])
    read = _read(tmp_path / "work", _slices(tmp_path))
    (reject,) = read["rejects"].values()
    assert (reject.source, reject.reason, reject.error_class) == (str(path), "truncated", "EOFError")
    lines = sorted(int(source.rpartition("#")[2]) for source in read["articles"])
    assert lines == list(range(1, len(lines) + 1))
    assert len(lines) > 100
    assert read["counters"]["inputs"] == len(lines) + 1
