"""What stands in the files of deploy/local must be a command that newsbeam takes."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.options import command_parser, run_settings

LOCAL = Path(__file__).parents[2] / "deploy" / "local"
UNITS = sorted(LOCAL.glob("*.service"))


def _commands_of(unit: Path) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in re.findall(r"^ExecStart=(.+)$", unit.read_text(), re.MULTILINE)]


def _check(arguments: Sequence[str]) -> None:
    parsed, others = command_parser().parse_known_args(list(arguments))
    assert others == []
    if parsed.command == "run":
        settings = run_settings(parsed, [])
        assert (settings.watch.metrics_port, settings.watch.log_format) == (9464, "json")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_units_call_newsbeam_as_it_is(unit: Path) -> None:
    commands = _commands_of(unit)
    assert commands
    for arguments in commands:
        _check(arguments)


def test_the_container_calls_newsbeam_as_it_is() -> None:
    (command,) = re.findall(r"^CMD (\[.*\])$", (LOCAL / "Containerfile").read_text(), re.MULTILINE)
    _check(json.loads(command))


def test_the_container_takes_all_that_the_package_has() -> None:
    copied = set(re.findall(r"^COPY (\w+) \./\1$", (LOCAL / "Containerfile").read_text(), re.MULTILINE))
    allowed = set(re.findall(r"^!(\w+)$", (LOCAL / "Containerfile.dockerignore").read_text(), re.MULTILINE))
    project = tomllib.loads((LOCAL.parents[1] / "pyproject.toml").read_text())
    assert copied == set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert copied <= allowed


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze checks the units")
def test_systemd_has_nothing_to_say_against_the_units(tmp_path: Path) -> None:
    program = tmp_path / "newsbeam"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in (*UNITS, *LOCAL.glob("*.timer")):
        text = unit.read_text().replace("/opt/newsbeam/.venv/bin/newsbeam", str(program))
        text = re.sub(r"^(User|Group)=.*\n", "", text, flags=re.MULTILINE)  # there is no such user here
        (tmp_path / unit.name).write_text(text)
    units = [str(path) for path in tmp_path.glob("newsbeam*.*")]
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
