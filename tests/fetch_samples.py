"""Answers, rows and feed documents that the tests of polling are made of; all hosts in them are invented."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Any

from schemas.errors import InputRejected
from schemas.feed_poll import FeedPoll
from schemas.fetch import FEED, Answer, Fetch, Headers
from schemas.instants import Instant
from transforms.functions.polling_interval import PollingRules

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
NOW: Instant = 1_775_000_000 * SECOND
"""2026-03-31 in the evening, UTC."""

URL = "https://news.example/feed"
RULES = PollingRules()


class NoJitter(Random):
    """Adds nothing: for tests of what jitter is added to."""

    def random(self) -> float:
        return 0.0


class JumpingClock:
    """Jumps to the end of every wait in which nothing happens for a few milliseconds: a day takes no time."""

    def __init__(self, start: Instant = NOW) -> None:
        self.time = start

    def now(self) -> Instant:
        return self.time

    async def sleep(self, seconds: float) -> None:
        end = self.time + round(seconds * SECOND)
        await asyncio.sleep(0.003)
        self.time = max(self.time, end)


@dataclass(frozen=True)
class Document:
    """A parsed feed, as the rules see it."""

    item_ids: tuple[str, ...]
    update_seconds: float | None = None
    oldest_at: Instant | None = None
    newest_at: Instant | None = None
    is_cut_off: bool = False
    skips: int = 0
    kind: str | None = None


def parse(answer: Answer) -> Document:
    """Read the only feed format of these tests: ids between spaces, after the word `feed`."""
    word, *ids = answer.body.decode().split()
    if word != "feed":
        raise InputRejected("not_a_feed", "this is a page")
    return Document(tuple(ids))


def feed_body(first: int, last: int) -> bytes:
    return " ".join(["feed", *(f"item-{number}" for number in range(first, last))]).encode()


def fetch(
    status: int | None = 200,
    *,
    failure: str | None = None,
    url: str = URL,
    at: Instant = NOW,
    seconds: float = 0.1,
    retry_after: float | None = None,
    conditional: bool = False,
    redirect_to: str | None = None,
) -> Fetch:
    return Fetch("0" * 32, url, "news.example", FEED, at, seconds, "run", 1, status=status, failure=failure,
                 retry_after=retry_after, conditional=conditional, redirect_to=redirect_to)  # fmt: skip


def answer(
    status: int | None = 200,
    body: bytes = b"feed a b c",
    *,
    at: Instant = NOW,
    failure: str | None = None,
    headers: Headers = (),
    conditional: bool = False,
    retry_after: float | None = None,
    permanent_url: str | None = None,
    url: str = URL,
) -> Answer:
    row = fetch(status, failure=failure, at=at, conditional=conditional)
    return Answer(URL, url, permanent_url, at, status, failure, headers, body, retry_after, (row,))


def feed_poll(feed_url: str = URL, **columns: Any) -> FeedPoll:
    """A row of `feeds`."""
    row = FeedPoll(feed_url, feed_url, NOW, "changed", "ok", 0.0, 3_600.0, 0.0, 7, 20, 5, 0, "run", 1)
    return row._replace(**columns)
