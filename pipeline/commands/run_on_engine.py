"""`newsbeam run --runner ENGINE`: the main job as a job on an engine."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import Any, Final

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions, StandardOptions
from apache_beam.runners.runner import PipelineState

from pipeline.build import build_backfill, build_stream
from pipeline.commands.query import connect
from pipeline.commands.run import say_and_judge
from pipeline.cycle import FinishedCycle, cycle_report
from pipeline.engine_lake import Claim, EngineLake, open_or_make_engine_lake
from pipeline.graph_parts import EngineGraph, FeedSource, FolderSource, StreamGraph, Work
from pipeline.input_plan import find_files, slices_of
from pipeline.run_log import say
from pipeline.runners import (
    calls_finalizers,
    check_job_server,
    counters_of,
    engine_options,
    goes_on_from_state,
    is_dry_run,
    is_left_alone,
)
from pipeline.settings import EngineSettings, FeedSettings, RunSettings
from pipeline.stopping import stopping_on_signals, times_asked_to_stop
from pipeline.summary import RunSummary, new_run_id
from schemas.errors import EngineError, NewsbeamError, UsageError
from schemas.input_slice import InputSlice
from schemas.instants import instant_of
from transforms.functions.folder_inputs import ForgetfulIndex

MOST_BUDGET: Final = 5.0
"""Seconds in which a tick starts requests: an engine waits for them, and for their answers, before a checkpoint."""

_ENDED_WELL: Final = (PipelineState.DONE, PipelineState.DRAINED, PipelineState.UPDATED)

SHARE_OF_A_TICK: Final = 0.8
"""Of the time between two ticks in which requests start; the rest is for their answers, and for what comes of them."""

_SECONDS_BETWEEN_LOOKS: Final = 0.2
"""How soon a signal is noticed."""

_ENDS: Final = "ending the job after what is under way; once more to stop at once (nothing is lost)"

_HOW_TO_END: Final = (
    "`newsbeam engine status` names the jobs, deploy/RUNBOOK.md says how to stop one with a savepoint, or for good"
)
_HOW_TO_END_ON_DATAFLOW: Final = "deploy/dataflow/drain.sh ends it without loss"


def run_on_engine(settings: RunSettings, engine: EngineSettings) -> int:
    """Build the graph, give it to the engine and wait for its end; returns the exit code.

    Raises:
        UsageError: what was asked for cannot work on the engine.
        EngineError: its job server does not listen.
        NewsbeamError: the job failed.
    """
    options = engine_options(settings, engine)
    run_id = new_run_id()
    if is_dry_run(options):
        stages = len(translate(settings, engine, options, run_id).proto_pipeline.components.transforms)
        say("translated", f"dry run: the job was built ({stages} transforms), and given to nobody", stages=stages)
        return 0
    check_job_server(options)
    claim = Claim(run_id, engine.runner, engine.shards)
    goes_on = goes_on_from_state(settings)
    lake = open_or_make_engine_lake(settings.output, claim, goes_on=goes_on, anew=engine.start_anew)
    work = Work(run_id, settings.processes, settings.time_limit, settings.tags)
    if engine.streaming:
        return _stream(settings, engine, options, lake, work)
    return _backfill(settings, engine, options, lake, work)


def translate(settings: RunSettings, engine: EngineSettings, options: PipelineOptions, run_id: str) -> Any:
    """Return a dry run's job as the engine would get it. No file, list, lake or server is looked at."""
    lake = EngineLake(settings.output.rstrip("/"))
    work = Work(run_id, settings.processes, settings.time_limit, settings.tags)
    make = _make_stream if engine.streaming else _make_backfill
    return make(settings, engine, options, lake, work).run().job


def files_below(inputs: Sequence[str]) -> Iterable[InputSlice]:
    """Return the files that the inputs name: what a job's `find` is made of. In a stream none may be there yet."""
    try:
        return [InputSlice(file.path, stored_bytes=file.stored_bytes) for file in find_files(inputs)]
    except UsageError:
        return []


# Bounded


