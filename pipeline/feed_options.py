"""The flags of polling, of `newsbeam run --feeds` and `newsbeam feeds`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any, Final

from pipeline.settings import FeedSettings, parse_duration
from schemas.errors import UsageError

DEFAULT_HOST_GAP: Final = 5.0
"""Seconds between the starts of two requests to one host (mediacloud/story-indexer)."""

SHORTEST_INTERVAL: Final = 600.0
"""Seconds between two polls of a feed, at least (`PollingRules.shortest`)."""

DEFAULT_POLL_BUDGET: Final = 600.0
"""Seconds in which a round starts requests, unless rounds come more often: the shortest interval of a feed."""

FEEDS_EPILOG: Final = """\
examples:
  newsbeam feeds list
  newsbeam feeds check https://outlet.example/feed
  newsbeam feeds discover outlet.example >> feeds.txt
  newsbeam feeds import reader.opml feeds.txt && newsbeam run --feeds
  newsbeam feeds export > feeds.opml

But for discover and lists on servers, nothing is asked of any server: what is
said is what the lake remembers. The views feed_health, feeds, fetches and
politeness tell more. newsbeam feeds SUBCOMMAND --help tells more of each.
"""

_EXIT_CODES: Final = """
exit codes:
  0  done
  1  failed
  2  wrong usage: a flag, list or address that cannot be used as given
"""

_MEANINGS: Final = {
    "list": "show each feed's health, what needs a look first",
    "check": "say when and how a feed will be asked next, and why",
    "discover": "print the feeds that a site's page names, fit for a list",
    "import": "add feeds to the lake's own list, which newsbeam run --feeds polls where no list is given",
    "export": "print the feeds as OPML, at their present addresses, without those that are gone or merged",
}

_EPILOGS: Final = {
    "list": """\
health:
  new      not polled yet
  ok       the latest poll was answered by a feed, or by `not modified`
  failing  polls fail; each failure puts the next try off
  dead     it has failed for long: it is tried up to every 30 days, never given up
  gone     its publisher said 410 Gone: it is not polled any more
  merged   it leads to the same address as another one, which is polled instead

Sitemaps that a listed index names, and feeds that a list on a server names, are
shown, too (named_by in the JSON).

examples:
  newsbeam feeds list
  newsbeam feeds list --json | jq -r 'select(.health == "dead").feed_url'
""",
    "check": """\
Nothing is asked of any server. What is said: the time of the next poll and what
it follows from (what the feed brings, what it asks for, failures), whether the
request will be conditional, and for how long its host is left alone.

examples:
  newsbeam feeds check https://outlet.example/feed
  newsbeam feeds check https://outlet.example/feed --json | jq .next_poll
""",
    "discover": """\
Asks the site's page once and prints what its <link rel="alternate"> name; where
the address is a feed itself, that. Exit code 1: it names none.

examples:
  newsbeam feeds discover outlet.example
  newsbeam feeds discover https://outlet.example/city/ >> feeds.txt
""",
    "import": """\
