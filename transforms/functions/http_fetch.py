"""Makes one HTTP request, under all limits, and says what came of it. No redirect is followed, no cookie kept.

httpcore is the engine of httpx: it speaks HTTP/1.1 and HTTP/2 and lets the connection be made by the address guard, for
which httpx has no place. httpx's own layer above it (sessions, redirects, cookies, proxies) is what must not be here.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from typing import Any, Final, NamedTuple, cast

import httpcore
import httpx

from schemas.errors import InputRejected, UsageError
from schemas.fetch import FEED, PAGE, ROBOTS, Fetch, Headers
from schemas.instants import Instant
from schemas.tables import SCHEMA_VERSION
from transforms.functions.address_guard import GuardedBackend, Resolver, resolve_by_system
from transforms.functions.host_connections import HostConnections
from transforms.functions.http_bodies import ACCEPTED_ENCODINGS, TOO_LARGE, BodyReader, too_large
from transforms.functions.http_failures import Failure, failure_of
from transforms.functions.http_hints import header, retry_after_seconds
from transforms.functions.redirects import REDIRECT_STATUSES, checked_url, host_of, redirect_target

_ACCEPT: Final = {
    FEED: b"application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5",
    PAGE: b"text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.5",
    ROBOTS: b"text/plain, */*;q=0.5",
}

_ERROR_BODY_BYTES: Final = 65_536
"""Bytes of the body of a redirect or an error that are read, so that its connection can be used again (a 304, which has
no body, is read to its end by this too)."""

_ADDRESS_SECONDS: Final = 5.0
"""For one address of a host, and for TLS: SYN packets are sent again after 1 and 3 s (Linux). All of them together have
the address guard's time."""

_ROBOTS_BYTES: Final = 1024 * 1024
"""Bytes of a robots.txt that are read, with nothing wrong about more: twice what is looked at of it (`robots`)."""


if find_spec("sniffio") is None:
    # httpcore tries to import it with each request, and Python looks through all folders of modules each time: a
    # quarter of what a request costs. This is how Python is told that a module is not there.
    cast(dict[str, Any], sys.modules).setdefault("sniffio", None)


@dataclass(frozen=True)
class FetchSettings:
    """Who asks, and the limits of a request."""

    user_agent: str
    run_id: str
    time_limit: float = 20.0
    """Seconds for a request with its connection and its whole body."""
    most_body_bytes: int = 5 * 1024 * 1024
    """After decompression, and before it (commoncrawl/news-crawl: 5 MiB)."""
    idle_connections: int = 256
    """Kept open for the next request to their hosts; each is a file descriptor, of which many systems give 1,024."""
    allow_private: bool = False
    resolve: Resolver = resolve_by_system
    network: httpcore.AsyncNetworkBackend | None = None
    """Makes connections to the addresses that the guard has let through; asyncio's own by default."""
    tls: ssl.SSLContext | None = None
    """What certificates are trusted: those that browsers trust, or those that SSL_CERT_FILE names, by default."""


class Exchange(NamedTuple):
    """One request and its answer."""

    fetch: Fetch
    headers: Headers = ()
    body: bytes = b""


