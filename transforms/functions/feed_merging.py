"""Feeds that are one: several addresses of a list that resolve to one document are polled as one.

Lists of feeds are full of them (one host: 205 addresses, 36 feeds, and a publisher who blocked the crawler;
mediacloud/backend#189). The others are looked at once in a long while, in case they part again.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from urllib.parse import urlsplit

from schemas.feed_state import FeedState
from schemas.instants import Instant
from transforms.functions.http_hints import SECOND
from transforms.functions.polling_interval import PollingRules
from transforms.functions.skipped_times import after_skipped


def merge_feeds(states: Iterable[FeedState], rules: PollingRules) -> list[FeedState]:
    """Return the states that change, so that of the feeds that resolve to one address only one is polled.

    Polled on is the one that is listed by that very address, then one that is listed by https, then the first in the
    order of addresses; it keeps its own memory of items. Doing it twice changes nothing.
    """
    live = [state for state in states if state.gone_at is None and state.resolved_url is not None]
    live.sort(key=_sameness)
    changed: list[FeedState] = []
    for _, group in groupby(live, key=_sameness):
        changed += _merge_group(list(group), rules)
    return changed


def _merge_group(group: list[FeedState], rules: PollingRules) -> list[FeedState]:
    kept = min(group, key=_standing)
    others = [state for state in group if state is not kept and state.merged_into != kept.listed_url]
    pause = int(rules.retry_longest * SECOND)
    changed = [state._replace(merged_into=kept.listed_url, next_poll_at=state.next_poll_at + pause) for state in others]
    if kept.merged_into is None:
        return changed
    # What it was merged into is gone or has parted, and may have been another feed since: its own time counts.
    due = min(_due_on_its_own(kept), *(state.next_poll_at for state in group))
    return [kept._replace(merged_into=None, next_poll_at=due), *changed]


def _due_on_its_own(state: FeedState) -> Instant:
    """Return when a merged feed would be due if it were not: else one that leads here and away could silence it."""
    if state.last_polled_at is None or state.failure_score:
        return state.next_poll_at
    pause = max(state.interval, state.publisher_interval)
    return after_skipped(state.last_polled_at + int(pause * SECOND), state.skips)


def _standing(state: FeedState) -> tuple[bool, bool, str]:
    return (state.listed_url != state.resolved_url, not state.listed_url.startswith("https:"), state.listed_url)


def _sameness(state: FeedState) -> str:
    """An address without what cannot tell two documents apart: scheme, case of the host, default port, fragment."""
    parts = urlsplit(state.resolved_url or "")
    port = None if parts.port in (80, 443) else parts.port
    return f"{parts.hostname} {port} {parts.path or '/'}?{parts.query}"
