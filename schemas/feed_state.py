"""What newsbeam remembers of a feed between polls."""

from __future__ import annotations

from typing import NamedTuple

from schemas.instants import Instant

NEVER: Instant = 2**62
"""Later than any clock: the next poll of a feed that is gone. SQLite and Arrow hold it as a 64-bit whole number."""


class FeedState(NamedTuple):
    """One feed: where it is, when it is due, what is known of it. Plain values only, fit for SQLite and keyed state."""

    listed_url: str
    """Address as the user's list has it: the feed's key, never changed."""
    url: str
    """Address that is asked: the listed one, until the publisher has moved the feed for good; both in turn where it
    fails for long."""
    next_poll_at: Instant = 0
    """The feed is due from then on, and not asked before; `NEVER` for one that is gone. Nothing else says when."""
    interval: float = 0.0
    """Seconds between polls by newsbeam's own estimate; 0 before the first success."""
    publisher_interval: float = 0.0
    """Seconds that the publisher asks to leave between polls; 0 for no wish."""
    last_polled_at: Instant | None = None
    """When the last request that counts was made, whatever came of it."""
    last_success_at: Instant | None = None
    """When the last request was made that a feed, or `not modified`, answered."""
    last_full_at: Instant | None = None
    """When the last request was made that a whole body answered."""
    last_new_at: Instant | None = None
    """When the last request was made that brought an item not known before."""
    polls: int = 0
    etag: bytes | None = None
    """Value of the ETag header, byte for byte."""
    last_modified: bytes | None = None
    """Value of the Last-Modified header, byte for byte."""
    body_digest: bytes | None = None
    """SHA-256 of the last body that was read as a feed."""
    conditional_polls: int = 0
    """Polls since the last one without validators."""
    not_modified_in_a_row: int = 0
    validators_barred_until: Instant = 0
    """Validators are not sent before: the server was found to answer `not modified` to a feed that had changed."""
    failure_score: float = 0.0
    """Sum of the weights of the failures since the last success."""
    last_failure: str | None = None
    """Reason of the latest failure since the last success."""
    moved_to: str | None = None
    """Where a permanent redirect led once, the second time it becomes `url`; or the `url` of before, while a moved feed
    that fails is tried at its listed address."""
    resolved_url: str | None = None
    """Address of the last good answer, after all redirects."""
    merged_into: str | None = None
    """`listed_url` of the feed that is polled in this one's stead, since both resolve to one address."""
    gone_at: Instant | None = None
    """When the publisher said that the feed is gone (410)."""
    known_items: bytes = b""
    """Hashes of 8 bytes of the ids of items seen, those of the latest document first."""
    items: int = 0
    """Items of the latest document."""
    items_per_hour: float = 0.0
    """New items an hour, smoothed over polls."""
    skips: int = 0
    """Hours and days in which the publisher wants no poll (`transforms.functions.skipped_times`); 0 for none."""
    kind: str | None = None
    """What its latest document is (`FeedDocument.kind`); None before the first."""
    named_by: str | None = None
    """`listed_url` of the sitemap index or list that names it, where it is not (only) the user's list that does."""