class _Reply:
    """The answer as far as it has come: what is known of it when something goes wrong."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.http_version: str | None = None
        self.headers: Headers = ()
        self.reader: BodyReader | None = None
        self.body = b""


def user_agent(version: str, contact: str) -> str:
    """Return how newsbeam names itself to servers: `newsbeam/0.1.0 (+contact)`.

    Args:
        contact: an address of a page or mailbox under which a publisher reaches the user.

    Raises:
        UsageError: the contact cannot stand in a header.
    """
    contact = contact.strip()
    if not contact or not contact.isascii() or not contact.isprintable() or any(mark in contact for mark in "()\\"):
        raise UsageError(f"the contact {contact!r} must be a web or mail address: plain ASCII, no brackets")
    return f"newsbeam/{version} (+{contact})"


class HttpClient:
    """Makes requests; keeps connections open between them. Belongs to the event loop that it is first used in."""

    def __init__(self, settings: FetchSettings) -> None:
        self._settings = settings
        self._connections = HostConnections(
            settings.tls or httpx.create_ssl_context(),
            GuardedBackend(settings.resolve, allow_private=settings.allow_private, backend=settings.network),
            settings.idle_connections,
        )

    async def aclose(self) -> None:
        """Close all connections that are not at work."""
        await self._connections.aclose()

    async def request(self, url: str, purpose: str, now: Instant, validators: Headers = (), hop: int = 0) -> Exchange:
        """Make one request. Whatever the address, the network or the server does ends in a row, not in an error.

        Args:
            url: the whole address.
            purpose: `feed`, `page` or `robots`.
            now: what time it is: `requested_at` of the row.
            validators: header fields that make it conditional.
            hop: redirects before it in its chain.
        """
        reply, failure, started = _Reply(), None, time.monotonic()
        try:
            async with asyncio.timeout(self._settings.time_limit):
                await self._exchange(reply, url, purpose, validators)
        except TimeoutError:
            limit = self._settings.time_limit
            failure = Failure("time_limit", f"not done after {limit:g} s, so it was given up", "TimeoutError")
        except Exception as error:  # the libraries below raise far more than they say; a request must not end a run
            failure = failure_of(error)
        row = self._row(url, purpose, now, hop, reply, failure)
        row = row._replace(seconds=time.monotonic() - started, conditional=bool(validators))
        return Exchange(row, reply.headers, reply.body if failure is None else b"")

    async def _exchange(self, reply: _Reply, url: str, purpose: str, validators: Headers) -> None:
        target = checked_url(url)
        request = httpcore.Request(
            "GET",
            httpcore.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path),
            headers=self._headers(target, purpose, validators),
            extensions={"timeout": {"connect": _ADDRESS_SECONDS}},
        )
        async with self._connections.lend(request.url.origin) as connection:
            response = await connection.handle_async_request(request)
            try:
                reply.status = response.status
                reply.http_version = response.extensions.get("http_version", b"").decode("ascii", "replace") or None
                reply.headers = tuple((name.lower(), value) for name, value in response.headers)
                await self._read_body(reply, response, purpose)
            finally:
                await response.aclose()

    def _headers(self, target: httpx.URL, purpose: str, validators: Headers) -> list[tuple[bytes, bytes]]:
        return [
            (b"host", target.netloc),
            (b"user-agent", self._settings.user_agent.encode("ascii")),
            (b"accept", _ACCEPT[purpose]),
            (b"accept-encoding", ACCEPTED_ENCODINGS.encode("ascii")),
            *validators,
        ]

    async def _read_body(self, reply: _Reply, response: httpcore.Response, purpose: str) -> None:
        if reply.status is None or not 200 <= reply.status < 300:
            with suppress(InputRejected, httpcore.NetworkError, httpcore.ProtocolError):
                await _read(BodyReader("", _ERROR_BODY_BYTES), response)
            return
        encodings = b",".join(value for name, value in reply.headers if name == b"content-encoding").decode("latin-1")
        if purpose == ROBOTS:
            reply.reader = BodyReader(encodings, _ROBOTS_BYTES)
            reply.body = await _read_beginning(reply.reader, response)
            return
        limit = self._settings.most_body_bytes
        declared = (header(reply.headers, b"content-length") or b"").strip()
        if declared.isdigit() and (len(declared) > 18 or int(declared) > limit):
            raise too_large(limit)
        reply.reader = BodyReader(encodings, limit)
        await _read(reply.reader, response)
        reply.body = reply.reader.finish()

    def _row(self, url: str, purpose: str, now: Instant, hop: int, reply: _Reply, failure: Failure | None) -> Fetch:
        redirect_to: str | None = None
        try:
            if failure is None or reply.status in REDIRECT_STATUSES:
                redirect_to = redirect_target(url, reply.status, header(reply.headers, b"location"))
        except InputRejected as rejected:
            failure = failure_of(rejected)
        return Fetch(
            fetch_id=_fetch_id(url, purpose, now, hop),
            url=url,
            host=_host(url),
            purpose=purpose,
            requested_at=now,
            seconds=0.0,
            run_id=self._settings.run_id,
            schema_version=SCHEMA_VERSION,
            hop=hop,
            status=reply.status,
            http_version=reply.http_version,
            wire_bytes=reply.reader.wire_bytes if reply.reader else 0,
            body_bytes=reply.reader.body_bytes if reply.reader else 0,
            retry_after=retry_after_seconds(reply.headers, now),
            redirect_to=redirect_to,
            failure=failure.reason if failure else None,
            message=failure.message if failure else None,
            error_class=failure.error_class if failure else None,
        )


async def _read(reader: BodyReader, response: httpcore.Response) -> None:
    async for data in response.aiter_stream():
        reader.feed(data)


async def _read_beginning(reader: BodyReader, response: httpcore.Response) -> bytes:
    """Read a body to its end or to the reader's limit, whichever comes first."""
    try:
        await _read(reader, response)
    except InputRejected as rejected:
        if rejected.reason != TOO_LARGE:
            raise
        return reader.beginning()
    return reader.finish()


def _fetch_id(url: str, purpose: str, now: Instant, hop: int) -> str:
    known_by = f"{purpose} {now} {hop} {url}"
    return sha256(known_by.encode("utf-8", "surrogatepass")).digest()[:16].hex()


def _host(url: str) -> str:
    try:
        return host_of(url)
    except InputRejected:
        return ""