def _backfill(
    settings: RunSettings, engine: EngineSettings, options: PipelineOptions, lake: EngineLake, work: Work
) -> int:
    files = find_files(settings.inputs)  # tells at once what is not there
    summary = RunSummary(work.run_id, lake.root)
    started, started_at = time.perf_counter(), instant_of(datetime.now(UTC))
    pipeline = _make_backfill(settings, engine, options, lake, work)
    if is_left_alone(options):
        return _leave(_submit(pipeline, lake), work.run_id, quiet=settings.quiet)
    result = _submit(pipeline, lake)
    try:
        _check_end(result.wait_until_finish)
    except NewsbeamError:  # not at Ctrl-C: a job on a cluster runs on, and needs what it has written
        lake.drop_unpublished(work.run_id)
        raise
    counters = counters_of(result)
    was_read = counters.get("ReadFolder.inputs", 0) + counters.get("ReadFolder.bytes_read", 0)
    if not was_read and any(file.stored_bytes for file in files):
        raise NewsbeamError(
            f"the workers have read none of {len(files)} files: they must see --input under the path that it has here"
        )
    rows = {table: counters.get(f"PublishFiles.{table}", 0) for table in ("articles", "copies", "rejects")}
    report = cycle_report(rows, counters, work.run_id, 0, started_at)
    lake.write_report(report)
    summary.seconds = time.perf_counter() - started
    summary.add(FinishedCycle(report, {}, summary.seconds))
    if "://" not in lake.root:
        summary.rejects_by_reason = _reasons_of_rejects(lake.root, summary)
    say_and_judge(summary, settings)
    return 0


def _make_backfill(
    settings: RunSettings, engine: EngineSettings, options: PipelineOptions, lake: EngineLake, work: Work
) -> beam.Pipeline:
    pipeline = beam.Pipeline(options=options)
    graph = EngineGraph(work, lake.root, engine.shards)
    build_backfill(pipeline, graph, _folder(settings), lake.unpublished, instant_of(datetime.now(UTC)))
    return pipeline


def _leave(result: Any, run_id: str, *, quiet: bool) -> int:
    if not quiet:
        sys.stderr.write(f"newsbeam: job {_name_of(result, run_id)} is handed over, and not waited for\n")
    return 0


def _name_of(result: Any, run_id: str) -> str:
    """Return what an engine calls a job; its run where the engine has not said."""
    of_dataflow = getattr(result, "job_id", None) if getattr(result, "has_job", True) else None
    return str((of_dataflow() if of_dataflow else None) or getattr(result, "_job_id", None) or run_id)


def _submit(pipeline: beam.Pipeline, lake: EngineLake) -> Any:
    try:
        return pipeline.run()
    except BaseException as error:
        lake.give_back()
        if isinstance(error, RuntimeError) and "job server jar" in str(error):
            raise EngineError(
                f"Beam could not get the job server that {pipeline.options.view_as(StandardOptions).runner} starts: "
                f"{error}. Give it one (--flink_job_server_jar FILE), or have a cluster here: newsbeam engine up, "
                "which prints the flags that reach it"
            ) from error
        raise


def _check_end(wait_until_finish: Callable[[], object]) -> bool:
    """Wait for a job's end, and return whether it is one: a job that was updated goes on under another id.

    Raises:
        NewsbeamError: the job failed.
    """
    try:
        state = wait_until_finish()
    except Exception as error:
        # Dataflow raises an error of its own for all ends but DONE, also for a drain; the others a RuntimeError.
        state = getattr(getattr(error, "result", None), "state", None)
        if state is None and not isinstance(error, RuntimeError):
            raise
        if state not in _ENDED_WELL:
            raise NewsbeamError(f"the job failed: {str(error)[:500]}") from error
    if state not in _ENDED_WELL:
        raise NewsbeamError(f"the job ended as {state}")
    return bool(state != PipelineState.UPDATED)


def _folder(settings: RunSettings) -> FolderSource:
    return FolderSource(partial(files_below, settings.inputs), slices_of, ForgetfulIndex)


# Without end


def _stream(
    settings: RunSettings, engine: EngineSettings, options: PipelineOptions, lake: EngineLake, work: Work
) -> int:
    if settings.feeds is not None:
        _check_lists(settings.feeds)
    pipeline = _make_stream(settings, engine, options, lake, work)
    result = _submit(pipeline, lake)
    if is_left_alone(options):
        return _leave(result, work.run_id, quiet=settings.quiet)
    with stopping_on_signals(
        what_a_signal_does(options)
    ) as stop:  # after the start, since Beam sets handlers of its own there
        if _waited(result, options, stop, work.run_id, quiet=settings.quiet):
            lake.publish_rest()
    return 0


