from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.lake import Lake
from pipeline.memory import Memory
from tests.pipeline.kill_runner import FROM_OUTSIDE, MOMENTS, UNDISTURBED
from tests.samples import html_page, record, text_of, write_lines

MARK = "NEWSBEAM_TEST_RUN"
ROOT = Path(__file__).parents[2]
Rows = Callable[..., list[tuple[Any, ...]]]


def _write_pages(folder: Path) -> None:
    """22 inputs with all that a run tells apart: pages, texts, records, copies, updates and rejects."""
    folder.mkdir()
    for number in range(13):
        (folder / f"{number:02d}.html").write_text(html_page(f"n{number}"))
    for number in range(2):
        (folder / f"copy{number}.html").write_text(html_page(f"n{7 * number}", url=f"https://mirror.example/{number}"))
        (folder / f"text{number}.txt").write_text(text_of(f"t{number}"))
        (folder / f"wall{number}.html").write_text(f"<html><form>Sign in {number}</form></html>")
    updated = record("n3", url="https://ledger.example/news/n3")
    write_lines(folder / "lines.jsonl", [record("one"), updated, {"neither": 1}])


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lakes of runs that were killed at each moment and run again, and one of a run that was not."""
    folder = tmp_path_factory.mktemp("kills")
    _write_pages(folder / "pages")
    command = [sys.executable, "-m", "tests.pipeline.kill_runner", str(folder / "pages"), str(folder)]
    marked = os.environ | {MARK: str(folder)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=200, env=marked)
    assert done.returncode == 0, done.stderr
    return folder


def test_what_an_undisturbed_run_has(work: Path, rows_of: Rows) -> None:
    lake = work / UNDISTURBED
    assert len(rows_of(lake, "articles")) == 16
    assert sorted(rows_of(lake, "copies", "relation")) == [("exact",)] * 2 + [("update",)]
    assert len(rows_of(lake, "rejects")) == 3
    assert rows_of(lake, "runs", "count(*)") == [(4,)]


@pytest.mark.parametrize("moment", [*MOMENTS, FROM_OUTSIDE])
def test_a_run_that_was_killed_and_run_again_ends_as_one_that_was_not(work: Path, rows_of: Rows, moment: str) -> None:
    for table, columns in (
        ("articles", "article_id, content_sha256, source, headline"),
        ("copies", "copy_id, duplicate_of, relation, source"),
        ("rejects", "reject_id, source, reason"),
    ):
        found = sorted(rows_of(work / moment, table, columns))
        assert found == sorted(rows_of(work / UNDISTURBED, table, columns))
        assert len({row[0] for row in found}) == len(found)
    for inputs, *outcomes in rows_of(work / moment, "runs", "inputs, articles, copies, rejects, already_seen"):
        assert inputs == sum(outcomes)
    assert rows_of(work / moment, "runs", "sum(articles), sum(copies), sum(rejects)") == [(16, 3, 3)]


@pytest.mark.parametrize("moment", [*MOMENTS, FROM_OUTSIDE])
def test_nothing_is_left_over_and_every_file_is_known(work: Path, moment: str) -> None:
    lake = Lake(work / moment)
    assert [path for path in lake.unpublished.rglob("*") if path.is_file()] == []
    memory = Memory(lake.memory)
    files = [path.relative_to(lake.root).as_posix() for path in lake.root.rglob("c*-*.parquet")]
    assert files
    assert all(memory.is_committed(file) for file in files)
    cycles = max(int(Path(file).name[1:9]) for file in files)
    assert sorted(files) == sorted(file.path for n in range(1, cycles + 1) for file in memory.files_of(n))
    memory.close()


def test_no_process_of_a_killed_run_lives_on(work: Path) -> None:
    # Workers do not bear the folder in their command line, but inherit the mark.
    deadline = time.monotonic() + 10
    while (left := _marked(work)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []


def _marked(work: Path) -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["environ"]) if (one.info["environ"] or {}).get(MARK) == str(work)]
