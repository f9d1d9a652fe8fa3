"""From pairs of texts that share passages to stories: the rule, over all pairs at once.

A pair is *strong* where a good part of the longer text, too, stands in the shorter one: strong pairs join (union-
find) to groups. Any other pair is *weak*: a stub, a digest, a rolling log. A weak pair never joins two groups; each
group is attached to the one that holds its best parent, by the share of the shorter text, then of the longer, then
the smallest id. Plain components over all pairs chain stories through captions, quotes and digests: ARI .60 on the
labelled wire stories against .93 (`BENCHMARKS.md`).

The labels are a function of the set of pairs, so no order of arrival can change them. `duplicates.py` comes to the same
stories one text after the other; tests hold it against this file.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Final, NamedTuple, TypeVar

LEAST_SHARE: Final = 0.40
"""Of the shorter text's shingles in the longer text: from here on the two are a pair. .35 to .45 give the same pairs
within .005 of F1 on real wire copy, .50 loses .03 (`BENCHMARKS.md`)."""

STRONG_SHARE: Final = 0.45
"""Of the longer text's shingles in the shorter one: from here a pair is strong. The middle of where nothing changes on
the wire stories (.40 to .50): .36 chains stories (ARI .91, not .93), .55 tears a long write-through apart (.92)."""

SAME_COPY_SHARE: Final = 0.70
"""Of the shorter text's shingles: from here on a pair is called the same copy, below it another version (lab)."""

LEAST_LENGTH_RATIO: Final = 0.05
"""Of the shorter text to the longer: a caption is no copy of a day's digest (lab)."""

Name = TypeVar("Name", bound=Hashable)


class Pair(NamedTuple):
    """Two texts that share passages."""

    shorter: str
    longer: str
    shorter_share: float
    """Share of the shorter text's shingles that stand in the longer one."""
    longer_share: float

    @property
    def is_strong(self) -> bool:
        """Whether a good part of each stands in the other."""
        return self.longer_share >= STRONG_SHARE

    @property
    def rank(self) -> tuple[float, float, str]:
        """The smaller, the better a parent the longer text is."""
        return -self.shorter_share, -self.longer_share, self.longer


def pair_of(one: str, other: str, sizes: tuple[int, int], shared: int) -> Pair | None:
    """Return the pair that two texts make by their numbers of shingles, or None where they share too little.

    Of two texts of one length the smaller id counts as the shorter.
    """
    (small, shorter), (large, longer) = sorted(zip(sizes, (one, other), strict=True))
    if not small or shared < LEAST_SHARE * small or small < LEAST_LENGTH_RATIO * large:
        return None
    return Pair(shorter, longer, shared / small, shared / large)


def root_of(name: Name, parent_of: Callable[[Name], Name | None]) -> Name:
    """Follow parents to the one without; of a ring, which attachments can close, return the smallest member."""
    path = [name]
    while (parent := parent_of(path[-1])) is not None:
        if parent in path:
            return min(path[path.index(parent) :])  # type: ignore[type-var]  # names are strings or numbers
        path.append(parent)
    return path[-1]


def partition(texts: Iterable[str], pairs: Iterable[Pair]) -> Mapping[str, str]:
    """Return each text's story, named by one of its texts: the whole rule, over all pairs."""
    pairs = list(pairs)
    above: dict[str, str] = {text: text for text in texts}

    def group(text: str) -> str:
        while above[text] != text:
            above[text] = text = above[above[text]]
        return text

    for pair in pairs:
        if pair.is_strong:
            one, other = sorted((group(pair.shorter), group(pair.longer)))
            above[other] = one
    best: dict[str, Pair] = {}
    for pair in pairs:
        source = group(pair.shorter)
        if source != group(pair.longer) and (source not in best or pair.rank < best[source].rank):
            best[source] = pair

    def parent(name: str) -> str | None:
        return group(best[name].longer) if name in best else None

    return {text: root_of(group(text), parent) for text in above}
