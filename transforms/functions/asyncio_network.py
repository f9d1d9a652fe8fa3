"""Connections for httpcore, made by asyncio itself.

httpcore's own go through anyio, which serves other event loops as well: a quarter of the processor time of a small
request over the loopback interface (`tests/benchmarks/polling.py`).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any, Final, cast

import httpcore

_MOST_UNREAD: Final = 131_072
"""Bytes received and not read yet, from which on the system is not asked for more."""


class AsyncioBackend(httpcore.AsyncNetworkBackend):
    """Makes connections in the running event loop of asyncio."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to an IP address. What is written is sent at once (asyncio sets TCP_NODELAY).

        Raises:
            httpcore.ConnectError, httpcore.ConnectTimeout: it cannot be reached.
        """
        local = (local_address, 0) if local_address is not None else None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                transport, stream = await loop.create_connection(_Stream, host, port, local_addr=local)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        for option in socket_options or ():
            transport.get_extra_info("socket").setsockopt(*option)
        return stream

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class _Stream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection: as asyncio feeds it, and as httpcore reads it.

    Requests here have no body, so what is written is small and need not be waited for. The time limits of single reads
    and writes are not kept: a request has one for all of it.
    """

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._unread = bytearray()
        self._ended = False
        self._failure: Exception | None = None
        self._waiting: asyncio.Future[None] | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if len(self._unread) >= _MOST_UNREAD:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._failure = True, exc
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    # What httpcore calls

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while not self._unread and not self._ended:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        data = bytes(self._unread[:max_bytes])
        del self._unread[:max_bytes]
        if not data and self._failure is not None:
            raise httpcore.ReadError(str(self._failure)) from self._failure
        if len(self._unread) < _MOST_UNREAD and not self._ended:
            self._transport.resume_reading()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._transport.is_closing():
            raise httpcore.WriteError("the connection is closed") from self._failure
        self._transport.write(buffer)

    async def aclose(self) -> None:
        """Close at once: there is nothing more to send, and a server may never say goodbye."""
        self._transport.abort()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        stream, loop = _Stream(), asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                transport = await loop.start_tls(self._transport, stream, ssl_context, server_hostname=server_hostname)
        except TimeoutError as error:
            self._transport.abort()
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:  # those of TLS are such, too
            self._transport.abort()
            raise httpcore.ConnectError(str(error)) from error
        if transport is None:
            raise httpcore.ConnectError("the connection was closed before it was encrypted")
        stream.connection_made(transport)
        return stream

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # asked of an idle connection: whether its server has closed it, or said goodbye
            return bool(self._unread) or self._ended
        return self._transport.get_extra_info(info)
