"""Keeps requests to the public internet: which addresses and ports are refused, and connections made to no others.

A feed may name any address, redirect to any, and own a name that resolves to any: without a guard, whoever writes one
can have newsbeam knock at the doors of the network that it runs in (cloud metadata at 169.254.169.254, above all). The
guard stands where the connection is made: it resolves the name itself, and connects to the very address that it has
checked, so that a name server cannot answer differently the second time. The certificate is still checked for the name.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, TypeAlias

import httpcore

from schemas.errors import InputRejected
from transforms.functions.asyncio_network import AsyncioBackend

Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Turns a host name and a port into addresses, the preferred one first; raises what `socket.getaddrinfo` does."""

_REFUSED_IPV4: Final = tuple(
    map(
        ip_network,
        ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
         "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
         "224.0.0.0/4", "240.0.0.0/4"),
    )
)  # fmt: skip
"""IANA's registry of special-purpose IPv4 addresses, those not globally reachable, and multicast. Written out, since
`ipaddress` differs between versions of Python."""

_PUBLIC_IPV6: Final = ip_network("2000::/3")
"""All that IANA has given out as global unicast."""
_REFUSED_IPV6: Final = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
"""Special purposes inside it, with Teredo and 6to4, which wrap an IPv4 address that may be anything."""
_NAT64: Final = ip_network("64:ff9b::/96")
"""On networks with IPv6 only, IPv4 hosts are reached through it (RFC 6052): the IPv4 address inside decides."""

_WEB_PORTS: Final = frozenset((80, 443))
_FIRST_FREE_PORT: Final = 1_024
_LAST_PORT: Final = 65_535
_BLOCKED_PORTS: Final = frozenset(
    (1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080)
)
"""Of the ports from 1024 on, those that browsers block (Fetch standard, 2.9 `Port blocking`): other protocols' servers
that can be made to do things by an HTTP request."""

_MOST_ADDRESSES: Final = 4
"""Addresses of one name that are tried: two of each family."""

_LOOKUP_THREADS: Final = 32
"""Look-ups at a time. `getaddrinfo` blocks a thread, for up to 30 s at a dead name server; asyncio's own pool has six
threads on two cores."""

_LOOKUP_SECONDS: Final = 8.0
_CONNECT_SECONDS: Final = 8.0
"""For the look-up, and for all addresses of a name. Together less than the 20 s of a request, so that a name server or
line that is down is called that, and not a slow host; more than the 5 s after which resolvers ask once more."""

_ADDRESSES_KEPT: Final = 4_096
"""Verdicts kept, so that a host's addresses are read once."""


def address_refusal(address: str) -> str | None:
    """Return why no connection is made to an IP address, in words; None where it is a public one."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return f"{address!r} is no IP address"
    return None if _is_public(parsed) else f"{address} is no public address"


def port_refusal(port: int) -> str | None:
    """Return why no connection is made to a port, in words; None where web servers may listen there."""
    if port in _WEB_PORTS or (_FIRST_FREE_PORT <= port <= _LAST_PORT and port not in _BLOCKED_PORTS):
        return None
    return f"port {port} belongs to another protocol than HTTP"


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Resolve a name as the system does (`getaddrinfo`), in a thread. Odd spellings of addresses come out as plain."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(_lookup_threads(), _look_up, host, port)
    return list(dict.fromkeys(found))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Makes the connections of httpcore, to checked addresses only.

    Args:
        resolve: the resolver.
        allow_private: leave the check of addresses out, for tests and for feeds inside a network.
        backend: makes the connection to an address; asyncio's own by default.
    """

    def __init__(
        self,
        resolve: Resolver = resolve_by_system,
        *,
        allow_private: bool = False,
        backend: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._resolve = resolve
        self._allow_private = allow_private
        self._backend = backend or AsyncioBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of the host that can be reached.

        Raises:
            InputRejected: `address_refused` or `port_refused`.
            socket.gaierror: the name could not be resolved.
            httpcore.ConnectError, httpcore.ConnectTimeout: none of its addresses could be reached.
        """
        addresses = await self._checked_addresses(host, port)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                return await self._connect_to_first(addresses, port, timeout, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"no connection after {_CONNECT_SECONDS:g} s") from error

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: no address of the web leads to a local socket."""
        raise InputRejected("address_refused", "local sockets are not part of the web")

    async def sleep(self, seconds: float) -> None:
        """Wait, between tries to connect; none are made."""
        await self._backend.sleep(seconds)

    async def _connect_to_first(
        self,
        addresses: Sequence[str],
        port: int,
        timeout: float | None,
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = OSError(errno.EADDRNOTAVAIL, "the name has no address")
        for address in addresses:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _checked_addresses(self, host: str, port: int) -> Sequence[str]:
        """Resolve a name; one inside address among public ones is refused with them, since that is no mistake."""
        if refusal := port_refusal(port):
            raise InputRejected("port_refused", refusal)
        addresses = await self._resolved(host, port)
        refusals = () if self._allow_private else filter(None, map(address_refusal, addresses))
        for refusal in refusals:
            raise InputRejected("address_refused", f"{host}: {refusal}")
        return addresses[:_MOST_ADDRESSES]

    async def _resolved(self, host: str, port: int) -> Sequence[str]:
        if _is_address(host):
            return [host]
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS):
                return await self._resolve(host, port)
        except TimeoutError as error:
            raise socket.gaierror(socket.EAI_AGAIN, f"no answer after {_LOOKUP_SECONDS:g} s") from error


@lru_cache(maxsize=_ADDRESSES_KEPT)
def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_IPV4)
    if address in _NAT64:
        return _is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    # What is mapped, embedded or local in any way lies outside the global unicast block.
    return address in _PUBLIC_IPV6 and not any(address in network for network in _REFUSED_IPV6)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1)
def _lookup_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="look-up")


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [str(address[0]) for *_, address in found]
