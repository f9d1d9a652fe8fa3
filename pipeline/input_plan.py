"""Which files are the input, and in which slices and cycles they are read.

A plan is a function of the files alone, not of what is remembered of them, so that a run that was killed and is
started again cuts the same cycles and comes to the same ids.
"""

from __future__ import annotations

import glob
import os
import stat
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from pipeline.lake import Lake
from schemas.errors import InputRejected, UsageError
from schemas.input_slice import InputSlice
from transforms.functions.file_slices import decompressed, slices_of_lines
from transforms.functions.kinds import HEAD_BYTES, kind_of
from transforms.stored_files import name_of_path, open_stored

CYCLE_BYTES: Final = 16_000_000
CYCLE_SLICES: Final = 2_000
"""A cycle ends at either. A GroupByKey of the local runner holds about 6 times its payload (measured), and a text
travels with its print, which is as large: 16 MB of text cost some 200 MB (24 MB: 100 MB more). 2,000 pages are half a
minute of extraction on two cores, and over a minute of tagging."""

_LEAST_PAGES: Final = 500
"""The last pages of a plan are cut into ever smaller cycles, down to this one. While a cycle is decided and written (by
one process, 1.5 ms a page), the others extract the next one (`read_ahead`); after the last they have nothing to do.
A cycle costs 0.3 s by itself (measured), so smaller ones gain nothing."""

_TEXT_OF_A_PAGE: Final = 8_000
"""What a page counts towards a cycle's bytes: of a page only its text stays, commonly 5 kB, and 16 kB of one in ten."""

_BYTES_OF_A_ROW: Final = 1_000
"""What a row costs in memory beside its text, so that a million lines of ten bytes are many cycles."""

_UNPACKED_TIMES: Final = 20
"""How much larger a packed text may be; repetitive text packs better than that, news about 3 times."""

_ALWAYS_WHOLE_BYTES: Final = 65_536
"""Files up to this are read whole without a look into them, whatever they hold."""

_PAGE_NAMES: Final = (".html", ".htm", ".xhtml")
_GZIP_NAME: Final = ".gz"
_EXTRAS: Final = {
    "gs": "gs:// needs newsbeam[gcp] (uv sync --extra gcp) and credentials",
    "s3": "s3:// needs newsbeam[aws] (uv sync --extra aws) and credentials",
}


def find_files(inputs: Iterable[str]) -> list[InputSlice]:
    """Return all files that the inputs name, sorted, each once; hidden files and folders are skipped, and lakes.

    Args:
        inputs: files, folders (read with all that lies below them) or globs; local, or of any Beam file system.

    Raises:
        UsageError: an input names nothing.
    """
    found: dict[str, InputSlice] = {}
    for given in inputs:
        files = list(_files_of(given))
        if not files:
            raise UsageError(f"--input {given}: {_what_is_missing(given)}")
        found.update((file.path, file) for file in files)
    return [found[path] for path in sorted(found)]


def plan_cycles(files: Sequence[InputSlice]) -> Iterator[list[InputSlice]]:
    """Yield the slices of each cycle in turn. Files are looked into only as their cycle is asked for."""
    return cycles_of((piece for file in files for piece in slices_of(file)), pages_left=sum(map(is_page, files)))


