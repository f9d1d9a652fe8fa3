"""A family of faults in a process of its own: it forks, which a process that has pools of workers must not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def table_of(family: str, *flags: str) -> tuple[int, list[str]]:
    """Run the short form of a family; returns its exit code, and the rows of its table."""
    command = [sys.executable, "-m", "tests.faults", family, "--short", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_ROOT, timeout=600)
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")][1:]
    assert rows, done.stderr[-2_000:]
    return done.returncode, rows
