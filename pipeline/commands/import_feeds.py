"""`newsbeam feeds import`: feeds go on the lake's own list, which `newsbeam run --feeds` polls; undoes `export`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import Final

from pipeline.commands.feeds import known_feeds
from pipeline.feed_options import DEFAULT_HOST_GAP
from pipeline.feed_run import agent_of, open_world
from pipeline.lake import open_or_make_lake
from pipeline.own_list import add_to_own_list, read_own_list
from pipeline.remote_lists import FeedLists
from pipeline.settings import FeedSettings
from pipeline.terminal import json_line, masked
from schemas.feed_state import FeedState
from transforms.functions.feed_lists import feeds_of_data

_STDIN: Final = "-"


def import_feeds(arguments: argparse.Namespace) -> int:
    """Add the feeds of lists to the lake's own, and print a row for each; returns the exit code.

    Raises:
        UsageError: a list cannot be read, or holds a line that is no address: nothing is added then.
    """
    given = list(_feeds_of(arguments))
    lake = open_or_make_lake(arguments.lake)
    known = known_feeds(lake)
    listed_as = _addresses_of_old(known.states if known else ())
    own = set(read_own_list(lake))
    urls = {url: listed_as.get(url, url) for url in dict.fromkeys(given)}
    added = add_to_own_list(lake, urls.values())
    for url, listed in urls.items():
        outcome = "added" if listed in added else "there"
        _say(url, listed, outcome, as_json=arguments.json)
    elsewhere = (known.listed if known else set()) - own - added - set(urls.values())
    _say_what_next(arguments.lake, len(added), len(urls), len(elsewhere))
    return 0


def _feeds_of(arguments: argparse.Namespace) -> Iterator[str]:
    asking = FeedSettings((), None, 0.0, DEFAULT_HOST_GAP, arguments.contact or None, arguments.allow_private)
    for given in arguments.lists:
        if given == _STDIN:
            yield from feeds_of_data(sys.stdin.buffer.read(), "standard input")
        else:
            polling = FeedSettings((given,), None, 0.0, asking.host_gap, asking.contact, asking.allow_private)
            yield from FeedLists(polling, agent_of(polling), open_world, "").read()


def _addresses_of_old(states: Iterable[FeedState]) -> dict[str, str]:
    """Return, by the address that a feed has moved to, the one that it is listed by, which all is remembered under."""
    return {state.url: state.listed_url for state in states if state.url != state.listed_url}


def _say(url: str, listed: str, outcome: str, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json_line({"feed_url": listed, "given": url, "outcome": outcome}))
        return
    moved = f" (listed as {listed}, which has moved there)" if listed != url else ""
    sys.stdout.write(masked(f"{outcome}  {url}{moved}") + "\n")


def _say_what_next(root: str, added: int, given: int, elsewhere: int) -> None:
    sys.stderr.write(
        f"newsbeam: {added:,} of {given:,} feeds added. They are polled by: newsbeam run --feeds --output {root}\n"
    )
    if elsewhere:
        sys.stderr.write(
            f"newsbeam: {elsewhere:,} feeds that this lake has polled from other lists are not on its own: "
            f"newsbeam feeds export --lake {root} | newsbeam feeds import - --lake {root}\n"
        )
