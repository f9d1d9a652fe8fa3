"""Where rejects of files lie, and which slices are read for them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from pipeline.input_plan import find_files, slices_of
from pipeline.replay_outcomes import InFile
from schemas.errors import UsageError
from schemas.input_slice import InputSlice
from schemas.reject import Reject
from schemas.replay import SOURCE_CHANGED, SOURCE_GONE
from transforms.stored_files import is_remote, local_path

_LINE: Final = re.compile(r"(.+)#(\d+)", re.DOTALL)


def in_file(reject: Reject) -> InFile:
    """Return where a reject lies. A name may hold `#`, too: a file that is there is meant as a whole."""
    if reject.line is not None:
        return InFile(reject, reject.source.removesuffix(f"#{reject.line}"), reject.line)
    found = _LINE.fullmatch(reject.source)
    if found is None or _is_there(reject.source):
        return InFile(reject, reject.source, None)
    return InFile(reject, found[1], int(found[2]))


def _is_there(path: str) -> bool:
    if is_remote(path):
        try:
            return bool(FileSystems.exists(path))
        except (OSError, ValueError, BeamIOError):
            return False
    return os.path.lexists(local_path(path))


class FilePlan:
    """Which slices are read for rejects of files, and which rejects each of them settles."""

    def __init__(self, rejects: Sequence[InFile]) -> None:
        self._rejects = sorted(rejects, key=lambda one: (one.path, one.line or 0))
        self._of_slice: dict[InputSlice, list[InFile]] = {}
        self.lost: list[tuple[Reject, str, str]] = []
        """Rejects whose file, or line, is not there any more; known when all slices were asked for."""

    def slices(self) -> Iterator[InputSlice]:
        """Yield the slices, file by file; a file is looked into only as its turn comes."""
        for path, group in groupby(self._rejects, key=lambda one: one.path):
            rejects = list(group)
            pieces = [piece for file in _files_at(path) for piece in slices_of(file)]
            if not pieces:
                self.lost += [(one.reject, SOURCE_GONE, _GONE) for one in rejects]
                continue
            for one in rejects:
                self._give(one, pieces)
            is_whole = any(one.line is None for one in rejects)
            yield from (piece for piece in pieces if is_whole or piece in self._of_slice)

    def take(self, piece: InputSlice) -> list[InFile]:
        """Return the rejects that a slice settles; of a whole file that is its last slice."""
        return self._of_slice.pop(piece, [])

    def _give(self, one: InFile, pieces: Sequence[InputSlice]) -> None:
        holding = pieces[-1:] if one.line is None else [piece for piece in pieces if _holds(piece, one.line)]
        if not holding:
            self.lost.append((one.reject, SOURCE_CHANGED, "its file has no such line any more"))
        for piece in holding[-1:]:
            self._of_slice.setdefault(piece, []).append(one)


_GONE: Final = "there is no such file now; relative paths count from the folder in which the command is started"


def _files_at(path: str) -> list[InputSlice]:
    """Return the file at a path, or all files of a folder that could not be listed before; nothing where it is gone."""
    try:
        return find_files([local_path(path)]) if "://" in path or _is_there(path) else []
    except UsageError:
        return []


def _holds(piece: InputSlice, line: int) -> bool:
    """Whether a line may be of a slice: the one behind its last line end is, where no other slice begins with it."""
    return piece.first_line <= line and (piece.length is None or line <= piece.first_line + piece.lines)
