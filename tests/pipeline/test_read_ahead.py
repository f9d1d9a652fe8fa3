from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.input_plan import find_files
from pipeline.memory import Memory
from pipeline.read_ahead import ReadAhead
from schemas.input_slice import InputSlice
from schemas.instants import Instant
from schemas.page import Page
from tests.samples import html_page, record, text_of, write_lines
from transforms.functions.folder_inputs import ForgetfulIndex, SliceReader
from transforms.functions.printed_articles import ExtractPage
from transforms.functions.worker_pool import WorkerPool
from transforms.stored_files import read_slice

ROOT = Path(__file__).parents[2]
EXTRACT = ExtractPage("run-1")


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(1, 60.0)
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    for name in "abcdef":
        (made / f"{name}.html").write_text(html_page(f"{tmp_path.name} {name}"))  # of one test: they share the pool
    return made


def _slices(folder: Path) -> list[InputSlice]:
    return find_files([str(folder)])


def _pages(slices: list[InputSlice], read_at: Instant) -> list[Page]:
    """The pages as a cycle reads them."""
    reader = SliceReader(ForgetfulIndex(), "run-1", read_at)
    rows = [row for piece in slices for row in reader.rows_of(piece, *read_slice(piece))]
    return [row for row in rows if isinstance(row, Page)]


def _wait_until_idle(pool: WorkerPool) -> None:
    time.sleep(0.3)  # several looks of the thread that reads
    while pool.tasks_under_way():
        time.sleep(0.05)


def _are_done(pool: WorkerPool, slices: list[InputSlice], read_at: Instant) -> list[bool]:
    return [pool.submit(EXTRACT, page).done() for page in _pages(slices, read_at)]


def test_the_pages_of_the_first_cycle_are_extracted_before_it_begins(pool: WorkerPool, folder: Path) -> None:
    slices = _slices(folder)
    with ReadAhead(pool, ForgetfulIndex(), "run-1", iter([slices])) as ahead:
        _wait_until_idle(pool)
        ((given, read_at),) = ahead.cycles()
    assert given == slices
    assert _are_done(pool, slices, read_at) == [True] * 6


def test_the_next_cycle_is_read_while_one_is_at_work_and_later_than_it(pool: WorkerPool, folder: Path) -> None:
    slices = _slices(folder)
    with ReadAhead(pool, ForgetfulIndex(), "run-1", iter([slices[:2], slices[2:]])) as ahead:
        cycles = ahead.cycles()
        first, read_first = next(cycles)
        for page in _pages(first, read_first):
            pool.submit(EXTRACT, page).result(60)
        _wait_until_idle(pool)
        second, read_second = next(cycles)
        assert read_second > read_first
        assert _are_done(pool, second, read_second) == [True] * 4
        assert next(cycles, None) is None


def test_a_page_that_changes_after_it_was_read_ahead_is_taken_as_it_is_then(pool: WorkerPool, folder: Path) -> None:
    slices = _slices(folder)
    with ReadAhead(pool, ForgetfulIndex(), "run-1", iter([slices])) as ahead:
        _wait_until_idle(pool)
        (folder / "b.html").write_text(html_page("written anew"))
        ((given, read_at),) = ahead.cycles()
        changed = _pages(given, read_at)[1]
        printed: Any = pool.submit(EXTRACT, changed).result(60)
        assert printed.article.headline.endswith("written anew")


def test_what_was_read_ahead_and_not_used_is_let_go_of(pool: WorkerPool, folder: Path) -> None:
    slices = _slices(folder)
    with ReadAhead(pool, ForgetfulIndex(), "run-1", iter([slices[:3], slices[3:]])) as ahead:
        _wait_until_idle(pool)
        cycles = ahead.cycles()
        first, read_first = next(cycles)
        next(cycles)
        assert not any(_are_done(pool, first, read_first))


def test_inputs_that_are_known_are_not_read_ahead(pool: WorkerPool, folder: Path, tmp_path: Path) -> None:
    slices = _slices(folder)
    memory = Memory(tmp_path / "memory.sqlite")
    with memory.cycle():
        for page in _pages(slices[:5], 1):
            memory.remember_input(page.input_id)
    with ReadAhead(pool, memory, "run-1", iter([slices])) as ahead:
        _wait_until_idle(pool)
        ((_, read_at),) = ahead.cycles()
    assert _are_done(pool, slices, read_at) == [False] * 5 + [True]
    with memory.cycle():
        assert not memory.knows_input(_pages(slices, 1)[5].input_id)  # it was only asked
    memory.close()


def test_what_is_no_page_by_its_name_is_left_to_the_cycle(pool: WorkerPool, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text_of("a"))
    write_lines(tmp_path / "b.jsonl", [{"html": html_page("line")}, record("c")])
    (tmp_path / "c.html").mkdir()
    slices = [*_slices(tmp_path / "a.txt"), *_slices(tmp_path / "b.jsonl"), InputSlice(str(tmp_path / "c.html"))]
    with ReadAhead(pool, ForgetfulIndex(), "run-1", iter([slices])) as ahead:
        _wait_until_idle(pool)
        ((given, read_at),) = ahead.cycles()
    assert given == slices
    assert _are_done(pool, slices[:2], read_at) == [False, False]


def test_a_memory_that_cannot_be_asked_is_left_for_the_cycle_to_meet(pool: WorkerPool, folder: Path) -> None:
    class Broken(ForgetfulIndex):
        def knows_input(self, input_id: str) -> bool:
            raise sqlite3.DatabaseError("database disk image is malformed")

    slices = _slices(folder)
    with ReadAhead(pool, Broken(), "run-1", iter([slices])) as ahead:
        assert [given for given, _ in ahead.cycles()] == [slices]


def test_a_plan_without_cycles_has_none(pool: WorkerPool) -> None:
    with ReadAhead(pool, ForgetfulIndex(), "run-1", iter([])) as ahead:
        assert list(ahead.cycles()) == []


def test_reading_ahead_ends_where_the_cycle_reads_itself(pool: WorkerPool, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(200):
        (many / f"{number:03d}.html").write_text(html_page(f"many {number}"))
    slices = _slices(many)
    with ReadAhead(pool, ForgetfulIndex(), "run-1", iter([slices])) as ahead:
        ((_, read_at),) = ahead.cycles()
        pages = _pages(slices, read_at)
        pool.submit(EXTRACT, pages[0])
        _wait_until_idle(pool)
        assert not pool.submit(EXTRACT, pages[-1]).done()


def test_a_run_over_local_files_begins_before_beam_is_loaded() -> None:
    check = "import pipeline.commands.run, sys; sys.exit('apache_beam' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=False).returncode == 0
