"""What was taken out of a lake for good, and may not come back."""

from __future__ import annotations

from typing import NamedTuple

from schemas.instants import Instant

URL, DOMAIN, MATCH = "url", "domain", "match"
KINDS = (URL, DOMAIN, MATCH)


class Tombstone(NamedTuple):
    """One takedown."""

    kind: str
    """`url` (one address), `domain` (a host with all below it) or `match` (words in a text)."""
    value: str
    """A canonical address; a host; words with one space between."""
    erased_at: Instant
