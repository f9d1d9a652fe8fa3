"""Judges when a reader polls: its table `feeds`, beside the script, the servers' logs and what each feed held then."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from tests.farm_replies import Asked
from tests.farm_server import FeedFarm
from tests.feed_judge import Poll, polls_by_feed
from tests.feed_verdict import Verdict
from tests.feed_world import DAY, HOUR, Feed, FeedWorld
from tests.host_judge import GAP

_LEAST_INTERVAL: Final = 600.0
_FIRST_INTERVAL: Final = HOUR
_MOSTLY_KNOWN: Final = 0.67
_MOSTLY_NEW: Final = 0.33
_JITTER: Final = 1.1
_NO_NETWORK: Final = ("resolver_failed", "no_such_name", "network_unreachable", "connect_timeout", "local_outage")
_READ: Final = ("changed", "unchanged", "not_modified")


@dataclass(frozen=True)
class Noted:
    """A poll by the reader's own account. Times are seconds from the world's beginning."""

    polled_at: float
    next_poll_at: float | None
    outcome: str
    reason: str | None
    interval: float
    overlap: float | None
    possibly_lost: int


def judge_schedule(farm: FeedFarm, tables: Any, every: float, verdict: Verdict, *, gap: float = GAP) -> set[str]:
    """Judge all polls; returns the guids of items that stayed in their feed for the whole of a due poll.

    Args:
        tables: of the lake.
        every: seconds between two rounds.
        gap: least seconds between two requests to a host.
    """
    noted, polls = _noted(farm, tables), polls_by_feed(farm.world, farm.log)
    turns = {name: _longest_turn(farm.world, name, every, gap) for name in farm.world.hosts}
    stayed: set[str] = set()
    for url, feed in zip(farm.urls(), farm.world.feeds, strict=True):
        rows = noted.get(url, [])
        verdict.check("every feed is polled", bool(rows) or farm.world.hosts[feed.host].story == "nameless", url)
        _judge_blame(farm.world, feed, rows, verdict)
        _judge_delays(feed, rows, polls.get(feed.number, []), verdict)
        for before, after in pairwise([*rows, None]):
            if before is not None and before.next_poll_at is not None:
                polled_at = after.polled_at if after else max(farm.now(), before.next_poll_at)
                stayed |= _judge_due(farm, feed, before.next_poll_at, polled_at, turns[feed.host], verdict)
    verdict.figures["polls"] = sum(map(len, noted.values()))
    return stayed


def _noted(farm: FeedFarm, tables: Any) -> dict[str, list[Noted]]:
    query = """
        select feed_url, epoch(polled_at) - $start, epoch(next_poll_at) - $start, outcome, reason, interval_seconds,
            overlap, possibly_lost
        from feeds where outcome not in ('listed', 'merged', 'parted', 'removed') order by polled_at, polls"""
    by_url: defaultdict[str, list[Noted]] = defaultdict(list)
    for url, *row in tables.execute(query, {"start": farm.started_at}).fetchall():
        by_url[url].append(Noted(*row))
    return by_url


def _judge_blame(world: FeedWorld, feed: Feed, rows: Sequence[Noted], verdict: Verdict) -> None:
    """Judge whether a feed that was due while the reader's own network was down was made to answer for it."""
    if world.hosts[feed.host].story == "nameless":
        return
    for before, after in pairwise(rows):
        if any((before.next_poll_at or 0.0) in span or after.polled_at in span for span in world.outages):
            blamed = after.reason in _NO_NETWORK
            verdict.check("an outage of the reader counts against nobody", not blamed, f"feed {feed.number}: {after}")


def _judge_delays(feed: Feed, rows: Sequence[Noted], polls: Sequence[Poll], verdict: Verdict) -> None:
    """Judge the interval after each poll, by what the log says of the items that it brought."""
    ended = [poll[-1] for poll in polls]
    seen: set[int] = set()
    interval = asks = 0.0
    due_at: float | None = None
    failures = 0
    for row in rows:
        asked = _request_of(row, ended)
        failures = 0 if row.outcome in _READ else failures + 1
        where = f"feed {feed.number} ({feed.story}) at {row.polled_at:.0f}: {row}"
        if row.outcome == "failed":
            _judge_retry(row, interval or _FIRST_INTERVAL, failures, where, verdict)
        if row.outcome in _READ and asked is not None and feed.story != "alias":
            is_document = row.outcome == "changed" and asked.last > asked.first and feed.story != "unfinished"
            if is_document:
                asks = asked.asks
                _judge_overlap(row, seen, asked, where, verdict)
            is_late = due_at is not None and row.polled_at - due_at > interval
            share = _known_share(row, seen, asked) if feed.story != "unfinished" else None
            _judge_interval(row, interval, share, is_late, where, verdict)
            wanted = max(_LEAST_INTERVAL, min(DAY, max(row.interval, asks, asked.fresh)))
            left = (row.next_poll_at or math.inf) - row.polled_at
            rule = "the next poll is an interval away, and at most a tenth more"
            verdict.check(
                rule, wanted - 1.0 <= left <= wanted * _JITTER + 1.0, f"{where}: {left:.0f}, not {wanted:.0f}"
            )
            seen |= set(range(asked.first, asked.last))
            interval = row.interval
        due_at = row.next_poll_at


