"""What a failed poll says of a feed: little, something, or that it is broken.

The three weights are those of mediacloud/rss-fetcher.
"""

from __future__ import annotations

from typing import Final

from schemas.fetch import Answer

HARD: Final = 1.0
"""The answer is no feed, or the server refuses us: it will hardly be better next time."""
SOFT: Final = 0.5
"""Missing or overloaded: often mended within a day."""
TEMPORARY: Final = 0.25
"""The way there failed: usually mended within the hour."""

_TEMPORARY_FAILURES: Final = frozenset(
    ("connect_timeout", "connection_refused", "connect_failed", "network_unreachable", "resolver_failed", "time_limit",
     "disconnected", "truncated")
)  # fmt: skip
_SOFT_FAILURES: Final = frozenset(("no_such_name", "tls_failed"))
"""A name or certificate that ran out is renewed more often than it is given up."""

_TEMPORARY_STATUSES: Final = frozenset((408, 425))
"""Request Timeout and Too Early: `try again` in so many words (RFC 9110 15.5.9, RFC 8470)."""
_SOFT_STATUSES: Final = frozenset((404, 429))


def failure_weight(answer: Answer) -> float:
    """Return what an answer that is no feed adds to its feed's score.

    There is no answer at all in a local outage, and none where robots.txt could not be read: the scheduler gives those
    jobs back as left over.
    """
    if answer.failure in _TEMPORARY_FAILURES or answer.status in _TEMPORARY_STATUSES:
        return TEMPORARY
    if answer.failure in _SOFT_FAILURES or answer.status in _SOFT_STATUSES or (answer.status or 0) >= 500:
        return SOFT
    return HARD


def failure_reason(answer: Answer) -> str:
    """Return why the answer is no feed, as a fixed word: its failure, or its status as `http_404`."""
    return answer.failure or f"http_{answer.status}"
