from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pipeline import read_ahead
from pipeline.input_plan import find_files
from pipeline.memory import Memory
from pipeline.read_ahead import ReadAhead
from schemas.errors import LakeError
from schemas.input_slice import InputSlice
from schemas.instants import Instant
from schemas.page import Page
from tests.samples import html_page, page, record, text_of, write_lines
from transforms.functions.folder_inputs import ForgetfulIndex, SliceReader
from transforms.functions.printed_articles import ExtractPage
from transforms.functions.worker_pool import WorkerPool
from transforms.stored_files import read_slice

ROOT = Path(__file__).parents[2]
EXTRACT = ExtractPage("run-1")


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(1, 60.0)
    made.submit(EXTRACT, page("the first")).result(60)  # so that it is no longer starting
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


def _wait_for(pool: WorkerPool, pages: int) -> None:
    """Wait until so many pages are done ahead."""
    deadline = time.monotonic() + 60
    while sum(one.done() for one in _ahead(pool).values()) < pages:
        assert time.monotonic() < deadline, f"only {len(_ahead(pool))} pages were read ahead"
        time.sleep(0.02)


def _ahead(pool: WorkerPool) -> dict[Page, Any]:
    return pool._ahead.get(EXTRACT, {})


def _reader(ahead: ReadAhead) -> Thread:
    return ahead._thread


def _are_done(pool: WorkerPool, slices: list[InputSlice], read_at: Instant) -> list[bool]:
    return [pool.submit(EXTRACT, page).done() for page in _pages(slices, read_at)]


def test_the_pages_of_the_first_cycle_are_extracted_before_it_begins(pool: WorkerPool, folder: Path) -> None:
    slices = _slices(folder)
    with ReadAhead(pool, ForgetfulIndex(), "run-1", iter([slices])) as ahead:
        _wait_for(pool, 6)
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
        _wait_for(pool, 4)
        second, read_second = next(cycles)
        assert read_second > read_first
        assert _are_done(pool, second, read_second) == [True] * 4
        assert next(cycles, None) is None


def test_a_page_that_changes_after_it_was_read_ahead_is_taken_as_it_is_then(pool: WorkerPool, folder: Path) -> None:
    slices = _slices(folder)
    with ReadAhead(pool, ForgetfulIndex(), "run-1", iter([slices])) as ahead:
        _wait_for(pool, 6)
        (folder / "b.html").write_text(html_page("written anew"))
        ((given, read_at),) = ahead.cycles()
        changed = _pages(given, read_at)[1]
        printed: Any = pool.submit(EXTRACT, changed).result(60)
        assert printed.article.headline.endswith("written anew")


def test_what_was_read_ahead_and_not_used_is_let_go_of(pool: WorkerPool, folder: Path) -> None:
    slices = _slices(folder)
    with ReadAhead(pool, ForgetfulIndex(), "run-1", iter([slices[:3], slices[3:]])) as ahead:
        _wait_for(pool, 3)
        cycles = ahead.cycles()
        _, read_first = next(cycles)
        _, read_second = next(cycles)
        assert read_first not in {page.first_seen_at for page in _ahead(pool)}
        _wait_for(pool, 3)
        assert {page.first_seen_at for page in _ahead(pool)} == {read_second}
    assert _ahead(pool) == {}


def test_inputs_that_are_known_are_not_read_ahead(pool: WorkerPool, folder: Path, tmp_path: Path) -> None:
    slices = _slices(folder)
    memory = Memory(tmp_path / "memory.sqlite")
    with memory.cycle():
        for page in _pages(slices[:5], 1):
            memory.remember_input(page.input_id)
    with ReadAhead(pool, memory, "run-1", iter([slices])) as ahead:
        _reader(ahead).join(60)
        assert [page.source for page in _ahead(pool)] == [slices[5].path]
    with memory.cycle():
        assert not memory.knows_input(_pages(slices, 1)[5].input_id)  # it was only asked
    memory.close()


