"""Where a redirect leads, and where a chain of them ends. Each step is a request of its own, under all rules.

RFC 9110 15.4; browsers' habits where it leaves a choice: the fragment is no part of a request.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

import httpx

from schemas.errors import InputRejected
from schemas.fetch import Fetch
from transforms.functions.urls import MAX_URL_CHARACTERS

REDIRECT_STATUSES: Final = frozenset((301, 302, 303, 307, 308))
_PERMANENT_STATUSES: Final = frozenset((301, 308))

_LAST_PORT: Final = 65_535
_HOST: Final = re.compile(rb"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|[0-9A-Fa-f:.]+")
"""A name, with the underscores that some have, or an IPv6 address without its brackets."""

MOST_REDIRECTS: Final = 5
"""RFC 9309 2.3.1.2 asks for five at least, for robots.txt; readers' chains are of one or two."""


_ADDRESSES_KEPT: Final = 4_096
_HOSTS_KEPT: Final = 32_768
"""Parsed addresses, and hosts of addresses: each is asked for some five times a request, which was a quarter of what a
request cost. Both together are some 10 MB."""


class Chain(NamedTuple):
    """The requests of one job so far."""

    asked_url: str
    url: str
    """The address to ask next, or the one that the last answer came from."""
    permanent_url: str | None = None
    """Where permanent redirects, unbroken from the first request on, led."""
    unbroken: bool = True
    fetches: tuple[Fetch, ...] = ()
    """Rows of the requests made."""
    visited: tuple[str, ...] = ()
    """Addresses asked, the latest last."""
    ended: bool = False
    """Whether there is nothing more to ask."""

    @classmethod
    def starting_at(cls, url: str) -> Chain:
        """Return the chain of a job that has asked for nothing yet."""
        return cls(url, url)


@lru_cache(_ADDRESSES_KEPT)
def checked_url(url: str) -> httpx.URL:
    """Return the parsed address of a request.

    Raises:
        InputRejected: `bad_url` for an address that is not http or https, has no host, holds user or password (which
            would be sent to whoever answers), or is too long.
    """
    try:
        parsed = httpx.URL(url.strip()) if len(url) <= MAX_URL_CHARACTERS else None
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise InputRejected("bad_url", f"not an address: {error}") from error
    if parsed is None:
        raise InputRejected("bad_url", f"the address has more than {MAX_URL_CHARACTERS} characters")
    if parsed.scheme not in ("http", "https") or not parsed.host or (parsed.port or 0) > _LAST_PORT:
        raise InputRejected("bad_url", "only addresses with http or https, a host and a port below 65536 are asked")
    if not _HOST.fullmatch(parsed.raw_host):
        raise InputRejected("bad_url", "the host is no name or address")
    if parsed.userinfo:
        raise InputRejected("bad_url", "addresses with a user or password are not asked")
    return parsed


@lru_cache(_HOSTS_KEPT)
def host_of(url: str) -> str:
    """Return the host of an address as hosts are keyed: in lower case, Punycode, without port and final dot.

    Raises:
        InputRejected: `bad_url`, as `checked_url`.
    """
    return checked_url(url).raw_host.decode("ascii").lower().rstrip(".")


def redirect_target(url: str, status: int | None, location: bytes | None) -> str | None:
    """Return the whole address that an answer redirects to, without its fragment; None where it does not redirect.

    Raises:
        InputRejected: `bad_redirect`, where it leads to something that is not asked for.
    """
    if status not in REDIRECT_STATUSES:
        return None
    if not location or len(location) > MAX_URL_CHARACTERS:
        raise InputRejected("bad_redirect", "the redirect does not say where to, or at too great a length")
    try:
        # Raw UTF-8 is common, and not allowed.
        target = httpx.URL(url).join(location.decode("utf-8", "replace").strip())
        return str(checked_url(str(target.copy_with(fragment=None))))
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise InputRejected("bad_redirect", f"the redirect leads to no address: {error}") from error
    except InputRejected as rejected:
        raise InputRejected("bad_redirect", rejected.message) from rejected


def after_step(chain: Chain, fetch: Fetch) -> Chain:
    """Return the chain after the request for its `url`.

    It goes on where the answer redirects, unless that leads back (`redirect_loop`) or is one too many
    (`too_many_redirects`): then the row has that failure.
    """
    visited, target = (*chain.visited, chain.url), fetch.redirect_to
    if target is None or fetch.failure is not None:
        return chain._replace(fetches=(*chain.fetches, fetch), visited=visited, ended=True)
    if refusal := _refusal(visited, target):
        fetch = fetch._replace(failure=refusal.reason, message=refusal.message, error_class=refusal.error_class)
        return chain._replace(fetches=(*chain.fetches, fetch), visited=visited, ended=True)
    unbroken = chain.unbroken and fetch.status in _PERMANENT_STATUSES
    return chain._replace(
        url=target,
        permanent_url=target if unbroken else chain.permanent_url,
        unbroken=unbroken,
        fetches=(*chain.fetches, fetch),
        visited=visited,
    )


def _refusal(visited: tuple[str, ...], target: str) -> InputRejected | None:
    if target in visited:
        return InputRejected("redirect_loop", f"the redirects lead back to {target}")
    if len(visited) > MOST_REDIRECTS:
        return InputRejected("too_many_redirects", f"more than {MOST_REDIRECTS} redirects")
    return None
