"""Lists of feeds that lie on a web server: `--feeds https://site.example/feeds.opml`.

An address that ends in `.opml` is asked for as a list before the first cycle; what comes says whether it is one. Any
other address is polled as a feed, and taken for a list where one comes (`transforms.functions.named_feeds`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from pipeline.failure_remedies import ADDRESS_REFUSED, REMEDIES
from pipeline.feed_list import is_address, read_feed_list
from pipeline.own_list import is_empty_own_list
from pipeline.run_log import say
from pipeline.settings import FeedSettings
from schemas.errors import UsageError
from schemas.feed_state import NEVER
from schemas.fetch import PAGE, Answer
from schemas.instants import Instant
from transforms.functions.feed_documents import feed_kind
from transforms.functions.feed_lists import feeds_of_data
from transforms.functions.fetch_jobs import answer_of
from transforms.functions.http_fetch import HttpClient
from transforms.functions.http_hints import SECOND
from transforms.functions.poll_failures import failure_reason
from transforms.functions.poll_settings import PollSettings, World
from transforms.functions.redirects import Chain, after_step

_SECONDS_KEPT = 3_600.0
"""How long a list holds before it is asked for again, and one that was not to be had is left alone: it is edited by
hand, and its server is to be treated well."""


class _Kept(NamedTuple):
    """What came of asking for a list: its feeds, or what is wrong with it."""

    until: Instant
    feeds: list[str]
    failure: str | None = None


class FeedLists:
    """The lists that the user gave. Local ones are read each time, remote ones once an hour, or as `Retry-After` asks.

    One that cannot be read any more is mended while its feeds of before go on, and edits of the others are taken up.

    Args:
        polling: the lists, and how servers are asked.
        agent: how newsbeam names itself.
        open_world: gives what is outside.
        flag: what messages name before each list.
    """

    def __init__(
        self, polling: FeedSettings, agent: str, open_world: Callable[[], World], flag: str = "--feeds "
    ) -> None:
        self._flag = flag
        self._polling = polling
        self._settings = PollSettings(agent, 0.0, polling.host_gap, polling.allow_private)
        self._open_world = open_world
        self._kept: dict[str, _Kept] = {}
        self._before: dict[str, list[str]] = {}

    def read(self) -> list[str]:
        """Return all feeds of the lists, each once.

        Raises:
            UsageError: a list cannot be read, or holds a line that is no address, and could not be read before.
        """
        found: dict[str, None] = {}
        for given in self._polling.lists:
            found.update(dict.fromkeys(self._now_or_before(given)))
        return list(found)

    def _now_or_before(self, given: str) -> list[str]:
        try:
            self._before[given] = self._read(given)
        except UsageError as error:
            if given not in self._before:
                raise
            say("list_unreadable", f"{error}; going on with its feeds of before", logging.WARNING)
        return self._before[given]

    def _read(self, given: str) -> list[str]:
        if is_remote_list(given):
            return self._remote(given)
        return [] if is_empty_own_list(given) else read_feed_list([given], self._flag)

    def _remote(self, given: str) -> list[str]:
        now = self._open_world().clock.now()
        kept = self._kept.get(given)
        if kept is None or now >= kept.until:
            kept = self._kept[given] = self._fetch(given, now)
        if kept.failure is not None:
            raise UsageError(kept.failure)
        return kept.feeds

    def _fetch(self, given: str, now: Instant) -> _Kept:
        where = f"{self._flag}{given}"
        answer = asyncio.run(_ask_whole(given, self._settings, self._open_world()))
        try:
            _check(answer, where)
            if feed_kind(answer.body) is not None:
                return _Kept(NEVER, read_feed_list([given]))  # a feed by the name of a list: from now on it is polled
            return _Kept(now + int(_SECONDS_KEPT * SECOND), feeds_of_data(answer.body, where))
        except UsageError as error:
            return _Kept(now + int(max(_SECONDS_KEPT, answer.retry_after or 0.0) * SECOND), [], str(error))


async def fetch_whole(url: str, settings: PollSettings, world: World, given: str) -> Answer:
    """Ask for one address that the user named, outside of a cycle, and follow its redirects.

    Raises:
        UsageError: there is no good answer.
    """
    answer = await _ask_whole(url, settings, world)
    _check(answer, given)
    return answer


async def _ask_whole(url: str, settings: PollSettings, world: World) -> Answer:
    client = HttpClient(world.fetching(settings, "list"))
    chain = Chain.starting_at(url)
    try:
        while True:
            exchange = await client.request(chain.url, PAGE, world.clock.now(), (), len(chain.visited))
            chain = after_step(chain, exchange.fetch)
            if chain.ended:
                break
    finally:
        await client.aclose()
    return answer_of(chain, exchange, exchange.fetch.requested_at, chain.fetches[-1].failure)


def _check(answer: Answer, given: str) -> None:
    if answer.failure is not None or answer.status != 200:
        reason, message = failure_reason(answer), answer.fetches[-1].message
        remedy = f"; {REMEDIES[reason]}" if reason == ADDRESS_REFUSED else ""
        raise UsageError(f"{given}: {reason}{f' ({message})' if message else ''}{remedy}")


def is_remote_list(given: str) -> bool:
    """Whether an address is that of a list by its name; all others are polled before it is known what they are."""
    return is_address(given) and urlsplit(given).path.lower().endswith(".opml")
