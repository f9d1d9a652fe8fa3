"""The row of the `runs` table: what became of the inputs of one cycle."""

from __future__ import annotations

from typing import Final, NamedTuple

from schemas.instants import Instant


class CycleReport(NamedTuple):
    """One cycle's account: `inputs = articles + copies + rejects + already_seen`."""

    run_id: str
    cycle: int
    started_at: Instant
    finished_at: Instant
    inputs: int
    articles: int
    copies: int
    rejects: int
    already_seen: int
    bytes_read: int
    newsbeam_version: str
    schema_version: int


ACCOUNT_COLUMNS: Final = ("inputs", "articles", "copies", "rejects", "already_seen", "bytes_read")
"""What is added up over cycles."""
