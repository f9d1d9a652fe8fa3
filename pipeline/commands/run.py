"""`newsbeam run`: the main job."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from threading import Event

from apache_beam.options.pipeline_options import PipelineOptions
from rich.console import Console

from pipeline import progress
from pipeline.commands.query import connect
from pipeline.cycle import new_run_id, run_cycle
from pipeline.input_plan import InputFile, find_files, plan_cycles
from pipeline.lake import Lake, locked, open_or_make_lake, recover
from pipeline.memory import Memory, opened_memory
from pipeline.runners import beam_options
from pipeline.settings import FeedSettings, RunSettings
from pipeline.stopping import stopping_on_signals
from pipeline.summary import RunSummary
from schemas.errors import NewsbeamError
from transforms.functions.worker_pool import collect_garbage_rarely


def run(settings: RunSettings) -> int:
    """Read the inputs into the lake, then poll the feeds; returns the exit code.

    Raises:
        NewsbeamError: the run failed, was stopped before its end, or had more rejects than allowed.
    """
    collect_garbage_rarely()
    options = beam_options(settings.beam_flags)
    files = find_files(settings.inputs)
    polling = _Polling(settings, settings.feeds) if settings.feeds is not None else None
    lake = open_or_make_lake(settings.output)
    summary = RunSummary(new_run_id(), str(lake.root))
    started = time.perf_counter()
    with (
        locked(lake),
        opened_memory(lake.memory) as memory,
        stopping_on_signals() as stop,
    ):
        _say_recovered(recover(lake, memory))
        with progress.shown(_bytes(files), quiet=settings.quiet or not files):
            for slices in plan_cycles(files):
                if stop.is_set():
                    summary.complete = False
                    break
                summary.add(run_cycle(lake, memory, settings, options, summary.run_id, slices))
                progress.follow_cycle()
        if polling is not None and summary.complete:
            polling.poll(lake, memory, options, summary, stop)
    summary.seconds = time.perf_counter() - started
    summary.rejects_by_reason = _reasons(lake, summary)
    _print(summary, settings)
    _judge(summary, settings)
    return 0


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
        if polling.contact is None and not settings.quiet:
            sys.stderr.write("newsbeam: no --contact: a publisher with a question can only block you\n")

    def poll(self, lake: Lake, memory: Memory, options: PipelineOptions, summary: RunSummary, stop: Event) -> None:
        """Poll, in one round or in round after round."""
        with self._module.opened_feeds(lake, memory) as feeds:
            run = self._module.FeedRun(
                lake, memory, feeds, self._settings, self._polling, self._lists, self._listed, options,
                summary.run_id, stop,
            )  # fmt: skip
            for cycle in run.cycles():
                summary.add(cycle)
                if not self._settings.quiet:
                    sys.stderr.write(f"newsbeam: cycle {cycle.report.cycle}: {summary.line_of(cycle)}\n")
            summary.add_waiting(feeds.pages_waiting(), feeds.next_due_at())
        summary.complete = self._polling.every is not None or not stop.is_set()


def _print(summary: RunSummary, settings: RunSettings) -> None:
    if settings.json:
        sys.stdout.write(summary.to_json() + "\n")
    elif not settings.quiet:
        summary.print(Console())


def _judge(summary: RunSummary, settings: RunSettings) -> None:
    if not summary.complete:
        raise NewsbeamError("stopped before the end; what is committed stays. The same command goes on from there.")
    if settings.max_rejects and settings.max_rejects.is_exceeded(summary.rejects, summary.inputs):
        limit = settings.max_rejects.text
        raise NewsbeamError(f"{summary.rejects:,} rejects of {summary.inputs:,} inputs are over --max-rejects {limit}")


def _reasons(lake: Lake, summary: RunSummary) -> dict[str, int]:
    """How many of this run's rejects had which `stage: reason`, the commonest first."""
    if not summary.rejects:
        return {}
    query = "select stage || ': ' || reason, count(*) from rejects where run_id = ? group by all order by 2 desc, 1"
    return {
        str(reason): int(count) for reason, count in connect(str(lake.root)).execute(query, [summary.run_id]).fetchall()
    }


def _say_recovered(counts: tuple[int, int]) -> None:
    published, deleted = counts
    if published or deleted:
        left = f"{published} finished files published, {deleted} unfinished ones deleted (their inputs are read again)"
        sys.stderr.write(f"newsbeam: an earlier run was cut off: {left}\n")


def _bytes(files: Sequence[InputFile]) -> int:
    return sum(file.stored_bytes for file in files)
