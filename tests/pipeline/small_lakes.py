"""Lakes of a few cycles a day, written as runs write them, for tests of what rewrites files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from pipeline.lake import Lake, open_or_make_lake
from pipeline.memory import Memory
from pipeline.tombstone_memory import settle_copy
from schemas.cycle_report import CycleReport
from schemas.instants import Instant
from schemas.tables import TABLES
from schemas.written_file import WrittenFile
from tests.samples import SEEN_AT, alias, copy, reject, tagged_article
from transforms.functions.parquet_rows import encode_by_day, flat_row

DAY: Instant = 86_400 * 1_000_000


def write_cycle(lake: Lake, memory: Memory, rows: Mapping[str, Sequence[Any]]) -> int:
    """Commit a cycle of rows by table, and publish it."""
    with memory.cycle() as number:
        for table, of_table in rows.items():
            for file in encode_by_day(table, map(flat_row, of_table), f"c{number:08d}-000.parquet"):
                path = lake.root / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.content)
                memory.note_file(number, WrittenFile(table, file.path, file.rows, len(file.content)))
        memory.note_cycle(number, f"run-{number}", SEEN_AT)
    return number


def rows_of_cycle(number: int, at: Instant) -> dict[str, list[Any]]:
    """Three articles, and a row or two of other tables."""
    names = [f"n{number}-{place}" for place in range(3)]
    articles = [
        tagged_article(name, first_seen_at=at, date_published=None if place == 1 else at - place * 1_000_000)
        for place, name in enumerate(names)
    ]
    report = CycleReport(f"run-{number}", number, at, at + 1, 6, 3, 1, 2, 0, 10, "0.1.0", 1)
    return {
        "articles": articles,
        "copies": [copy(f"copy{number}", names[0], first_seen_at=at)],
        "rejects": [reject(2 * number + place, first_seen_at=at, payload=b"\x00\xff") for place in range(2)],
        "aliases": [alias(names[1], names[2], decided_at=at)],
        "runs": [report],
    }


def make_lake(root: Path, days: int = 2, cycles: int = 4) -> Lake:
    """A lake of some days, each of some cycles, from `SEEN_AT` on."""
    lake = open_or_make_lake(str(root))
    memory = Memory(lake.memory)
    for day in range(days):
        for number in range(cycles):
            # Not in the order of time, as after a backfill.
            write_cycle(lake, memory, rows_of_cycle(day * cycles + number, SEEN_AT + day * DAY - number * 1_000))
    settle_copy(memory)
    memory.close()
    return lake


def contents(lake: Lake) -> dict[str, list[str]]:
    """All rows of all tables, each as text, sorted: equal where nothing was lost, added or changed."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    found = {}
    for table in TABLES:
        query = f"select t::varchar from read_parquet('{lake.root}/{table}/**/*.parquet', hive_partitioning = true) t"
        found[table] = sorted(row[0] for row in connection.execute(query).fetchall())
    return found


def files(lake: Lake) -> list[str]:
    """Every file of the lake but for SQLite's and the lock, by its path."""
    paths = (path for path in lake.root.rglob("*") if path.is_file() and ".sqlite" not in path.name)
    paths = (path for path in paths if path != lake.lock)
    return sorted(path.relative_to(lake.root).as_posix() for path in paths)


def call_with_deaths(doomed: Sequence[tuple[Any, str]], at: int, die: Callable[[], None]) -> Callable[[], int]:
    """Make the `at`-th of all calls of some functions (owner, name) the last deed; returns what tells their number."""
    calls = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == at:
                die()
            return function(*arguments, **named)

        return call

    for owner, name in doomed:
        setattr(owner, name, counted(getattr(owner, name)))
    return lambda: calls
