"""Times that lie ahead of the clock, since it has gone back: what waits for one of them is counted from now on.

A machine's clock may be wrong by hours or years until it is put right. What was noted meanwhile would keep feeds, hosts
and pages waiting until the right clock gets there. A wait is kept at its length, so that nobody is asked sooner for it.
"""

from __future__ import annotations

from typing import Final

from schemas.feed_state import NEVER, FeedState
from schemas.host_state import HostState
from schemas.instants import Instant
from transforms.functions.http_hints import DAY, SECOND

LONGEST_FEED_WAIT: Final = int(41 * DAY * SECOND)
"""What a feed waits at most: 30 days after many failures, a tenth of it as jitter, a week that its publisher skips."""

LONGEST_PAGE_WAIT: Final = int(1.1 * DAY * SECOND)
"""What a page waits at most for its next attempt: the day that a Retry-After is capped at, and a tenth."""


def settled_feed(state: FeedState, now: Instant) -> FeedState:
    """Return a feed's state without times that lie ahead of the clock: as if the last poll had been made now."""
    ahead = max(0, (state.last_polled_at or 0) - now)
    due = state.next_poll_at - ahead
    if state.next_poll_at >= NEVER:
        due = NEVER
    elif due > now + LONGEST_FEED_WAIT:
        due = now
    return state._replace(
        next_poll_at=due,
        last_polled_at=_past(state.last_polled_at, now),
        last_success_at=_past(state.last_success_at, now),
        last_full_at=_past(state.last_full_at, now),
        last_new_at=_past(state.last_new_at, now),
        validators_barred_until=max(0, state.validators_barred_until - ahead),
    )


def settled_host(host: HostState, now: Instant) -> HostState:
    """Return a host's state without times that lie ahead of the clock: as if the last request had been made now.

    What its robots.txt was found to say then is asked for again.
    """
    ahead = (host.last_start_at or 0) - now
    if ahead <= 0:
        return host
    return host._replace(
        next_start_at=host.next_start_at - ahead,
        blocked_until=host.blocked_until - ahead,
        last_start_at=now,
        last_answer_at=_past(host.last_answer_at, now),
        unanswered_since=_past(host.unanswered_since, now),
        robots=tuple(one for one in host.robots if one.fetched_at <= now),
    )


def _past(instant: Instant | None, now: Instant) -> Instant | None:
    return None if instant is None else min(instant, now)
