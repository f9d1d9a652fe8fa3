"""Tasks for worker processes, which import them by name."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from schemas.errors import InputRejected
from transforms.functions.worker_pool import WorkerPool


def double(number: int) -> int:
    return 2 * number


def pid_of_worker(_: object) -> int:
    return os.getpid()


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def slow_double(number: int) -> int:
    time.sleep(0.05)
    return 2 * number


def hang_if_negative(number: int) -> int:
    while number < 0:  # never lets go of the interpreter lock for long, and heeds nothing but SIGKILL
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return 2 * number


def die_if_negative(number: int) -> int:
    if number < 0:
        os._exit(9)
    return 2 * number


def die_once(marker: str) -> str:
    """Killed, as by a system short of memory, on its first try."""
    path = Path(marker)
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "second try"


def length(numbers: list[int]) -> int:
    return len(numbers)


def count(marker: str) -> int:
    with Path(marker).open("a") as file:
        file.write("x")
    return len(Path(marker).read_text())


def count_and_die(marker: str) -> None:
    with Path(marker).open("a") as file:
        file.write("x")
    os._exit(1)


def fail_as_told(how: str) -> str:
    if how == "rejected":
        raise InputRejected("no_article", "nothing in it", retryable=True)
    if how == "recursion":
        return fail_as_told(how)
    if how == "unpicklable result":
        return lambda: None  # type: ignore[return-value]
    if how == "unpicklable error":
        raise _Unpicklable(lambda: None)
    if how == "odd error":
        raise _Odd("one", "two")
    if how == "exit":
        sys.exit(3)
    raise ValueError("a parser's \ud800 complaint")


class _Unpicklable(Exception):
    pass


class _Odd(Exception):
    """Pickles, but cannot be made again from its pickle, as with many a library's errors."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def workers_of(pool: WorkerPool) -> set[int]:
    """Return the processes that take a pool's tasks."""
    return {future.result(20) for future in [pool.submit(pid_of_worker, None) for _ in range(20)]}
