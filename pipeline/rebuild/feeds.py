"""Feeds, waiting pages and hosts in a memory that is made anew: of the old memory where it can be read, else of the
tables.

The tables tell when each feed was polled and is due, but neither its validators nor which items it has shown; nor which
pages waited. A feed whose state is not sure to be whole is asked for its whole document once, and each of its items is
looked up among the inputs that had their outcome: what has none is fetched, as if it were new.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, NamedTuple

from pipeline.feed_memory import FeedMemory
from pipeline.host_memory import HostMemory
from pipeline.memory import Memory
from pipeline.page_memory import page_key
from pipeline.rebuild.inputs import input_of_page, page_of_feed
from pipeline.rebuild.rows import ToldRows
from pipeline.rebuild.salvage import Salvaged
from pipeline.replay_memory import Queued, note_queued
from schemas.due_page import DuePage
from schemas.feed_state import NEVER, FeedState
from schemas.fetch import Fetch
from schemas.host_state import HostState
from schemas.instants import Instant
from transforms.functions.feed_rows import REMOVED
from transforms.functions.host_rules import HostRules, after_fetch, after_start
from transforms.functions.http_hints import DAY, SECOND
from transforms.functions.named_feeds import LIST
from transforms.functions.polling import asked_whole

_LATEST_POLLS: Final = """
select feed_url, url, epoch_us(polled_at), outcome, failure_score, interval_seconds, publisher_interval_seconds, polls,
    items, epoch_us(next_poll_at), epoch_us(last_success_at), epoch_us(last_new_at), items_per_hour, reason,
    resolved_url, merged_into, named_by
