from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def _output(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=HERE.parents[1], timeout=120, stdin=subprocess.DEVNULL
    )


def test_every_family_is_told_of_with_its_times() -> None:
    families = {path.stem for path in HERE.glob("*.py") if "\ndef faults(effort" in path.read_text()}
    said = _output("tests.faults", "--help").stdout
    told = re.findall(r"^(\w+) +\S.*?  +(\d+ s)  +(\d+ min)$", said, re.M)
    assert {name for name, *_ in told} == families
    assert "examples:" in said


@pytest.mark.parametrize("program", [("tests.faults", "names", "--short"), ("tests.faults.runs",)])
def test_no_note_of_a_library_stands_amid_the_table(program: tuple[str, ...]) -> None:
    done = _output(*program)
    assert "apitools" not in done.stdout + done.stderr
