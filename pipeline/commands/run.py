"""`newsbeam run`: the main job."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from types import FrameType

from rich.console import Console

from pipeline import progress
from pipeline.commands.query import connect
from pipeline.cycle import new_run_id, run_cycle
from pipeline.input_plan import InputFile, find_files, plan_cycles
from pipeline.lake import Lake, locked, open_or_make_lake, recover
from pipeline.memory import opened_memory
from pipeline.runners import beam_options
from pipeline.settings import RunSettings
from pipeline.summary import RunSummary
from schemas.errors import NewsbeamError
from transforms.functions.worker_pool import collect_garbage_rarely


def run(settings: RunSettings) -> int:
    """Read the inputs into the lake; returns the exit code.

    Raises:
        NewsbeamError: the run failed, was stopped before its end, or had more rejects than allowed.
    """
    collect_garbage_rarely()
    options = beam_options(settings.beam_flags)
    files = find_files(settings.inputs)
    lake = open_or_make_lake(settings.output)
    summary = RunSummary(new_run_id(), str(lake.root))
    started = time.perf_counter()
    with (
        locked(lake),
        opened_memory(lake.memory) as memory,
        _stopping_on_signals() as stop,
        progress.shown(_bytes(files), quiet=settings.quiet),
    ):
        _say_recovered(recover(lake, memory))
        for slices in plan_cycles(files):
            if stop.is_set():
                summary.complete = False
                break
            summary.add(run_cycle(lake, memory, settings, options, summary.run_id, slices))
            progress.follow_cycle()
    summary.seconds = time.perf_counter() - started
    summary.rejects_by_reason = _reasons(lake, summary)
    _print(summary, settings)
    _judge(summary, settings)
    return 0


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


@contextmanager
def _stopping_on_signals() -> Iterator[Event]:
    """Yield an event that the first Ctrl-C or SIGTERM sets, to end after the cycle; a second one ends at once.

    Raises:
        KeyboardInterrupt: after the second, whatever the engine made of it.
    """
    stop, at_once = Event(), Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            at_once.set()
            raise KeyboardInterrupt
        stop.set()
        sys.stderr.write("newsbeam: finishing this cycle, then stopping; once more to stop at once (nothing is lost)\n")

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield stop
    except Exception as error:
        if at_once.is_set():
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bytes(files: Sequence[InputFile]) -> int:
    return sum(file.stored_bytes for file in files)
