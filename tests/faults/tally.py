"""What all families of faults share: how much is tried, what is counted, and breaks that the checks must catch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Effort:
    """How much is tried, and where."""

    folder: Path
    """An empty folder of this family's own."""
    seed: int = 1
    """Of everything random: the same seed tries the same."""
    is_long: bool = False
    """The form of `make faults`; else that of `make test`, some seconds a family."""


@dataclass
class Tally:
    """One line of the table: what became of all tries of a fault."""

    fault: str
    tries: int = 0
    lost: int = 0
    """Rows that an undisturbed run has and a disturbed one, in the end, has not."""
    doubled: int = 0
    """Rows more than once, or that an undisturbed run has not."""
    hangs: int = 0
    wrong: list[str] = field(default_factory=list)
    """What else does not hold, each with how to see it again."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not (self.lost or self.doubled or self.hangs or self.wrong)

    def check(self, holds: bool, otherwise: str) -> None:
        """Note what is wrong where a check does not hold."""
        if not holds:
            self.wrong.append(otherwise)

    def row(self) -> str:
        """As a line of a Markdown table."""
        others = "; ".join(self.wrong[:3]) + (f" and {len(self.wrong) - 3} more" if len(self.wrong) > 3 else "")
        wrong = others.replace("\n", " ").replace("|", "/") or "nothing"
        return f"| {self.fault} | {self.tries:,} | {self.lost:,} | {self.doubled:,} | {self.hangs:,} | {wrong} |"


HEADING = "| fault | tries | rows lost | rows doubled | hangs | else wrong |\n|---|---|---|---|---|---|"