def _request_of(row: Noted, ended: Sequence[Asked]) -> Asked | None:
    """Return the request that a row tells of."""
    at = bisect_left(ended, row.polled_at - 0.01, key=lambda asked: asked.at)
    return ended[at] if at < len(ended) and ended[at].at <= row.polled_at + 0.01 else None


def _known_share(row: Noted, seen: set[int], asked: Asked) -> float | None:
    if row.outcome != "changed":
        return 1.0
    items = set(range(asked.first, asked.last))
    return len(items & seen) / len(items) if items else None


def _judge_overlap(row: Noted, seen: set[int], asked: Asked, where: str, verdict: Verdict) -> None:
    share = _known_share(row, seen, asked)
    same = share is not None and row.overlap is not None and abs(share - row.overlap) < 0.005
    verdict.check("the overlap is as the script says", same, f"{where}: {share}")
    if seen and asked.first > max(seen) + 1:
        verdict.check("a gap is said", row.possibly_lost > 0, where)
    elif share:
        verdict.check("no gap is said where items overlap", row.possibly_lost == 0, where)


def _judge_interval(
    row: Noted, before: float, share: float | None, is_late: bool, where: str, verdict: Verdict
) -> None:
    where = f"{where}: {before:.0f} s before"
    if not before:
        verdict.check("the first interval is an hour", row.interval == _FIRST_INTERVAL, where)
    elif share is not None and share >= _MOSTLY_KNOWN:
        longer = row.interval > before or row.interval == DAY
        verdict.check("a longer interval where most is known", longer, where)
    elif share is not None and share < _MOSTLY_NEW and not is_late:
        shorter = row.interval < before or row.interval == _LEAST_INTERVAL
        verdict.check(
            "a shorter one where little is, an hour at most", shorter and row.interval <= _FIRST_INTERVAL, where
        )


def _judge_retry(row: Noted, interval: float, failures: int, where: str, verdict: Verdict) -> None:
    """Judge when a feed is tried again: no failure weighs more than 1, and each point doubles the interval."""
    left = (row.next_poll_at or math.inf) - row.polled_at
    longest = min(30 * DAY, max(interval, _FIRST_INTERVAL) * 2**failures) * _JITTER + 1.0
    # Retry-After may ask for more, up to a day.
    kept = _LEAST_INTERVAL <= left <= max(longest, DAY if row.reason in ("http_429", "http_503") else 0.0)
    verdict.check("a failing feed is tried again, later each time", kept, f"{where}: after {left:.0f} s")


def _judge_due(farm: FeedFarm, feed: Feed, due_at: float, polled_at: float, turn: float, verdict: Verdict) -> set[str]:
    """Judge a poll by the time for which it was due; returns what the feed held until it had to be made."""
    where = f"feed {feed.number} ({feed.story}), due at {due_at:.0f}, {polled_at - due_at:.0f} s late"
    verdict.check("no feed is asked before its stored time", polled_at >= due_at - 0.001, where)
    due_at = _after_troubles(farm.world, feed, due_at, turn)
    late = polled_at - due_at
    if late < 0.0 or due_at > farm.now():
        return set()
    verdict.check("no feed waits longer than its turn takes", late <= turn, f"{where}, at most {turn:.0f}")
    verdict.note_largest("latest poll, minutes after it was due", late / 60)
    if due_at + turn > farm.now():
        return set()
    first, last = feed.range_at(due_at + turn)[0], feed.range_at(due_at)[1]
    return {item.guid for item in feed.items[first:last]}


def _longest_turn(world: FeedWorld, name: str, every: float, gap: float) -> float:
    """Return how late a poll of a host may be, in seconds: its round, and its host's other feeds before it.

    Feeds have half of a round; what does not fit in waits for the next one.
    """
    host = world.hosts[name]
    pace = max(gap, host.crawl_delay, 5.0 * host.latency) + host.latency
    turn = pace * sum(feed.host == name for feed in world.feeds)
    return every * (1 + math.floor(2 * turn / every)) + turn + 60.0


def _after_troubles(world: FeedWorld, feed: Feed, due_at: float, turn: float) -> float:
    """Return when a feed could be had that was due then, an hour after its host's, the network's or its own troubles.

    Infinity for one that could not be had any more.
    """
    host = world.hosts[feed.host]
    if host.story in ("dead", "nameless") or feed.story in ("gone", "alias"):
        return math.inf
    spans = [*world.outages]
    spans += [host.span] if host.story not in ("plain", "slow", "delaying", "closed", "forbidding") else []
    spans += [feed.span] if feed.story in ("frozen", "truncated", "unfinished", "page", "endless") else []
    for span in sorted(spans):
        if due_at < span.end + HOUR and due_at + turn > span.start - HOUR:
            due_at = span.end + HOUR
    return due_at
