"""Runs of the command that are disturbed, each a fork of one process that has loaded all it needs.

Loading Beam takes two seconds, which two hundred killed runs would spend beside what is looked at. So one process loads
everything (`python -m tests.faults.runs`) and forks a child for each run that it is asked for: in a session of its own,
with its own fork server and workers, as if it had been started from a shell. Worker processes load this file again: it
loads nothing that takes time.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
MARK: Final = "NEWSBEAM_FAULTS_MARK"
"""A variable by which every process that a run starts is known, whoever its parent is by then."""

SECONDS_TO_BE_GONE: Final = 3.0
"""For the processes of a run that was killed (own choice: a service manager that starts it again waits for less)."""

_SECONDS_TO_LOAD: Final = 120.0

Change = Sequence[Any]
"""What is done in the child before the command: module, function, and arguments of JSON."""


class HungError(Exception):
    """A run has not ended in its time; it has been killed."""


# The process that loads everything


def serve() -> None:
    """Take orders, a line of JSON each, from standard input; tell of each child when it begins and when it ends."""
    from pipeline.cli import quieten_libraries

    quieten_libraries()  # Beam's note, at loading, on an optional Google client would stand amid the table
    for module in (
        "pipeline.commands.run",
        "pipeline.feed_run",
        "pipeline.commands.compact",
        "pipeline.commands.erase",
    ):
        import_module(module)
    _tell(ready=True)
    unread, children = b"", set[int]()
    while True:
        if select.select([0], [], [], 0.005)[0]:
            given = os.read(0, 65_536)
            if not given:
                return _end(children)
            *orders, unread = (unread + given).split(b"\n")
            for order in orders:
                children.add(_begin(json.loads(order)))
        for child in sorted(children):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                children.remove(child)
                _tell(pid=child, code=os.waitstatus_to_exitcode(status))


def _end(children: set[int]) -> None:
    for child in children:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)


def _tell(**what: Any) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def _begin(order: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        _tell(pid=child)
        return child
    os.setsid()
    os.environ[MARK] = order["mark"]
    output = os.open(order["output"], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    for module, function, *arguments in order["changes"]:
        getattr(import_module(module), function)(*arguments)
    from pipeline import cli

    sys.argv = ["newsbeam", *order["arguments"]]
    sys.exit(cli.main())


# What the harness calls


@dataclass
class Running:
    """A run under way, or ended."""

    pid: int
    mark: str
    output: Path
    _forks: Forks
    started: float = field(default_factory=time.monotonic)

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._forks.code_of(self.pid, 0.0) is not None

    def wait(self, seconds: float) -> int:
        """Return the exit code, or minus the signal that ended it.

        Raises:
            HungError: it did not end within so many seconds.
        """
        code = self._forks.code_of(self.pid, seconds)
        if code is None:
            self.kill_all()
            raise HungError(f"not ended after {seconds:.0f} s")
        return code

    def said(self) -> str:
        """Return what it has said."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def send(self, number: int) -> None:
        """Send the driver a signal."""
        if not self.is_over():
            os.kill(self.pid, number)

    def kill_all(self, number: int = signal.SIGKILL) -> None:
        """Send all processes of the session a signal."""
        if self.is_over():
            return
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:  # so young that it has no session yet
            os.kill(self.pid, number)

    def workers(self) -> list[Any]:
        """Return the worker processes: children of the fork server, which is a child of the driver."""
        import psutil

        try:
            below = psutil.Process(self.pid).children(recursive=True)
            return [process for process in below if process.ppid() != self.pid]
        except psutil.Error:
            return []

    def left(self) -> list[Any]:
        """Return the processes of the run that there are."""
        import psutil

        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def seconds_until_gone(self) -> float | None:
        """Wait until no process is left; returns the seconds, None where some had to be killed after three."""
        began = time.monotonic()
        while left := self.left():
            if time.monotonic() - began > SECONDS_TO_BE_GONE:
                for process in left:
                    process.kill()
                return None
            time.sleep(0.02)
        return time.monotonic() - began


@dataclass
class Forks:
    """The process that forks runs, as the harness sees it. Use `forking()`."""

    process: subprocess.Popen[bytes]
    folder: Path
    """Where runs write what they say."""
    codes: dict[int, int] = field(default_factory=dict)
    unread: bytes = b""

    def start(self, arguments: Sequence[object], changes: Sequence[Change] = ()) -> Running:
        """Start the command with arguments, after changes to its modules."""
        mark = uuid.uuid4().hex
        order = {"arguments": [str(one) for one in arguments], "changes": list(changes), "mark": mark}
        output = self.folder / f"said-{mark}"
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order | {"output": str(output)}).encode() + b"\n")
        self.process.stdin.flush()
        told = self.next_told(_SECONDS_TO_LOAD)
        while told is not None and "code" in told:
            self.codes[told["pid"]] = told["code"]
            told = self.next_told(_SECONDS_TO_LOAD)
        assert told is not None, "the process that forks runs does not answer"
        self.codes.pop(told["pid"], None)  # of an earlier process with this number
        return Running(told["pid"], mark, output, self)

    def run(self, arguments: Sequence[object], changes: Sequence[Change] = (), seconds: float = 600.0) -> Running:
        """Run the command to its end, within so many seconds."""
        running = self.start(arguments, changes)
        running.wait(seconds)
        return running

    def code_of(self, pid: int, seconds: float) -> int | None:
        """Return the exit code of a run, waiting for its end up to so many seconds; None where it goes on."""
        deadline = time.monotonic() + seconds
        while pid not in self.codes:
            told = self.next_told(max(0.0, deadline - time.monotonic()))
            if told is None:
                return None
            self.codes[told["pid"]] = told["code"]
        return self.codes[pid]

    def next_told(self, seconds: float) -> dict[str, Any] | None:
        """Return what the process tells next; None where it tells nothing for so many seconds."""
        assert self.process.stdout is not None
        while b"\n" not in self.unread:
            if not select.select([self.process.stdout], [], [], seconds)[0]:
                return None
            given = os.read(self.process.stdout.fileno(), 65_536)
            if not given:
                raise RuntimeError("the process that forks runs has ended")
            self.unread += given
        line, _, self.unread = self.unread.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        return told


@contextmanager
def forking(folder: Path, prefix: Sequence[str] = ()) -> Iterator[Forks]:
    """Start the process that forks runs, and end it, with whatever runs there still are.

    Args:
        folder: where runs write what they say.
        prefix: command that it is started by (`setpriv ...`).
    """
    command = [*prefix, sys.executable, "-m", "tests.faults.runs"]
    folder.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        forks = Forks(process, folder)
        assert forks.next_told(_SECONDS_TO_LOAD) == {"ready": True}, "the process that forks runs did not start"
        try:
            yield forks
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)


if __name__ == "__main__":
    serve()
