from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpcore
import pytest

from transforms.functions.asyncio_network import AsyncioBackend

Result = TypeVar("Result")
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def with_server(handle: Handler, use: Callable[[httpcore.AsyncNetworkStream], Awaitable[Result]]) -> Result:
    """Connect to a server that does with each connection what it is given."""

    async def run() -> Result:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        try:
            stream = await AsyncioBackend().connect_tcp(*server.sockets[0].getsockname()[:2], timeout=5)
            try:
                return await asyncio.wait_for(use(stream), 10)
            finally:
                await stream.aclose()
        finally:
            server.close()

    return asyncio.run(run())


async def until_readable(stream: httpcore.AsyncNetworkStream) -> None:
    async with asyncio.timeout(5):
        while not stream.get_extra_info("is_readable"):
            await asyncio.sleep(0.01)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection as a crashed server does."""
    kept = writer.get_extra_info("socket")
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def test_what_was_sent_before_the_end_is_read_in_pieces_and_then_the_end() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readexactly(3)) * 2)
        writer.close()

    async def use(stream: httpcore.AsyncNetworkStream) -> list[bytes]:
        await stream.write(b"abc")
        await until_readable(stream)
        await asyncio.sleep(0.1)  # the end comes while there is something to read
        return [await stream.read(4), await stream.read(4), await stream.read(4)]

    assert with_server(answer, use) == [b"abca", b"bc", b""]


@pytest.mark.parametrize("goodbye", [b"HTTP/1.1 408 Request Timeout\r\n\r\n", b""])
def test_an_idle_connection_on_which_the_server_said_goodbye_can_be_told(goodbye: bytes) -> None:
    said = asyncio.Event()

    async def leave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await said.wait()
        writer.write(goodbye)
        writer.close()

    async def use(stream: httpcore.AsyncNetworkStream) -> bool:
        await asyncio.sleep(0.05)
        before = stream.get_extra_info("is_readable")
        said.set()
        await until_readable(stream)
        return bool(before)

    assert with_server(leave, use) is False


def test_a_reset_connection_can_neither_be_read_nor_written() -> None:
    async def crash(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        reset(writer)

    async def use(stream: httpcore.AsyncNetworkStream) -> None:
        await stream.write(b"x")
        with pytest.raises(httpcore.ReadError):
            await stream.read(1)
        with pytest.raises(httpcore.WriteError):
            await stream.write(b"x")

    with_server(crash, use)


def test_a_server_that_sends_faster_than_is_read_has_to_wait() -> None:
    sent = 0

    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        for _ in range(1_000):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000
        writer.close()

    async def use(stream: httpcore.AsyncNetworkStream) -> int:
        before = -1
        while sent > before:  # until it is stopped by what is not read
            before = sent
            await asyncio.sleep(0.2)
        stopped_at, received = sent, 0
        while data := await stream.read(65_536):
            received += len(data)
        assert received == 100_000_000
        return stopped_at

    assert with_server(pour, use) < 50_000_000  # the system's own buffers take some of it


def test_nobody_there_and_no_tls_there_are_failures_to_connect() -> None:
    async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def use(stream: httpcore.AsyncNetworkStream) -> None:
        with pytest.raises(httpcore.ConnectError):
            await stream.start_tls(ssl.create_default_context(), "a.example", timeout=5)

    with_server(no_tls, use)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(httpcore.ConnectError):
            asyncio.run(AsyncioBackend().connect_tcp(*unused.getsockname(), timeout=5))


def test_a_server_that_does_not_finish_its_handshake_is_given_up() -> None:
    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def use(stream: httpcore.AsyncNetworkStream) -> None:
        with pytest.raises(httpcore.ConnectTimeout):
            await stream.start_tls(ssl.create_default_context(), "a.example", timeout=0.2)

    with_server(stay_silent, use)
