"""A real HTTP server on the loopback interface: answers as it is told to, and records what it is asked.

One server plays any number of hosts: a resolver that a test gives to the client leads all their names to it.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NamedTuple, TypeAlias


class Asked(NamedTuple):
    """A request as the server saw it."""

    at: float
    """Seconds of the monotonic clock."""
    connection: int
    host: str
    """Host header without port."""
    path: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """What the server sends. A body is declared with its length; `chunks` are not, they end with the connection."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunks: Iterable[bytes] = ()
    pause: float = 0.0
    """Seconds before the head, and before each chunk."""
    declared: int | None = None
    """Length that is declared instead of the body's own."""
    raw: Iterable[bytes] | None = None
    """All bytes of the answer, instead of everything above."""


Script: TypeAlias = "Reply | Sequence[Reply] | Callable[[Asked], Reply]"
"""One reply for ever; or one after the other, the last for ever; or a function of the request."""


class HttpServer:
    """The server, in a thread of its own. Use as a context manager."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.port = 0
        self.open_now: dict[str, int] = {}
        self.most_open: dict[str, int] = {}
        """Requests of each host that were under way at the same time, at most."""
        self._tls = tls
        self._scripts: dict[tuple[str | None, str], Script] = {}
        self._turns: dict[tuple[str | None, str], int] = {}
        self._loop = asyncio.new_event_loop()
        self._connections = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> HttpServer:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def on(self, path: str, script: Script, host: str | None = None) -> None:
        """Say what is answered to a path, on one host or on all."""
        self._scripts[host, path] = script
        self._turns[host, path] = 0

    def paths(self, host: str | None = None) -> list[str]:
        return [asked.path for asked in self.asked if host in (None, asked.host)]

    async def resolve(self, host: str, port: int) -> list[str]:
        """Resolver that leads every name to this server."""
        return ["127.0.0.1"]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        connection = self._connections
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            while await self._answer(connection, reader, writer):
                pass
        writer.close()

    async def _answer(self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        host = headers["host"].rpartition(":")[0] or headers["host"]
        asked = Asked(time.monotonic(), connection, host, head[0].split(" ")[1], headers)
        self.asked.append(asked)
        self.open_now[host] = self.open_now.get(host, 0) + 1
        self.most_open[host] = max(self.most_open.get(host, 0), self.open_now[host])
        try:
            return await self._send(self._reply(asked), writer)
        finally:
            self.open_now[host] -= 1

    def _reply(self, asked: Asked) -> Reply:
        path = asked.path
        key = next((key for key in ((asked.host, path), (None, path), (None, "*")) if key in self._scripts), None)
        if key is None:
            return Reply(404)
        script = self._scripts[key]
        if callable(script):
            return script(asked)
        if isinstance(script, Reply):
            return script
        turn = min(self._turns[key], len(script) - 1)
        self._turns[key] += 1
        return script[turn]

    async def _send(self, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        """Send a reply; returns whether the connection stays open."""
        async for data in _bytes_of(reply):
            writer.write(data)
            await writer.drain()
        return not reply.chunks and reply.raw is None and reply.declared is None


async def _bytes_of(reply: Reply) -> AsyncIterator[bytes]:
    if reply.raw is not None:
        for data in reply.raw:
            yield data
            await asyncio.sleep(reply.pause)
        return
    if reply.pause:
        await asyncio.sleep(reply.pause)
    yield _head(reply) + reply.body
    for chunk in reply.chunks:
        await asyncio.sleep(reply.pause)
        yield chunk


def _head(reply: Reply) -> bytes:
    headers = dict(reply.headers)
    if not reply.chunks and reply.status != 304:
        headers.setdefault("content-length", str(len(reply.body) if reply.declared is None else reply.declared))
    phrase = HTTPStatus(reply.status).phrase
    lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
