"""A piece of the input folder that one step reads."""

from __future__ import annotations

from typing import NamedTuple


class InputSlice(NamedTuple):
    """A whole file, or a run of whole lines of a JSONL file too large to be read at once.

    Slices of one file are a function of the file's bytes alone, so an unchanged file gives the same slices again and
    a slice can be known by the digest of its bytes.
    """

    path: str
    """Any path that a Beam file system opens."""
    offset: int = 0
    """First byte, counted in the decompressed file."""
    length: int | None = None
    """Bytes to read, decompressed; None for the whole file."""
    first_line: int = 1
    """Number of the first line, from 1."""
    lines: int = 0
    """Line ends in it, where they were counted."""
    stored_bytes: int = 0
    """Bytes that the slice takes where it is stored (compressed, if it is): for progress only."""
