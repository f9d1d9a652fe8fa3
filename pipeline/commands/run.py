"""`newsbeam run`: the main job."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from threading import Event
from typing import TYPE_CHECKING

from rich.console import Console

from pipeline import progress
from pipeline.failure_remedies import ADDRESS_REFUSED, REMEDIES
from pipeline.input_plan import find_files, plan_cycles
from pipeline.lake import Lake, check_no_job, open_or_make_lake
from pipeline.lake_memory import opened_lake_memory
from pipeline.local_run import LocalRun
from pipeline.memory import Memory
from pipeline.publishing import recover
from pipeline.read_ahead import ReadAhead
from pipeline.run_log import is_json, say
from pipeline.settings import FeedSettings, RunSettings
from pipeline.stopping import stopping_on_signals
from pipeline.summary import RunSummary, new_run_id
from pipeline.writer_lock import locked
from schemas.cycle_report import ACCOUNT_COLUMNS
from schemas.errors import NewsbeamError
from schemas.input_slice import InputSlice
from transforms.functions.worker_pool import shared_pool
from transforms.stored_files import is_remote

if TYPE_CHECKING:
    # Whatever loads Beam is loaded when the first pages are under way; the rest of this is loaded with what polls.
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipeline.cycle import FinishedCycle
    from pipeline.run_watch import RunWatch


def run(settings: RunSettings) -> int:
    """Read the inputs into the lake, then poll the feeds; returns the exit code.

    Raises:
        NewsbeamError: the run failed, was stopped before its end, or had more rejects than allowed.
    """
    options = _beam_options(settings) if _is_beam_asked_first(settings) else None
    files = find_files(settings.inputs)
    polling = _Polling(settings, settings.feeds) if settings.feeds is not None else None
    lake = open_or_make_lake(settings.output)
    check_no_job(lake)
    summary = RunSummary(new_run_id(), str(lake.root))
    started = time.perf_counter()
    with (
        locked(lake),
        opened_lake_memory(lake) as memory,
        stopping_on_signals() as stop,
    ):
        _say_recovered(recover(lake, memory))
        pool = shared_pool(settings.processes, settings.time_limit, with_models=bool(settings.tags))
        with ReadAhead(pool, memory, summary.run_id, plan_cycles(files)) as ahead:
            local = LocalRun(lake, memory, settings, options or _beam_options(settings), summary.run_id)
            _finish_erasures(lake, memory)
            with progress.shown(_bytes(files), quiet=settings.quiet or is_json() or not files):
                _run_cycles(local, ahead, summary, stop)
        if polling is not None and summary.complete:
            polling.poll(local, summary, stop)
    summary.seconds = time.perf_counter() - started
    say_and_judge(summary, settings)
    return 0


def _is_beam_asked_first(settings: RunSettings) -> bool:
    """Whether Beam is needed before a page is: to tell of wrong flags, to list remote inputs, to poll."""
    return bool(settings.beam_flags or settings.feeds or any(map(is_remote, settings.inputs)))


def _beam_options(settings: RunSettings) -> PipelineOptions:
    from pipeline.runners import beam_options

    return beam_options(settings.beam_flags)


def _finish_erasures(lake: Lake, memory: Memory) -> None:
    from pipeline.erasure import finish_erasures

    if (count := finish_erasures(lake, memory)) is not None:
        say("erased", f"an erasure that was cut off is finished: {count:,} rows", rows=count)


def _run_cycles(local: LocalRun, ahead: ReadAhead, summary: RunSummary, stop: Event) -> None:
    from pipeline.cycle import run_cycle

    for slices, read_at in ahead.cycles():
        if stop.is_set():
            summary.complete = False
            break
        cycle = run_cycle(local, slices, read_at=read_at)
        summary.add(cycle)
        progress.follow_cycle()
        if is_json():
            _say_cycle(cycle, f"cycle {cycle.report.cycle} committed")


class _Polling:
    """The polling of a run. The lists are read at once, so that a bad line is told before anything is done.

    Raises:
        UsageError: a list, or the contact, cannot be used.
    """

    def __init__(self, settings: RunSettings, polling: FeedSettings) -> None:
        from pipeline import feed_run  # with the HTTP client, which a run over folders has no use for

        self._module = feed_run
        self._settings = settings
        self._polling = polling
        self._lists = feed_run.feed_lists(polling)
        self._listed = self._lists.read()
        self._has_hinted = False
        if polling.contact is None and not settings.quiet:
            say("no_contact", "no --contact: a publisher with a question can only block you", logging.WARNING)

    def poll(self, local: LocalRun, summary: RunSummary, stop: Event) -> None:
        """Poll, in one round or in round after round."""
        from pipeline.run_watch import RunWatch

        watch = RunWatch(budget=self._polling.budget)
        with self._module.opened_feeds(local.lake, local.memory) as feeds, self._served(watch) as is_watched:
            rounds = self._module.FeedRun(local, feeds, self._polling, self._lists, self._listed, stop, watch)
            if is_watched:
                watch.look_at(feeds)
            for cycle in rounds.cycles():
                summary.add(cycle)
                if is_watched:
                    watch.look_at(feeds)
                if not self._settings.quiet:
                    _say_cycle(cycle, f"cycle {cycle.report.cycle}: {summary.line_of(cycle)}")
                    self._hint(cycle)
            summary.add_waiting(feeds.pages_waiting(), feeds.next_due_at())
        summary.complete = self._polling.every is not None or not stop.is_set()

    def _hint(self, cycle: FinishedCycle) -> None:
        """Say once what to do about feeds that newsbeam itself refuses to ask."""
        if ADDRESS_REFUSED in cycle.failed_polls and not self._has_hinted:
            self._has_hinted = True
            say(ADDRESS_REFUSED, f"{ADDRESS_REFUSED}: {REMEDIES[ADDRESS_REFUSED]}", logging.WARNING)

    def _served(self, watch: RunWatch) -> AbstractContextManager[int | None]:
        """Answer Prometheus while the run goes on, where that is asked for."""
        settings = self._settings.watch
        if settings.metrics_port is None:
            return nullcontext()
        from pipeline.metrics_server import serving

        return serving(watch, settings.metrics_address, settings.metrics_port)


def say_and_judge(summary: RunSummary, settings: RunSettings) -> None:
    """Print the account of a run.

    Raises:
        NewsbeamError: the run was stopped before its end, or had more rejects than allowed.
    """
    if is_json() and not settings.quiet:
        say("ended", summary.account, run_id=summary.run_id, cycles=summary.cycles, seconds=round(summary.seconds, 3))
    if settings.json:
        sys.stdout.write(summary.to_json() + "\n")
    elif not settings.quiet and not is_json():
        summary.print(Console())
    if not summary.complete:
        raise NewsbeamError("stopped before the end; what is committed stays. The same command goes on from there.")
    if settings.max_rejects and settings.max_rejects.is_exceeded(summary.rejects, summary.inputs):
        limit = settings.max_rejects.text
        raise NewsbeamError(f"{summary.rejects:,} rejects of {summary.inputs:,} inputs are over --max-rejects {limit}")


def _say_recovered(counts: tuple[int, int]) -> None:
    published, deleted = counts
    if published or deleted:
        left = f"{published} finished files published, {deleted} unfinished ones deleted (their inputs are read again)"
        say("recovered", f"an earlier run was cut off: {left}", published=published, deleted=deleted)


def _say_cycle(cycle: FinishedCycle, message: str) -> None:
    report = cycle.report
    spent = {stage: round(seconds, 3) for stage, seconds in cycle.seconds_by_stage.items()}
    say(
        "cycle",
        message,
        run_id=report.run_id,
        cycle=report.cycle,
        **{name: getattr(report, name) for name in ACCOUNT_COLUMNS},
        **cycle.polled,
        failed_polls_by_reason=cycle.failed_polls,
        tags_not_done=cycle.tags_not_done,
        seconds=round(cycle.seconds, 3),
        seconds_by_stage=spent,
    )


def _bytes(files: Sequence[InputSlice]) -> int:
    return sum(file.stored_bytes for file in files)
