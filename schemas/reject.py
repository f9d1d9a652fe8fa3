"""The row of the `rejects` table: the one dead letter that every stage writes."""

from __future__ import annotations

from typing import Final, NamedTuple

from schemas.instants import Instant

STAGES: Final = ("read", "fetch", "extract")
"""Steps that can give an input up. Reasons are no such list: robots.txt, servers and libraries have many."""


class Reject(NamedTuple):
    """An input that could not become a row, and why. Columns are described in `schemas.tables`."""

    reject_id: str
    source: str
    stage: str
    reason: str
    error_class: str
    message: str
    retryable: bool
    first_seen_at: Instant
    run_id: str
    schema_version: int
    input_id: str | None = None
    line: int | None = None
    url: str | None = None
    payload: bytes | None = None
    payload_bytes: int | None = None
