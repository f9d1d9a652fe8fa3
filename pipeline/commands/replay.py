"""`newsbeam replay`: rejects once more, after a fix."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from pipeline import progress
from pipeline.commands.compact import opened_for_rewriting
from pipeline.cycle import FinishedCycle, run_cycle
from pipeline.erasure import finish_erasures
from pipeline.lake import Lake, open_lake
from pipeline.local_run import LocalRun
from pipeline.memory import Memory
from pipeline.replay import WAITING, Chosen, Replay, Wanted
from pipeline.replay_account import ReplayAccount, account_of
from pipeline.replay_cycle import ReplayWork
from pipeline.replay_options import parse_since, settings_of_replay
from pipeline.runners import beam_options
from pipeline.settings import RunSettings
from pipeline.stopping import stopping_on_signals
from pipeline.summary import RunSummary, new_run_id
from pipeline.terminal import json_line, safe
from schemas.errors import NewsbeamError, UsageError
from schemas.replay import (
    ALREADY_SEEN,
    ARTICLE,
    COPY,
    DROPPED,
    NOT_KEPT,
    OTHER_REJECT,
    OUTCOMES,
    QUEUED,
    REJECTED,
    SOURCE_CHANGED,
    SOURCE_GONE,
)
from transforms.functions.reject_payloads import FILE, KEPT, KEPT_TOO_LITTLE, OF_FEED, PAGE
from transforms.functions.worker_pool import collect_garbage_rarely

_WAYS: Final = {
    FILE: "its file is read",
    KEPT: "from what was kept of it",
    PAGE: "its page is queued to be fetched",
    KEPT_TOO_LITTLE: "not: too little of it was kept",
    WAITING: "left alone: its page waits to be fetched",
    OF_FEED: "left alone: a whole feed's, which is polled again by itself",
}
_MEANINGS: Final = {
    ARTICLE: "now articles",
    COPY: "now copies",
    ALREADY_SEEN: "in the lake already",
    OTHER_REJECT: "failed at another step",
    REJECTED: "failed again",
    QUEUED: "queued to be fetched",
    DROPPED: "not fetched: newer ones wait",
    SOURCE_GONE: "their file is gone",
    SOURCE_CHANGED: "their line is gone",
    NOT_KEPT: "too little was kept",
}
_REASONS_SHOWN: Final = 6


@dataclass
class _Done:
    """What a replay did."""

    summary: RunSummary
    chosen: Chosen
    outcomes: Counter[str] = field(default_factory=Counter)
    """Of those that were chosen."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Of those that failed again."""
    tried: int = 0
    opened_again: int = 0
    """Other rejects of the same inputs, which were settled, and have failed now as they had before."""
    note: str | None = None
    """Which stage or reason is asked for that no reject has."""

    def add(self, cycle: FinishedCycle, work: ReplayWork) -> None:
        self.summary.add(cycle)
        chosen = work.reject_ids
        own = [row for row in cycle.replays if row.reject_id in chosen]
        self.tried += len(chosen)
        self.opened_again += len(cycle.replays) - len(own)
        self.outcomes.update(row.outcome for row in own)
        self.reasons.update(row.reason or "unknown" for row in own if row.outcome == REJECTED)

    @property
    def not_come_to(self) -> int:
        """Rejects that a replay which was stopped has not tried."""
        return self.chosen.number(FILE, KEPT, PAGE, KEPT_TOO_LITTLE) - self.tried

    @property
    def account(self) -> ReplayAccount:
        """Where each reject went."""
        return account_of(self.outcomes, self.chosen.number(WAITING, OF_FEED) + self.not_come_to)


def replay(arguments: argparse.Namespace) -> int:
    """Do rejects again, or say what would be done; returns the exit code.

    Raises:
        UsageError: there is no lake, an engine writes it, or a flag cannot be used.
        LakeError: another process uses the lake, or it cannot be read or written.
        NewsbeamError: it failed, or was stopped before its end.
    """
    settings = settings_of_replay(arguments)
    since = parse_since(arguments.since, datetime.now(UTC))
    wanted = Wanted(arguments.stage, arguments.reason, since, arguments.retryable)
    lake = open_lake(arguments.lake)
    if arguments.dry_run:
        with _opened(lake, dry_run=True) as memory:
            found = Replay(lake, memory, wanted)
            _say_chosen(found.choose(), found.what_is_not_there(), settings)
        return 0
    with _opened(lake, dry_run=False) as memory:
        finish_erasures(lake, memory)
        done = _replay(lake, memory, wanted, settings)
    _say_done(done, settings)
    if not done.summary.complete:
        raise NewsbeamError("stopped before the end; what is committed stays. The same command goes on from there.")
    return 0


@contextmanager
def _opened(lake: Lake, *, dry_run: bool) -> Iterator[Memory]:
    if lake.job.exists():
        raise UsageError(
            f"{lake.root} is written by a job on an engine, which alone knows what it has seen; read the sources of "
            "its rejects into another lake: newsbeam run --input"
        )
    with opened_for_rewriting(lake, dry_run=dry_run) as memory:
        yield memory