def _make_stream(
    settings: RunSettings, engine: EngineSettings, options: PipelineOptions, lake: EngineLake, work: Work
) -> beam.Pipeline:
    pipeline = beam.Pipeline(options=options)
    graph = StreamGraph(
        work,
        lake.root,
        engine.shards,
        seconds=engine.seconds,
        flush_seconds=engine.flush_seconds,
        publish_at_once=not calls_finalizers(engine),
        asked_to_stop=asked_to_stop,
        folder=_folder(settings) if settings.inputs else None,
        feeds=_feeds(settings.feeds, engine) if settings.feeds is not None else None,
    )
    build_stream(pipeline, graph)
    return pipeline


def asked_to_stop() -> bool:
    """Whether this process has been asked to stop: what a stream's `asked_to_stop` is made of."""
    return times_asked_to_stop() > 0


def _check_lists(polling: FeedSettings) -> None:
    """Tell at once of a list that cannot be read."""
    from pipeline.keyed_feeds import listed_feeds

    listed_feeds(polling)


def _feeds(polling: FeedSettings, engine: EngineSettings) -> FeedSource:
    from pipeline.feed_run import open_world, poll_settings
    from pipeline.keyed_feeds import KeyedFeedMemory, listed_feeds
    from transforms.poll_feeds_stream import StreamOfFeeds

    settings = poll_settings(polling, min(polling.budget, MOST_BUDGET, engine.seconds * SHARE_OF_A_TICK))
    given = StreamOfFeeds(KeyedFeedMemory, partial(listed_feeds, polling), open_world, asked_to_stop)
    return FeedSource(given, settings)


def _waited(result: Any, options: PipelineOptions, stop: Event, run_id: str, *, quiet: bool) -> bool:
    """Wait for the job's end; where a signal cannot reach its source, only until the signal: the job runs on.

    Returns:
        whether the source was reached, and so all of the job's rows are written. (Elsewhere a job that has ended may
        have been stopped with a savepoint.)

    Raises:
        NewsbeamError: the job failed.
    """
    reached = is_reached(options)
    if not quiet:
        how = (
            "Ctrl-C ends it, after what is under way"
            if reached
            else f"Ctrl-C leaves it running: {_how_to_end(options)}"
        )
        sys.stderr.write(f"newsbeam: job {_name_of(result, run_id)} is running. {how}\n")
    outcome: Future[object] = Future()
    threading.Thread(target=_settle, args=(outcome, result.wait_until_finish), daemon=True).start()
    while not outcome.done() and (reached or not stop.is_set()):
        wait([outcome], timeout=_SECONDS_BETWEEN_LOOKS)
    return outcome.done() and _check_end(outcome.result) and reached


def is_reached(options: PipelineOptions) -> bool:
    """Whether a signal to this process reaches a job's sources: they run in it."""
    return not _is_managed(options) and options.view_as(PortableOptions).environment_type in (None, "LOOPBACK")


def what_a_signal_does(options: PipelineOptions) -> str:
    """Return what is said when one comes."""
    return _ENDS if is_reached(options) else f"the job runs on, and is not waited for: {_how_to_end(options)}"


def _is_managed(options: PipelineOptions) -> bool:
    return bool(options.view_as(StandardOptions).runner == "DataflowRunner")


def _how_to_end(options: PipelineOptions) -> str:
    return _HOW_TO_END_ON_DATAFLOW if _is_managed(options) else _HOW_TO_END


def _settle(outcome: Future[object], work: Callable[[], object]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:
        outcome.set_exception(error)


def _reasons_of_rejects(lake: str, summary: RunSummary) -> dict[str, int]:
    """Return how many of a run's rejects had which `stage: reason`, the commonest first."""
    if not summary.rejects:
        return {}
    query = "select stage || ': ' || reason, count(*) from rejects where run_id = ? group by all order by 2 desc, 1"
    return {str(reason): int(count) for reason, count in connect(lake).execute(query, [summary.run_id]).fetchall()}
