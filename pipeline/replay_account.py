"""Where each reject went that a replay was to do again; for people as a line, for machines as an object.

Those are the rejects that it chose, as many as `--dry-run` tells of. Others of the same inputs, which it opens again,
are told beside the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from schemas.replay import ALREADY_SEEN, ARTICLE, COPY, OTHER_REJECT, REJECTED


class ReplayAccount(NamedTuple):
    """How many rejects ended where; each is counted in one place."""

    articles: int
    copies: int
    in_the_lake_already: int
    failed_again: int
    """As before, or at another step."""
    left: int
    """Not tried, or not yet: queued to be fetched, their source gone, too little kept, left alone, not come to."""

    @property
    def passed(self) -> int:
        """How many became a row of `articles` or `copies`."""
        return self.articles + self.copies

    @property
    def rejects(self) -> int:
        """How many there were."""
        return sum(self)

    def __str__(self) -> str:
        return (
            f"rejects {self.rejects:,} = passed {self.passed:,} (articles {self.articles:,}, copies {self.copies:,}) + "
            f"in the lake already {self.in_the_lake_already:,} + failed again {self.failed_again:,} + "
            f"left {self.left:,}"
        )

    def figures(self) -> dict[str, int]:
        """Return the same as an object: `rejects` is the sum of all but `articles` and `copies`, which `passed` has."""
        return {"rejects": self.rejects, "passed": self.passed, **self._asdict()}


def account_of(outcomes: Mapping[str, int], left_alone: int) -> ReplayAccount:
    """Return the account of a replay.

    Args:
        outcomes: how many of the rejects that were chosen had each outcome.
        left_alone: rejects at which there was no attempt.
    """
    ends = (ARTICLE, COPY, ALREADY_SEEN, OTHER_REJECT, REJECTED)
    articles, copies, known, other, failed = (outcomes.get(name, 0) for name in ends)
    rest = sum(number for name, number in outcomes.items() if name not in ends)
    return ReplayAccount(articles, copies, known, other + failed, rest + left_alone)
