"""The processes of an engine's folder: started, found again and ended, also when whoever started them is long gone.

Each carries its folder's path in its environment, and so do the processes that it starts itself. No file holds process
numbers, which would lie after a reboot or a crash: what runs is read from /proc, and a signal goes to nothing else.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from schemas.errors import EngineError

_FOLDER: Final = "NEWSBEAM_ENGINE"
_PART: Final = "NEWSBEAM_ENGINE_PART"
_SECONDS_TO_END: Final = 10.0
_SECONDS_BETWEEN_LOOKS: Final = 0.1

_started: Final[list[subprocess.Popen[bytes]]] = []
"""By this process, so that they can be waited for when they end."""


class Running(NamedTuple):
    """A process of an engine's folder."""

    pid: int
    part: str
    """Name of the part that it is, or was started by."""
    command: str


def start(
    folder: Path, part: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> None:
    """Start a part in a session of its own: it outlives this process and its terminal. It writes on at the log."""
    owned = {_FOLDER: str(folder.resolve()), _PART: part}
    with log.open("ab") as out:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, **(environment or {}), **owned},
            cwd=folder,
            start_new_session=True,
        )
    _started.append(child)


def running(folder: Path) -> list[Running]:
    """Return the processes of a folder that run now.

    Raises:
        EngineError: this is no Linux; there is nothing to read them from.
    """
    if not sys.platform.startswith("linux"):
        raise EngineError("a Flink cluster is started and ended on Linux only (it is found in /proc); use a container")
    _started[:] = [child for child in _started if child.poll() is None]
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    found = (_owned(pid, str(folder.resolve())) for pid in numbers)
    return sorted(process for process in found if process is not None)


def end(folder: Path, parts: Collection[str] | None = None) -> list[Running]:
    """End the processes of a folder (of some parts only, where named), the hard way those that take over ten seconds.

    Returns what was ended.
    """
    ended: dict[int, Running] = {}
    patient_until = time.monotonic() + _SECONDS_TO_END
    while found := [one for one in running(folder) if parts is None or one.part in parts]:
        late = time.monotonic() > patient_until
        for process in found:
            if late or process.pid not in ended:
                send(folder, process, signal.SIGKILL if late else signal.SIGTERM)
        ended |= {process.pid: process for process in found}
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    return list(ended.values())


def kill(folder: Path, processes: Collection[Running]) -> None:
    """Kill processes at once, as the kernel does when memory runs out, and wait until they are gone."""
    for process in processes:
        send(folder, process, signal.SIGKILL)
    while set(processes) & set(running(folder)):
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def send(folder: Path, process: Running, number: signal.Signals) -> None:
    """Send a signal to a process of a folder; to nobody where it has ended and its number was given to another."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        # The handle stays with the process that it was opened for. If that is the folder's, so is who gets the signal.
        if _owned(process.pid, str(folder.resolve())) is not None:
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


def _owned(pid: int, folder: str) -> Running | None:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):  # ended since, or somebody else's
        return None
    variables = dict(entry.split(b"=", 1) for entry in environment.split(b"\0") if b"=" in entry)
    if variables.get(_FOLDER.encode()) != os.fsencode(folder):
        return None
    return Running(pid, os.fsdecode(variables.get(_PART.encode(), b"")), os.fsdecode(command.replace(b"\0", b" ")))
