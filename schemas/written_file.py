"""A Parquet file that a cycle has written."""

from __future__ import annotations

from typing import NamedTuple


class WrittenFile(NamedTuple):
    """A finished file, still under the lake's temporary folder until its cycle is committed."""

    table: str
    path: str
    """Path inside the lake, with `/`: the same below the temporary folder as where it will be published."""
    rows: int
    stored_bytes: int
