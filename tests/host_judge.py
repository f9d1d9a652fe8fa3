"""Judges by the servers' logs alone how a reader treats hosts: pace, blocks, connections, robots.txt, header fields.

The rules are worked out here anew, from what the servers saw and sent; newsbeam's own code is not used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from tests.farm_replies import Asked
from tests.farm_server import Connection
from tests.feed_verdict import EXACT, Verdict
from tests.feed_world import DAY, HOUR, FeedWorld

GAP: Final = 5.0
"""Seconds between the starts of two requests to a host, by newsbeam's default."""

_SLOWNESS: Final = 5.0
_SLOWEST_GAP: Final = 60.0
_SMOOTHING: Final = 0.3
_FIRST_BLOCK: Final = 60.0
_FORGIVEN_AFTER: Final = 1_800.0
_ROBOTS_KEPT: Final = 6 * HOUR
_ROBOTS_RETRY: Final = HOUR


def judge_hosts(
    world: FeedWorld,
    log: Sequence[Asked],
    connections: Iterable[Connection],
    verdict: Verdict,
    *,
    gap: float = GAP,
    tolerance: float = EXACT,
) -> None:
    """Judge a log.

    Args:
        log: by time.
        gap: least seconds between the starts of two requests to a host.
        tolerance: seconds; more where requests travel in real time.
    """
    by_host: defaultdict[str, list[Asked]] = defaultdict(list)
    for asked in log:
        by_host[asked.host].append(asked)
        verdict.check("the user agent names a contact", "+" in (asked.agent or ""), f"{_where(asked)}: {asked.agent}")
        verdict.check("no cookies", asked.cookie is None, f"{_where(asked)}: {asked.cookie}")
    for host, requests in by_host.items():
        _judge_pace(requests, gap, tolerance, verdict)
        _judge_blocks(requests, tolerance, verdict)
        _judge_robots(requests, tolerance, verdict)
        _judge_pages(world, host, requests, verdict)
    _judge_connections(connections, verdict)


def _where(asked: Asked) -> str:
    return f"{asked.host}{asked.path} at {asked.at:.1f}"


def _judge_pace(requests: Sequence[Asked], gap: float, tolerance: float, verdict: Verdict) -> None:
    smoothed: float | None = None
    crawl_delay = 0.0
    for before, after in pairwise(requests):
        seconds = before.ended - before.at
        smoothed = seconds if smoothed is None else smoothed + _SMOOTHING * (seconds - smoothed)
        if before.kind == "robots" and not _is_unreadable(before):
            crawl_delay = before.crawl_delay or 0.0
        slow = min(_SLOWNESS * smoothed, _SLOWEST_GAP)
        for rule, wanted in (
            ("gap between two starts", gap),
            ("a longer gap for a slow host", slow if slow > gap else 0.0),
            ("Crawl-delay", crawl_delay if crawl_delay > gap else 0.0),
        ):
            if wanted:
                left = after.at - before.at
                verdict.check(rule, left >= wanted - tolerance, f"{_where(after)}: {left:.3f} s, not {wanted:.3f}")
                verdict.note_smallest(f"{rule}, smallest, seconds", left)
        where = f"{_where(after)}: {after.open_requests} under way"
        verdict.check("one request at a time", after.open_requests == 1, where)


def _judge_blocks(requests: Sequence[Asked], tolerance: float, verdict: Verdict) -> None:
    blocked_until = block = 0.0
    for before, after in pairwise(requests):
        if before.retry_after is not None:
            rule, until = f"Retry-After in {_unit(before)}", before.at + before.retry_after
        elif before.status in (429, 503):
            forgiven = block == 0 or before.ended - blocked_until >= _FORGIVEN_AFTER
            block = _FIRST_BLOCK if forgiven else min(2 * block, DAY)
            blocked_until = before.ended + block
            rule, until = "429 or 503 without Retry-After: 60 s, doubling", blocked_until
        else:
            continue
        early = until - after.at
        verdict.check(
            rule, early <= tolerance + (1.0 if "date" in rule else 0.0), f"{_where(after)}: {early:.1f} s early"
        )


def _unit(asked: Asked) -> str:
    return "seconds" if asked.story == "busy_seconds" else "a date"


def _judge_robots(requests: Sequence[Asked], tolerance: float, verdict: Verdict) -> None:
    for before, after in pairwise(asked for asked in requests if asked.kind == "robots"):
        rule = "robots.txt once in 6 hours, once an hour while it cannot be read"
        wanted, left = _ROBOTS_RETRY if _is_unreadable(before) else _ROBOTS_KEPT, after.at - before.at
        verdict.check(rule, left >= wanted - tolerance, f"{_where(after)}: {left:.0f} s after the last time")


def _judge_pages(world: FeedWorld, host: str, requests: Sequence[Asked], verdict: Verdict) -> None:
    robots: Asked | None = None
    for asked in requests:
        robots = asked if asked.kind == "robots" else robots
        if asked.kind != "page":
            continue
        disallowed = world.hosts[host].robots == "closed" and asked.path.startswith("/private/")
        verdict.check("no page that robots.txt disallows", not disallowed, _where(asked))
        kept = robots is not None and asked.at - robots.at <= _ROBOTS_KEPT
        verdict.check("no page without a robots.txt of the last 6 hours", kept, _where(asked))
        unreadable = robots is not None and _is_unreadable(robots)
        verdict.check("no page while robots.txt cannot be read", not unreadable, _where(asked))


def _is_unreadable(robots: Asked) -> bool:
    return not robots.whole or robots.status == 429 or robots.status >= 500


def _judge_connections(connections: Iterable[Connection], verdict: Verdict) -> None:
    by_host: defaultdict[str, list[Connection]] = defaultdict(list)
    for connection in connections:
        by_host[connection.host].append(connection)
    for host, some in by_host.items():
        some.sort(key=lambda one: one.opened)
        for before, after in pairwise(some):
            overlap = before.closed - after.opened
            where = f"{host} at {after.opened:.1f}: for {overlap:.3f} s"
            verdict.check("one connection at a time", overlap <= EXACT, where)