def cycles_of(slices: Iterable[InputSlice], pages_left: int | None = None) -> Iterator[list[InputSlice]]:
    """Yield slices as cycles of their bounds; they are asked for only as their cycle is.

    Args:
        pages_left: how many of the slices are pages; None where the last ones need not be cut into smaller cycles.
    """
    cycle: list[InputSlice] = []
    weight = pages = 0
    for piece in slices:
        cycle.append(piece)
        weight += _weight(piece)
        pages += is_page(piece)
        is_half = pages_left is not None and pages >= max(_LEAST_PAGES, pages_left // 2)
        if weight >= CYCLE_BYTES or len(cycle) >= CYCLE_SLICES or is_half:
            yield cycle
            pages_left = None if pages_left is None else pages_left - pages
            cycle, weight, pages = [], 0, 0
    if cycle:
        yield cycle


def is_page(piece: InputSlice) -> bool:
    """Whether a slice is, by its name, a web page: what is dear to extract."""
    return piece.path.lower().endswith(_PAGE_NAMES)


def _weight(piece: InputSlice) -> int:
    if is_page(piece):
        return min(piece.stored_bytes, _TEXT_OF_A_PAGE)
    if piece.length is not None:
        return piece.length + piece.lines * _BYTES_OF_A_ROW
    return piece.stored_bytes * (_UNPACKED_TIMES if piece.path.lower().endswith(_GZIP_NAME) else 1)


def slices_of(file: InputSlice) -> Iterator[InputSlice]:
    """Yield a whole file as one slice, or several where it is a JSONL file too large to be read at once."""
    is_gzip = file.path.lower().endswith(_GZIP_NAME)
    if is_page(file) or (file.stored_bytes <= _ALWAYS_WHOLE_BYTES and not is_gzip):
        yield file
        return
    try:
        with open_stored(file.path) as stored:
            lines = decompressed(stored)
            kind = kind_of(file.path, lines.read(HEAD_BYTES))
            lines.seek(0)
            yield from _with_stored_bytes(slices_of_lines(lines, file.path), file) if kind == "jsonl" else [file]
    except (OSError, EOFError, ValueError, zlib.error, InputRejected):
        yield file  # whoever reads it meets the same failure and reports it


def _with_stored_bytes(slices: Iterable[InputSlice], file: InputSlice) -> Iterator[InputSlice]:
    """Share the file's size out over its slices, for progress: by their length, as far as it goes."""
    left = file.stored_bytes
    for piece in slices:
        share = min(left, piece.length if piece.length is not None else left)
        left -= share
        yield piece._replace(stored_bytes=share)


def _files_of(given: str) -> Iterator[InputSlice]:
    if "://" in given:
        yield from _remote_files(given)
    elif _is_in_lake(Path(given)):
        raise UsageError(f"--input {given} is a lake, or a part of one; give the pages that it was made from")
    elif os.path.isdir(given):
        yield from _files_below(given)
    else:
        for path in [given] if os.path.lexists(given) else glob.iglob(given, recursive=True):
            if not _is_in_lake(Path(path)):
                yield from _files_below(path) if os.path.isdir(path) else _file_at(Path(path))


def _files_below(folder: str) -> Iterator[InputSlice]:
    root = os.stat(folder)
    entered = {(root.st_dev, root.st_ino)}
    refused: list[OSError] = []
    for directory, folders, names in os.walk(folder, followlinks=True, onerror=refused.append):
        folders[:] = [name for name in folders if _is_to_be_read(Path(directory, name), entered)]
        for name in names:
            if not name.startswith("."):
                yield from _file_at(Path(directory, name))
    for error in refused:  # a folder that may not be listed is an input that cannot be read, and so becomes a reject
        yield InputSlice(name_of_path(str(error.filename)), stored_bytes=0)


def _is_in_lake(path: Path) -> bool:
    return any(os.path.exists(Lake(folder).description) for folder in (path, *path.parents))


def _is_to_be_read(folder: Path, entered: set[tuple[int, int]]) -> bool:
    """Whether to go into a folder: not hidden, no lake, and not entered before (links may go round in circles)."""
    try:
        if folder.name.startswith(".") or Lake(folder).description.exists():
            return False
        status = folder.stat()
    except OSError:
        return True  # listing it will fail, and be told
    identity = (status.st_dev, status.st_ino)
    if identity in entered:
        return False
    entered.add(identity)
    return True


def _file_at(path: Path) -> Iterator[InputSlice]:
    """A broken link is still an input that cannot be read; a pipe or a device is none, and opening it may hang."""
    try:
        status = path.stat()
    except OSError:
        yield InputSlice(name_of_path(str(path)), stored_bytes=0)
        return
    if stat.S_ISREG(status.st_mode):
        yield InputSlice(name_of_path(str(path)), stored_bytes=status.st_size)


def _remote_files(given: str) -> Iterator[InputSlice]:
    from apache_beam.io.filesystem import BeamIOError  # takes half a second to load
    from apache_beam.io.filesystems import FileSystems

    patterns = [given] if given.rstrip("/") == given else []
    patterns.append(f"{given.rstrip('/')}/**")
    try:
        matches = FileSystems.match(patterns)
    except (BeamIOError, ValueError) as error:
        scheme = given.partition("://")[0]
        hint = _EXTRAS.get(scheme, "newsbeam reads local paths, gs:// and s3://")
        raise UsageError(f"--input {given}: cannot be listed ({str(error)[:200]}). {hint}") from error
    for metadata in (metadata for match in matches for metadata in match.metadata_list):
        if not any(part.startswith(".") for part in metadata.path.split("/")):
            yield InputSlice(metadata.path, stored_bytes=metadata.size_in_bytes)


def _what_is_missing(given: str) -> str:
    if os.path.isdir(given):
        return "the folder holds no files (hidden ones are skipped)"
    if os.path.exists(given):
        return "neither a file nor a folder"
    return "no such file or folder" if not glob.has_magic(given) else "the pattern matches nothing"
