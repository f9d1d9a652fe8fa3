"""What the scheduler takes in and gives out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from schemas.fetch import Answer, Fetch, Headers
from schemas.instants import Instant
from transforms.functions.host_rules import HostRules
from transforms.functions.http_fetch import Exchange
from transforms.functions.redirects import Chain

Ticket = TypeVar("Ticket")


@dataclass(frozen=True)
class Job(Generic[Ticket]):
    """A feed to poll or a page to fetch. The ticket comes back with the answer."""

    url: str
    purpose: str
    """`feed` or `page`."""
    ticket: Ticket
    validators: Headers = ()
    """Header fields that make the request conditional, as of `polling.validators`."""
    place: int = 0
    """Of one host's jobs the feeds go first, and of each kind what has the least place."""


@dataclass(frozen=True)
class Finished(Generic[Ticket]):
    """A job that came to an end."""

    job: Job[Ticket]
    answer: Answer


@dataclass(frozen=True)
class LeftOver(Generic[Ticket]):
    """A job that stays due."""

    job: Job[Ticket]
    why: str
    """`time_is_up` (its host's turn did not come), `stopped`, `robots_not_now` or `local_outage`."""
    fetches: tuple[Fetch, ...] = ()
    """Rows of requests that were made for it nevertheless."""


@dataclass(frozen=True)
class SchedulerSettings:
    """How the scheduler works; the rules of hosts are `HostRules`."""

    rules: HostRules = field(default_factory=HostRules)
    concurrency: int = 64
    """Requests at a time over all hosts."""
    robots_for_feeds: bool = False
    """Whether feeds, which are published for readers' programs, ask robots.txt too."""


def answer_of(chain: Chain, exchange: Exchange | None, at: Instant, failure: str | None) -> Answer:
    """Return what a chain of requests came to.

    Args:
        exchange: the last of them; None where none was made.
        at: when that was started, or when it was decided to make none.
        failure: why there is no answer; None where there is one.
    """
    fetch = exchange.fetch if exchange else None
    return Answer(
        asked_url=chain.asked_url,
        url=chain.url,
        permanent_url=chain.permanent_url,
        at=at,
        status=fetch.status if fetch else None,
        failure=failure,
        headers=exchange.headers if exchange else (),
        body=exchange.body if exchange else b"",
        retry_after=fetch.retry_after if fetch else None,
        fetches=chain.fetches,
    )
