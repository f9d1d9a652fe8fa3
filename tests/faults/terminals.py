"""Commands in forked processes, on a terminal of their own or not, and what they said."""

from __future__ import annotations

import os
import pickle
import pty
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

from pipeline import cli, feed_run  # noqa: F401  (with the HTTP client: loaded once, and not by each process)
from pipeline.commands import query, report, run  # noqa: F401  (with Beam)

Result = TypeVar("Result")

_MOST_SECONDS: Final = 120.0
"""Of one command, by the clock: what takes longer hangs."""

ORDERS: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\x1b(?!\\[[0-9;?]*[A-Za-z])|\x1b\\[31;5m"
)
"""What a terminal must not be given: controls, marks that turn a line round, any escape but the plain ones that move
and colour, which rich makes itself; and one of these that only the samples have."""


class Said(NamedTuple):
    """How a command ended."""

    code: int | None
    """None for one that had to be ended."""
    output: bytes
    """Standard output and standard error together."""

    @property
    def text(self) -> str:
        return self.output.decode("utf-8", "replace")

    def orders(self) -> list[str]:
        """What a terminal would have obeyed, with what stands around it."""
        return [self.text[max(0, found.start() - 30) : found.end() + 10] for found in ORDERS.finditer(self.text)]


def on_terminal(arguments: Sequence[str], *, width: int = 200) -> Said:
    """Run a command on a terminal."""
    child, terminal = pty.fork()
    if not child:
        _be(arguments, width)
    parts, started = [], time.monotonic()
    while time.monotonic() - started < _MOST_SECONDS:
        try:
            if not (part := os.read(terminal, 65_536)):
                break
        except OSError:  # how Linux says that the other end is closed
            break
        parts.append(part)
    os.close(terminal)
    return Said(_code_of(child, started), b"".join(parts))


def piped(arguments: Sequence[str], prepare: Callable[[], None] = lambda: None) -> Said:
    """Run a command whose output goes to a file.

    Args:
        prepare: called in its process first.
    """
    with tempfile.TemporaryFile() as file:
        started, child = time.monotonic(), os.fork()
        if not child:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            prepare()
            _be(arguments, 200)
        code = _code_of(child, started)
        file.seek(0)
        return Said(code, file.read())


def forked(work: Callable[[], Result], most_seconds: float) -> Result | None:
    """Do something in a process of its own; returns what comes of it, None where it had to be ended.

    Raises:
        RuntimeError: it raised something, or died; what, stands on standard error. What it prints goes nowhere.
    """
    with tempfile.TemporaryFile() as file:
        started, child = time.monotonic(), os.fork()
        if not child:
            code = 1
            try:
                os.setsid()
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                file.write(pickle.dumps(work()))
                file.flush()
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        code_of_child = _code_of(child, started, most_seconds)
        if code_of_child is None:
            return None
        if code_of_child:
            raise RuntimeError(f"a process ended with {code_of_child}")
        file.seek(0)
        found: Result = pickle.load(file)  # noqa: S301 - our own
        return found


def _be(arguments: Sequence[str], width: int) -> None:
    """Be the command, in a forked process."""
    code = 1
    try:
        os.environ |= {"COLUMNS": str(width), "LINES": "50", "TERM": "xterm-256color"}
        sys.stdout, sys.stderr = (
            os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False) for number in (1, 2)
        )
        code = cli.main(list(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    finally:
        from transforms.functions.worker_pool import close_shared_pools

        close_shared_pools()
        os._exit(code)


def _code_of(child: int, started: float, most_seconds: float = _MOST_SECONDS) -> int | None:
    while time.monotonic() - started < most_seconds:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None