from {0} qualify row_number() over (partition by feed_url order by polled_at desc, polls desc) = 1"""

_LATEST_FETCHES: Final = """
select host, epoch_us(requested_at), seconds, status, retry_after, failure from {0}
where requested_at >= to_timestamp({since})
qualify row_number() over (partition by host order by requested_at desc) = 1"""

_HOSTS_KEPT_DAYS: Final = 35
"""As `host_memory` keeps them."""


class _LatestPoll(NamedTuple):
    """The latest row of a feed."""

    feed_url: str
    url: str
    polled_at: Instant
    outcome: str
    failure_score: float
    interval: float
    publisher_interval: float
    polls: int
    items: int
    next_poll_at: Instant | None
    last_success_at: Instant | None
    last_new_at: Instant | None
    items_per_hour: float
    reason: str | None
    resolved_url: str | None
    merged_into: str | None
    named_by: str | None


@dataclass
class RestoredFeeds:
    """What is known of feeds again."""

    feeds: int = 0
    from_tables: int = 0
    """Of these, feeds of which the tables alone tell."""
    asked_whole: bool = False
    """Whether all feeds are asked for their whole document, since pages may be missing."""
    pages: int = 0
    """That wait to be fetched."""


def restore_feeds(
    memory: Memory, hosts: HostMemory, rows: ToldRows, old: Salvaged, *, is_current: bool
) -> RestoredFeeds:
    """Note feeds, and pages that wait.

    Args:
        old: what was read of the old memory.
        is_current: whether that is no older than the tables.
    """
    is_whole = is_current and not old.faults
    polls = {poll.feed_url: poll for poll in map(_poll, rows.rows(_LATEST_POLLS, "feeds"))}
    salvaged = {state.listed_url: (state, is_listed) for state, is_listed in old.feeds or ()}
    restored = RestoredFeeds(asked_whole=not is_whole)
    if not polls and not old.has_polled:
        return restored
    naming = {poll.named_by for poll in polls.values() if poll.outcome != REMOVED}
    feeds = FeedMemory(memory, hosts)
    with memory.cycle():
        feeds.make_tables()
        for url in sorted({*polls, *salvaged}):
            state, is_listed = salvaged.get(url, (None, None))
            poll = polls.get(url)
            if poll is not None and (
                state is None or (not is_current and (state.last_polled_at or 0) < poll.polled_at)
            ):
                restored.from_tables += state is None
                state, is_listed = _state_of(poll, state, is_naming=url in naming), _level_of(poll, is_listed)
            if state is not None:
                feeds.put_feed(state if is_whole else asked_whole(state)._replace(known_items=b""), is_listed or 0)
                restored.feeds += 1
        restored.pages = _restore_pages(memory, feeds, old, is_current=is_current)
    return restored


def _poll(row: Sequence[Any]) -> _LatestPoll:
    return _LatestPoll(*row)


def _state_of(poll: _LatestPoll, before: FeedState | None, *, is_naming: bool) -> FeedState:
    gone = poll.outcome == "gone"
    known = before or FeedState(poll.feed_url, poll.url)
    # What names other feeds may go on to do so: a feed that is known could not begin to.
    kind = LIST if is_naming and before is None else known.kind
    return asked_whole(known)._replace(
        url=poll.url,
        next_poll_at=NEVER if gone or poll.next_poll_at is None else poll.next_poll_at,
        interval=poll.interval,
        publisher_interval=poll.publisher_interval,
        last_polled_at=poll.polled_at,
        last_success_at=poll.last_success_at,
        last_new_at=poll.last_new_at,
        polls=poll.polls,
        failure_score=poll.failure_score,
        last_failure=poll.reason if poll.failure_score else None,
        resolved_url=poll.resolved_url,
        merged_into=poll.merged_into,
        gone_at=poll.polled_at if gone else None,
        items=poll.items,
        items_per_hour=poll.items_per_hour,
        kind=kind,
        named_by=poll.named_by,
        known_items=b"",
    )


def _level_of(poll: _LatestPoll, known: int | None) -> int:
    """Return how a feed is listed; the next run with its list says it anew."""
    if poll.outcome == REMOVED:
        return 0
    return known or (2 if poll.named_by is not None else 1)


def _restore_pages(memory: Memory, feeds: FeedMemory, old: Salvaged, *, is_current: bool) -> int:
    waiting = set()
    for page in old.pages:
        if not is_current and _is_fetched(memory, page):
            continue
        if feeds.add_page(page):
            waiting.add(page.url)
            if (known := _item_of(page)) is not None:
                memory.do("insert or ignore into inputs values (?)", input_of_page(*known))
    note_queued(memory, [Queued(one, url, bool(is_tried)) for one, url, is_tried in old.queue if url in waiting])
    return len(waiting)


def _is_fetched(memory: Memory, page: DuePage) -> bool:
    """Whether a page that waited in an older memory has had its outcome since."""
    if memory.row("select 1 from settled_pages where id = ?", page_key(page.url)) is not None:
        return True
    known = _item_of(page)
    return known is not None and memory.row("select 1 from inputs where id = ?", input_of_page(*known)) is not None


def _item_of(page: DuePage) -> tuple[str, str] | None:
    hints: Mapping[str, Any] = json.loads(page.hints or "{}")
    return page_of_feed(page.url, page.feed_url, hints.get("extra"))


def restore_hosts(hosts: HostMemory, rows: ToldRows, known: Iterable[HostState], now: Instant) -> int:
    """Note when hosts may be asked: what was read of the old memory of hosts, and what their latest requests tell.

    Returns:
        how many hosts are known.
    """
    found = {state.host: state for state in known}
    since = now / SECOND - _HOSTS_KEPT_DAYS * DAY
    for host, at, seconds, status, retry_after, failure in rows.rows(
        _LATEST_FETCHES.format("{0}", since=since), "fetches"
    ):
        state = found.get(host) or HostState(host)
        if (state.last_start_at or 0) < at:
            fetch = Fetch("", "", host, "", at, seconds, "", 1, status=status, retry_after=retry_after, failure=failure)
            found[host] = after_fetch(after_start(state, at, HostRules()), fetch, Random(), HostRules())  # noqa: S311
    for state in found.values():
        hosts.keep_host(state)
    return len(found)
