from __future__ import annotations

import json
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.doctor import machine, network, software
from pipeline.doctor.finding import FAIL, OK, WARN, Finding, looked_at
from pipeline.lake import Lake, open_or_make_lake
from pipeline.memory import Memory
from pipeline.tombstone_copy import KeptTombstone, copy_of, write_copy
from pipeline.writer_lock import locked
from schemas.errors import UsageError
from schemas.tombstone import DOMAIN, Tombstone
from tests.http_server import HttpServer, Reply


def _by_name(findings: Any) -> dict[str, Finding]:
    return {finding.what: finding for finding in findings}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_or_make_lake(str(tmp_path / "lake"))


def test_an_installation_in_order(newsbeam: Callable[..., Any], lake: Lake) -> None:
    done = newsbeam("doctor", lake.root, "--offline", "--json")
    found = _by_name(Finding(**json.loads(line)) for line in done.stdout.splitlines())
    wrong = {name: finding for name, finding in found.items() if finding.state == FAIL}
    assert (wrong, done.returncode, done.stderr) == ({}, 0, "")
    wanted = {"newsbeam", "packages", "language model", "topic model", "entity model", "worker processes", "locks"}
    assert wanted <= set(found)
    assert [path.name for path in lake.root.glob(".*")] == []


def test_packages_that_were_changed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["duckdb<1", "no-such-package>=2", "pyarrow>=1", 'nothing; extra == "gcp"']
    monkeypatch.setattr(software, "requires", lambda _: asked)
    finding = software._packages()
    assert finding.state == FAIL
    assert "duckdb is " in finding.said
    assert "no-such-package is missing" in finding.said
    assert "pyarrow" not in finding.said
    assert "install newsbeam again" in str(finding.remedy)


def test_a_lake_in_use_and_one_that_is_not_there(lake: Lake, tmp_path: Path) -> None:
    with locked(lake):
        assert "in use by process" in _by_name(machine.look_at_machine(str(lake.root)))["lake"].said
    found = _by_name(machine.look_at_machine(str(tmp_path / "new" / "lake")))
    assert "newsbeam run makes it" in found["lake"].said
    assert not (tmp_path / "new").exists()


def test_what_cannot_be_written_fails_with_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.commands.doctor.look_at_software", lambda: iter(()))
    assert cli.main(["doctor", "/proc/newsbeam/lake", "--offline"]) == 1
    said = capsys.readouterr().out
    assert "fail lake is writable" in said
    assert "-> choose a folder that this user may write to" in said
    assert cli.main(["doctor", str(tmp_path), "--url", "outlet.example"]) == 2


@pytest.mark.parametrize(("ahead", "state"), [(30, OK), (3_600, FAIL)])
def test_a_clock_that_was_set_back_is_told_by_the_lake(lake: Lake, ahead: int, state: str) -> None:
    memory = Memory(lake.memory)
    with memory.cycle() as number:
        memory.note_cycle(number, "run-1", int((time.time() + ahead) * 1e6))
    memory.close()
    assert _by_name(machine.look_at_machine(str(lake.root)))["clock"].state == state


@pytest.mark.parametrize(
    ("mounts", "state"),
    [("/dev/sda / ext4 rw\nhost:/x {0} nfs4 rw\n", FAIL), ("/dev/sda / ext4 rw\nhost:/x {0}/else nfs4 rw\n", OK)],
)
def test_a_lake_on_a_network_file_system(lake: Lake, mounts: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read_text = Path.read_text

    def read(path: Path, *arguments: Any) -> str:
        return mounts.format(lake.root) if str(path) == "/proc/mounts" else read_text(path, *arguments)

    monkeypatch.setattr(Path, "read_text", read)
    assert machine._file_system(lake.root).state == state


@pytest.mark.parametrize(("off", "state"), [(5, OK), (300, WARN), (7_200, FAIL)])
def test_the_network_and_the_clock_of_a_server(off: int, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEWSBEAM_CONTACT", raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    with HttpServer() as server:
        server.on("/feed", Reply(405, {"date": formatdate(time.time() - off, usegmt=True)}))
        found = _by_name(network.look_at_network(server.url("/feed")))
    assert found["DNS"].state == OK
    assert "answered 405" in found["network"].said
    assert found["clock and server"].state == state
    assert (found["proxy"].state, found["contact"].state) == (WARN, WARN)


def test_a_name_that_is_none_and_a_port_that_is_closed() -> None:
    found = _by_name(network.look_at_network("https://no-such-host.invalid/"))
    assert found["DNS"].state == FAIL
    assert "network" not in found
    with HttpServer() as server:
        closed = server.url("/")
    assert _by_name(network.look_at_network(closed))["network"].state == FAIL
    with pytest.raises(UsageError):
        network.look_at_network("ftp://outlet.example/")


def test_a_look_that_breaks_is_a_finding() -> None:
    def look() -> str:
        raise RuntimeError("a\nb")

    assert looked_at("it", look, "mend it") == Finding("it", FAIL, "a b", "mend it")


def test_an_engine_without_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSBEAM_ENGINES", str(tmp_path))
    monkeypatch.delenv("NEWSBEAM_PRISM", raising=False)
    assert [finding.state for finding in software.look_at_engine("prism")] == [FAIL]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [finding.state for finding in software.look_at_engine("flink")] == [FAIL, FAIL]


@pytest.mark.parametrize("is_lost", [False, True])
def test_the_remedy_of_a_memory_is_told_once(lake: Lake, is_lost: bool) -> None:
    if is_lost:
        path = lake.root / "articles" / "date=2026-03-31" / "c00000001-000.parquet"
        path.parent.mkdir()
        path.touch()
    else:
        lake.memory.write_bytes(b"no memory")
    found = _by_name(machine.look_at_machine(str(lake.root)))
    finding = found["memory of the lake"]
    assert finding.state == FAIL
    assert "memory rebuild" in str(finding.remedy)
    assert "rebuild" not in finding.said
    assert "Nothing was written" not in finding.said
    assert found["clock"].state == OK


def test_a_takedown_that_the_memory_does_not_know_is_told(lake: Lake) -> None:
    Memory(lake.memory).close()
    assert _by_name(machine.look_at_machine(str(lake.root)))["memory of the lake"].state == OK
    write_copy(copy_of(lake.memory), [KeptTombstone(Tombstone(DOMAIN, "outlet.example", 1), True)])
    finding = _by_name(machine.look_at_machine(str(lake.root)))["memory of the lake"]
    assert finding.state == FAIL
    assert "it does not know of a takedown that was carried out" in finding.said
    assert "memory rebuild" in str(finding.remedy)
