"""Ways to break newsbeam's manners and its memory, to see that the judges of a day of feeds notice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest import mock

from pipeline import feed_memory
from tests import feed_faults as faults
from transforms.functions import (
    feed_items,
    feed_poller,
    host_connections,
    host_lanes,
    host_rules,
    http_fetch,
    polite_scheduler,
    poll_settings,
    polling,
    redirects,
    robots,
)


@dataclass(frozen=True)
class Break:
    """A fault to build in."""

    rules: tuple[str, ...]
    """The rules that it breaks: all of them must be said to be broken."""
    build_in: Callable[[ExitStack], None] = lambda stack: None
    flags: tuple[str, ...] = ()
    """Of the command."""
    afterwards: Callable[[Path], None] = lambda lake: None
    """Done to the lake when the day is over."""
    hours: float = 8.0
    hosts: int = 24
    feeds: int = 70
    every: float = 1_200.0


def _put(*places: tuple[Any, str, Any]) -> Callable[[ExitStack], None]:
    """Put other things where the code looks."""

    def build_in(stack: ExitStack) -> None:
        for owner, name, value in places:
            stack.enter_context(mock.patch.object(owner, name, value))

    return build_in


def _wrap(owner: Any, name: str, change: faults.Change) -> Callable[[ExitStack], None]:
    """Put a function around the one that is there."""
    return _put((owner, name, change(getattr(owner, name))))


_GAP: Final = "gap between two starts"
_BLOCKED: Final = "429 or 503 without Retry-After: 60 s, doubling"
_NEVER_WAS: Final = "nothing is in the lake that never was"
_SENT: Final = "each item that was sent is in the lake"
_PERMANENT: Final = "permanent redirects count the second time"
_REDIRECTS: Final = frozenset((301, 302, 307, 308))

HOST_BREAKS: Final = {
    "Retry-After is not read": Break(
        ("Retry-After in seconds", "Retry-After in a date"),
        _wrap(polite_scheduler, "after_fetch", faults.without_retry_after),
    ),
    "the gap is 2 s": Break((_GAP,), flags=("--host-gap", "2")),
    "503 does not block": Break((_BLOCKED,), _put((host_rules, "OVERLOADED_STATUSES", frozenset()))),
    "blocks do not double": Break((_BLOCKED,), _wrap(host_rules, "_next_block", faults.first_block_always)),
    "slow hosts are asked like others": Break(
        ("a longer gap for a slow host",),
        _put((poll_settings, "HostRules", partial(host_rules.HostRules, slowness=0.0))),
    ),
    "hosts that refuse are asked like others": Break(
        ("a host that refuses connections is left alone for 10 minutes",),
        _put((host_rules, "UNREACHABLE", frozenset())),
    ),
    "Crawl-delay is not read": Break(("Crawl-delay",), _put((robots, "_crawl_delay", lambda record: None))),
    "robots.txt is not obeyed": Break(
        ("no page that robots.txt disallows",),
        _put((polite_scheduler, "verdict", lambda record, url: robots.ALLOWED)),
    ),
    "a robots.txt that cannot be read allows all": Break(
        ("no page while robots.txt cannot be read",),
        _put((robots, "_standing", lambda fetch: robots.NO_RULES)),
        hours=24.0,
    ),
    "robots.txt is read once": Break(
        ("no page without a robots.txt of the last 6 hours",), _put((robots, "_KEPT_SECONDS", 1e9))
    ),
    "robots.txt is read each minute": Break(
        ("robots.txt once in 6 hours, once an hour while it cannot be read",), _put((robots, "_KEPT_SECONDS", 60.0))
    ),
    "lanes do not close": Break(
        ("one request at a time", "one connection at a time"), _wrap(host_lanes.HostLanes, "take", faults.two_at_a_time)
    ),
    "connections are forgotten open": Break(
        ("one connection at a time",), _wrap(host_connections.HostConnections, "_taken", faults.second_connection)
    ),
    "cookies are sent": Break(("no cookies",), _wrap(http_fetch.HttpClient, "_headers", faults.with_cookie)),
    "the contact is left out": Break(("the user agent names a contact",), flags=("--contact", "")),
}

FEED_BREAKS: Final = {
    "validators are tidied up": Break(("validators byte for byte",), _wrap(feed_poller, "validators", faults.unquoted)),
    "validators are always sent": Break(
        ("one poll in 100 without validators",),
        _put((polling, "_wants_whole_body", lambda *_: False)),
        flags=("--longest-interval", "10m"),
        hours=24.0,
        hosts=4,
        feeds=6,
        every=300.0,
    ),
    "304 is believed for ever": Break(
        ("a server of 304 for ever is found out",),
        _put((polling, "_wants_whole_body", lambda *_: False)),
        flags=("--longest-interval", "4h"),
        hours=120.0,
        every=7_200.0,
    ),
    "hints are not read": Break(
        ("no feed before its own hints allow",),
        _put((polling, "fresh_seconds", lambda *_: 0.0), (polling, "_asked_seconds", lambda *_: 0.0)),
    ),
    "intervals end at a minute": Break(
        ("no feed twice in 10 minutes",), _put((polling, "delay_until_next", lambda *_: 60.0)), every=300.0
    ),
    "intervals take twice as long": Break(
        ("the next poll is an interval away, and at most a tenth more",),
        _put((polling, "delay_until_next", lambda interval, *_: 2.2 * interval)),
    ),
    "intervals stay as they are": Break(
        ("a longer interval where most is known", "a shorter one where little is, an hour at most"),
        _put((polling, "next_interval", lambda *_, **__: 3_600.0)),
    ),
    "the first interval is two hours": Break(
        ("the first interval is an hour",), _put((polling, "next_interval", lambda *_, **__: 7_200.0))
    ),
    "known items are forgotten": Break(
        ("the overlap is as the script says", "no gap is said where items overlap"),
        _put((polling, "known_hashes", lambda known: frozenset())),
    ),
    "gaps are not said": Break(("a gap is said",), _put((polling, "items_lost", lambda *_: 0)), hours=24.0),
    "failing feeds are disabled": Break(
        ("a failing feed is tried again, later each time",), _wrap(polling, "delay_after_failures", faults.disabled)
    ),
    "410 is a failure like others": Break(
        ("never again after 410",), _wrap(feed_poller, "after_poll", faults.gone_is_a_failure)
    ),
    "temporary redirects move a feed": Break(
        ("temporary redirects never move a feed",),
        _put((redirects, "_PERMANENT_STATUSES", _REDIRECTS)),
        flags=("--longest-interval", "30m"),
    ),
    "permanent redirects move it at once": Break((_PERMANENT,), _wrap(polling, "_moved", faults.moves_at_once)),
    "permanent redirects never move it": Break((_PERMANENT,), _put((polling, "_moved", lambda state, answer: state))),
    "feeds are not merged": Break(
        ("feeds that lead to one are polled as one",),
        _put((feed_poller, "merge_feeds", lambda *_: [])),
        hosts=30,
        feeds=120,
    ),
    "an outage is everybody's fault": Break(
        ("an outage of the reader counts against nobody",), _put((polite_scheduler, "SUSPECT_FAILURES", frozenset()))
    ),
}

LAKE_BREAKS: Final = {
    "one item in 50 is dropped": Break((_SENT,), _wrap(feed_items.ItemReader, "_rows_of_item", faults.drops_every(50))),
    "a file is published twice": Break(("no item is in the lake twice",), afterwards=faults.publishes_twice),
    "a guid is changed": Break((_NEVER_WAS, _SENT), _wrap(feed_items, "extra_of", faults.invents)),
    "a host is forgotten": Break(
        ("no feed waits longer than its turn takes", "each item that stayed is in the lake exactly once"),
        _wrap(feed_memory.FeedMemory, "due_feeds", faults.forgets_host),
        hours=24.0,
    ),
    "feeds are asked before their time": Break(
        ("no feed is asked before its stored time",), _wrap(feed_memory.FeedMemory, "due_feeds", faults.asks_early)
    ),
    "rows of requests are lost": Break(
        ("each answer is a row of fetches, each row an answer",), _wrap(feed_poller, "_with_items", faults.loses_rows)
    ),
}

BREAKS: Final = HOST_BREAKS | FEED_BREAKS | LAKE_BREAKS


def build_in(stack: ExitStack, *breaks: Break) -> None:
    """Build faults in, until the stack is closed; those that change one thing cannot go together."""
    for one in breaks:
        one.build_in(stack)
