"""deploy/flink/flink_job.py against a job manager's API, as one answers it."""

from __future__ import annotations

import importlib.util
import json
import socket
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.deploy.places import DEPLOY
from tests.http_server import Asked, HttpServer, Reply

PATH = "s3://bucket/flink/checkpoints/1/chk-7"
SAVEPOINT = "s3://bucket/flink/savepoints/savepoint-1"


class JobManager:
    """Answers as Flink's job manager does (the fields that are read), and does what it is asked for."""

    def __init__(self, server: HttpServer) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.looks = 0
        self._server = server
        server.on("*", self._answer)

    @property
    def address(self) -> str:
        return self._server.url("")

    def add(self, job_id: str, state: str = "RUNNING", *, checkpoint_at_look: int | None = 0) -> None:
        self.jobs[job_id] = {"name": "news", "state": state, "from": checkpoint_at_look}

    def _answer(self, asked: Asked) -> Reply:
        path = asked.path.partition("?")[0].strip("/").split("/")
        body = self._body(path, asked)
        return Reply(404) if body is None else Reply(body=json.dumps(body).encode())

    def _body(self, path: list[str], asked: Asked) -> Any:
        if path == ["overview"]:
            return {"taskmanagers": 1}
        if path == ["jobs", "overview"]:
            self.looks += 1
            jobs = [{"jid": one, "start-time": 1_000, **job} for one, job in self.jobs.items()]
            return {"jobs": jobs}
        job = self.jobs[path[1]]
        if path[2:] == ["checkpoints"]:
            return {"latest": {"completed": self._checkpoint(job)}, "counts": {"failed": 0}}
        if path[2:] == ["metrics"]:
            return [{"id": "numRestarts", "value": "2"}]
        if path[2:] == ["exceptions"]:
            return {"exceptionHistory": {"entries": [{"stacktrace": "java.io.IOException: no bucket\n\tat x"}]}}
        if path[2:] == ["stop"]:
            job["state"] = "FINISHED"
            return {"request-id": "t"}
        if path[2:] == ["savepoints", "t"]:
            return {"status": {"id": "COMPLETED"}, "operation": {"location": SAVEPOINT}}
        if "mode=cancel" in asked.path:
            job["state"] = "CANCELED"
        return {"jid": path[1], "start-time": 1_000, **job}

    def _checkpoint(self, job: dict[str, Any]) -> dict[str, Any] | None:
        if job["from"] is None or self.looks <= job["from"]:
            return None
        times = {"latest_ack_timestamp": 1_000, "end_to_end_duration": 300, "state_size": 32}
        return {"id": 7, "external_path": PATH, **times}


@pytest.fixture(scope="module")
def flink_job() -> ModuleType:
    spec = importlib.util.spec_from_file_location("newsbeam_flink_job", DEPLOY / "flink" / "flink_job.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module._SECONDS_BETWEEN_LOOKS = 0.02
    return module


@pytest.fixture
def manager() -> Iterator[JobManager]:
    with HttpServer() as server:
        yield JobManager(server)


def _call(module: ModuleType, manager: JobManager, *command: str, limit: float = 60.0) -> int:
    return int(module.main([f"--rest={manager.address}", f"--limit={limit:g}", *command]))


def test_a_stream_is_confirmed_once_it_has_made_a_checkpoint(
    flink_job: ModuleType, manager: JobManager, capsys: pytest.CaptureFixture[str]
) -> None:
    manager.add("old", "FINISHED")
    manager.add("new", checkpoint_at_look=3)
    assert _call(flink_job, manager, "await-checkpoint", "news") == 0
    assert manager.looks > 3
    said = capsys.readouterr().out
    assert PATH in said
    assert "old" not in said


def test_a_stream_that_makes_no_checkpoint_is_not_confirmed(
    flink_job: ModuleType, manager: JobManager, capsys: pytest.CaptureFixture[str]
) -> None:
    manager.add("new", "RESTARTING", checkpoint_at_look=None)
    assert _call(flink_job, manager, "await-checkpoint", "news", limit=0.1) == 1
    assert "job new is RESTARTING and has made no checkpoint: java.io.IOException: no bucket" in capsys.readouterr().err


def test_a_stream_that_never_came_is_not_confirmed(
    flink_job: ModuleType, manager: JobManager, capsys: pytest.CaptureFixture[str]
) -> None:
    manager.add("old", "FAILED")
    assert _call(flink_job, manager, "await-checkpoint", "other", limit=0.1) == 1
    assert "there is no job named other" in capsys.readouterr().err


def test_two_streams_of_one_name_are_told_of(
    flink_job: ModuleType, manager: JobManager, capsys: pytest.CaptureFixture[str]
) -> None:
    manager.add("a")
    manager.add("b")
    for command in ("await-checkpoint", "stop", "cancel"):
        assert _call(flink_job, manager, command, "news") == 1
        assert "2 jobs named news run: a, b" in capsys.readouterr().err
    assert {job["state"] for job in manager.jobs.values()} == {"RUNNING"}


def test_a_stop_prints_the_savepoint_and_nothing_else(
    flink_job: ModuleType, manager: JobManager, capsys: pytest.CaptureFixture[str]
) -> None:
    manager.add("old", "CANCELED")
    manager.add("new")
    assert _call(flink_job, manager, "stop", "news") == 0
    assert capsys.readouterr().out == f"{SAVEPOINT}\n"
    assert manager.jobs["new"]["state"] == "FINISHED"


def test_a_cancel_prints_the_last_checkpoint(
    flink_job: ModuleType, manager: JobManager, capsys: pytest.CaptureFixture[str]
) -> None:
    manager.add("new")
    assert _call(flink_job, manager, "cancel", "news") == 0
    assert capsys.readouterr().out == f"{PATH}\n"
    assert manager.jobs["new"]["state"] == "CANCELED"


def test_the_status_has_all_jobs(
    flink_job: ModuleType, manager: JobManager, capsys: pytest.CaptureFixture[str]
) -> None:
    manager.add("old", "FAILED", checkpoint_at_look=None)
    manager.add("new")
    assert _call(flink_job, manager, "status") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("old news FAILED restarts=2 failed_checkpoints=0 checkpoint: never")
    assert lines[1].endswith(f"checkpoint: 1970-01-01T00:00:01Z 32 bytes in 0.3 s {PATH}")


def test_a_cluster_is_there_when_both_of_its_doors_are(
    flink_job: ModuleType, manager: JobManager, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        job_server = f"--job-server=127.0.0.1:{server.getsockname()[1]}"
        assert _call(flink_job, manager, "await-cluster", job_server) == 0
    assert _call(flink_job, manager, "await-cluster", job_server, limit=0.1) == 1
    assert "no job server listens at 127.0.0.1:" in capsys.readouterr().err


def test_a_job_manager_that_is_away_is_named(flink_job: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
    for command in (["await-cluster", "--job-server=127.0.0.1:1"], ["await-checkpoint", "news"]):
        assert flink_job.main([f"--rest={address}", "--limit=0.1", *command]) == 1
        assert f"no job manager answers at {address}" in capsys.readouterr().err
    assert flink_job.main([f"--rest={address}", "status"]) == 1
