"""Tells a host that cannot be reached from a network that is down, which must count against nobody.

A name server or a line that is down makes every host fail in the same way at the same time. So a failure of that kind
is held back until it is known what it says. Readers of feeds that skip this lose all their feeds to one bad night
(miniflux#1893).
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from schemas.fetch import Fetch
from schemas.host_state import HostState
from schemas.instants import Instant
from transforms.functions.http_hints import DAY, SECOND

Held = TypeVar("Held")

SUSPECT_FAILURES: Final = frozenset(("resolver_failed", "no_such_name", "network_unreachable", "connect_timeout"))
"""What a machine without network meets. Some systems call a name unknown when there is nobody to ask (macOS). A refused
connection is none of them: somebody refused it."""

_ANSWERING_FAILURES: Final = frozenset(("connection_refused", "tls_failed", "disconnected", "protocol_error"))
"""Failures in which somebody answered."""

_LEAST_HOSTS: Final = 3
"""Hosts that fail with no answer from anywhere in between when the network is suspected and nothing more is started:
own choice. A few feeds in a hundred are dead, so that three hosts in a row are rare; where they are all that is asked
in a cycle, being wrong leaves them due for the next one, where others are asked too. Where fewer are asked (a short
list, a quiet round), it is what each host did before that tells: see `may_be_well`."""


_ALIVE_SECONDS: Final = DAY
"""A host that went silent within this time may be well: own choice. It bounds for how long a host that died while
nobody else was asked is taken to be cut off; that of a list of one feed, above all."""


def is_answered(fetch: Fetch) -> bool:
    """Return whether anything came back: an answer of any status, or a sign that somebody is there."""
    return fetch.status is not None or fetch.failure in _ANSWERING_FAILURES


def may_be_well(host: HostState, now: Instant) -> bool:
    """Return whether a host's failure, with no answer from anywhere since, is no sign that the host itself is down.

    What counts is since when it does not answer, not when it last did: newsbeam leaves hosts alone for weeks.
    """
    silent_since = now if host.unanswered_since is None else host.unanswered_since
    return host.last_answer_at is not None and now - silent_since <= _ALIVE_SECONDS * SECOND


class OutageWatch(Generic[Held]):
    """Holds suspect failures back until it is known whether they count. One watch for each run of the scheduler.

    An answer to a request that was started no earlier shows that a failure is of its own host's making; one to an
    earlier request shows only that there was a network then. Several hosts failing raise a suspicion: the scheduler
    then starts nothing more, and if those under way bring no such answer either, the network is down. (A dead name
    fails faster than a living host answers, so the first few failures alone show nothing.) Only hosts that have
    answered before raise it: names that never led anywhere can be made up by the thousand, by whoever writes a feed.
    """

    def __init__(self) -> None:
        self._held: list[tuple[str, Instant, Held]] = []
        self._known: set[str] = set()

    @property
    def suspected(self) -> bool:
        """Whether so many hosts have failed, with no answer from anywhere since, that nothing should be started."""
        return len({host for host, _, _ in self._held if host in self._known}) >= _LEAST_HOSTS

    def hold(self, host: HostState, started_at: Instant, held: Held) -> None:
        """Take in a suspect failure of a request that was started then."""
        if host.last_answer_at is not None:
            self._known.add(host.host)
        self._held.append((host.host, started_at, held))

    def note_answer(self, started_at: Instant) -> list[Held]:
        """Take in that a request that was started then was answered; returns the failures that count after all."""
        cleared = [held for _, at, held in self._held if at <= started_at]
        self._held = [one for one in self._held if one[1] > started_at]
        return cleared

    def release(self) -> list[Held]:
        """Give out all that is held, when nothing more is under way; ask `suspected` before whether it counts."""
        released = [held for _, _, held in self._held]
        self._held = []
        return released
