"""Feeds that are one: several addresses of a list that resolve to one document are polled as one.

Lists of feeds are full of them (one host: 205 addresses, 36 feeds, and a publisher who blocked the crawler;
mediacloud/backend#189). The others are looked at once in a long while, in case they part again.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from functools import partial
from itertools import groupby
from urllib.parse import urlsplit

from schemas.feed_state import FeedState
from schemas.instants import Instant
from transforms.functions.http_hints import SECOND
from transforms.functions.poll_failures import HARD
from transforms.functions.polling_interval import PollingRules
from transforms.functions.skipped_times import after_skipped


def merge_feeds(states: Iterable[FeedState], rules: PollingRules, listed: Container[str] = ()) -> list[FeedState]:
    """Return the states that change, so that of the feeds that resolve to one address only one is polled.

    Polled on is one that does not fail, then one of the user's list, then one of the host that the address is of, so
    that nobody silences another's feed by leading to it; then the one that is listed by that very address, then one
    that is listed by https, then the first in the order of addresses. It keeps its own memory of items. Doing it twice
    changes nothing.

    Args:
        listed: addresses of the user's list, without what indexes and lists on it name.
    """
    live = [state for state in states if state.gone_at is None and state.resolved_url is not None]
    live.sort(key=_sameness)
    changed: list[FeedState] = []
    for _, group in groupby(live, key=_sameness):
        changed += _merge_group(list(group), rules, listed)
    return changed


def is_failing(state: FeedState) -> bool:
    """Whether a feed fails so that another one of the same address is polled in its stead, if there is one."""
    return state.failure_score >= HARD


def due_alone(state: FeedState, others: Iterable[FeedState]) -> Instant:
    """Return when a feed that was merged is due once it is polled on its own again.

    What it was merged into is gone, fails or has parted, and may have been another feed since: its own time counts.

    Args:
        others: feeds that were polled in its stead, or merged with it.
    """
    return min(_due_on_its_own(state), *(other.next_poll_at for other in (state, *others)))


def _merge_group(group: list[FeedState], rules: PollingRules, listed: Container[str]) -> list[FeedState]:
    kept = min(group, key=partial(_standing, listed=listed))
    others = [state for state in group if state is not kept and state.merged_into != kept.listed_url]
    pause = int(rules.retry_longest * SECOND)
    changed = [state._replace(merged_into=kept.listed_url, next_poll_at=state.next_poll_at + pause) for state in others]
    if kept.merged_into is None:
        return changed
    return [kept._replace(merged_into=None, next_poll_at=due_alone(kept, group)), *changed]


def _due_on_its_own(state: FeedState) -> Instant:
    """Return when a merged feed would be due if it were not: else one that leads here and away could silence it."""
    if state.last_polled_at is None:
        return state.next_poll_at
    pause = max(state.interval * 2.0 ** min(state.failure_score, 60.0), state.publisher_interval)  # as failures do
    return after_skipped(state.last_polled_at + int(pause * SECOND), state.skips)


def _standing(state: FeedState, listed: Container[str]) -> tuple[bool, bool, bool, bool, bool, str]:
    url = state.listed_url
    elsewhere = urlsplit(url).hostname != urlsplit(state.resolved_url or "").hostname
    is_plain = not url.startswith("https:")
    return is_failing(state), url not in listed, elsewhere, url != state.resolved_url, is_plain, url


def _sameness(state: FeedState) -> str:
    """An address without what cannot tell two documents apart: scheme, case of the host, default port, fragment."""
    parts = urlsplit(state.resolved_url or "")
    port = None if parts.port in (80, 443) else parts.port
    return f"{parts.hostname} {port} {parts.path or '/'}?{parts.query}"
