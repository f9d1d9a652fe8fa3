"""Looks at the network as polling uses it: names, connections, certificates; and compares the clock with a server's."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import httpx

from pipeline.doctor.finding import FAIL, OK, WARN, Finding, looked_at
from schemas.errors import UsageError

_TIME_LIMIT: Final = 10.0
_CLOCK_OFF: Final = 60.0
_CLOCK_WRONG: Final = 600.0
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def look_at_network(url: str) -> Iterator[Finding]:
    """Return findings about reaching an address, each made when it is asked for; one request is made.

    Raises:
        UsageError: it is no address.
    """
    host = urlsplit(url).hostname
    if urlsplit(url).scheme not in ("http", "https") or not host:
        raise UsageError(f"--url {url}: give an address with https://")
    return _findings(url, host)


def _findings(url: str, host: str) -> Iterator[Finding]:
    dns = looked_at(
        "DNS",
        lambda: _resolved(host),
        "see /etc/resolv.conf and whether its servers answer: getent hosts " + host,
    )
    yield dns
    if dns.state == OK:
        yield from _asked(url)
    set_ones = [name for name in _PROXIES if os.environ.get(name) or os.environ.get(name.lower())]
    if set_ones:
        said = f"{', '.join(set_ones)} is set; newsbeam asks servers itself"
        yield Finding("proxy", WARN, said, "let this machine reach servers without a proxy (ports 80 and 443)")
    yield _contact()


def _resolved(host: str) -> str:
    started = time.perf_counter()
    found = {answer[4][0] for answer in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)}
    return f"{host} is {', '.join(sorted(map(str, found))[:3])} ({time.perf_counter() - started:.2f} s)"


def _asked(url: str) -> Iterator[Finding]:
    remedy = "see that a firewall lets this machine out to ports 80 and 443, and that its certificates are current"
    dates: list[str] = []

    def ask() -> str:
        started = time.perf_counter()
        with httpx.Client(timeout=_TIME_LIMIT, trust_env=False) as client:
            answer = client.head(url)
        dates.append(answer.headers.get("date", ""))
        return f"{url} answered {answer.status_code} in {time.perf_counter() - started:.2f} s"

    yield looked_at("network", ask, remedy)
    if dates and dates[0]:
        yield looked_at("clock and server", lambda: _compared(dates[0]), "set the clock: timedatectl set-ntp true")


def _compared(date: str) -> Finding:
    off = abs(time.time() - parsedate_to_datetime(date).timestamp())
    remedy = "have the clock kept: timedatectl set-ntp true. Rows, Retry-After and partitions go by it"
    if off > _CLOCK_OFF:
        return Finding("clock and server", FAIL if off > _CLOCK_WRONG else WARN, f"{off:,.0f} s apart", remedy)
    return Finding("clock and server", OK, f"{off:.0f} s apart")


def _contact() -> Finding:
    contact = os.environ.get("NEWSBEAM_CONTACT")
    if contact:
        return Finding("contact", OK, contact)
    remedy = "set NEWSBEAM_CONTACT, or give --contact: a web or mail address under which publishers reach you"
    return Finding("contact", WARN, "publishers cannot reach you, they can only block you", remedy)
