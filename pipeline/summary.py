"""What a run did, for people and for machines."""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from pipeline.terminal import safe
from schemas.feed_state import NEVER
from schemas.instants import Instant, datetime_of

if TYPE_CHECKING:  # loads Beam
    from pipeline.cycle import FinishedCycle

_REASONS_SHOWN: Final = 6
_POLLED: Final = ("feeds_polled", "not_modified", "failed", "items_new", "pages_fetched")


def new_run_id() -> str:
    """Return a name for a run that sorts by its start."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


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
    tags_not_done: int = 0
    bytes_read: int = 0
    cycles: int = 0
    seconds: float = 0.0
    seconds_by_stage: dict[str, float] = field(default_factory=dict)
    rejects_by_reason: dict[str, int] = field(default_factory=dict)
    complete: bool = True
    feeds: dict[str, int | str | None] | None = None
    """What was polled, and what is left; None for a run without feeds."""
    failed_polls_by_reason: dict[str, int] = field(default_factory=dict)

    def add(self, cycle: FinishedCycle) -> None:
        """Add a finished cycle."""
        for name in ("inputs", "articles", "copies", "rejects", "already_seen", "bytes_read"):
            setattr(self, name, getattr(self, name) + getattr(cycle.report, name))
        self.cycles += 1
        self.tags_not_done += cycle.tags_not_done
        self.rejects_by_reason = _added(self.rejects_by_reason, cycle.rejects_by_reason)
        for stage, seconds in cycle.seconds_by_stage.items():
            self.seconds_by_stage[stage] = self.seconds_by_stage.get(stage, 0.0) + seconds
        if cycle.polled:
            before = self.feeds or {}
            self.feeds = {name: int(before.get(name) or 0) + cycle.polled[name] for name in _POLLED}
            self.failed_polls_by_reason = _added(self.failed_polls_by_reason, cycle.failed_polls)

    def add_waiting(self, pages: int, next_due_at: Instant | None) -> None:
        """Add what polling leaves: pages still to be fetched, and when the next feed or page is due: now, or later."""
        if next_due_at is not None:
            next_due_at = max(next_due_at, time.time_ns() // 1_000)
        due = None if next_due_at is None or next_due_at >= NEVER else f"{datetime_of(next_due_at):%Y-%m-%dT%H:%M:%SZ}"
        polled = self.feeds or dict.fromkeys(_POLLED, 0)
        self.feeds = {**polled, "pages_waiting": pages, "next_due_at": due}

    def line_of(self, cycle: FinishedCycle) -> str:
        """Return what a cycle over feeds did, in a line."""
        polled, report = cycle.polled, cycle.report
        failed = f"; {polled['failed']:,} failed: {_commonest(cycle.failed_polls)}" if polled["failed"] else ""
        return (
            f"{polled['feeds_polled']:,} feeds polled ({polled['not_modified']:,} not modified{failed}), "
            f"{polled['items_new']:,} items new, {polled['pages_fetched']:,} pages fetched; "
            f"{report.articles:,} articles, {report.copies:,} copies, {report.rejects:,} rejects"
        )

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
        if self.feeds is None:
            del figures["feeds"], figures["failed_polls_by_reason"]
        return json.dumps(figures, ensure_ascii=False)

    def print(self, console: Console) -> None:
        """Print the account as a table, with rates, where time went, and the commonest reasons of rejects."""
        table = Table(title=f"run {self.run_id}", title_justify="left", show_header=False)
        table.add_row("inputs", f"{self.inputs:,}", f"{self.inputs / max(self.seconds, 1e-9):,.1f} a second")
        for name in ("articles", "copies"):
            table.add_row(f"  {name}", f"{getattr(self, name):,}", "")
        table.add_row("  rejects", f"{self.rejects:,}", _commonest(self.rejects_by_reason))
        table.add_row("  already seen", f"{self.already_seen:,}", "")
        if self.tags_not_done:
            table.add_row(
                "tags not done", f"{self.tags_not_done:,}", "failed or over --time-limit; the articles are kept"
            )
        table.add_row(
            "read", decimal(self.bytes_read), f"{decimal(int(self.bytes_read / max(self.seconds, 1e-9)))} a second"
        )
        table.add_row("time", f"{self.seconds:,.1f} s", self._where_time_went())
        if self.feeds is not None:
            self._add_feeds(table)
        console.print(table)
        console.print(self.account, markup=False, highlight=False)

    def _add_feeds(self, table: Table) -> None:
        feeds = {name: f"{value:,}" if isinstance(value, int) else value for name, value in (self.feeds or {}).items()}
        table.add_row("feeds polled", feeds["feeds_polled"], f"{feeds['not_modified']} not modified")
        if failed := self.failed_polls_by_reason:
            polls = f"{feeds['failed']} of {feeds['feeds_polled']}"
            more = f"{_commonest(failed)}; see newsbeam feeds list --lake {self.lake}"
            table.add_row("  failed", polls, safe(more))
        table.add_row("  items new", feeds["items_new"], "")
        table.add_row("  pages fetched", feeds["pages_fetched"], f"{feeds['pages_waiting']} still to be fetched")
        table.add_row("  next due", feeds["next_due_at"] or "never", "")

    def _where_time_went(self) -> str:
        stages = {**self.seconds_by_stage}
        stages["engine and start"] = max(0.0, self.seconds - sum(stages.values()))
        return ", ".join(f"{stage} {seconds:,.1f} s" for stage, seconds in stages.items() if seconds >= 0.05)


def _added(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Add counts; the commonest come first."""
    sums = Counter(counts)
    sums.update(more)
    return dict(sorted(sums.items(), key=lambda one: (-one[1], one[0])))


def _commonest(counts: Mapping[str, int]) -> str:
    """Return the commonest reasons with their numbers, and how many further ones there are."""
    shown = [f"{reason} {count:,}" for reason, count in list(counts.items())[:_REASONS_SHOWN]]
    further = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {further:,} more" if further else "")
