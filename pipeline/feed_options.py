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

DEFAULT_POLL_BUDGET: Final = 600.0
"""Seconds in which a round starts requests, unless rounds come more often: the shortest interval of a feed."""

FEEDS_EPILOG: Final = """\
examples:
  newsbeam feeds list
  newsbeam feeds check https://outlet.example/feed
  newsbeam feeds export > feeds.opml
  newsbeam feeds discover outlet.example >> feeds.txt

But for discover, nothing is asked of any server: what is said is what the lake
remembers. The views feed_health, feeds, fetches and politeness tell more.
"""


def feed_settings(parsed: argparse.Namespace) -> FeedSettings | None:
    """Check the flags of polling; None where no feeds are given.

    Raises:
        UsageError: one cannot be used as given.
    """
    if not parsed.feeds:
        flags = {"--every": parsed.every, "--poll-budget": parsed.poll_budget, "--host-gap": parsed.host_gap}
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
    lists = tuple(one for some in parsed.feeds for one in some)
    return FeedSettings(lists, every, budget, gap, parsed.contact or None, parsed.allow_private)


def add_feed_flags(run: argparse.ArgumentParser) -> None:
    """Add the flags of `newsbeam run` that polling has."""
    run.add_argument(
        "--feeds",
        nargs="+",
        action="append",
        default=[],
        metavar="LIST",
        help="feeds to poll: OPML files, texts with an address a line (# comments), or addresses of feeds; edits are "
        "taken up at the next round",
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
        "--allow-private",
        action="store_true",
        help="also ask private and loopback addresses, which are refused otherwise",
    )


def add_feed_commands(feeds: argparse.ArgumentParser, add_lake: Callable[[Any, str, str], None]) -> None:
    """Add the subcommands of `newsbeam feeds`; `add_lake` adds the flag of the lake."""
    commands = feeds.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND", parser_class=type(feeds))
    meanings = {
        "list": "show each feed's health, what needs a look first",
        "check": "say when and how a feed will be asked next, and why",
        "export": "print the feeds as OPML, at their present addresses, without those that are gone or merged",
    }
    discover = commands.add_parser("discover", help="print the feeds that a site's page names, fit for a list")
    discover.add_argument("site", metavar="SITE", help="address of a page, or the name of a host")
    discover.add_argument(
        "--contact", metavar="ADDRESS", default=os.environ.get("NEWSBEAM_CONTACT", ""), help="as in newsbeam run"
    )
    discover.add_argument("--allow-private", action="store_true", help="as in newsbeam run")
    for name, meaning in meanings.items():
        command = commands.add_parser(name, help=meaning, description=meaning)
        if name == "check":
            command.add_argument("url", metavar="URL", help="address of the feed")
        if name != "export":
            command.add_argument("--json", action="store_true", help="print JSON")
        add_lake(command, "--lake", "folder of the lake")
