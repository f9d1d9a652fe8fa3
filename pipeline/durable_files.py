"""Files and folders that survive a power cut: written whole or not at all, and forced to the disk."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step: readers see the old one or the new one, also after a power cut.

    Where it fails, the old one stays, or the new one stands there but may not survive a power cut. A process that is
    killed meanwhile leaves a file that `clear_half_written` knows.

    Raises:
        OSError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # several processes may write the same file at once
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to the disk, so that a rename survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_HALF_WRITTEN: Final = re.compile(r"\..+\.(\d+)\.tmp")


def clear_half_written(folder: Path) -> None:
    """Delete what processes have left in a folder that died in `write_whole`; others may be writing there now.

    This one may not: in a container, one that died had the same number.
    """
    for path in folder.glob(".*.tmp"):
        found = _HALF_WRITTEN.fullmatch(path.name)
        if found is not None and (int(found[1]) == os.getpid() or not _is_alive(int(found[1]))):
            path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
