"""The copy of a lake's tombstones beside its memory: a small JSON file, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from pipeline.durable_files import write_whole
from schemas.errors import DamagedError, LakeError, NewerError
from schemas.tombstone import KINDS, Tombstone

_NAME: Final = "tombstones.json"
_VERSION: Final = 1


class KeptTombstone(NamedTuple):
    """A tombstone, and how far its takedown has come."""

    tombstone: Tombstone
    is_done: bool
    """Whether its rows are out of the tables; else that was asked for, and may not even be committed."""


def copy_of(memory: Path) -> Path:
    """Return where the copy for a memory lies."""
    return memory.with_name(_NAME)


def read_copy(path: Path) -> list[KeptTombstone] | None:
    """Return what the copy holds; None where there is none.

    Raises:
        DamagedError: it cannot be read.
        NewerError: it was written by a newer newsbeam, and may say what this one does not understand.
    """
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        version = known["version"]
        if not isinstance(version, int):
            raise ValueError(f"no version: {str(version)[:100]}")
        if version > _VERSION:
            raise NewerError(
                f"{path}, which says what was taken down, has version {version}; this newsbeam knows {_VERSION}: a "
                "newer one wrote it. Nothing was written. Upgrade newsbeam, then start this again"
            )
        return [_kept(one) for one in known["tombstones"]]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedError(f"{path} cannot be read: {error}") from error


def write_copy(path: Path, kept: Iterable[KeptTombstone]) -> None:
    """Write the copy; when this returns, it is on the disk.

    Raises:
        LakeError: it cannot be written.
    """
    tombstones = [{**one.tombstone._asdict(), "is_done": one.is_done} for one in kept]
    text = json.dumps({"version": _VERSION, "tombstones": tombstones}, indent=1)
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise LakeError(f"{path} cannot be written: {error}") from error


def _kept(one: Any) -> KeptTombstone:
    kind, value, erased_at = one["kind"], one["value"], one["erased_at"]
    if kind not in KINDS or not isinstance(value, str) or not isinstance(erased_at, int):
        raise ValueError(f"no tombstone: {str(one)[:100]}")
    return KeptTombstone(Tombstone(kind, value, erased_at), one["is_done"] is True)
