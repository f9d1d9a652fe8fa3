"""Keeps newsbeam's own readers and the exchange of a day's files apart.

A reader lists files and opens them later. Where a day's folder is exchanged in between, it is told that a file is not
there: never a wrong answer, but an error. So a reader holds a lock that any number of readers may hold, and an
exchange, which takes a moment, waits until none does.
"""

from __future__ import annotations

import fcntl
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from pipeline.lake import Lake
from schemas.errors import LakeError

_LONGEST_WAIT: Final = 120.0
"""Seconds that one reader is waited for, and new ones with it; a report of a million articles takes 20, and a query
whose answer stands in a pager may take all night."""

_SECONDS_BETWEEN_LOOKS: Final = 0.02


def read_undisturbed(lake: Lake, reader: object) -> None:
    """Keep exchanges out for as long as an object lives; a lake that cannot be locked is read without."""
    lock = _shared(lake)
    if lock is not None:
        weakref.finalize(reader, lock.close)


@contextmanager
def reading(lake: Lake) -> Iterator[None]:
    """Keep exchanges out while the block runs."""
    lock = _shared(lake)
    try:
        yield
    finally:
        if lock is not None:
            lock.close()


def _shared(lake: Lake) -> IO[str] | None:
    try:
        with _gate_of(lake).open() as gate:
            fcntl.flock(gate, fcntl.LOCK_SH)
            lock = lake.readers.open()
            fcntl.flock(lock, fcntl.LOCK_SH)
    except OSError:
        return None
    return lock


@contextmanager
def without_readers(lake: Lake) -> Iterator[None]:
    """Wait until nobody reads, and keep readers waiting while the block runs.

    Raises:
        LakeError: one reads for two minutes.
    """
    deadline = time.monotonic() + _LONGEST_WAIT
    with _gate_of(lake).open("a+") as gate, lake.readers.open("a+") as lock:
        for one in (gate, lock):
            while not _taken(one):
                if time.monotonic() > deadline:
                    raise LakeError(
                        f"{lake.root} has been read for two minutes without a pause. End that query, then try again"
                    )
                time.sleep(_SECONDS_BETWEEN_LOOKS)
        yield


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _gate_of(lake: Lake) -> Path:
    """Return the file that each reader holds for a moment when it begins, so that no exchange waits for ever."""
    return lake.readers.with_name("readers-gate")
