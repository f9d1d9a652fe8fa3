"""Two folders change places in one step: Linux's renameat2 with RENAME_EXCHANGE, which Python does not offer."""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache
from pathlib import Path
from typing import Any, Final

from schemas.errors import LakeError

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_UNSUPPORTED: Final = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)


def exchange_folders(one: Path, other: Path) -> None:
    """Give each folder the other's name; whoever looks sees the one state or the other, never one in between.

    Raises:
        LakeError: the file system cannot do that (ext4, xfs, btrfs, tmpfs and overlayfs can).
        OSError: it failed for another reason.
    """
    if _renameat2()(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        raise LakeError(
            f"the file system of {one} cannot exchange two folders in one step, so readers would miss rows meanwhile. "
            "Keep the lake on ext4, xfs or btrfs"
        )
    raise OSError(number, os.strerror(number), str(one))


@cache
def _renameat2() -> Any:
    try:
        return ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError as error:  # glibc before 2.28, and what is no Linux
        raise LakeError("this system's C library has no renameat2, which exchanging folders needs") from error
