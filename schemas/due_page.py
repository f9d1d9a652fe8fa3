"""A page that a feed has named and that is still to be fetched."""

from __future__ import annotations

from typing import NamedTuple

from schemas.instants import Instant


class DuePage(NamedTuple):
    """One page: what is remembered of it until it has come or is given up. Plain values only, fit for SQLite."""

    url: str
    """As its feed gives it: the page's key."""
    host: str
    feed_url: str
    """Address, as listed, of the feed that named it first."""
    hints: str | None
    """As `Page.hints`."""
    first_seen_at: Instant
    due_at: Instant
    """It is not asked for before."""
    attempts: int = 0
    """Requests that failed in a way that may pass."""
