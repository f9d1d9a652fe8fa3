"""Judges by the servers' logs alone how a reader polls feeds: intervals, validators, redirects, servers that lie.

The rules are worked out here anew, from what the servers saw and sent; newsbeam's own code is not used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from tests.farm_replies import Asked
from tests.feed_verdict import EXACT, Verdict
from tests.feed_world import DAY, Feed, FeedWorld

Poll: TypeAlias = Sequence[Asked]
"""The requests of a poll: a redirect and what it leads to."""

_LEAST_INTERVAL: Final = 600.0
_MOST_CONDITIONAL: Final = 99
_ODD_SILENCE: Final = 8.0
"""Items that should have come by the feed's own pace, from which a reader must doubt that there were none."""


def judge_feeds(world: FeedWorld, log: Sequence[Asked], verdict: Verdict, *, tolerance: float = EXACT) -> None:
    """Judge a log.

    Args:
        log: by time.
        tolerance: seconds; more where requests travel in real time.
    """
    names = ("conditional", "with validators", "servers of 304 for ever", "of those found out")
    verdict.figures |= dict.fromkeys(names, 0)
    for number, polls in polls_by_feed(world, log).items():
        feed = world.feeds[number]
        _judge_intervals(feed, polls, tolerance, verdict)
        _judge_validators(feed, polls, verdict)
        _judge_redirects(feed, polls, verdict)
        _judge_endings(feed, polls, verdict)
        if feed.story == "frozen":
            _judge_doubts(feed, polls, verdict)


def polls_by_feed(world: FeedWorld, log: Sequence[Asked]) -> dict[int, list[Poll]]:
    """Return the polls that were made for each feed.

    A request that follows an alias's redirect was made for the alias, though another feed's document answered it.
    """
    by_feed: defaultdict[int, list[Asked]] = defaultdict(list)
    led_by: dict[str, tuple[str, int]] = {}
    for asked in log:
        path, number = led_by.pop(asked.host, ("", -1))
        if asked.feed is not None:
            by_feed[number if path == asked.path else asked.feed].append(asked)
        if asked.feed is not None and asked.location and world.feeds[asked.feed].story == "alias":
            led_by[asked.host] = ("/" + asked.location.split("/", 3)[3], asked.feed)
    return {number: list(_chains(requests)) for number, requests in by_feed.items()}


def _chains(requests: Sequence[Asked]) -> Iterator[Poll]:
    chain: list[Asked] = []
    for asked in requests:
        if chain and not (chain[-1].location or "").endswith(asked.path):
            yield chain
            chain = []
        chain.append(asked)
        if asked.location is None:
            yield chain
            chain = []
    if chain:
        yield chain


def _where(feed: Feed, poll: Poll) -> str:
    return f"feed {feed.number} ({feed.story}) at {poll[0].at:.1f}"


def _is_read(poll: Poll) -> bool:
    return poll[-1].whole and poll[-1].status in (200, 304)


def _judge_intervals(feed: Feed, polls: Sequence[Poll], tolerance: float, verdict: Verdict) -> None:
    asks = 0.0
    for before, after in pairwise(polls):
        last = before[-1]
        if last.whole and last.status == 200 and last.last > last.first:
            asks = last.asks
        fresh = last.fresh if _is_read(before) else 0.0
        left, where = after[0].at - last.at, _where(feed, after)
        verdict.check("no feed twice in 10 minutes", left >= _LEAST_INTERVAL - tolerance, f"{where}: {left:.1f} s")
        wanted = min(max(asks, fresh), DAY)
        if _is_read(before) and wanted > _LEAST_INTERVAL:
            where = f"{where}: after {left:.1f} of {wanted:.0f} s"
            verdict.check("no feed before its own hints allow", left >= wanted - 1.0, where)


