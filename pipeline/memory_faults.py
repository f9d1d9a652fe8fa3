"""What is wrong with a file of SQLite, in words: held by another program, or damaged; and looking whether it is."""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path
from typing import Final

from schemas.errors import DamagedError, LakeError

REBUILD: Final = "newsbeam memory rebuild"
"""The command that makes a memory anew; messages name it."""

_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_NOMEM)
"""Damaged lengths make SQLite ask for more memory, or longer values, than there are."""

_DAMAGED_WORDS: Final = ("no such table", "no such column", "Could not decode", "disk image is malformed")
"""What SQLite and Python say of a schema, or of texts, that are not what newsbeam has written."""

_HEADER: Final = struct.Struct(">16sH6xII60xI")
"""Of a file of SQLite (sqlite.org/fileformat2.html): magic, bytes of a page, change counter, pages, and the change
counter for which the number of pages holds."""
_MAGIC: Final = b"SQLite format 3\0"


def explained(path: Path, error: sqlite3.Error) -> LakeError:
    """Return what an error of SQLite means for whoever uses the lake."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or "locked" in str(error):
        return LakeError(f"{path}: {error}. Another program holds it: wait for that to end")
    if code in _DAMAGE or any(words in str(error) for words in _DAMAGED_WORDS):
        return damaged(path, str(error))
    if code == sqlite3.SQLITE_FULL or getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHMSIZE:
        return LakeError(f"{path}: the disk is full ({error}). Make room; the same command goes on from there")
    return LakeError(f"{path}: {error}")


def damaged(path: Path, what: str) -> DamagedError:
    """Return the error for a damaged file: what is wrong, and what makes it anew."""
    told = f"{path}, which knows when hosts may be asked," if path.name.startswith("hosts") else path
    finding = f"{told} is damaged: {what}"
    return DamagedError(f"{finding}. Nothing was written. {how_to_rebuild(path)}", finding)


def outdated(path: Path, what: str) -> DamagedError:
    """Return the error for a memory that was lost, or is older than its lake."""
    finding = f"{path}: {what}: the memory was lost or is an old copy"
    return DamagedError(f"{finding}. {how_to_rebuild(path)}", finding)


def how_to_rebuild(path: Path) -> str:
    """Return what to do about a memory that cannot be used."""
    return f"Make it anew from the tables: {REBUILD} {path.parent.parent}"


def check_size(path: Path) -> None:
    """Look whether a file is as long as its first page says, which costs nothing, however large it is.

    Raises:
        DamagedError: it is shorter; or it is no file of SQLite's at all.
    """
    if not path.exists() or not (size := path.stat().st_size):
        return
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
    if len(head) < _HEADER.size or not head.startswith(_MAGIC):
        raise damaged(path, "its first bytes are not those of a SQLite file")
    _, page_bytes, counter, pages, counted_at = _HEADER.unpack(head)
    expected = pages * (65_536 if page_bytes == 1 else page_bytes)
    # Where there is a log, the rest may still be in it: a process may be moving it, or have died over that.
    log = path.with_name(f"{path.name}-wal")
    if counter == counted_at and size < expected and not (log.exists() and log.stat().st_size):
        raise damaged(path, f"it has {size:,} bytes of {expected:,}")


def faults_of(connection: sqlite3.Connection, *, quick: bool = False) -> list[str]:
    """Return what SQLite's own check finds, at most ten lines; none where all is well.

    Args:
        quick: leave out whether indexes and tables say the same, which takes most of the time.
    """
    check = "quick_check" if quick else "integrity_check"
    found = [line for (text,) in connection.execute(f"pragma {check}(10)") for line in str(text).splitlines()]
    return [line for line in found if line != "ok" and not line.startswith("***")]
