from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import httpcore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InputRejected
from transforms.functions import address_guard
from transforms.functions.address_guard import (
    GuardedBackend,
    Resolver,
    address_refusal,
    port_refusal,
    resolve_by_system,
)

INSIDE = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254",  # noqa: S104
    "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.1.1", "198.18.0.1", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1",
    "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    "2002:7f00:1::", "2001::1", "2001:db8::1", "100::1", "fec0::1", "::ffff:0:127.0.0.1",
]  # fmt: skip
OUTSIDE = ["1.1.1.1", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101"]


class Connections(httpcore.AsyncNetworkBackend):
    """Notes where connections would have been made; makes none."""

    def __init__(self, dead: Iterable[str] = ()) -> None:
        self.made: list[tuple[str, int]] = []
        self._dead = set(dead)

    async def connect_tcp(self, host: str, port: int, *_: object) -> httpcore.AsyncNetworkStream:  # type: ignore[override]
        self.made.append((host, port))
        if host in self._dead:
            raise httpcore.ConnectError("refused")
        return httpcore.AsyncNetworkStream()


def resolver(*answers: Sequence[str]) -> Resolver:
    """Answer one look-up after the other, the last for ever."""
    rest = list(answers)

    async def resolve(host: str, port: int) -> Sequence[str]:
        return rest.pop(0) if len(rest) > 1 else rest[0]

    return resolve


def connect(backend: GuardedBackend, host: str = "news.example", port: int = 443) -> None:
    asyncio.run(backend.connect_tcp(host, port))


@pytest.mark.parametrize("address", INSIDE)
def test_no_connection_is_made_to_an_inside_address(address: str) -> None:
    assert address_refusal(address)
    connections = Connections()
    with pytest.raises(InputRejected) as rejected:
        connect(GuardedBackend(resolver([address]), backend=connections))
    assert rejected.value.reason == "address_refused"
    assert connections.made == []


@pytest.mark.parametrize("address", OUTSIDE)
def test_connections_are_made_to_public_addresses(address: str) -> None:
    assert address_refusal(address) is None


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(0, 2**128 - 1).map(IPv6Address))
def test_what_the_standard_library_knows_as_not_global_is_refused(address: IPv4Address | IPv6Address) -> None:
    if not address.is_global or address.is_multicast:
        assert address_refusal(str(address))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_an_inside_address_is_refused_in_every_wrapping(address: IPv4Address) -> None:
    if address_refusal(str(address)):
        for wrapped in (f"::ffff:{address}", f"64:ff9b::{address}", f"::{address}"):
            assert address_refusal(str(ip_address(wrapped)))


def test_a_name_with_one_inside_address_is_refused_whole() -> None:
    connections = Connections()
    with pytest.raises(InputRejected):
        connect(GuardedBackend(resolver(["1.1.1.1", "10.0.0.1"]), backend=connections))
    assert connections.made == []


def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    # A name server that answers differently the second time is not asked a second time.
    connections = Connections()
    connect(GuardedBackend(resolver(["1.1.1.1"], ["127.0.0.1"]), backend=connections))
    assert connections.made == [("1.1.1.1", 443)]


def test_the_next_address_is_tried_where_one_cannot_be_reached() -> None:
    connections = Connections(dead=["2606:4700::1111"])
    connect(GuardedBackend(resolver(["2606:4700::1111", "1.1.1.1"]), backend=connections))
    assert [host for host, _ in connections.made] == ["2606:4700::1111", "1.1.1.1"]
    with pytest.raises(httpcore.ConnectError):
        connect(GuardedBackend(resolver(["1.1.1.1"] * 9), backend=Connections(dead=["1.1.1.1"])))


def test_private_addresses_are_allowed_where_the_user_says_so() -> None:
    connections = Connections()
    connect(GuardedBackend(resolver(["127.0.0.1"]), allow_private=True, backend=connections))
    assert connections.made == [("127.0.0.1", 443)]


@pytest.mark.parametrize("port", [22, 25, 53, 110, 993, 6000, 6667, 70_000, 0])
def test_ports_of_other_protocols_are_refused(port: int) -> None:
    connections = Connections()
    with pytest.raises(InputRejected) as rejected:
        connect(GuardedBackend(resolver(["1.1.1.1"]), allow_private=True, backend=connections), port=port)
    assert rejected.value.reason == "port_refused"
    assert connections.made == []


@pytest.mark.parametrize("port", [80, 443, 8080, 8443, 3000])
def test_ports_of_web_servers_are_allowed(port: int) -> None:
    assert port_refusal(port) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "::1"])
def test_odd_spellings_of_inside_addresses_are_refused(host: str) -> None:
    # getaddrinfo reads numbers itself: no packet is sent for these.
    with pytest.raises((InputRejected, socket.gaierror)):
        connect(GuardedBackend(resolve_by_system, backend=Connections()), host=host)


def test_the_systems_resolver_gives_plain_addresses() -> None:
    assert asyncio.run(resolve_by_system("127.0.0.1", 80)) == ["127.0.0.1"]


def test_a_resolver_that_never_answers_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(address_guard, "_LOOKUP_SECONDS", 0.05)
    with pytest.raises(socket.gaierror) as failed:
        connect(GuardedBackend(resolve, backend=Connections()))
    assert failed.value.errno == socket.EAI_AGAIN


def test_addresses_that_never_answer_share_one_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Connections):
        async def connect_tcp(self, host: str, port: int, *_: object) -> httpcore.AsyncNetworkStream:  # type: ignore[override]
            await asyncio.sleep(60)
            return httpcore.AsyncNetworkStream()

    monkeypatch.setattr(address_guard, "_CONNECT_SECONDS", 0.05)
    with pytest.raises(httpcore.ConnectTimeout):
        connect(GuardedBackend(resolver(["1.1.1.1", "1.0.0.1"]), backend=Silent()))
