"""How long to leave between polls of a feed: from what the last poll brought, and from what the publisher asks for.

A poll that knows most items came early, one that knows few came late. Interval and jitter follow mediacloud/rss-fetcher
(shares, snapping back) and commoncrawl/news-crawl (factor), which have polled news for years.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b
from random import Random
from typing import Final

from transforms.functions.http_hints import DAY

MINUTE: Final = 60.0
HOUR: Final = 3_600.0
"""Seconds."""

_ITEM_BYTES: Final = 8
"""Bytes of an item's hash: among 4,000 items of a feed two are taken for one once in 2e12 feeds."""

_LEAST_KNOWN_KEPT: Final = 100
"""Hashes kept of a small feed: some servers answer from caches of different age, and their items come and go."""

_MOST_KNOWN_KEPT: Final = 4_000
"""Hashes kept of a large one: two documents of 2,000 items, the most that is read of a feed."""


@dataclass(frozen=True)
class PollingRules:
    """The numbers of polling. Times are seconds."""

    shortest: float = 10 * MINUTE
    longest: float = DAY
    first: float = HOUR
    """Before anything is known, and where a long interval snaps back to: at most once an hour is what hosts of feeds
    ask of readers that make conditional requests (rachelbythebay.com/w/feed)."""
    mostly_known: float = 0.67
    """Share of known items from which a poll came early (mediacloud/rss-fetcher)."""
    mostly_new: float = 0.33
    """Share of known items below which a poll came late (mediacloud/rss-fetcher)."""
    step: float = 1.5
    """Factor by which an interval grows, and shrinks (commoncrawl/news-crawl grows by as much)."""
    jitter: float = 0.1
    """Most that is added to a delay, as a share of it, so that feeds met together do not stay together
    (apache/stormcrawler adds as much)."""
    retry_longest: float = 30 * DAY
    """A dead feed is still tried this often: many come back (mediacloud/rss-fetcher)."""
    unconditional_every: int = 100
    """One poll in so many is made without validators, since servers lie (NewsBlur: 1 %)."""
    unconditional_after: float = 7 * DAY
    """And one this long after the last whole body: at an interval of a day, a hundred polls take three months."""


def rules_for(longest: float | None) -> PollingRules:
    """Return the numbers of polling, with another longest interval (seconds); shorter ones follow it."""
    usual = PollingRules()
    if longest is None:
        return usual
    return replace(usual, longest=longest, first=min(usual.first, longest), shortest=min(usual.shortest, longest))


def hash_items(item_ids: Iterable[str]) -> list[bytes]:
    """Return the hashes by which the items of a document are known again, in its order, each once."""
    hashes = (blake2b(one.encode("utf-8", "surrogatepass"), digest_size=_ITEM_BYTES).digest() for one in item_ids)
    return list(dict.fromkeys(hashes))


def known_hashes(known_items: bytes) -> frozenset[bytes]:
    """Return the hashes that a state's `known_items` holds."""
    return frozenset(known_items[at : at + _ITEM_BYTES] for at in range(0, len(known_items), _ITEM_BYTES))


def remember_items(known_items: bytes, hashes: Iterable[bytes]) -> bytes:
    """Return `known_items` with those of a new document put first; the oldest beyond the bound are forgotten."""
    latest = list(hashes)
    older = (known_items[at : at + _ITEM_BYTES] for at in range(0, len(known_items), _ITEM_BYTES))
    kept = list(dict.fromkeys([*latest, *older]))
    return b"".join(kept[: min(max(2 * len(latest), _LEAST_KNOWN_KEPT), _MOST_KNOWN_KEPT)])


def next_interval(interval: float, known_share: float | None, *, late: bool, rules: PollingRules) -> float:
    """Return the interval after a successful poll, in seconds, between the shortest and the longest.

    Args:
        interval: the interval before it; 0 for a first success.
        known_share: known items by all items of the document; 1 for `not modified`; None for one without items.
        late: whether the poll was made long after it was due: few known items then say nothing of the interval.
    """
    if interval <= 0:
        return _within(rules.first, rules)
    if known_share is None or (late and known_share < rules.mostly_new):
        return _within(interval, rules)
    if known_share >= rules.mostly_known:
        return _within(interval * rules.step, rules)
    if known_share < rules.mostly_new:
        return _within(min(interval / rules.step, rules.first), rules)
    return _within(interval, rules)


def delay_until_next(interval: float, publisher_interval: float, random: Random, rules: PollingRules) -> float:
    """Return the seconds until the next poll: the longer of both intervals, within bounds, and jitter on top of it."""
    return jittered(_within(max(interval, publisher_interval), rules), random, rules.jitter)


def delay_after_failures(interval: float, score: float, random: Random, rules: PollingRules) -> float:
    """Return the seconds until a failing feed is tried again: its interval, doubled with each point of its score.

    Ten hard failures, or twenty soft ones, take an hour's interval to the longest of 30 days; no score ends a feed.
    """
    base = _within(interval or rules.first, rules)
    grown = base * 2.0 ** min(score, 60.0)  # beyond 60 any base is over the longest, and floats end at 2^1024
    return jittered(min(max(grown, base), max(rules.retry_longest, base)), random, rules.jitter)


def jittered(seconds: float, random: Random, share: float) -> float:
    """Return the time with up to `share` of it added at random: never shorter, since bounds from below must hold."""
    return seconds * (1.0 + share * random.random())


def _within(seconds: float, rules: PollingRules) -> float:
    return min(max(seconds, rules.shortest), rules.longest)
