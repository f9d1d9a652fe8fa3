"""What the servers of a scripted world answer: each request gets the reply that the script says, and a record of it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from tests.farm_documents import CONTENT_TYPES, document_of, page_of
from tests.feed_world import Feed, FeedWorld, Host, Item

_ENDLESS_SECONDS: Final = 60.0
"""A client that waits for this is not newsbeam, which gives up after 20 s."""


@dataclass
class Asked:
    """A request as the server saw it, and what it answered. Times are seconds from the world's beginning."""

    at: float
    host: str
    path: str
    connection: int
    agent: str | None
    if_none_match: str | None
    if_modified_since: str | None
    cookie: str | None
    open_requests: int = 1
    """Requests of its host that were under way, this one included."""
    kind: str = "unknown"
    """`feed`, `page`, `robots` or `unknown`."""
    feed: int | None = None
    ended: float = 0.0
    whole: bool = False
    """Whether all of the answer was sent."""
    status: int = 0
    etag: str | None = None
    last_modified: str | None = None
    retry_after: float | None = None
    location: str | None = None
    fresh: float = 0.0
    """Seconds that it says to be fresh."""
    asks: float = 0.0
    """Seconds that the document asks to leave between polls."""
    first: int = 0
    last: int = 0
    """Items of the feed that its document held: from, and to before; none where it was not whole."""
    crawl_delay: float | None = None
    story: str = ""


@dataclass(frozen=True)
class Reply:
    """What is sent, in pieces, each after so many seconds."""

    pieces: Sequence[tuple[float, bytes]]
    closes: bool = False
    """Whether the connection is closed behind it."""


