"""What an article is about, in the shape of IPTC ninjs `subjects`."""

from __future__ import annotations

from typing import NamedTuple


class Topic(NamedTuple):
    """A concept of the IPTC Media Topics that an article is about."""

    id: str
    """The concept, such as `medtop:04000000`."""
    name: str
    """Its English label."""
    confidence: float
    """0 to 1: of the topics that are given with .8, about eight in ten are right (BENCHMARKS.md has the table)."""
    level: int
    """1 for the 17 top concepts, up to 5."""
    creator: str
    """What gave it: the name of the model and its version."""
