from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.engines import processes
from pipeline.engines.processes import Running

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are found in /proc")

_SLEEPS = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
_STARTS_ANOTHER = [
    sys.executable, "-c",
    "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "print('up', flush=True)",
]  # fmt: skip
_IGNORES_SIGTERM = [
    sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    processes.kill(tmp_path, processes.running(tmp_path))


def _start(folder: Path, part: str, command: list[str]) -> None:
    log = folder / f"{part}.log"
    processes.start(folder, part, command, log)
    until = time.monotonic() + 30
    while "up" not in log.read_text():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.02)


def test_what_was_started_is_found_by_part_and_ended(folder: Path) -> None:
    _start(folder, "one", _SLEEPS)
    _start(folder, "two", _SLEEPS)
    assert {process.part for process in processes.running(folder)} == {"one", "two"}
    assert [process.part for process in processes.end(folder, ["one"])] == ["one"]
    assert [process.part for process in processes.running(folder)] == ["two"]
    assert len(processes.end(folder)) == 1
    assert processes.running(folder) == []


def test_a_child_that_lost_its_parent_is_found_and_ended(folder: Path) -> None:
    _start(folder, "pool", _STARTS_ANOTHER)
    until = time.monotonic() + 30
    while len(found := processes.running(folder)) != 1:  # the parent is gone
        assert time.monotonic() < until, found
        time.sleep(0.02)
    assert found[0].part == "pool"
    assert "sleep" in found[0].command
    assert len(processes.end(folder)) == 1


def test_what_does_not_end_when_asked_is_killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_SECONDS_TO_END", 0.3)
    _start(folder, "stubborn", _IGNORES_SIGTERM)
    assert len(processes.end(folder)) == 1
    assert processes.running(folder) == []


def test_processes_of_another_folder_are_let_be(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    _start(other, "one", _SLEEPS)
    assert processes.end(folder) == []
    assert len(processes.running(other)) == 1
    processes.kill(other, processes.running(other))
    assert processes.running(other) == []


def test_no_signal_goes_to_a_process_that_is_not_the_folders(folder: Path) -> None:
    with subprocess.Popen(_SLEEPS, stdout=subprocess.DEVNULL) as stranger:
        try:
            processes.send(folder, Running(stranger.pid, "one", ""), signal.SIGKILL)
            time.sleep(0.2)
            assert stranger.poll() is None
        finally:
            stranger.kill()
