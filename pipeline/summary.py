"""What a run did, for people and for machines."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from pipeline.cycle import FinishedCycle

_REASONS_SHOWN: Final = 6


@dataclass
class RunSummary:
    """The account of a run, added up over its cycles; seconds are of the clock."""

    run_id: str
    lake: str
    inputs: int = 0
    articles: int = 0
    copies: int = 0
    rejects: int = 0
    already_seen: int = 0
    bytes_read: int = 0
    cycles: int = 0
    seconds: float = 0.0
    seconds_by_stage: dict[str, float] = field(default_factory=dict)
    rejects_by_reason: dict[str, int] = field(default_factory=dict)
    complete: bool = True

    def add(self, cycle: FinishedCycle) -> None:
        """Add a finished cycle."""
        for name in ("inputs", "articles", "copies", "rejects", "already_seen", "bytes_read"):
            setattr(self, name, getattr(self, name) + getattr(cycle.report, name))
        self.cycles += 1
        for stage, seconds in cycle.seconds_by_stage.items():
            self.seconds_by_stage[stage] = self.seconds_by_stage.get(stage, 0.0) + seconds

    @property
    def account(self) -> str:
        """The line that says where every input went."""
        return (
            f"in {self.inputs:,} = articles {self.articles:,} + copies {self.copies:,} + rejects {self.rejects:,} "
            f"+ already seen {self.already_seen:,}"
        )

    def to_json(self) -> str:
        """Return all figures as one JSON object on one line."""
        figures = {name: round(value, 3) if isinstance(value, float) else value for name, value in vars(self).items()}
        figures["seconds_by_stage"] = {stage: round(value, 3) for stage, value in self.seconds_by_stage.items()}
        return json.dumps(figures, ensure_ascii=False)

    def print(self, console: Console) -> None:
        """Print the account as a table, with rates, where time went, and the commonest reasons of rejects."""
        table = Table(title=f"run {self.run_id}", title_justify="left", show_header=False)
        table.add_row("inputs", f"{self.inputs:,}", f"{self.inputs / max(self.seconds, 1e-9):,.1f} a second")
        for name in ("articles", "copies"):
            table.add_row(f"  {name}", f"{getattr(self, name):,}", "")
        table.add_row("  rejects", f"{self.rejects:,}", self._commonest_reasons())
        table.add_row("  already seen", f"{self.already_seen:,}", "")
        table.add_row(
            "read", decimal(self.bytes_read), f"{decimal(int(self.bytes_read / max(self.seconds, 1e-9)))} a second"
        )
        table.add_row("time", f"{self.seconds:,.1f} s", self._where_time_went())
        console.print(table)
        console.print(self.account, markup=False, highlight=False)

    def _commonest_reasons(self) -> str:
        return ", ".join(
            f"{reason} {count:,}" for reason, count in list(self.rejects_by_reason.items())[:_REASONS_SHOWN]
        )

    def _where_time_went(self) -> str:
        stages = {**self.seconds_by_stage}
        stages["engine and start"] = max(0.0, self.seconds - sum(stages.values()))
        return ", ".join(f"{stage} {seconds:,.1f} s" for stage, seconds in stages.items() if seconds >= 0.05)
