"""What a run was asked for, checked and frozen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from schemas.errors import UsageError


@dataclass(frozen=True)
class MaxRejects:
    """How many rejects a run may have before it counts as failed: a number, or a share of its inputs."""

    text: str
    limit: float
    is_share: bool

    @classmethod
    def parse(cls, text: str) -> MaxRejects:
        """Read `N` or `N%`.

        Raises:
            UsageError: it is neither.
        """
        match = re.fullmatch(r"(\d+(?:\.\d+)?)%|(\d+)", text.strip())
        if match is None or (match[1] and float(match[1]) > 100):
            raise UsageError(f"--max-rejects {text}: give a whole number (100) or a share of the inputs (2%)")
        return cls(text, float(match[1]), True) if match[1] else cls(text, float(match[2]), False)

    def is_exceeded(self, rejects: int, inputs: int) -> bool:
        """Whether so many rejects of so many inputs are too many."""
        return rejects * 100 > self.limit * inputs if self.is_share else rejects > self.limit


TAGS: Final = ("topics", "entities")
"""What articles can be tagged with, in the order of the stages."""


def parse_tags(text: str) -> frozenset[str]:
    """Read `topics,entities`, one of them, or `none`.

    Raises:
        UsageError: it names something else.
    """
    names = {name.strip() for name in text.split(",")}
    if names == {"none"}:
        return frozenset()
    if not names <= set(TAGS):
        raise UsageError(f"--tags {text}: give {','.join(TAGS)}, one of them, or none")
    return frozenset(names)


@dataclass(frozen=True)
class RunSettings:
    """Settings of `newsbeam run`; what each means stands in the command's help."""

    inputs: tuple[str, ...]
    output: str
    processes: int
    time_limit: float
    tags: frozenset[str]
    max_rejects: MaxRejects | None
    json: bool
    quiet: bool
    beam_flags: tuple[str, ...]
