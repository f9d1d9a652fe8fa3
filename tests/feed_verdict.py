"""What the judges of a day of feeds find: figures, how often each rule was put to the test, and each breach."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

EXACT: Final = 0.002
"""Seconds by which a rule may seem broken in virtual time: the clock counts in microseconds, and servers' dates in
seconds are rounded down before they are compared."""


@dataclass
class Verdict:
    """What was found.

    A rule that nothing put to the test does not count as kept: `put_to_the_test` says how often it might have been
    broken.
    """

    figures: dict[str, object] = field(default_factory=dict)
    put_to_the_test: Counter[str] = field(default_factory=Counter)
    violations: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By rule: where it was broken."""

    def check(self, rule: str, kept: bool, where: str) -> None:
        """Note that a rule was put to the test once, and whether it was kept."""
        self.put_to_the_test[rule] += 1
        if not kept:
            self.violations[rule].append(where)

    def note_smallest(self, name: str, value: float) -> None:
        """Keep the smallest value of a figure."""
        known = self.figures.get(name, value)
        self.figures[name] = min(value, known) if isinstance(known, float) else value

    def note_largest(self, name: str, value: float) -> None:
        """Keep the largest value of a figure."""
        known = self.figures.get(name, value)
        self.figures[name] = max(value, known) if isinstance(known, float) else value

    def broken(self) -> dict[str, int]:
        """Return the rules that were broken, and how often."""
        return {rule: len(where) for rule, where in self.violations.items() if where}
