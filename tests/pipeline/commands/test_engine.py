from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from pipeline.engines import processes
from pipeline.engines.flink_config import Part, free_ports, listens
from tests.conftest import Command

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are found in /proc")


def test_status_of_a_cluster_that_does_not_run_says_so(newsbeam: Command, tmp_path: Path) -> None:
    done = newsbeam("engine", "status", "--folder", tmp_path / "cluster")
    assert done.returncode == 0, done.stderr
    assert "It does not run: newsbeam engine up" in done.stdout
    assert not (tmp_path / "cluster").exists()


def test_status_as_json_names_every_part(newsbeam: Command, tmp_path: Path) -> None:
    done = newsbeam("engine", "status", "--json", "--folder", tmp_path / "cluster")
    figures = json.loads(done.stdout)
    assert [part["part"] for part in figures["parts"]] == [str(part) for part in Part]
    assert {part["pid"] for part in figures["parts"]} == {None}
    assert figures["jobs"] == []


@pytest.mark.parametrize("subcommand", [["flags"], ["stop", "0"], ["cancel", "0"]])
def test_what_needs_a_cluster_says_how_to_start_one(newsbeam: Command, tmp_path: Path, subcommand: list[str]) -> None:
    done = newsbeam("engine", *subcommand, "--folder", tmp_path / "cluster")
    assert done.returncode == 1
    assert "there is no cluster in" in done.stderr
    assert "newsbeam engine up" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_flags_without_a_cluster_keep_a_run_from_running_here(newsbeam: Command, tmp_path: Path) -> None:
    flags = newsbeam("engine", "flags", "--folder", tmp_path / "cluster")
    assert flags.stdout == "--runner=PortableRunner\n"
    (tmp_path / "a.txt").write_text("a text")
    done = newsbeam("run", "--input", tmp_path / "a.txt", "--output", tmp_path / "lake", *flags.stdout.split())
    assert done.returncode == 2
    assert "--job_endpoint HOST:PORT" in done.stderr
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize("subcommand", [["flags"], ["stop", "0"], ["cancel", "0"]])
def test_a_cluster_that_is_down_says_so(newsbeam: Command, tmp_path: Path, subcommand: list[str]) -> None:
    folder = tmp_path / "cluster"
    folder.mkdir()
    (folder / "cluster.json").write_text(json.dumps(free_ports()._asdict()))
    done = newsbeam("engine", *subcommand, "--folder", folder)
    assert done.returncode == 1
    assert f"the cluster in {folder} does not run: newsbeam engine up" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert ("--job_endpoint=localhost:" in done.stdout) == (subcommand == ["flags"])


@pytest.mark.parametrize("subcommand", ["stop", "cancel"])
def test_a_job_that_is_not_there_is_told_of(newsbeam: Command, tmp_path: Path, subcommand: str) -> None:
    folder, answers = tmp_path / "cluster", tmp_path / "answers"
    (answers / "jobs").mkdir(parents=True)
    (answers / "jobs" / "overview").write_text('{"jobs": []}')  # as Flink has it without a job
    folder.mkdir()
    ports = free_ports()
    (folder / "cluster.json").write_text(json.dumps(ports._asdict()))
    server = [sys.executable, "-m", "http.server", str(ports.rest), "--directory", str(answers)]
    processes.start(folder, Part.JOB_MANAGER, server, folder / "log")
    try:
        while not listens(ports.rest):
            time.sleep(0.05)
        done = newsbeam("engine", subcommand, "foo", "--folder", folder)
    finally:
        processes.end(folder)
    assert done.returncode == 1
    assert done.stderr == "newsbeam: no such job: foo. newsbeam engine status lists them\n"


def test_down_where_nothing_runs_is_no_error(newsbeam: Command, tmp_path: Path) -> None:
    done = newsbeam("engine", "down", "--forget", "--folder", tmp_path / "cluster")
    assert done.returncode == 0, done.stderr
    assert "nothing ran in" in done.stderr


def test_up_without_java_says_where_to_get_it(newsbeam: Command, tmp_path: Path) -> None:
    environment = os.environ | {"PATH": str(tmp_path), "NEWSBEAM_ENGINES": str(tmp_path / "engines")}
    done = newsbeam("engine", "up", "--folder", tmp_path / "cluster", env=environment)
    assert done.returncode == 1
    assert "java is not on this machine" in done.stderr
    assert "openjdk-17" in done.stderr


@pytest.mark.skipif(shutil.which("java") is None, reason="needs java")
def test_up_without_maven_says_where_to_get_it(newsbeam: Command, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "java").symlink_to(str(shutil.which("java")))
    environment = os.environ | {"PATH": str(tools), "NEWSBEAM_ENGINES": str(tmp_path / "engines")}
    done = newsbeam("engine", "up", "--folder", tmp_path / "cluster", env=environment)
    assert done.returncode == 1
    assert "mvn is not on this machine" in done.stderr


def test_build_leaves_out_what_there_are_no_tools_for(newsbeam: Command, tmp_path: Path) -> None:
    environment = os.environ | {"PATH": str(tmp_path), "NEWSBEAM_ENGINES": str(tmp_path / "engines")}
    done = newsbeam("engine", "build", env=environment)
    assert done.returncode == 0
    assert "Prism is left out: go is not on this machine" in done.stderr
    assert "Flink is left out: java is not on this machine" in done.stderr
