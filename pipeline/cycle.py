"""One local cycle: a bounded run over some slices of the input, with one commit."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from pyarrow.parquet import read_table

from pipeline.build import build
from pipeline.duplicate_memory import DuplicateMemory, duplicate_memory_at
from pipeline.graph_parts import CycleGraph, FeedGraph, Work
from pipeline.lake import Lake
from pipeline.local_run import LocalRun
from pipeline.memory import memory_at
from pipeline.progress import follow_row, follow_slice
from pipeline.publishing import publish, sync
from pipeline.replay_cycle import CycleReplay, ReplayWork, replaying
from pipeline.runners import counters_of, local_pipeline, run_locally
from pipeline.tombstone_memory import tombstones_of
from pipeline.version import newsbeam_version
from schemas.cycle_report import CycleReport
from schemas.errors import AccountingError
from schemas.input_slice import InputSlice
from schemas.instants import Instant, instant_of, utc_date_of
from schemas.replay import Replay
from schemas.tables import SCHEMA_VERSION
from schemas.written_file import WrittenFile
from transforms.functions.parquet_rows import flat_row, partition_path, to_parquet
from transforms.lake_files import write_file


@dataclass(frozen=True)
class FinishedCycle:
    """What a cycle did, and how many seconds each stage was at work.

    `extract`, `topics` and `entities` are the times that the worker processes were waited for.
    """

    report: CycleReport
    seconds_by_stage: Mapping[str, float]
    seconds: float
    tags_not_done: int = 0
    """Articles without topics, and without entities, because tagging them failed or took too long."""
    polled: Mapping[str, int] = field(default_factory=dict)
    """What a cycle over feeds counted beside the account: feeds polled, items new, pages fetched ..."""
    failed_polls: Mapping[str, int] = field(default_factory=dict)
    """Of these, how many polls failed for which reason, the commonest first."""
    rejects_by_reason: Mapping[str, int] = field(default_factory=dict)
    """How many inputs were rejected for which `stage: reason`."""
    counters: Mapping[str, int] = field(default_factory=dict)
    """Beam's own, by `<PTransform>.<name>`."""
    replays: Sequence[Replay] = ()
    """What came of rejects that were done again."""


def run_cycle(
    run: LocalRun,
    slices: Sequence[InputSlice],
    *,
    feeds: FeedGraph | None = None,
    replay: ReplayWork | None = None,
    read_at: Instant | None = None,
) -> FinishedCycle:
    """Read (slices, or what is due of the feeds), extract, decide, write, commit and publish, in this order.

    Until the commit nothing is visible or remembered; from then on everything is, if not at once, then after the
    recovery that opens the next run.

    Args:
        slices: of the input; none for a cycle over feeds.
        feeds: what is polled.
        replay: rejects that are done again; those of files lie in the slices.
        read_at: when the rows are said to be first seen, later than those of earlier cycles; now, if none is given.

    Raises:
        AccountingError: inputs and outcomes do not add up; nothing is committed.
        Exception: whatever a stage raised; nothing is committed.
    """
    started = time.perf_counter()
    lake, memory, run_id = run.lake, run.memory, run.run_id
    with memory.cycle() as number, replaying(lake, memory, replay, polls=feeds is not None) as again:
        read_at = read_at or instant_of(datetime.now(UTC))
        DuplicateMemory(memory, read_at).forget()
        pipeline = local_pipeline(run.options)
        graph = replace(_graph(run, number, read_at), feeds=feeds)
        build(pipeline, slices, graph if again is None else _with_attempts(graph, again))
        counters = counters_of(run_locally(pipeline))
        report = cycle_report(_rows_by_table(memory.files_of(number)), counters, run_id, number, read_at)
        check_account(report)
        memory.note_file(number, _write_report(lake, report))
        for file in again.write(number, run_id, read_at) if again is not None else ():
            memory.note_file(number, file)
        files = memory.files_of(number)
        sync(lake, files)
        memory.note_cycle(number, run_id, report.finished_at)
    publish(lake, [file.path for file in files])
    failed = _failed_polls(lake, files) if feeds else {}
    rejects = _reasons_with("stage", "rejects", lake, files)
    return FinishedCycle(
        report=report,
        seconds_by_stage=_seconds_by_stage(counters),
        seconds=time.perf_counter() - started,
        tags_not_done=counters.get("TagTopics.failed", 0) + counters.get("TagEntities.failed", 0),
        polled=_polled(counters) | {"failed": sum(failed.values())} if feeds else {},
        failed_polls=failed,
        rejects_by_reason=Counter(f"{row['stage']}: {row['reason']}" for row in rejects),
        counters=counters,
        replays=() if again is None else again.rows,
    )