def _judge_validators(feed: Feed, polls: Sequence[Poll], verdict: Verdict) -> None:
    etag: str | None = None
    last_modified: str | None = None
    in_a_row = longest = known = sent = 0
    for poll in polls:
        asked = poll[-1]
        given = (asked.if_none_match, asked.if_modified_since)
        is_conditional = given != (None, None)
        in_a_row = in_a_row + 1 if is_conditional else 0
        verdict.note_largest("polls of a feed with validators in a row, most", float(in_a_row))
        known += (etag, last_modified) != (None, None)
        sent += is_conditional
        if is_conditional:
            where = f"{_where(feed, poll)}: {given}, not {(etag, last_modified)}"
            verdict.check("validators byte for byte", given == (etag, last_modified), where)
        if asked.whole and asked.status == 200 and asked.story != "page":
            # A body that breaks off has to be had again, whatever validators came with it.
            etag, last_modified = (None, None) if asked.story == "unfinished" else (asked.etag, asked.last_modified)
        elif asked.whole and asked.status == 304:
            etag, last_modified = asked.etag or etag, asked.last_modified or last_modified
        longest = max(longest, in_a_row)
    if len(polls) > _MOST_CONDITIONAL:
        rule = "one poll in 100 without validators"
        verdict.check(rule, longest <= _MOST_CONDITIONAL, f"feed {feed.number}: {longest} in a row")
    if feed.story != "frozen":
        _count(verdict, "conditional", sent)
        _count(verdict, "with validators", known)


def _count(verdict: Verdict, name: str, more: int) -> None:
    before = verdict.figures[name]
    assert isinstance(before, int)
    verdict.figures[name] = before + more


def _judge_redirects(feed: Feed, polls: Sequence[Poll], verdict: Verdict) -> None:
    if feed.target is None or feed.story == "alias":
        return
    led = [number for number, poll in enumerate(polls) if len(poll) == 2 and _is_read(poll)]
    is_permanent = feed.story in ("moved", "moved_abroad")
    # A permanent one is followed for good once it has led to the feed twice.
    asked_as_listed = led[1] + 1 if is_permanent and len(led) > 1 else len(polls)
    rule = "permanent redirects count the second time" if is_permanent else "temporary redirects never move a feed"
    for number, poll in enumerate(polls):
        wanted = (feed.host, feed.path) if number < asked_as_listed else feed.target
        verdict.check(rule, (poll[0].host, poll[0].path) == wanted, _where(feed, poll))


def _judge_endings(feed: Feed, polls: Sequence[Poll], verdict: Verdict) -> None:
    gone = False
    for poll in polls:
        if feed.story == "gone":
            verdict.check("never again after 410", not gone, _where(feed, poll))
        gone = gone or poll[-1].status == 410
    if feed.story == "alias":
        read = sum(map(_is_read, polls))
        verdict.check("feeds that lead to one are polled as one", read <= 1, f"feed {feed.number}: {read} polls")


def _judge_doubts(feed: Feed, polls: Sequence[Poll], verdict: Verdict) -> None:
    """Judge whether a server that says 304 for ever is asked for the whole document a day after the last one.

    A feed of which the reader has seen too few items for that must wait for its hundredth poll, or for a week.
    """
    hidden = next((item.added_at for item in feed.items if item.added_at in feed.span), float("inf"))
    _count(verdict, "servers of 304 for ever", hidden <= polls[-1][0].at)
    _count(
        verdict, "of those found out", any(poll[-1].whole and poll[-1].last and poll[-1].at > hidden for poll in polls)
    )
    last_whole, pace = polls[0][0].at, 0.0
    for poll in polls:
        asked = poll[-1]
        expected = pace * (asked.at - last_whole)
        if asked.at - last_whole >= DAY and expected >= _ODD_SILENCE and asked.at in feed.span:
            where = f"{_where(feed, poll)}: {expected:.1f} items should have come"
            verdict.check("a server of 304 for ever is found out", asked.status == 200, where)
        if asked.whole and asked.status == 200:
            last_whole = asked.at
            pace = sum(asked.at - DAY <= item.added_at for item in feed.items[asked.first : asked.last]) / DAY
