"""The row of the `fetches` table, and the answer that a chain of requests came to."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from schemas.instants import Instant

FEED: Final = "feed"
PAGE: Final = "page"
ROBOTS: Final = "robots"

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Header fields of an answer in their order, names in lower case, values byte for byte."""


class Fetch(NamedTuple):
    """One HTTP request and what came of it; each redirect is a request of its own."""

    fetch_id: str
    """32 hex digits: a function of address, purpose, time and place in its chain."""
    url: str
    """Address asked, as written in the list, feed or redirect."""
    host: str
    purpose: str
    """`feed`, `page` or `robots`."""
    requested_at: Instant
    seconds: float
    """From the start of the request (name look-up and connection with it) to the end of the body."""
    run_id: str
    schema_version: int
    hop: int = 0
    """Redirects that came before it in its chain."""
    conditional: bool = False
    """Whether validators were sent."""
    status: int | None = None
    """HTTP status; None where no answer came."""
    http_version: str | None = None
    """`HTTP/1.1` or `HTTP/2`."""
    wire_bytes: int = 0
    """Bytes of the body as they came, compressed or not."""
    body_bytes: int = 0
    """Bytes of the body after decompression."""
    retry_after: float | None = None
    """Seconds that the answer asks to wait, capped at a day; None where it does not ask."""
    redirect_to: str | None = None
    """Where the answer sends the request on, as a whole address."""
    failure: str | None = None
    """One of a few fixed words, None where a whole answer came (whatever its status): see `http_fetch`."""
    message: str | None = None
    """The failure in words."""
    error_class: str | None = None
    items: int | None = None
    """Items of the feed document; None for pages and for what was not read."""
    items_new: int | None = None
    """Items that were not known from polls before."""

    @property
    def not_modified(self) -> bool:
        """Whether the server said that nothing has changed since the validators were given."""
        return self.status == 304


class Answer(NamedTuple):
    """What a job came to: the last answer of its chain of redirects, or the reason why there is none."""

    asked_url: str
    url: str
    """Address that answered, after all redirects."""
    permanent_url: str | None
    """Where permanent redirects (301, 308), unbroken from the first request on, led; None for nowhere."""
    at: Instant
    """When the last request was started; where none was made, when that was decided."""
    status: int | None
    failure: str | None
    """As in `Fetch`, or a reason why no request was made (`robots_disallowed`, `local_outage` ...)."""
    headers: Headers = ()
    body: bytes = b""
    retry_after: float | None = None
    fetches: tuple[Fetch, ...] = ()
    """A row for each request of the chain, and for those of robots.txt made for it."""
