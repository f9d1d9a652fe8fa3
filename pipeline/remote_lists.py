"""Lists of feeds that lie on a web server: `--feeds https://site.example/feeds.opml`.

An address that ends in `.opml` is asked for as a list before the first cycle; what comes says whether it is one. Any
other address is polled as a feed, and taken for a list where one comes (`transforms.functions.named_feeds`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from pipeline.feed_list import is_address, read_feed_list
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
"""How long a list holds before it is asked for again: it is edited by hand, and its server is to be treated well."""


class FeedLists:
    """The lists that the user gave. Local ones are read each time, remote ones once an hour.

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
        self._kept: dict[str, tuple[Instant, list[str]]] = {}

    def read(self) -> list[str]:
        """Return all feeds of the lists, each once.

        Raises:
            UsageError: a list cannot be read, or holds a line that is no address.
        """
        found: dict[str, None] = {}
        for given in self._polling.lists:
            found.update(dict.fromkeys(self._read(given)))
        return list(found)

    def _read(self, given: str) -> list[str]:
        return self._remote(given) if is_remote_list(given) else read_feed_list([given], self._flag)

    def _remote(self, given: str) -> list[str]:
        now = self._open_world().clock.now()
        kept = self._kept.get(given)
        if kept is None or now >= kept[0]:
            kept = self._kept[given] = self._fetch(given, now + int(_SECONDS_KEPT * SECOND))
        return kept[1]

    def _fetch(self, given: str, until: Instant) -> tuple[Instant, list[str]]:
        """Ask for a list; returns until when what it holds is kept, and that."""
        where = f"{self._flag}{given}"
        answer = asyncio.run(fetch_whole(given, self._settings, self._open_world(), where))
        if feed_kind(answer.body) is not None:
            return NEVER, read_feed_list([given])  # a feed by the name of a list: from now on it is polled
        return until, feeds_of_data(answer.body, where)


async def fetch_whole(url: str, settings: PollSettings, world: World, given: str) -> Answer:
    """Ask for one address that the user named, outside of a cycle, and follow its redirects.

    Raises:
        UsageError: there is no good answer.
    """
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
    answer = answer_of(chain, exchange, exchange.fetch.requested_at, chain.fetches[-1].failure)
    if answer.failure is not None or answer.status != 200:
        message = chain.fetches[-1].message
        raise UsageError(f"{given}: {failure_reason(answer)}{f' ({message})' if message else ''}")
    return answer


def is_remote_list(given: str) -> bool:
    """Whether an address is that of a list by its name; all others are polled before it is known what they are."""
    return is_address(given) and urlsplit(given).path.lower().endswith(".opml")
