from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http_server import HttpServer, Reply
from tests.pipeline.test_feeds_run import full, item, rss

ROOT = Path(__file__).parents[2]
Rows = Callable[..., list[tuple[Any, ...]]]
EVERY = ("--every", "1h")


class Polling:
    """A run in a process of its own, over a feed of one whole article and a page that takes its time."""

    def __init__(self, server: HttpServer, folder: Path) -> None:
        self.server, self.lake, self.feed = server, folder / "lake", server.url("/feed")

    def start(self, *flags: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pipeline.cli", "run", "--feeds", self.feed, "--output", str(self.lake)]
        quick = ["--allow-private", "--host-gap", "0", "--contact", "a@b.example", "--processes", "1", "--tags", "none"]
        return subprocess.Popen([*command, *quick, *flags], cwd=ROOT, stderr=subprocess.PIPE, text=True)

    def wait_for(self, path: str) -> None:
        deadline = time.monotonic() + 60
        while path not in self.server.paths():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def wait_for_rows(self) -> None:
        deadline = time.monotonic() + 60
        while not list(self.lake.glob("runs/*/c*.parquet")):
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture
def polling(tmp_path: Path) -> Iterator[Polling]:
    with HttpServer() as server:
        server.on("/feed", Reply(body=rss([full("whole"), item("slow", server.url("/slow"))])))
        server.on("/slow", Reply(pause=2.0, status=503))
        yield Polling(server, tmp_path)


def _ended(process: subprocess.Popen[str], code: int) -> str:
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    return errors


@pytest.mark.parametrize(("flags", "code"), [((), 1), (EVERY, 0)])
def test_the_first_signal_ends_what_is_under_way_and_commits(
    polling: Polling, rows_of: Rows, flags: tuple[str, ...], code: int
) -> None:
    process = polling.start(*flags)
    polling.wait_for("/slow")
    process.send_signal(signal.SIGTERM)
    _ended(process, code)
    assert len(rows_of(polling.lake, "articles")) == 1
    assert rows_of(polling.lake, "fetches", "status", "where purpose = 'page'") == [(503,)]


def test_the_second_signal_ends_at_once_and_loses_nothing(polling: Polling, rows_of: Rows) -> None:
    process = polling.start(*EVERY)
    polling.wait_for("/slow")
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    stopped = time.monotonic()
    process.send_signal(signal.SIGINT)
    errors = _ended(process, 1)
    assert time.monotonic() - stopped < 1.5
    assert "Traceback" not in errors
    assert "stopped at once" in errors
    assert rows_of(polling.lake, "articles") == []
    assert _ended(polling.start(), 0)
    assert len(rows_of(polling.lake, "articles")) == 1


def test_a_signal_ends_the_wait_for_the_next_round(polling: Polling) -> None:
    polling.server.on("/slow", Reply(404))
    process = polling.start(*EVERY)
    polling.wait_for_rows()
    time.sleep(0.5)
    stopped = time.monotonic()
    os.kill(process.pid, signal.SIGTERM)
    _ended(process, 0)
    assert time.monotonic() - stopped < 5


def test_a_signal_while_python_tidies_up_does_not_change_the_exit_code(polling: Polling) -> None:
    polling.server.on("/slow", Reply(404))
    process = polling.start("--log-format", "json")
    assert process.stderr is not None
    assert any('"event": "ended"' in line for line in process.stderr)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _ended(process, 0)