class FarmReplies:
    """The script of a world's servers.

    Args:
        url: makes an address of a host and a path.
        started_at: the world's beginning by the calendar, in seconds.
    """

    def __init__(self, world: FeedWorld, url: Callable[[str, str], str], started_at: float) -> None:
        self._world, self._url, self._started_at = world, url, started_at
        self._feeds = {(feed.host, feed.path): feed for feed in world.feeds}
        self._feeds |= {feed.target: feed for feed in world.feeds if feed.target and feed.story != "alias"}
        self._bodies: dict[int, tuple[tuple[int, int], bytes]] = {}
        self._page_asked: dict[str, int] = {}

    def answer(self, host: Host, asked: Asked) -> Reply:
        """Return what a request is answered, and note it in its record."""
        pause = host.latency
        feed = self._feeds.get((host.name, asked.path))
        item = self._world.pages.get((host.name, asked.path.removeprefix("/proper")))
        asked.kind = "feed" if feed else "page" if item else "robots" if asked.path == "/robots.txt" else "unknown"
        asked.feed = feed.number if feed else None
        if host.story == "silent" and asked.at in host.span:
            asked.story = "silent"
            return Reply([(_ENDLESS_SECONDS, b"")], closes=True)
        if (busy := _busy(host, asked, self._started_at)) is not None:
            return self._reply(asked, busy[0], busy[1], b"", pause)
        if feed is not None:
            return self._feed(feed, asked, pause)
        if item is not None:
            return self._page(host, item, asked, pause)
        return self._robots(host, asked, pause) if asked.kind == "robots" else self._reply(asked, 404, {}, b"", pause)

    def _feed(self, feed: Feed, asked: Asked, pause: float) -> Reply:
        is_on = asked.at in feed.span
        asked.story = feed.story if is_on else ""
        if is_on and feed.story == "gone":
            return self._reply(asked, 410, {}, b"gone", pause)
        is_target = feed.target is not None and (feed.host, feed.path) != (asked.host, asked.path)
        if is_on and feed.target is not None and not is_target:
            status = (302, 307)[feed.number % 2] if feed.story == "lent" else (301, 308)[feed.number % 2]
            return self._reply(asked, status, {"location": self._url(*feed.target)}, b"moved", pause)
        if is_on and feed.story == "page":
            return self._reply(
                asked, 200, {"content-type": "text/html"}, b"<html><body>Be back soon</body></html>", pause
            )
        return self._document(feed, asked, pause, is_on)

    def _document(self, feed: Feed, asked: Asked, pause: float, is_on: bool) -> Reply:
        first, last = feed.range_at(asked.at)
        headers = self._validators(feed, last)
        asked.etag, asked.last_modified = headers.get("etag"), headers.get("last-modified")
        headers |= self._freshness(feed, asked)
        if self._is_known(feed, asked, is_on):
            return self._reply(asked, 304, headers, b"", pause)
        asked.asks = feed.hint_seconds if feed.hints in ("ttl", "period") else 0.0
        headers |= {"content-type": CONTENT_TYPES[feed.format], "set-cookie": f"reader={feed.number}; Path=/"}
        body = self._body(feed, first, last)
        if feed.gzip:
            headers["content-encoding"] = "gzip"
        if is_on and feed.story == "unfinished":
            body = body[: len(body) * 2 // 3] if not feed.gzip else gzip.compress(gzip.decompress(body)[:-200], 1)
            return self._reply(asked, 200, headers, body, pause)
        asked.first, asked.last = first, last
        if is_on and feed.story in ("truncated", "endless", "trickling"):
            return self._badly(feed, asked, headers, body, pause)
        return self._reply(asked, 200, headers, body, pause)

    def _badly(self, feed: Feed, asked: Asked, headers: dict[str, str], body: bytes, pause: float) -> Reply:
        """Break a body off, or send it piece by piece: within the time that a client has, or not."""
        (_, whole), *_ = self._reply(asked, 200, headers, body, pause).pieces
        head = whole[: -len(body)]
        if feed.story == "truncated":
            asked.first = asked.last = 0
            return Reply([(pause, head + body[: len(body) // 2])], closes=True)
        size = len(body) // 6 + 1
        step = 1.2 if feed.story == "trickling" else 6.0
        pieces = [(step, body[at : at + size]) for at in range(0, len(body), size)]
        return Reply([(pause, head), *pieces])

    def _is_known(self, feed: Feed, asked: Asked, is_on: bool) -> bool:
        if feed.story == "frozen" and is_on:
            return asked.if_none_match is not None or asked.if_modified_since is not None
        if asked.if_none_match is not None:
            return asked.if_none_match == asked.etag
        return asked.if_modified_since is not None and asked.if_modified_since == asked.last_modified

    def _validators(self, feed: Feed, last: int) -> dict[str, str]:
        etag, changed = f'"{feed.number}-{last}"', feed.items[last - 1].added_at if last else 0.0
        if feed.validators == "odd":
            return {"etag": f"W/{feed.number}:{last} ;not quoted=="}
        headers = {"etag": etag} if feed.validators in ("both", "etag") else {}
        if feed.validators in ("both", "date"):
            headers["last-modified"] = formatdate(int(self._started_at + changed), usegmt=True)
        return headers

    def _freshness(self, feed: Feed, asked: Asked) -> dict[str, str]:
        if feed.hints not in ("max_age", "expires"):
            return {}
        asked.fresh = feed.hint_seconds
        if feed.hints == "max_age":
            return {"cache-control": f"public, max-age={feed.hint_seconds:.0f}"}
        until = int(self._started_at + asked.at) + feed.hint_seconds
        return {"expires": formatdate(until, usegmt=True)}

    def _body(self, feed: Feed, first: int, last: int) -> bytes:
        kept = self._bodies.get(feed.number)
        if kept is None or kept[0] != (first, last):
            body = document_of(feed, feed.items[first:last], self._url, self._started_at)
            self._bodies[feed.number] = kept = ((first, last), gzip.compress(body, 1) if feed.gzip else body)
        return kept[1]

    def _page(self, host: Host, item: Item, asked: Asked, pause: float) -> Reply:
        times = self._page_asked[item.path] = self._page_asked.get(item.path, 0) + 1
        if host.story == "forbidding":
            return self._reply(asked, 403, {}, b"", pause)
        if item.page == "missing" or (item.page == "late" and times == 1):
            return self._reply(asked, 404, {}, b"", pause)
        if item.page == "moved" and not asked.path.startswith("/proper"):
            return self._reply(asked, 302, {"location": f"/proper{item.path}"}, b"", pause)
        body = page_of(item, self._url(item.host, asked.path), self._started_at)
        return self._reply(asked, 200, {"content-type": "text/html; charset=utf-8"}, body, pause)

    def _robots(self, host: Host, asked: Asked, pause: float) -> Reply:
        if host.robots == "none":
            return self._reply(asked, 404, {}, b"", pause)
        if host.robots == "unreadable" and asked.at in host.span:
            asked.story = "unreadable"
            return self._reply(asked, 500, {}, b"", pause)
        lines = ["User-agent: *", "Disallow: /private/" if host.robots == "closed" else "Disallow: /nothing/"]
        if host.robots == "delay":
            asked.crawl_delay = host.crawl_delay
            lines.append(f"Crawl-delay: {host.crawl_delay:g}")
        return self._reply(asked, 200, {"content-type": "text/plain"}, "\n".join(lines).encode(), pause)

    def _reply(self, asked: Asked, status: int, headers: dict[str, str], body: bytes, pause: float) -> Reply:
        asked.status, asked.location = status, headers.get("location")
        # The day's clock goes on while a slow server thinks.
        headers = {"date": formatdate(int(self._started_at + asked.at), usegmt=True)} | headers
        if status != 304:
            headers["content-length"] = str(len(body))
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {headers[name]}" for name in headers)]
        return Reply([(pause, "\r\n".join([*lines, "", ""]).encode("latin-1") + body)])


def _busy(host: Host, asked: Asked, started_at: float) -> tuple[int, dict[str, str]] | None:
    """Return status and headers of a host that wants to be left alone; None where it does not."""
    if asked.at not in host.span or host.story not in ("overloaded", "limited", "busy_seconds", "busy_date"):
        return None
    asked.story = host.story
    status = 503 if host.story in ("overloaded", "busy_seconds") else 429
    if host.story in ("overloaded", "limited"):
        return status, {}
    asked.retry_after = float(min(1_800, max(60, int((host.span.end - asked.at) / 2))))
    if host.story == "busy_seconds":
        return status, {"retry-after": f"{asked.retry_after:.0f}"}
    return status, {"retry-after": formatdate(int(started_at + asked.at) + int(asked.retry_after), usegmt=True)}
