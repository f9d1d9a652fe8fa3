"""A run with `--every` as those see it who keep it running: its log, its metrics, its health, its lock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from tests.http_server import HttpServer, Reply
from tests.pipeline.test_feeds_run import full, rss
from tests.pipeline.test_metrics_server import samples

ROOT = Path(__file__).parents[2]


class Watched:
    """The run, in a process of its own, over one feed of two whole articles."""

    def __init__(self, server: HttpServer, folder: Path) -> None:
        self.lake, self._feed, self._log = folder / "lake", server.url("/feed"), folder / "log"
        self.process = self.start("--every", "1h", "--metrics-port", "0", "--log-format", "json")

    def start(self, *flags: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pipeline.cli", "run", "--feeds", self._feed, "--output", str(self.lake)]
        quick = ["--allow-private", "--host-gap", "0", "--processes", "1", "--tags", "none"]
        with self._log.open("a") as log:
            return subprocess.Popen([*command, *quick, *flags], cwd=ROOT, stderr=log, text=True)

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def wait_for(self, event: str) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while not (found := [line for line in self.log() if line["event"] == event]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return found[-1]

    def get(self, path: str) -> str:
        port = self.wait_for("metrics")["port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            assert answer.status == 200
            return str(answer.read().decode())


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with HttpServer() as server:
        server.on("/feed", Reply(body=rss([full("one"), full("two")])))
        run = Watched(server, tmp_path)
        yield run
        run.process.kill()
        run.process.wait(20)


def test_what_a_run_tells_while_it_waits(watched: Watched) -> None:
    cycle = watched.wait_for("cycle")
    assert (cycle["articles"], cycle["inputs"], cycle["feeds_polled"]) == (2, 2, 1)
    found = samples(watched.get("/metrics"))
    assert found["newsbeam_rows_total", "articles"] == 2
    assert found["newsbeam_beam_total", "items_new", "PollFeeds"] == 2
    assert found["newsbeam_feeds", "ok"] == 1
    assert found["newsbeam_next_due_timestamp_seconds",] > time.time()
    time.sleep(1)
    health = json.loads(watched.get("/healthz"))
    assert (health["status"], health["doing"], health["cycles"]) == ("ok", "waiting", 1)
    assert health["seconds"] < 1
    watched.process.send_signal(signal.SIGTERM)
    assert watched.process.wait(60) == 0
    assert [line["event"] for line in watched.log()] == ["no_contact", "metrics", "cycle", "stopping", "ended"]
    assert {len(line["time"]) for line in watched.log()} == {29}


def test_a_second_run_is_told_whose_the_lake_is_until_that_is_killed(
    watched: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    watched.wait_for("cycle")
    assert cli.main(["status", str(watched.lake), "--json"]) == 0
    in_use_by = json.loads(capsys.readouterr().out)["in_use_by"]
    assert in_use_by.startswith(f"process {watched.process.pid}, started 20")
    second = watched.start("--log-format", "json")
    assert second.wait(60) == 1
    assert watched.wait_for("failed")["message"].startswith(f"{watched.lake} is in use by {in_use_by}")
    os.kill(watched.process.pid, signal.SIGKILL)
    watched.process.wait(20)
    assert cli.main(["status", str(watched.lake), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["in_use_by"] is None
    assert watched.start().wait(60) == 0


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        (("--metrics-port", "9464"), "--every"),
        (("--every", "1h", "--metrics-port", "70000"), "1 to 65535"),
        (("--metrics-address", "10.0.0.1"), "--metrics-port"),
    ],
)
def test_flags_that_cannot_be_used(flags: tuple[str, ...], wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--feeds", "https://outlet.example/feed", *flags]) == 2
    assert wanted in capsys.readouterr().err
