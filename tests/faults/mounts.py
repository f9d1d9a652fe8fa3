"""A disk of its own for a test: a tmpfs of a given size, in a mount namespace that ends with the process.

Nothing of it is seen outside. Where neither root nor a user namespace may mount, `command_with_mounts` says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.faults.runs import ROOT
from tests.faults.tally import Effort, Tally

WITHOUT_OVERRIDE: Final = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
"""Starts a program for which permissions of files count, though it is root's."""


def command_with_mounts() -> tuple[str, ...] | None:
    """Return the command that starts a program where it may mount, seen by nobody else; None where there is none."""
    for command in (("unshare", "-m"), ("unshare", "-Urm")):
        with tempfile.TemporaryDirectory() as folder:
            if _works([*command, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]):
                return command
    return None


def command_without_override() -> tuple[str, ...] | None:
    """Return the command that starts a program for which permissions count; None where there is none."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "closed")
        folder.mkdir(mode=0o555)
        for command in ((), WITHOUT_OVERRIDE):
            if not _works([*command, "touch", str(folder / f"by-{len(command)}")]) and _works([*command, "true"]):
                return command
    return None


def _works(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def with_mounts(module: str, what: str, effort: Effort, command: tuple[str, ...]) -> Iterator[Tally]:
    """Run `python -m MODULE WHAT FOLDER SEED LONG` where it may mount, and yield the tallies that it prints."""
    given = [what, str(effort.folder), str(effort.seed), str(int(effort.is_long))]
    with subprocess.Popen(
        [*command, sys.executable, "-m", module, *given], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield Tally(**json.loads(line))
    if process.returncode:
        raise RuntimeError(f"{module} {what} ended with {process.returncode}")


def print_tally(tally: Tally) -> None:
    """Print a tally as `with_mounts` reads it."""
    print(json.dumps(asdict(tally)), flush=True)


@dataclass
class Disk:
    """A tmpfs at a folder. Use where mounting is allowed."""

    folder: Path
    is_mounted: bool = False

    def make(self, size: int) -> None:
        """Put an empty disk of so many bytes there."""
        self.remove()
        self.folder.mkdir(parents=True, exist_ok=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.folder)
        self.is_mounted = True

    def remove(self) -> None:
        """Take the disk away, with all that is on it."""
        if self.is_mounted:
            _run("umount", "-l", self.folder)
            self.is_mounted = False

    def resize(self, size: int) -> None:
        """Give it another size."""
        _run("mount", "-o", f"remount,size={size}", self.folder)

    def read_only(self, *, on: bool) -> None:
        """Have it refuse to be written to, or not."""
        _run("mount", "-o", f"remount,{'ro' if on else 'rw'}", self.folder)

    def used(self) -> int:
        """Return how many bytes are taken."""
        status = os.statvfs(self.folder)
        return (status.f_blocks - status.f_bfree) * status.f_frsize


def _run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True)
