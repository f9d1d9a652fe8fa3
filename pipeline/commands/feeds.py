"""`newsbeam feeds`: how the feeds of a lake are, what the next poll of one will be, and the list to take elsewhere."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from rich.console import Console
from rich.table import Table

from pipeline.failure_remedies import REMEDIES
from pipeline.feed_list import is_address, read_feed_list
from pipeline.feed_memory import FeedMemory
from pipeline.host_memory import opened_hosts
from pipeline.lake import Lake, open_lake
from pipeline.lake_memory import check_memory_is_there
from pipeline.memory import opened_memory
from pipeline.own_list import read_own_list
from pipeline.terminal import json_line, safe
from schemas.errors import InputRejected, UsageError
from schemas.feed_state import NEVER, FeedState
from schemas.host_state import HostState
from schemas.instants import Instant, datetime_of
from transforms.functions.feed_rows import health_of
from transforms.functions.host_rules import may_start_at
from transforms.functions.http_hints import SECOND
from transforms.functions.polling import validators
from transforms.functions.polling_interval import PollingRules
from transforms.functions.redirects import host_of
from transforms.functions.skipped_times import is_skipped

_ORDER: Final = ("dead", "failing", "gone", "merged", "ok")
"""What needs a look comes first."""

_WIDE: Final = 120
"""Columns of a terminal from which on the list has all of its own; a pipe and cron count as 80."""


def feeds(arguments: argparse.Namespace) -> int:
    """Run one of the subcommands; returns the exit code.

    Raises:
        UsageError: the lake has never polled, or the address is none.
    """
    now = time.time_ns() // 1_000
    lake = open_lake(arguments.lake)
    known = known_feeds(lake, *([arguments.url] if arguments.subcommand == "check" else []))
    if known is None:
        raise UsageError(
            f"{arguments.lake} has never polled a feed: newsbeam run --feeds LIST --output {arguments.lake}, or "
            f"newsbeam feeds import LIST --lake {arguments.lake}"
        )
    if arguments.subcommand == "list":
        _list(known, now, as_json=arguments.json)
    elif arguments.subcommand == "check":
        _check(known, arguments.url, now, as_json=arguments.json)
    else:
        _export(known)
    return 0


@dataclass(frozen=True)
class KnownFeeds:
    """What a lake knows of its feeds, and those on its own list that it has not polled yet."""

    states: Sequence[FeedState]
    listed: Set[str]
    """Addresses of those that stand on a list, without what these name."""
    pages_waiting: int = 0
    hosts: Mapping[str, HostState] = field(default_factory=dict)


def known_feeds(lake: Lake, *urls: str) -> KnownFeeds | None:
    """Return what a lake knows of feeds; None where it has neither polled nor a list of its own.

    Args:
        urls: further addresses whose hosts are asked about.

    Raises:
        UsageError: its own list holds a line that is no address.
    """
    own = read_own_list(lake)
    polled = _polled(lake, urls)
    if polled is None and not own:
        return None
    polled = polled or KnownFeeds((), frozenset())
    new = [FeedState(url, url) for url in own if url not in polled.listed]
    return replace(polled, states=[*polled.states, *new], listed=polled.listed | set(own))


def _polled(lake: Lake, urls: Sequence[str]) -> KnownFeeds | None:
    check_memory_is_there(lake)
    if not lake.memory.exists() or not lake.hosts.exists():
        return None
    with opened_memory(lake.memory, read_only=True) as memory, opened_hosts(lake.hosts) as hosts:
        feeds = FeedMemory(memory, hosts)
        if not feeds.is_there():
            return None
        states = feeds.feeds()
        names = {name for url in (*urls, *(state.url for state in states)) if (name := _host_of(url))}
        found = {name: host for name in names if (host := feeds.host(name)) is not None}
        return KnownFeeds(states, feeds.listed(), feeds.pages_waiting(), found)


def _host_of(url: str) -> str | None:
    try:
        return host_of(url)
    except InputRejected:
        return None


# list


def _list(known: KnownFeeds, now: Instant, *, as_json: bool) -> None:
    states = sorted(known.states, key=lambda state: (_ORDER.index(health_of(state)), state.listed_url))
    if as_json:
        for state in states:
            sys.stdout.write(json_line(_figures(state)))
        return
    console = Console()
    _print_list(states, known.pages_waiting, now, console, is_wide=console.width >= _WIDE)


def _print_list(
    states: Sequence[FeedState], pages_waiting: int, now: Instant, console: Console, *, is_wide: bool
) -> None:
    """Print a table that fits 80 columns; the less important columns come last, and only where there is room.

    The longest that stand in the columns: `network_unreachable`, `in 13.5 min`; addresses are folded.
    """
    table = Table(title=f"{len(states):,} feeds, {pages_waiting:,} pages to be fetched", title_justify="left")
    table.add_column("feed", overflow="fold", min_width=28)
    table.add_column("health", no_wrap=True)
    table.add_column("why", overflow="fold", min_width=19 if any(map(_why, states)) else None)
    table.add_column("next poll", no_wrap=True)
    for name in ("last success", "every", "items an hour") if is_wide else ():
        table.add_column(name)
    for state in states:
        row = (safe(state.listed_url), _health(state), safe(_why(state)), _until(state, now))
        further = (
            _ago(state.last_success_at, now),
            _span(state.interval) if state.interval else "",
            f"{state.items_per_hour:.2g}" if state.items_per_hour else "",
        )
        table.add_row(*row, *(further if is_wide else ()))
    console.print(table)
    if not is_wide:
        console.print(
            f"{_WIDE} columns (COLUMNS={_WIDE}) also show last success, interval and items an hour; --json all"
        )


def _health(state: FeedState) -> str:
    return health_of(state) if state.polls else "new"


def _why(state: FeedState) -> str:
    return state.last_failure or state.merged_into or ""


def _figures(state: FeedState) -> dict[str, Any]:
    return {
        "feed_url": state.listed_url,
        "url": state.url,
        "health": _health(state),
        "failure_score": state.failure_score,
        "last_failure": state.last_failure,
        "last_success_at": _time(state.last_success_at),
        "next_poll_at": _time(None if state.next_poll_at >= NEVER else state.next_poll_at),
        "interval_seconds": state.interval,
        "publisher_interval_seconds": state.publisher_interval,
        "items": state.items,
        "items_per_hour": state.items_per_hour,
        "polls": state.polls,
        "merged_into": state.merged_into,
        "kind": state.kind,
        "named_by": state.named_by,
    }


# check


def _check(known: KnownFeeds, given: str, now: Instant, *, as_json: bool) -> None:
    if not is_address(given):
        raise UsageError(f"{given}: give the address of a feed, with https://")
    (url,) = read_feed_list([given], "")
    state = next((one for one in known.states if url in (one.listed_url, one.url)), None)
    host = known.hosts.get(_host_of(url if state is None else state.url) or "")
    said = list(_what_would_happen(state, host, now))
    if as_json:
        sys.stdout.write(json_line({"feed": None if state is None else _figures(state), "next_poll": said}))
        return
    console = Console()
    for line in said:
        console.print(safe(line), soft_wrap=True)


def _what_would_happen(state: FeedState | None, host: HostState | None, now: Instant) -> Iterator[str]:
    """Say in sentences when the feed will be asked next, how, and why not before."""
    if state is None:
        yield "Not on the list of this lake: it is not polled. Once it is listed, the next round asks for all of it."
    elif state.gone_at is not None:
        yield f"Not polled any more: its publisher said 410 Gone, {_ago(state.gone_at, now)}. Take it off the list."
        return
    else:
        yield f"Next poll {_until(state, now)}, in the first round from then on: {_why_then(state)}."
        if state.url != state.listed_url:
            yield f"It will ask {state.url}, where the listed address has moved for good."
        sent = [name.decode() for name, _ in validators(state, max(now, state.next_poll_at), PollingRules())]
        how = f"conditionally ({', '.join(sent)})" if sent else f"for the whole document: {_why_whole(state)}"
        yield f"It will ask {how}."
        if state.last_failure:
            yield f"The latest poll failed ({state.last_failure}); the failure score is {state.failure_score:g}."
            if state.last_failure in REMEDIES:
                yield f"What to do: {REMEDIES[state.last_failure]}."
    if host is not None and may_start_at(host) > now:
        why = {"retry_after": "it asked for that (Retry-After)", "overloaded": "it was overloaded (429 or 503)"}.get(
            host.blocked_why or "", "it could not be reached"
        )
        why = why if host.blocked_until > now else "that is the gap after the request before"
        yield f"Its host {host.host} is asked for nothing before {_time(may_start_at(host))}: {why}."


def _why_then(state: FeedState) -> str:
    if not state.polls:
        return "it has never been polled"
    if state.merged_into is not None:
        return f"it is the same feed as {state.merged_into}, which is polled in its stead"
    if state.failure_score:
        return "each failure puts the next try off"
    if state.skips and state.next_poll_at < NEVER and is_skipped(state.next_poll_at - SECOND * 3_600, state.skips):
        return "it asks for no polls at the hours or on the days before (skipHours, skipDays)"
    if state.publisher_interval > state.interval:
        return (
            f"it asks for {_span(state.publisher_interval)} between polls, by what it brings it would be "
            f"{_span(state.interval)}"
        )
    return (
        f"by what it brings, it is polled every {_span(state.interval)}, or later where its answers stay fresh longer"
    )


def _why_whole(state: FeedState) -> str:
    if not state.polls:
        return "nothing is known of it"
    if not state.etag and not state.last_modified:
        if state.last_success_at is None:
            return "it has not given a feed yet"
        return "its server gave neither ETag nor Last-Modified, or a document that was cut off"
    return "once in a hundred polls and once a week it is asked for whole, since servers err"


# export


def _export(known: KnownFeeds) -> None:
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<opml version="2.0">', "<head><title>newsbeam</title></head>"]
    lines.append("<body>")
    for state in known.states:
        if state.listed_url in known.listed and state.gone_at is None and state.merged_into is None:
            lines.append(f'<outline type="rss" text={quoteattr(state.url)} xmlUrl={quoteattr(state.url)}/>')
    sys.stdout.write("\n".join([*lines, "</body>", "</opml>"]) + "\n")


# Times


def _until(state: FeedState, now: Instant) -> str:
    if state.next_poll_at >= NEVER:
        return "never"
    seconds = (state.next_poll_at - now) / SECOND
    return f"in {_span(seconds)}" if seconds > 0 else "now"


def _ago(instant: Instant | None, now: Instant) -> str:
    return "never" if instant is None else f"{_span(max(0.0, (now - instant) / SECOND))} ago"


def _span(seconds: float) -> str:
    for unit, length in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * length or (unit == "min" and seconds >= length):
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.0f} s"


def _time(instant: Instant | None) -> str | None:
    return None if instant is None else f"{datetime_of(instant):%Y-%m-%dT%H:%M:%SZ}"
