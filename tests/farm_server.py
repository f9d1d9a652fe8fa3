"""The servers of a scripted world: sockets, connections, and a log of all that they are asked, in virtual or real time.

Each host has an address of its own (127.1.0.1, 127.1.0.2, ...; Linux gives the loopback interface all of 127.0.0.0/8)
and one port is used on all.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.farm_replies import Asked, FarmReplies, Reply
from tests.feed_world import FeedWorld, Host


class Connection(NamedTuple):
    """A connection that has ended."""

    host: str
    number: int
    opened: float
    closed: float


@dataclass
class FeedFarm:
    """The servers of a world.

    Args:
        now: seconds from the world's beginning.
        by_name: hosts are called by the world's names, else by their addresses.
        sleeping: told +1 when an answer begins to wait for the clock, -1 when it has.
        started_at: the world's beginning by the calendar, in seconds.
        on_asked: told each request when it has ended.
    """

    world: FeedWorld
    now: Callable[[], float]
    by_name: bool = True
    sleeping: Callable[[int], None] = lambda step: None
    started_at: float = 0.0
    port: int = 0
    on_asked: Callable[[Asked], None] = lambda asked: None
    log: list[Asked] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    open_requests: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._hosts = {_address(host): host for host in self.world.hosts.values()}
        self._replies = FarmReplies(self.world, self.url, self.started_at)
        self._listening: dict[str, socket.socket] = {}
        self._living: set[_Server] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._connections = 0
        self._starting: set[asyncio.Task[Any]] = set()

    # Addresses

    def url(self, host: str, path: str) -> str:
        """Return an address of the world as a client asks for it."""
        name = host if self.by_name else _address(self.world.hosts[host])
        return f"http://{name}:{self.port}{path}"

    def urls(self) -> list[str]:
        """Return the list of feeds."""
        return [self.url(*place) for place in self.world.listed()]

    async def resolve(self, host: str, port: int) -> list[str]:
        """Resolver of the reader's machine: knows the world's names, unless the reader's network is down."""
        for number, span in enumerate(self.world.outages):
            if self.now() in span:
                # Some systems say so, some say that there is no such name.
                raise socket.gaierror(socket.EAI_NONAME if number % 2 else socket.EAI_AGAIN, "the network is down")
        found = self.world.hosts.get(host)
        if found is None or found.story == "nameless":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [_address(found)]

    # Listening

    def bind(self) -> None:
        """Take a port that is free at all addresses."""
        for _ in range(20):
            with suppress(OSError):
                for address in self._hosts:
                    self._listen(address)
                return
            self.close()
            self.port = 0
        raise SystemExit(f"no port is free at {', '.join(list(self._hosts)[:3])} ...")

    def _listen(self, address: str) -> None:
        self._listening[address] = listening = socket.create_server((address, self.port), backlog=128)
        listening.setblocking(False)
        self.port = listening.getsockname()[1]

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve in a loop, until `detach`."""
        self._loop = loop
        for address in self._listening:
            self._accept_at(address)
        self._open_and_close()

    def detach(self) -> None:
        """Serve no longer in the loop."""
        if self._loop is not None:
            for listening in self._listening.values():
                self._loop.remove_reader(listening)
            if self._timer is not None:
                self._timer.cancel()
        for server in list(self._living):
            server.abort()
        self._loop = None

    def close(self) -> None:
        """Close all doors."""
        for listening in self._listening.values():
            listening.close()
        self._listening.clear()

    def _open_and_close(self) -> None:
        """Open the doors of hosts that are up, close those of hosts that are down, and come back at the next change."""
        assert self._loop is not None
        now = self.now()
        for address, host in self._hosts.items():
            if host.is_up(now) and address not in self._listening:
                self._listen(address)
                self._accept_at(address)
            elif not host.is_up(now) and address in self._listening:
                listening = self._listening.pop(address)
                self._loop.remove_reader(listening)
                listening.close()
        moments = (at for host in self._hosts.values() if host.story == "returning" for at in host.span if at > now)
        if (soonest := min(moments, default=None)) is not None:
            self._timer = self._loop.call_later(soonest - now + 0.001, self._open_and_close)

    def _accept_at(self, address: str) -> None:
        assert self._loop is not None
        self._loop.add_reader(self._listening[address], self._accept, address)

    def _accept(self, address: str) -> None:
        assert self._loop is not None
        with suppress(BlockingIOError, KeyError):
            accepted, _ = self._listening[address].accept()
            accepted.setblocking(False)
            self._connections += 1
            server = _Server(self, self._hosts[address], self._connections)
            task = self._loop.create_task(self._loop.connect_accepted_socket(lambda: server, accepted))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    # What its connections tell

    def begin(self, host: Host, asked: Asked) -> Reply:
        """Take a request in, and return what it is answered."""
        self.open_requests[host.name] = asked.open_requests = self.open_requests.get(host.name, 0) + 1
        return self._replies.answer(host, asked)

    def end(self, asked: Asked) -> None:
        """Take a request that has ended into the log."""
        self.open_requests[asked.host] -= 1
        self.log.append(asked)
        self.on_asked(asked)

    def opened(self, server: _Server) -> None:
        """Take a connection in."""
        self._living.add(server)

    def closed(self, server: _Server, connection: Connection) -> None:
        """Take a connection that has ended into the log."""
        self._living.discard(server)
        self.connections.append(connection)


class _Server(asyncio.Protocol):
    """One connection to a host."""

    def __init__(self, farm: FeedFarm, host: Host, number: int) -> None:
        self._farm, self._host, self._number = farm, host, number
        self._data = b""
        self._asked: Asked | None = None
        self._left: list[tuple[float, bytes]] = []
        self._closes = False
        self._timer: asyncio.TimerHandle | None = None
        self._opened = farm.now()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._farm.opened(self)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._asked is None and b"\r\n\r\n" in self._data:
            head, _, self._data = self._data.partition(b"\r\n\r\n")
            self._begin(head.decode("latin-1").split("\r\n"))

    def _begin(self, head: list[str]) -> None:
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        self._asked = Asked(
            at=self._farm.now(),
            host=self._host.name,
            path=head[0].split(" ")[1],
            connection=self._number,
            agent=fields.get("user-agent"),
            if_none_match=fields.get("if-none-match"),
            if_modified_since=fields.get("if-modified-since"),
            cookie=fields.get("cookie"),
        )
        reply = self._farm.begin(self._host, self._asked)
        self._left, self._closes = list(reply.pieces), reply.closes
        self._go_on()

    def _go_on(self) -> None:
        if self._left:
            self._farm.sleeping(1)
            self._timer = asyncio.get_running_loop().call_later(self._left[0][0], self._send)
        else:
            self._end(whole=not self._closes)
            if self._closes:
                self._transport.close()

    def _send(self) -> None:
        self._wake()
        self._transport.write(self._left.pop(0)[1])
        self._go_on()

    def _wake(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._farm.sleeping(-1)

    def _end(self, *, whole: bool) -> None:
        if self._asked is None:
            return
        asked, self._asked = self._asked, None
        asked.ended, asked.whole = self._farm.now(), whole
        self._farm.end(asked)

    def connection_lost(self, error: Exception | None) -> None:
        self._wake()
        self._end(whole=False)
        connection = Connection(self._host.name, self._number, self._opened, self._farm.now())
        self._farm.closed(self, connection)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()


def _address(host: Host) -> str:
    return f"127.1.{host.number // 250}.{host.number % 250 + 1}"
