"""The rules by which one host is asked: how long to leave between two requests, and when to leave it alone.

Everything follows from (state, what happened, random): no clock is read here. A host has one connection at a time: that
is the scheduler's part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Final

from schemas.fetch import Fetch
from schemas.host_state import HostState
from schemas.instants import Instant
from transforms.functions.http_hints import DAY, SECOND
from transforms.functions.network_outage import SUSPECT_FAILURES, is_answered

OVERLOADED_STATUSES: Final = frozenset((429, 503))
"""Too Many Requests and Service Unavailable. 403 is not one: it refuses a page or a client, whatever its pace."""

UNREACHABLE: Final = frozenset(
    ("connect_timeout", "connection_refused", "connect_failed", "network_unreachable", "resolver_failed",
     "no_such_name", "tls_failed")
)  # fmt: skip
"""Failures before a request could be sent: the next one to the host would hardly fare better."""


@dataclass(frozen=True)
class HostRules:
    """The numbers of politeness. Times are seconds."""

    gap: float = 5.0
    """Least time between the starts of two requests (mediacloud/story-indexer)."""
    slowness: float = 5.0
    """A host that takes a second to answer is left alone for so many (Heritrix: `delayFactor`)."""
    slowest_gap: float = 60.0
    """Most that slowness alone makes of the gap; twice Heritrix's, since a request may take 20 s here."""
    smoothing: float = 0.3
    """Weight of the latest answer in the smoothed time: one slow answer in a row of quick ones is no slow host."""
    first_block: float = 60.0
    """For overload where the answer does not say how long; doubled each time (apache/stormcrawler#1984)."""
    forgiven_after: float = 1_800.0
    """A host that has been quiet so long after a block starts again at the first one (apache/stormcrawler#1984)."""
    longest_block: float = DAY
    unreachable_pause: float = 600.0
    """For a host that could not be reached (mediacloud/story-indexer: `CONN_RETRY_MINUTES`)."""
    jitter: float = 0.1
    """Most that is added to a block, as a share of it, so that hosts do not come back together."""


def may_start_at(host: HostState) -> Instant:
    """Return when the next request to the host may start at the earliest."""
    return max(host.next_start_at, host.blocked_until)


def gap_seconds(host: HostState, rules: HostRules) -> float:
    """Return the least time between the starts of two requests to the host, in seconds.

    The longest of newsbeam's own gap, the one that the host's slowness asks for and its Crawl-delay, however long that
    is: a host that wants one request an hour gets one an hour, and is not dropped (apache/stormcrawler#1979).
    """
    slow = min(rules.slowness * (host.response_seconds or 0.0), rules.slowest_gap)
    return max(rules.gap, slow, host.crawl_delay or 0.0)


def after_start(host: HostState, now: Instant, rules: HostRules) -> HostState:
    """Return the host's state once a request to it has started."""
    next_start_at = now + math.ceil(gap_seconds(host, rules) * SECOND)
    return host._replace(last_start_at=now, next_start_at=next_start_at)


def after_fetch(host: HostState, fetch: Fetch, random: Random, rules: HostRules) -> HostState:
    """Return the host's state once a request to it has ended, however it did.

    A local outage must be told by the caller (`network_outage`), which then does not call this.
    """
    now = fetch.requested_at + math.ceil(fetch.seconds * SECOND)
    silent_since = fetch.requested_at if host.unanswered_since is None else host.unanswered_since
    host = host._replace(unanswered_since=silent_since if fetch.failure in SUSPECT_FAILURES else None)
    if is_answered(fetch):
        host = host._replace(last_answer_at=now)
    if fetch.failure in UNREACHABLE:
        return _blocked(host, now, rules.unreachable_pause, "unreachable", random, rules)
    if fetch.status is None and fetch.failure != "time_limit":
        return host  # refused by the address guard, or broken off: that says nothing of its pace
    host = _timed(host, fetch, rules)
    if fetch.retry_after is not None and fetch.status is not None and fetch.status >= 400:
        return _blocked(host, now, fetch.retry_after, "retry_after", random, rules)
    if fetch.status in OVERLOADED_STATUSES:
        seconds = _next_block(host, now, rules)
        host = host._replace(block_seconds=seconds)
        return _blocked(host, now, seconds, "overloaded", random, rules)
    return host


def _timed(host: HostState, fetch: Fetch, rules: HostRules) -> HostState:
    """Take the time of an answer into the smoothed one, and make the gap after this request as long as that asks."""
    before = fetch.seconds if host.response_seconds is None else host.response_seconds
    host = host._replace(response_seconds=before + rules.smoothing * (fetch.seconds - before))
    next_start_at = fetch.requested_at + math.ceil(gap_seconds(host, rules) * SECOND)
    return host._replace(next_start_at=max(host.next_start_at, next_start_at))


def _next_block(host: HostState, now: Instant, rules: HostRules) -> float:
    quiet = (now - host.blocked_until) / SECOND
    if not host.block_seconds or quiet >= rules.forgiven_after:
        return rules.first_block
    return min(2 * host.block_seconds, rules.longest_block)


def _blocked(host: HostState, now: Instant, seconds: float, why: str, random: Random, rules: HostRules) -> HostState:
    """Block the host for the time and jitter on top of it: never for less than it asked."""
    until = now + math.ceil(seconds * (1 + rules.jitter * random.random()) * SECOND)
    return host._replace(blocked_until=max(host.blocked_until, until), blocked_why=why)
