"""Inputs, feed lists and lakes on gs://, on an emulator of Google Cloud Storage: what Dataflow's workers would do.

Jobs run on Prism, in the environment with Beam's parts for Google Cloud. Beam takes some 20 s to find no credentials.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.engines.test_dataflow import GCP, environment
from tests.http_server import HttpServer, Reply
from tests.samples import html_page

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "seeds"
BUCKET = "my-bucket"


@dataclass(frozen=True)
class Storage:
    """The emulator."""

    address: str

    def put(self, name: str, content: bytes) -> None:
        query = {"uploadType": "media", "name": name}
        url = f"{self.address}/upload/storage/v1/b/{BUCKET}/o"
        httpx.post(url, params=query, content=content, timeout=30).raise_for_status()

    def names(self, prefix: str) -> list[str]:
        answer = httpx.get(f"{self.address}/storage/v1/b/{BUCKET}/o", params={"prefix": prefix}, timeout=30)
        return sorted(one["name"] for one in answer.raise_for_status().json().get("items", []))

    def files(self, lake: str, table: str) -> list[str]:
        return [name for name in self.names(f"{lake}/{table}/") if "schema-" not in name]


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    environment()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    emulator = [str(GCP / "bin" / "gcp-storage-emulator"), "start", "--host=localhost", f"--port={port}", "--in-memory"]
    with subprocess.Popen(
        [*emulator, f"--default-bucket={BUCKET}"], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    ) as process:
        try:
            until = time.monotonic() + 30
            while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
                assert time.monotonic() < until, "the emulator does not start"
                time.sleep(0.2)
            yield Storage(f"http://localhost:{port}")
        finally:
            process.terminate()


def _command(storage: Storage, *flags: str) -> tuple[list[str], dict[str, str]]:
    command = [str(GCP / "bin" / "python"), "-m", "pipeline.cli", "run", "--project=my-project", "--tags=none", *flags]
    return command, os.environ | {"STORAGE_EMULATOR_HOST": storage.address}


def test_a_batch_reads_and_writes_there(storage: Storage, prism_options: list[str]) -> None:
    for path in SEEDS.rglob("*"):
        if path.is_file():
            storage.put(f"seeds/{path.relative_to(SEEDS)}", path.read_bytes())
    flags = [f"--input=gs://{BUCKET}/seeds", f"--output=gs://{BUCKET}/batch", "--json", *prism_options]
    command, environment = _command(storage, *flags)
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-2_000:]
    account = json.loads(done.stdout)
    assert (account["articles"], account["copies"], account["rejects"]) == (5, 3, 1)
    for table in ("articles", "copies", "rejects", "runs"):
        assert len(storage.files("batch", table)) == 1
    assert storage.names("batch/_newsbeam/tmp/") == []
    again = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert again.returncode == 2
    assert "holds rows of job" in again.stderr


def test_a_stream_takes_up_what_appears_there_and_the_list_of_feeds(
    storage: Storage, prism_options: list[str], tmp_path: Path
) -> None:
    with HttpServer() as server:
        page = server.url("/news/one")
        item = f"<item><link>{page}</link><title>one</title></item>"
        feed = f"<rss version='2.0'><channel><title>t</title>{item}</channel></rss>"
        server.on("/robots.txt", Reply(404))
        server.on("/feed", Reply(200, {"content-type": "application/rss+xml"}, feed.encode()))
        server.on(
            "/news/one", Reply(200, {"content-type": "text/html; charset=utf-8"}, html_page("one", url=page).encode())
        )
        storage.put("feeds.txt", f"# one feed\n{server.url('/feed')}\n".encode())
        flags = [
            f"--input=gs://{BUCKET}/appearing",
            f"--feeds=gs://{BUCKET}/feeds.txt",
            f"--output=gs://{BUCKET}/stream",
        ]
        flags += ["--streaming", "--every=1s", "--flush=1s", "--host-gap=0.1", "--allow-private", *prism_options]
        command, environment = _command(storage, *flags)
        with (tmp_path / "log").open("w") as log:
            job = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
        try:
            _wait_for_files(storage, 1, job, tmp_path / "log")
            asked = {one.path for one in server.asked}
            storage.put("appearing/two.html", html_page("two").encode())
            _wait_for_files(storage, 2, job, tmp_path / "log")
        finally:
            job.send_signal(signal.SIGTERM)
            job.wait(120)
    assert {"/feed", "/news/one"} <= asked
    assert job.returncode == 0, (tmp_path / "log").read_text()[-2_000:]
    assert storage.names("stream/_newsbeam/tmp/") == []


def test_a_list_that_is_not_there_is_told_at_once(storage: Storage, prism_options: list[str]) -> None:
    flags = [f"--feeds=gs://{BUCKET}/none.txt", f"--output=gs://{BUCKET}/none", "--streaming", *prism_options]
    command, environment = _command(storage, *flags)
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 2
    assert f"--feeds gs://{BUCKET}/none.txt: cannot be read (404" in done.stderr


def _wait_for_files(storage: Storage, count: int, job: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 240
    while len(storage.files("stream", "articles")) < count:
        assert job.poll() is None, log.read_text()[-2_000:]
        assert time.monotonic() < until, f"{storage.names('stream/')}\n{log.read_text()[-2_000:]}"
        time.sleep(0.5)
