"""The tools that engines are built with (java, mvn, go): whether they are there, and one run of one."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

from schemas.errors import EngineError, ToolMissingError

BEAM_VERSION: Final = version("apache-beam")
"""Of the installed SDK; not asked of the package itself, which takes a second to load."""

_HOW: Final = {
    "go": "Prism is built with Go 1.26 or later: https://go.dev/dl (Debian: apt-get install golang)",
    "java": "Flink needs Java 11 or 17: https://adoptium.net (Debian: apt-get install openjdk-17-jdk-headless)",
    "mvn": "Beam's Flink job server is built with Maven: https://maven.apache.org (Debian: apt-get install maven)",
}

_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
"""Maven resets them even where it is told to give none."""

_SECONDS_BETWEEN_LINES: Final = 15.0

_LONGEST_BUILD: Final = 1_200.0
"""Seconds; the longest measured took two minutes with nothing cached, on two cores."""


def tool(name: str) -> str:
    """Return the path of a tool.

    Raises:
        ToolMissingError: it is not installed; the message says where it is to be had.
    """
    found = shutil.which(name)
    if found is None:
        raise ToolMissingError(f"{name} is not on this machine. {_HOW[name]}")
    return found


def java() -> str:
    """Return the path of a Java that Flink 1.19 runs on.

    Raises:
        ToolMissingError: there is none, or it is too old.
    """
    path = tool("java")
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False, timeout=60).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is None or int(version.group(1)) < 11:
        raise ToolMissingError(f"{path} is {said.splitlines()[0] if said else 'no Java that works'}. {_HOW['java']}")
    return path


def build(what: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run one step of a build, politely (nice 10), telling on standard error how long it has been at it.

    Raises:
        EngineError: it failed or took longer than 20 minutes; the message has what its log says of it.
    """
    polite = ["nice", "-n", "10", *command] if shutil.which("nice") else list(command)
    started = time.monotonic()
    say(f"{what} ...")
    with log.open("wb") as out:
        child = subprocess.Popen(
            polite, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, start_new_session=True
        )
        try:
            code = _wait(child, log, started)
        finally:
            _end(child)
    if code != 0:
        raise EngineError(f"{what}: {os.path.basename(command[0])} failed ({code}); {log} says: {_reason(log)}")
    say(f"{what}: {time.monotonic() - started:.0f} s")


def end_of(log: Path, lines: int = 6) -> str:
    """Return the last lines of a log that say something, as one; Java's lists of calls do not."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    said = [_COLOURS.sub("", line).strip() for line in text.splitlines()]
    return " | ".join([line for line in said if line and not line.startswith(("at ", "..."))][-lines:])


def say(line: str) -> None:
    """Tell what is being done, on standard error."""
    sys.stderr.write(f"newsbeam: {line}\n")
    sys.stderr.flush()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder, made if it is not there, for one process at a time; others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _reason(log: Path) -> str:
    """The first lines of a log that speak of an error (Maven explains itself at length after them), else its end."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return " | ".join([line.strip()[:500] for line in lines if "error" in line.lower()][:2]) or end_of(log)


def _wait(child: subprocess.Popen[bytes], log: Path, started: float) -> int:
    while True:
        try:
            return child.wait(timeout=_SECONDS_BETWEEN_LINES)
        except subprocess.TimeoutExpired:
            passed = time.monotonic() - started
            if passed > _LONGEST_BUILD:
                return -signal.SIGKILL
            say(f"  {passed:.0f} s {end_of(log, 1)[:100]}".rstrip())


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:  # given up, or the user has
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
