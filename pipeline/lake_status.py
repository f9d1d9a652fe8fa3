"""How a lake is: what came and when, how its feeds are, how large it is. Reads only; a run under way goes on."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb

from pipeline.feed_memory import FeedMemory
from pipeline.host_memory import opened_hosts
from pipeline.lake import PRIVATE_FOLDER, Lake, job_of
from pipeline.memory import opened_memory
from pipeline.memory_state import fault_of_memory
from pipeline.reader_lock import reading
from pipeline.writer_lock import holder_of
from schemas.errors import LakeError
from schemas.feed_state import NEVER, FeedState
from schemas.tables import PARTITION_COLUMN, TABLES
from transforms.functions.feed_rows import health_of

WINDOWS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
_DAYS_READ: Final = 9
"""Partitions that a week can lie in, and one before: a cycle lies where it began."""
_RUNS_SHOWN: Final = 5
_NEEDS_A_LOOK: Final = ("dead", "failing", "gone")

_COUNTS: Final = ("articles", "copies", "rejects")


class Arrivals(NamedTuple):
    """Rows that were committed within a time."""

    articles: int
    copies: int
    rejects: int


class RunFigures(NamedTuple):
    """One run, as far as its cycles are committed."""

    run_id: str
    started_at: datetime
    finished_at: datetime
    cycles: int
    inputs: int
    articles: int
    copies: int
    rejects: int
    already_seen: int


class TableSize(NamedTuple):
    """What a table takes on the disk."""

    files: int
    stored_bytes: int


@dataclass
class LakeStatus:
    """How a lake is now; times are UTC."""

    now: datetime
    holder: str | None
    """Which process uses it, in words."""
    arrivals: dict[str, Arrivals]
    """By window."""
    last_arrival: datetime | None
    """When a cycle was last committed that brought an article or a copy."""
    runs: list[RunFigures]
    """The last ones, latest first."""
    sizes: dict[str, TableSize]
    """By table, and `memory`."""
    most_files_of_a_day: int
    feeds_by_health: dict[str, int] = field(default_factory=dict)
    oldest_due: FeedState | None = None
    """The feed that has been due longest; None where none is."""
    troubled: list[FeedState] = field(default_factory=list)
    """Feeds that need a look, the worst first."""
    pages_waiting: int = 0
    job: dict[str, Any] | None = None
    """What is noted of the job on an engine that writes it; None where none does."""
    memory_fault: str | None = None
    """What is wrong with its memory, and what mends it; None where all is well. Feeds are not told of then."""


def status_of(lake: Lake) -> LakeStatus:
    """Return how a lake is.

    Raises:
        LakeError: its files, or a memory that is not damaged, cannot be read.
    """
    now = datetime.now(UTC)
    try:
        with reading(lake):
            cycles = _cycles(lake, now)
            last_arrival = _last_arrival(lake, cycles, now)
        arrivals = {name: _arrivals(cycles, now - span) for name, span in WINDOWS.items()}
        sizes, most = _sizes(lake)
        status = LakeStatus(now, holder_of(lake), arrivals, last_arrival, _runs(cycles), sizes, most)
    except (duckdb.Error, OSError) as error:
        raise LakeError(f"{lake.root} cannot be read: {error}") from error
    status.job = job_of(lake)
    status.memory_fault = fault_of_memory(lake)
    if status.memory_fault is None:
        _add_feeds(lake, status)
    return status


def _cycles(lake: Lake, now: datetime) -> list[tuple[Any, ...]]:
    """Return the rows of `runs` of the last days; of a job on an engine, which has none until it ends, its hours."""
    days = [now.date() - timedelta(days=number) for number in range(-1, _DAYS_READ)]
    if not lake.job.exists():
        columns = ", ".join(RunFigures._fields).replace("cycles", "1")
        return _read(_files(lake, "runs", days), f"select {columns} from files order by finished_at")
    seen = "select run_id, first_seen_at from files"
    hours = "count(*) from ({0}) group by run_id, time_bucket(interval '5 minutes', first_seen_at)"
    found: list[tuple[Any, ...]] = []
    for place, table in enumerate(_COUNTS):
        counts = ", ".join("count(*)" if place == other else "0" for other in range(len(_COUNTS)))
        bucket = hours.format(seen).removeprefix("count(*) ")
        query = f"select run_id, min(first_seen_at), max(first_seen_at), 0, count(*), {counts}, 0 {bucket}"
        found += _read(_files(lake, table, days), query)
    return sorted(found, key=lambda row: row[2])


def _arrivals(cycles: Sequence[tuple[Any, ...]], since: datetime) -> Arrivals:
    figures = [RunFigures(*row) for row in cycles if row[2] >= since]
    return Arrivals(*(sum(getattr(one, name) for one in figures) for name in _COUNTS))


def _last_arrival(lake: Lake, cycles: Sequence[tuple[Any, ...]], now: datetime) -> datetime | None:
    """Return when something last arrived, as far as that is past: a clock that was ahead would keep all quiet."""
    latest = next((row[2] for row in reversed(cycles) if (row[5] or row[6]) and row[2] <= now), None)
    if latest is not None or lake.job.exists():
        return latest
    query = f"select max(finished_at) from files where articles + copies > 0 and finished_at <= timestamptz '{now}'"
    files = [str(path) for path in (lake.root / "runs").glob(f"{PARTITION_COLUMN}=*/*.parquet")]
    found = _read(files, query)
    return found[0][0] if found else None


def _runs(cycles: Sequence[tuple[Any, ...]]) -> list[RunFigures]:
    runs: dict[str, RunFigures] = {}
    for row in cycles:
        one = RunFigures(*row)
        known = runs.pop(one.run_id, None)  # so that the run of the latest cycle is the last
        if known is not None:
            sums = {name: getattr(known, name) + getattr(one, name) for name in RunFigures._fields[3:]}
            one = known._replace(finished_at=max(known.finished_at, one.finished_at), **sums)
        runs[one.run_id] = one
    return list(reversed(runs.values()))[:_RUNS_SHOWN]


def _files(lake: Lake, table: str, days: Sequence[date]) -> list[str]:
    folders = (lake.root / table / f"{PARTITION_COLUMN}={day.isoformat()}" for day in days)
    return [str(path) for folder in folders for path in folder.glob("*.parquet")]


def _read(files: Sequence[str], query: str) -> list[tuple[Any, ...]]:
    """Ask a few files, named one by one: the views would have DuckDB open every file of the lake."""
    if not files:
        return []
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        named = connection.from_parquet(list(files), union_by_name=True)
        answer = named.query("files", query)
        return [] if answer is None else answer.fetchall()


# Sizes


def _sizes(lake: Lake) -> tuple[dict[str, TableSize], int]:
    sizes: dict[str, TableSize] = {}
    most = 0
    for table in TABLES:
        days: Counter[str] = Counter()
        stored = 0
        for folder, size in _walk(lake.root / table):
            days[folder] += 1
            stored += size
        sizes[table] = TableSize(sum(days.values()), stored)
        most = max(most, *days.values(), 0)
    private = list(_walk(lake.root / PRIVATE_FOLDER))
    sizes["memory"] = TableSize(len(private), sum(size for _, size in private))
    return sizes, most


def _walk(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield the folder and the size of each file; what goes while it is looked at is left out."""
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                yield parent, os.stat(os.path.join(parent, name)).st_size
            except FileNotFoundError:
                continue


# Feeds


def _add_feeds(lake: Lake, status: LakeStatus) -> None:
    if not lake.memory.exists() or not lake.hosts.exists():
        return
    with opened_memory(lake.memory, read_only=True) as memory, opened_hosts(lake.hosts) as hosts:
        feeds = FeedMemory(memory, hosts)
        if not feeds.is_there():
            return
        states = feeds.feeds()
        status.pages_waiting = feeds.pages_waiting()
    status.feeds_by_health = dict(Counter(health_of(state) for state in states))
    now = status.now.timestamp() * 1e6
    polled = [state for state in states if state.gone_at is None and state.next_poll_at < min(now, NEVER)]
    status.oldest_due = min(polled, key=lambda state: state.next_poll_at or state.polls, default=None)
    troubled = [state for state in states if health_of(state) in _NEEDS_A_LOOK]
    status.troubled = sorted(troubled, key=lambda state: (_NEEDS_A_LOOK.index(health_of(state)), state.listed_url))
