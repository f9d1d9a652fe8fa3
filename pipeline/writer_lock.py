"""Who writes a lake: one process at a time, which holds its lock as long as it lives."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Final

from pipeline.lake import Lake
from schemas.errors import LakeError

_TRIES_TO_TAKE: Final = 5
_SECONDS_BETWEEN_TRIES: Final = 0.05


@contextmanager
def locked(lake: Lake) -> Iterator[None]:
    """Hold the lake for this process; the system lets go of it when the process ends, however it ends.

    Raises:
        LakeError: another process holds it.
    """
    with lake.lock.open("a+") as lock:
        if not _taken(lock):
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            raise LakeError(f"{lake.root} is in use by {holder}. Wait for it to end, or stop it.")
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, started {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
        lock.flush()
        yield


def holder_of(lake: Lake) -> str | None:
    """Return which process holds the lake, and since when, in words; None where none does."""
    try:
        with lake.lock.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return lock.read().strip() or "another process"
    except FileNotFoundError:
        pass
    return None


def _taken(lock: IO[str]) -> bool:
    """Take the lock; not given up at once, since whoever looks for the holder has it for a moment."""
    for _ in range(_TRIES_TO_TAKE):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(_SECONDS_BETWEEN_TRIES)
        else:
            return True
    return False
