"""The rows of `feeds`: what a poll came to, and what it changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from schemas.feed_poll import FeedPoll
from schemas.feed_state import NEVER, FeedState
from schemas.instants import Instant
from schemas.tables import SCHEMA_VERSION
from transforms.functions.polling import CHANGED, Polled

MERGED: Final = "merged"
REMOVED: Final = "removed"
LISTED: Final = "listed"
"""On the list (again), and known of before: else its latest row would say `removed` until it is due."""
PARTED: Final = "parted"

_DEAD_SCORE: Final = 10.0
"""From here on an hourly feed is tried once in 30 days (`polling_interval.delay_after_failures`)."""


def poll_row(before: FeedState, polled: Polled, run_id: str) -> FeedPoll:
    """Return the row of a poll."""
    row = _row(polled.state, polled.outcome, polled.state.last_polled_at or 0, run_id)
    if polled.outcome == CHANGED:
        items = polled.state.items
        overlap = (items - polled.new_items) / items if items else None
        row = row._replace(items_new=polled.new_items, possibly_lost=polled.possibly_lost, overlap=overlap)
    return row._replace(reason=polled.reason, changes=list(_changes(before, polled)))


def change_row(state: FeedState, outcome: str, at: Instant, run_id: str) -> FeedPoll:
    """Return the row of a change that no poll made."""
    # Behind the poll that it may have followed within the same moment: the latest row says how the feed is.
    return _row(state, outcome, max(at, (state.last_polled_at or 0) + 1), run_id)._replace(changes=[outcome])


def health_of(state: FeedState) -> str:
    """Return how a feed is, in a word."""
    if state.gone_at is not None:
        return "gone"
    if state.merged_into is not None:
        return MERGED
    if state.failure_score >= _DEAD_SCORE:
        return "dead"
    return "failing" if state.failure_score else "ok"


def _row(state: FeedState, outcome: str, at: Instant, run_id: str) -> FeedPoll:
    return FeedPoll(
        feed_url=state.listed_url,
        url=state.url,
        polled_at=at,
        outcome=outcome,
        health=REMOVED if outcome == REMOVED else health_of(state),
        failure_score=state.failure_score,
        interval_seconds=state.interval,
        publisher_interval_seconds=state.publisher_interval,
        polls=state.polls,
        items=state.items,
        items_new=0,
        possibly_lost=0,
        run_id=run_id,
        schema_version=SCHEMA_VERSION,
        next_poll_at=None if state.next_poll_at >= NEVER or outcome == REMOVED else state.next_poll_at,
        last_success_at=state.last_success_at,
        last_new_at=state.last_new_at,
        items_per_hour=state.items_per_hour,
        resolved_url=state.resolved_url,
        merged_into=state.merged_into,
        named_by=state.named_by,
    )


def _changes(before: FeedState, polled: Polled) -> Iterator[str]:
    after = polled.state
    if not before.polls:
        yield "first_poll"
    if before.interval and after.interval != before.interval:
        yield "interval"
    if after.publisher_interval != before.publisher_interval:
        yield "publisher_interval"
    if after.url != before.url:
        yield "moved"
    if after.failure_score and not before.failure_score:
        yield "failing"
    if before.failure_score and not after.failure_score:
        yield "recovered"
    if after.gone_at is not None:
        yield "gone"
    if before.merged_into and not after.merged_into:
        yield PARTED
    if after.validators_barred_until > before.validators_barred_until:
        yield "validators_barred"
    if polled.possibly_lost:
        yield "gap"