def _graph(run: LocalRun, cycle: int, read_at: Instant) -> CycleGraph:
    lake, settings, erased = run.lake, run.settings, tombstones_of(run.memory)
    return CycleGraph(
        work=Work(run.run_id, settings.processes, settings.time_limit, settings.tags, follow_row, erased),
        cycle=cycle,
        read_at=read_at,
        folder=str(lake.unpublished),
        open_memory=partial(memory_at, str(lake.memory)),
        open_duplicates=partial(duplicate_memory_at, str(lake.memory), read_at),
        on_slice=follow_slice,
    )


def _with_attempts(graph: CycleGraph, again: CycleReplay) -> CycleGraph:
    work = replace(graph.work, open_attempts=again.open_attempts())
    return replace(graph, work=work, replay=again.graph())


def cycle_report(
    rows: Mapping[str, int], counters: Mapping[str, int], run_id: str, cycle: int, started_at: Instant
) -> CycleReport:
    """Return the account of a cycle that ends now.

    Args:
        rows: written, by table.
        counters: Beam's, by `<PTransform>.<name>`.
    """
    stages = ("ReadFolder", "PollFeeds", "Deduplicate", "DropErased", "DropRepeated")
    sources = ("ReadFolder", "PollFeeds", "ReadKept")
    seen = (*(f"{stage}.already_seen" for stage in stages), "TakeOnce.rejects")
    return CycleReport(
        run_id=run_id,
        cycle=cycle,
        started_at=started_at,
        finished_at=instant_of(datetime.now(UTC)),
        inputs=sum(counters.get(f"{stage}.inputs", 0) for stage in sources),
        **{table: rows.get(table, 0) for table in ("articles", "copies", "rejects")},
        already_seen=sum(counters.get(name, 0) for name in seen),
        bytes_read=sum(counters.get(f"{stage}.bytes_read", 0) for stage in sources),
        newsbeam_version=newsbeam_version(),
        schema_version=SCHEMA_VERSION,
    )


def check_account(report: CycleReport) -> None:
    """Check that every input ended in exactly one place: read by one stage, counted in the files of another.

    Raises:
        AccountingError: it did not.
    """
    outcomes = report.articles + report.copies + report.rejects + report.already_seen
    if report.inputs != outcomes:
        raise AccountingError(
            f"cycle {report.cycle}: {report.inputs} inputs, but {report.articles} articles + {report.copies} copies + "
            f"{report.rejects} rejects + {report.already_seen} already seen = {outcomes}. Nothing of it was committed. "
            "This is a fault in newsbeam: please report it."
        )


def _rows_by_table(files: Sequence[WrittenFile]) -> Counter[str]:
    rows: Counter[str] = Counter()
    for file in files:
        rows[file.table] += file.rows
    return rows


def _write_report(lake: Lake, report: CycleReport) -> WrittenFile:
    path = partition_path("runs", utc_date_of(report.started_at), f"c{report.cycle:08d}-000.parquet")
    encoded = to_parquet("runs", [flat_row(report)])
    write_file(str(lake.unpublished / path), encoded)
    return WrittenFile("runs", path, 1, len(encoded))


def _polled(counters: Mapping[str, int]) -> dict[str, int]:
    names = ("feeds_polled", "not_modified", "items_new", "pages_fetched", "cut")
    return {name: counters.get(f"PollFeeds.{name}", 0) for name in names}


def _failed_polls(lake: Lake, files: Sequence[WrittenFile]) -> dict[str, int]:
    from transforms.functions.polling import FAILED  # with the HTTP client, which a run over folders has no use for

    rows = _reasons_with("outcome", "feeds", lake, files)
    return dict(Counter(row["reason"] or "unknown" for row in rows if row["outcome"] == FAILED).most_common())


def _reasons_with(column: str, table: str, lake: Lake, files: Sequence[WrittenFile]) -> Iterator[dict[str, str | None]]:
    """Read a column and `reason` from the rows of one table, once they are published."""
    for file in files:
        if file.table == table:
            yield from read_table(lake.root / file.path, columns=[column, "reason"], partitioning=None).to_pylist()


def _seconds_by_stage(counters: Mapping[str, int]) -> dict[str, float]:
    polled = "PollFeeds.microseconds" in counters
    names = {
        "poll" if polled else "read": "PollFeeds.microseconds" if polled else "ReadFolder.microseconds",
        "extract": "ExtractArticles.microseconds_waited",
        "decide": "Deduplicate.microseconds",
        "topics": "TagTopics.microseconds_waited",
        "entities": "TagEntities.microseconds_waited",
        "write": "WriteTable.microseconds",
    }
    return {stage: counters.get(name, 0) / 1e6 for stage, name in names.items()}
