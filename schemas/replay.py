"""The row of the `replays` table: one attempt at a reject that was done again."""

from __future__ import annotations

from typing import Final, NamedTuple

from schemas.instants import Instant

ARTICLE: Final = "article"
COPY: Final = "copy"
ALREADY_SEEN: Final = "already_seen"
OTHER_REJECT: Final = "other_reject"
REJECTED: Final = "rejected"
QUEUED: Final = "queued"
DROPPED: Final = "dropped"
SOURCE_GONE: Final = "source_gone"
SOURCE_CHANGED: Final = "source_changed"
NOT_KEPT: Final = "not_kept"

OUTCOMES: Final = (
    ARTICLE, COPY, ALREADY_SEEN, OTHER_REJECT, REJECTED, QUEUED, DROPPED, SOURCE_GONE, SOURCE_CHANGED, NOT_KEPT,
)  # fmt: skip
"""What can come of a reject that is done again; `schemas.tables` says what each means."""

SETTLED: Final = (ARTICLE, COPY, ALREADY_SEEN, OTHER_REJECT)
"""After these a reject is done with: its input has another row, or needs none."""


class Replay(NamedTuple):
    """One attempt at a reject. Columns are described in `schemas.tables`."""

    reject_id: str
    attempted_at: Instant
    outcome: str
    run_id: str
    schema_version: int
    row_id: str | None = None
    reason: str | None = None
    message: str | None = None
