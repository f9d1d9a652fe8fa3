"""Connections kept open between requests, one a host.

httpcore's own pool looks at every connection for every request, and at every pair of them once many are idle (measured
on 200 hosts: 300 requests/s/core with it, 2,100 without). A polite client needs none: a host has one connection, idle
between two of its requests.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpcore

_KEPT_SECONDS: Final = 30.0
"""How long an idle connection is kept: longer than the gap to most hosts, shorter than servers do (nginx: 75)."""


class _Connection(httpcore.AsyncHTTPConnection):
    """A connection that looks at its stream before it is used again.

    httpcore does so for HTTP/1.1 alone; over HTTP/2 a goodbye would be noticed with the next request, which it costs.
    Whatever else a server says unasked (a ping) costs a new connection, which is less.
    """

    _stream: httpcore.AsyncNetworkStream | None = None

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        response = await super().handle_async_request(request)
        self._stream = response.extensions.get("network_stream")
        return response

    def has_expired(self) -> bool:
        is_left = self._stream is not None and bool(self._stream.get_extra_info("is_readable"))
        return is_left or super().has_expired()


class HostConnections:
    """Lends connections out, and keeps those that come back able to serve again.

    Args:
        tls: what certificates are trusted.
        backend: makes the connections.
        most_kept: idle connections kept at a time; the one that was idle for longest is closed for a new one.
    """

    def __init__(self, tls: ssl.SSLContext, backend: httpcore.AsyncNetworkBackend, most_kept: int) -> None:
        self._tls = tls
        self._backend = backend
        self._most_kept = most_kept
        self._idle: dict[bytes, httpcore.AsyncHTTPConnection] = {}

    @asynccontextmanager
    async def lend(self, origin: httpcore.Origin) -> AsyncIterator[httpcore.AsyncHTTPConnection]:
        """Lend a connection to an origin out for one request and its answer; it may still have to be made.

        A kept connection of the host to another origin (http before https, another port) is closed first, so that no
        host has two. After an error, or an answer that was not read to its end, the connection is closed.
        """
        connection = await self._taken(origin)
        try:
            yield connection
        finally:
            if connection.is_idle():
                await self._keep(origin, connection)
            else:
                await connection.aclose()

    async def aclose(self) -> None:
        """Close all idle connections."""
        while self._idle:
            _, connection = self._idle.popitem()
            await connection.aclose()

    async def _taken(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        kept = self._idle.pop(origin.host, None)
        if kept is not None:
            if kept.can_handle_request(origin) and kept.is_available() and not kept.has_expired():
                return kept
            await kept.aclose()
        return _Connection(
            origin,
            ssl_context=self._tls,
            keepalive_expiry=_KEPT_SECONDS,
            http2=True,
            network_backend=self._backend,
        )

    async def _keep(self, origin: httpcore.Origin, connection: httpcore.AsyncHTTPConnection) -> None:
        other = self._idle.pop(origin.host, None)
        self._idle[origin.host] = connection
        if other is None and len(self._idle) > self._most_kept:
            other = self._idle.pop(next(iter(self._idle)))
        if other is not None:
            await other.aclose()