LIST is OPML, a text with an address a line (# comments), the address of a feed,
an address ending in .opml, or - for standard input. A row is printed for each
feed: `added`, or `there` where the list has it already, also under the address
that it has moved from. Nothing is added where a list has a line that is no
address. What the lake knows of a feed (when it is due, its validators, its
items) stays as it is; a new feed is due at once.

The list is the text LAKE/_newsbeam/feeds.txt: edit it to take feeds off. A run
that is under way with it takes changes up at its next round.

examples:
  newsbeam feeds import reader.opml
  newsbeam run --feeds --every 10m
  newsbeam feeds export --lake old | newsbeam feeds import - --lake new
""",
    "export": """\
The inverse of import: another lake that imports it polls the same feeds. What is
polled only because a sitemap index or a list on a server names it is left out;
the index or list itself is in it.

example:
  newsbeam feeds export > feeds.opml
""",
}


def feed_settings(parsed: argparse.Namespace) -> FeedSettings | None:
    """Check the flags of polling; None where no feeds are given.

    Raises:
        UsageError: one cannot be used as given.
    """
    if not parsed.feeds:
        flags = {
            "--every": None if parsed.streaming else parsed.every,
            "--poll-budget": parsed.poll_budget,
            "--host-gap": parsed.host_gap,
        }
        given = next((flag for flag, value in flags.items() if value is not None), None)
        if given or parsed.allow_private:
            raise UsageError(f"{given or '--allow-private'} goes with --feeds, which is not given")
        return None
    gap = DEFAULT_HOST_GAP if parsed.host_gap is None else parsed.host_gap
    if not 0 <= gap <= 86_400 or (gap < 1 and not parsed.allow_private):
        raise UsageError(f"--host-gap {gap:g}: give 1 to 86400 seconds (under 1 only with --allow-private)")
    every = parse_duration("--every", parsed.every) if parsed.every is not None else None
    budget = DEFAULT_POLL_BUDGET if every is None else min(DEFAULT_POLL_BUDGET, every)
    if parsed.poll_budget is not None:
        budget = parse_duration("--poll-budget", parsed.poll_budget)
    lists = tuple(one for some in parsed.feeds for one in some or [_own_list(parsed.output)])
    longest = None
    if parsed.longest_interval is not None:
        longest = parse_duration("--longest-interval", parsed.longest_interval)
        if longest < SHORTEST_INTERVAL and not parsed.allow_private:
            raise UsageError(
                f"--longest-interval {parsed.longest_interval}: give 10m or more (less only with --allow-private)"
            )
        if longest > _LONGEST_INTERVAL:
            raise UsageError(f"--longest-interval {parsed.longest_interval}: give 30d or less")
    return FeedSettings(lists, every, budget, gap, parsed.contact or None, parsed.allow_private, longest)


_LONGEST_INTERVAL: Final = 30 * 86_400.0
"""Seconds: as long as a feed is left alone that has failed for long. A time further ahead is taken for one of a wrong
clock (`clock_jumps`)."""


def _own_list(root: str) -> str:
    from pipeline.own_list import own_list_of  # with all that a lake needs, which most commands have no use for

    return own_list_of(root)


def add_feed_flags(run: argparse.ArgumentParser) -> None:
    """Add the flags of `newsbeam run` that polling has."""
    run.add_argument(
        "--feeds",
        nargs="*",
        action="append",
        default=[],
        metavar="LIST",
        help="feeds to poll: OPML files, texts with an address a line (# comments), or addresses of feeds, sitemaps, "
        "their indexes, and lists; without any, the lake's own list (newsbeam feeds import); edits are taken up at the "
        "next round, and what is on none of them any more is not polled",
    )
    contact = os.environ.get("NEWSBEAM_CONTACT", "")
    run.add_argument(
        "--every",
        metavar="TIME",
        help="poll what is due this often (90s, 10m, 1h) until Ctrl-C or SIGTERM (default: once)",
    )
    run.add_argument(
        "--contact",
        metavar="ADDRESS",
        default=contact,
        help="web or mail address under which publishers reach you; goes into each request "
        f"(default: {contact or 'none; NEWSBEAM_CONTACT sets it'})",
    )
    run.add_argument(
        "--host-gap",
        type=float,
        metavar="SECONDS",
        help=f"least time between two requests to one host (default: {DEFAULT_HOST_GAP:g})",
    )
    run.add_argument(
        "--poll-budget",
        metavar="TIME",
        help="how long a round starts requests; what it leaves over stays due (default: 10m, at most --every)",
    )
    run.add_argument(
        "--longest-interval",
        metavar="TIME",
        help="poll each feed at least this often, unless its publisher asks for longer pauses (default: 24h)",
    )
    run.add_argument(
        "--allow-private",
        action="store_true",
        help="also ask private and loopback addresses, which are refused otherwise",
    )


def add_feed_commands(feeds: argparse.ArgumentParser, add_lake: Callable[[Any, str, str], None]) -> None:
    """Add the subcommands of `newsbeam feeds`; `add_lake` adds the flag of the lake."""
    commands = feeds.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND", parser_class=type(feeds))
    for name, meaning in _MEANINGS.items():
        epilog = _EPILOGS[name] + _EXIT_CODES
        command = commands.add_parser(name, help=meaning, description=meaning, epilog=epilog)
        if name == "check":
            command.add_argument("url", metavar="URL", help="address of the feed")
        if name == "discover":
            command.add_argument("site", metavar="SITE", help="address of a page, or the name of a host")
        if name == "import":
            command.add_argument("lists", metavar="LIST", nargs="+", help="a list, an address, or -")
        if name in ("discover", "import"):
            _add_asking_flags(command)
        if name in ("list", "check", "import"):
            command.add_argument("--json", action="store_true", help="print JSON")
        if name != "discover":
            made = ", made if it is not there" if name == "import" else ""
            add_lake(command, "--lake", f"folder of the lake{made}")


def _add_asking_flags(command: argparse.ArgumentParser) -> None:
    contact = os.environ.get("NEWSBEAM_CONTACT", "")
    command.add_argument("--contact", metavar="ADDRESS", default=contact, help="as in newsbeam run")
    command.add_argument("--allow-private", action="store_true", help="as in newsbeam run")