def test_a_folder_that_was_read_before_is_not_read_to_its_end(
    pool: WorkerPool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Knowing(ForgetfulIndex):
        def knows_input(self, input_id: str) -> bool:
            return input_id != last

    monkeypatch.setattr(read_ahead, "_MOST_KNOWN", 3)
    slices = _slices(folder)
    last = _pages(slices, 1)[5].input_id
    with ReadAhead(pool, Knowing(), "run-1", iter([slices])) as ahead:
        _reader(ahead).join(60)
        assert _ahead(pool) == {}


def test_only_so_many_bytes_wait(pool: WorkerPool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_ahead, "_MOST_BYTES", os.path.getsize(folder / "a.html") + 1)
    with ReadAhead(pool, ForgetfulIndex(), "run-1", iter([_slices(folder)])) as ahead:
        _reader(ahead).join(60)
        assert len(_ahead(pool)) == 2


def test_what_is_no_page_by_its_name_is_left_to_the_cycle(pool: WorkerPool, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text_of("a"))
    write_lines(tmp_path / "b.jsonl", [{"html": html_page("line")}, record("c")])
    (tmp_path / "c.html").mkdir()
    slices = [*_slices(tmp_path / "a.txt"), *_slices(tmp_path / "b.jsonl"), InputSlice(str(tmp_path / "c.html"))]
    with ReadAhead(pool, ForgetfulIndex(), "run-1", iter([slices])) as ahead:
        _reader(ahead).join(60)
        assert _ahead(pool) == {}
        assert [given for given, _ in ahead.cycles()] == [slices]


def test_a_memory_that_cannot_be_asked_is_left_for_the_cycle_to_meet(pool: WorkerPool, folder: Path) -> None:
    class Broken(ForgetfulIndex):
        def knows_input(self, input_id: str) -> bool:
            raise LakeError("the memory is damaged")

    slices = _slices(folder)
    with ReadAhead(pool, Broken(), "run-1", iter([slices])) as ahead:
        _reader(ahead).join(60)
        assert [given for given, _ in ahead.cycles()] == [slices]


def test_a_plan_without_cycles_has_none(pool: WorkerPool) -> None:
    with ReadAhead(pool, ForgetfulIndex(), "run-1", iter([])) as ahead:
        assert list(ahead.cycles()) == []


def test_reading_ahead_ends_where_the_cycle_reads_itself(pool: WorkerPool, tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number:03d}.html").write_text(html_page(f"many {number}"))
    slices = _slices(tmp_path)
    with ReadAhead(pool, ForgetfulIndex(), "run-1", iter([slices])) as ahead:
        reader = _reader(ahead)
        _wait_for(pool, 1)
        cycles = ahead.cycles()
        _, read_at = next(cycles)
        pool.submit(EXTRACT, _pages(slices[:1], read_at)[0])
        reader.join(60)
        assert not reader.is_alive()
        assert len(_ahead(pool)) < 100


BEGUN = """
import sys
from pipeline import cli, read_ahead

def begin(ahead):
    sys.exit(7 if "apache_beam" in sys.modules else 0)

if __name__ == "__main__":
    read_ahead.ReadAhead.__enter__ = begin
    sys.exit(cli.main(sys.argv[1:]))
"""

ENDED = """
import sys
from pipeline import cli

if __name__ == "__main__":
    code = cli.main(sys.argv[1:])
    sys.exit(7 if "httpx" in sys.modules else code)
"""


@pytest.mark.parametrize(
    ("program", "flags", "code"),
    [(BEGUN, (), 0), (BEGUN, ("--job_name", "seven"), 7), (ENDED, (), 0)],
    ids=["Beam", "Beam, for its own flags", "the HTTP client"],
)
def test_a_run_over_local_files_loads_late_what_it_needs_late_and_not_what_it_does_not_need(
    folder: Path, program: str, flags: tuple[str, ...], code: int
) -> None:
    script = folder.parent / "check.py"
    script.write_text(program)
    command = [sys.executable, str(script), "run", "--input", str(folder), "--output", str(folder.parent / "lake")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, *flags], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