def _replay(lake: Lake, memory: Memory, wanted: Wanted, settings: RunSettings) -> _Done:
    collect_garbage_rarely()
    options = beam_options(settings.beam_flags)
    started = time.perf_counter()
    found = Replay(lake, memory, wanted)
    done = _Done(RunSummary(new_run_id(), str(lake.root)), found.choose(), note=found.what_is_not_there())
    run = LocalRun(lake, memory, settings, options, done.summary.run_id)
    quiet = settings.quiet or not done.chosen.number(FILE)
    with stopping_on_signals() as stop, progress.shown(found.stored_bytes(done.chosen), quiet=quiet):
        for slices, work in found.cycles(done.chosen):
            if stop.is_set():
                done.summary.complete = False
                break
            cycle = run_cycle(run, slices, replay=work)
            done.add(cycle, work)
            progress.follow_cycle()
    done.summary.seconds = time.perf_counter() - started
    return done


# What is said


def _say_chosen(chosen: Chosen, note: str | None, settings: RunSettings) -> None:
    rows = sorted(chosen.counts.items(), key=lambda item: (-item[1], item[0]))
    if settings.json:
        names = ("stage", "reason", "way")
        found = [dict(zip(names, key, strict=True)) | {"rejects": count} for key, count in rows]
        sys.stdout.write(json_line({"dry_run": True, "rejects": found, "note": note}))
        return
    console = Console()
    if not rows:
        _say_nothing_to_do(note, console)
        return
    table = Table(title="would be done again", title_justify="left")
    for name in ("stage", "reason", "rejects", "how"):
        table.add_column(name, justify="right" if name == "rejects" else "left")
    for (stage, reason, way), count in rows:
        table.add_row(safe(stage), safe(reason), f"{count:,}", _WAYS[way])
    console.print(table)
    console.print("Nothing was changed. The same command without --dry-run does it.", highlight=False)


def _say_done(done: _Done, settings: RunSettings) -> None:
    if settings.json:
        sys.stdout.write(json_line(_figures(done)))
        return
    if settings.quiet:
        return
    console = Console()
    if not done.account.rejects:
        _say_nothing_to_do(done.note, console)
        return
    table = Table(title=f"replay {done.summary.run_id}", title_justify="left", show_header=False)
    table.add_row("attempts", f"{sum(done.outcomes.values()):,}", f"{done.summary.seconds:,.1f} s")
    for outcome in OUTCOMES:
        if done.outcomes[outcome] or outcome in (ARTICLE, COPY, REJECTED):
            note = _commonest(done.reasons) if outcome == REJECTED else ""
            table.add_row(f"  {_MEANINGS[outcome]}", f"{done.outcomes[outcome]:,}", safe(note))
    for way in (WAITING, OF_FEED):
        if number := done.chosen.number(way):
            what, _, why = _WAYS[way].partition(": ")
            table.add_row(what, f"{number:,}", why)
    if done.not_come_to:
        table.add_row("not come to", f"{done.not_come_to:,}", "it was stopped")
    console.print(table)
    console.print(str(done.account), markup=False, highlight=False, soft_wrap=True)
    for line in _hints(done):
        console.print(safe(line), soft_wrap=True)


def _say_nothing_to_do(note: str | None, console: Console) -> None:
    console.print(safe(f"nothing to do: {note or 'no reject is open that is meant'}"), soft_wrap=True)


def _hints(done: _Done) -> Iterator[str]:
    lake = done.summary.lake
    if number := done.opened_again:
        others = "1 other reject" if number == 1 else f"{number:,} other rejects"
        yield f"{others} of the same inputs, settled before, {'is' if number == 1 else 'are'} open again"
    if waiting := done.outcomes[QUEUED] + done.chosen.number(WAITING):
        pages = "1 page is" if waiting == 1 else f"{waiting:,} pages are"
        yield f"{pages} fetched by the next run that polls, with --feeds as usual: newsbeam run --feeds --output {lake}"
    if done.outcomes[SOURCE_GONE]:
        yield "Files are looked for where their source says; relative paths count from the folder of this command."


def _figures(done: _Done) -> dict[str, Any]:
    summary = done.summary
    read = ("inputs", "articles", "copies", "rejects", "already_seen")
    return {
        "run_id": summary.run_id,
        "lake": summary.lake,
        "done_again": sum(done.outcomes.values()),
        "outcomes": {outcome: done.outcomes[outcome] for outcome in OUTCOMES},
        "opened_again": done.opened_again,
        "failed_by_reason": dict(done.reasons.most_common()),
        "waiting": done.chosen.number(WAITING),
        "of_feeds": done.chosen.number(OF_FEED),
        "not_come_to": done.not_come_to,
        "account": done.account.figures(),
        # Of all inputs that lie in what was read for them, as in `runs`: what failed again is already seen there.
        "read": {name: getattr(summary, name) for name in read},
        "note": done.note,
        "cycles": summary.cycles,
        "seconds": round(summary.seconds, 3),
        "complete": summary.complete,
    }


def _commonest(counts: Mapping[str, int]) -> str:
    ordered = Counter(counts).most_common()
    shown = ", ".join(f"{reason} {count:,}" for reason, count in ordered[:_REASONS_SHOWN])
    return shown + (f" and {len(ordered) - _REASONS_SHOWN:,} more" if len(ordered) > _REASONS_SHOWN else "")
