"""The row of the `feeds` table: one poll of a feed, or another change of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.instants import Instant


class FeedPoll(NamedTuple):
    """What a poll came to and what it changed. Columns are described in `schemas.tables`."""

    feed_url: str
    url: str
    polled_at: Instant
    outcome: str
    health: str
    failure_score: float
    interval_seconds: float
    publisher_interval_seconds: float
    polls: int
    items: int
    items_new: int
    possibly_lost: int
    run_id: str
    schema_version: int
    overlap: float | None = None
    next_poll_at: Instant | None = None
    last_success_at: Instant | None = None
    last_new_at: Instant | None = None
    items_per_hour: float = 0.0
    reason: str | None = None
    changes: Sequence[str] = ()
    resolved_url: str | None = None
    merged_into: str | None = None
    named_by: str | None = None
