"""What newsbeam remembers of a host between requests."""

from __future__ import annotations

from typing import NamedTuple

from schemas.instants import Instant


class RobotsRecord(NamedTuple):
    """The robots.txt of one origin, or why there is none."""

    origin: str
    """`scheme://host[:port]` (RFC 9309 2.3: a robots.txt speaks for this and no more)."""
    standing: str
    """`rules`, `no_rules` (all is allowed) or `not_now` (nothing is, until it can be read)."""
    text: str
    """The rules; empty unless `standing` is `rules`."""
    fetched_at: Instant
    expires_at: Instant


class HostState(NamedTuple):
    """One host: when it may be asked next, and why not before. Plain values only."""

    host: str
    """Name or address as in the URL, in lower case, without port."""
    next_start_at: Instant = 0
    """No request starts before: the gap after the last one."""
    blocked_until: Instant = 0
    """No request starts before: the host said so, or could not be reached."""
    blocked_why: str | None = None
    """`retry_after`, `overloaded` (429 or 503 without Retry-After) or `unreachable`."""
    block_seconds: float = 0.0
    """Length of the latest block for overload; the next one is twice as long."""
    last_start_at: Instant | None = None
    response_seconds: float | None = None
    """Seconds that an answer takes, smoothed."""
    crawl_delay: float | None = None
    """Seconds between requests that the host's robots.txt asks for."""
    robots: tuple[RobotsRecord, ...] = ()
    """The latest record of each of its origins."""
    last_answer_at: Instant | None = None
    """When the latest answer of any status was complete, or broke off; a refused connection is one, too."""
    unanswered_since: Instant | None = None
    """When the first request was made that met what a dead network does, with nothing else since."""
