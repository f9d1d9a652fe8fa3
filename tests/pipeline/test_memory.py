from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from pipeline.memory import MEMORY_VERSION, Memory, memory_at, opened_memory
from schemas.errors import LakeError
from schemas.written_file import WrittenFile

A, B, C = (f"{letter * 64}" for letter in "abc")
FILE = WrittenFile("articles", "articles/date=2026-03-31/c00000001-000.parquet", 3, 900)


def _remember_all(memory: Memory) -> None:
    memory.remember_input(A)
    memory.remember_slice(A, 7)
    memory.note_file(1, FILE)


def _knows(memory: Memory) -> list[object]:
    return [
        memory.knows_input(A),
        memory.inputs_of_slice(A),
        memory.files_of(1),
        memory.is_committed(FILE.path),
    ]


NOTHING = [False, None, [], False]
EVERYTHING = [True, 7, [FILE], True]


def test_what_a_cycle_notes_it_sees_and_after_the_commit_everyone_does(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    memory, other = Memory(path), Memory(path)
    with memory.cycle() as number:
        assert number == 1
        _remember_all(memory)
        memory.note_cycle(number, "run-1", 0)
        assert _knows(memory) == EVERYTHING
        assert _knows(other) == NOTHING
    assert _knows(other) == EVERYTHING
    memory.close()
    other.close()
    reopened = Memory(path)
    assert _knows(reopened) == EVERYTHING
    with reopened.cycle() as number:
        assert number == 2
    reopened.close()


def test_a_cycle_that_fails_is_forgotten_and_its_number_given_again(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.sqlite")
    with pytest.raises(KeyboardInterrupt), memory.cycle():  # noqa: PT012  (what is noted before it fails is the point)
        _remember_all(memory)
        raise KeyboardInterrupt
    assert _knows(memory) == NOTHING
    with memory.cycle() as number:
        assert number == 1
    memory.close()


def test_other_keys_are_not_known(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.sqlite")
    with memory.cycle():
        _remember_all(memory)
    assert not memory.knows_input(C)
    assert memory.inputs_of_slice(C) is None


def test_nothing_is_noted_outside_a_cycle(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.sqlite")
    with pytest.raises(LakeError, match="outside a cycle"):
        memory.remember_input(C)
    assert not memory.knows_input(C)
    memory.close()


def test_all_threads_of_the_process_see_one_memory(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    with opened_memory(path) as memory, memory.cycle():
        threads = [
            threading.Thread(
                target=lambda n=n: [memory_at(str(path)).remember_input(f"{n:04x}{m:060x}") for m in range(50)]
            )
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        known = [memory.knows_input(f"{n:04x}{m:060x}") for n in range(4) for m in range(50)]
    # The first 16 bytes are the key: here they differ by thread alone.
    assert all(known)
    with pytest.raises(KeyError):
        memory_at(str(path))


def test_a_memory_of_a_newer_newsbeam_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    Memory(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"pragma user_version = {MEMORY_VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(LakeError, match="newer newsbeam"):
        Memory(path)
    assert path.read_bytes() == before


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("create table songs (title text)")
    connection.close()
    with pytest.raises(LakeError, match="no memory of newsbeam"):
        Memory(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    path.write_bytes(b"not a database, though long enough to be looked at " * 100)
    with pytest.raises(LakeError, match=r"memory\.sqlite"):
        Memory(path)


def test_a_damaged_memory_is_an_error_not_an_empty_memory(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    memory = Memory(path)
    with memory.cycle():
        for number in range(5000):
            memory.remember_input(f"{number:032x}{number:032x}")
    memory.close()
    stored = bytearray(path.read_bytes())
    stored[4096:] = b"\xff" * (len(stored) - 4096)
    path.write_bytes(stored)
    with pytest.raises(LakeError):  # noqa: PT012  (where it is met depends on what was damaged)
        damaged = Memory(path)
        for number in range(0, 5000, 100):
            assert damaged.knows_input(f"{number:032x}{number:032x}")


def test_two_cycles_at_once_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "memory.sqlite"
    memory, other = Memory(path), Memory(path)
    other._connection.execute("pragma busy_timeout = 50")
    with memory.cycle(), pytest.raises(LakeError, match="locked"), other.cycle():
        pass
    memory.close()
    other.close()


def test_nobody_asks_while_a_cycle_is_committed_or_taken_back(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.sqlite")
    could_ask: dict[str, bool] = {}

    def look(statement: str) -> None:
        asking = threading.Thread(target=lambda: could_ask.update({statement: memory._lock.acquire(blocking=False)}))
        asking.start()
        asking.join()

    memory._connection.set_trace_callback(look)
    with memory.cycle():
        pass
    with pytest.raises(KeyError), memory.cycle():
        raise KeyError("a stage has failed")
    memory._connection.set_trace_callback(None)
    wanted = ("begin immediate", "commit", "rollback")
    assert {name.lower(): could for name, could in could_ask.items() if name.lower() in wanted} == dict.fromkeys(
        wanted, False
    )
