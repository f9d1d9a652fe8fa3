"""What is in a lake, as any reader sees it, and whether two lakes hold the same: each row once, no file left over."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from tests.faults.tally import Tally

IDS: Final[Mapping[str, str]] = {
    "articles": "article_id",
    "copies": "copy_id",
    "rejects": "reject_id",
    "aliases": "old_id || ' ' || new_id",
    "fetches": "fetch_id",
    "feeds": "feed_url || ' ' || polled_at",
    "runs": "run_id || ' ' || cycle",
}
"""What a row of each table is known by."""

COMPARED: Final = ("articles", "copies", "rejects", "aliases")
"""Tables that a disturbed run must fill as an undisturbed one does; the others say how it went about it."""

_OF_THE_RUN: Final = {"run_id", "first_seen_at", "decided_at", "date"}
"""Columns that say when and by which run a row was written."""


@dataclass(frozen=True)
class Contents:
    """What readers see in a lake."""

    ids: Mapping[str, Counter[str]]
    """Of all tables."""
    rows: Mapping[str, Counter[str]]
    """Digests of whole rows of the tables that are compared, but for their run and time."""
    accounted: Mapping[str, int]
    """Rows of articles, copies and rejects that the accounts of all runs claim."""
    accounts_add_up: bool
    """Whether each cycle's inputs are what its rows say."""

    def doubled(self) -> int:
        """Return how many ids stand in a table more than once."""
        return sum(count > 1 for ids in self.ids.values() for count in ids.values())

    def is_accounted(self) -> bool:
        """Whether the accounts claim the rows that there are; not so once rows were erased."""
        return self.accounts_add_up and all(self.ids[name].total() == rows for name, rows in self.accounted.items())


def contents_of(lake: Path) -> Contents:
    """Read all tables of a lake, as plain Parquet files; whatever DuckDB raises says that they cannot be read."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        ids = {name: Counter(_column(connection, lake, name, column)) for name, column in IDS.items()}
        rows = {name: Counter(_digests(connection, lake, name)) for name in COMPARED}
        query = "select {} from " + _files(lake, "runs")
        outcomes = ("articles", "copies", "rejects")
        sums = ", ".join(f"coalesce(sum({name}), 0)::int" for name in outcomes)
        accounted = connection.execute(query.format(sums)).fetchall()[0]
        add_up = "coalesce(bool_and(inputs = articles + copies + rejects + already_seen), true)"
        ((adds_up,),) = connection.execute(query.format(add_up)).fetchall()
    return Contents(ids, rows, dict(zip(outcomes, accounted, strict=True)), bool(adds_up))


def _column(connection: Any, lake: Path, table: str, column: str) -> Iterator[Any]:
    found = connection.execute(f"select {column} from {_files(lake, table)}").fetchall()
    return (value for (value,) in found)


def _digests(connection: Any, lake: Path, table: str) -> Iterator[Any]:
    names = [name for name, *_ in connection.execute(f"describe select * from {_files(lake, table)}").fetchall()]
    kept = ", ".join(name for name in names if name not in _OF_THE_RUN)
    found = connection.execute(f"select md5(row({kept})::varchar) from {_files(lake, table)}").fetchall()
    return (value for (value,) in found)


def _files(lake: Path, table: str) -> str:
    return f"read_parquet('{lake / table}/**/*.parquet', union_by_name = true, hive_partitioning = true)"


def compare(tally: Tally, found: Contents, expected: Contents, where: str, *, whole: bool = True) -> None:
    """Count what a lake has too little and too much, by what an undisturbed run came to.

    Args:
        where: said of what is wrong beside.
        whole: whether the run has ended; else less may be there, and other columns are not looked at.
    """
    for name in COMPARED:
        missing, more = expected.ids[name] - found.ids[name], found.ids[name] - expected.ids[name]
        tally.lost += missing.total() if whole else 0
        tally.doubled += more.total()
        tally.check(not (missing and whole), f"{where}: {missing.total()} {name} missing")
        tally.check(not more, f"{where}: {more.total()} {name} too many")
    tally.check(not found.doubled(), f"{where}: {found.doubled()} ids doubled")
    if whole:
        differ = [name for name in COMPARED if found.rows[name] != expected.rows[name]]
        tally.check(not differ, f"{where}: other columns differ in {', '.join(differ)}")


def left_over(lake: Path) -> Iterator[str]:
    """Yield what a lake that no process uses must not have: temporary files, and files that the memory does not know.

    What `compact` has written the memory need not know: names of such files end in `-k000`, `-k001` ...
    """
    temporary = [path for path in (lake / "_newsbeam" / "tmp").rglob("*") if path.is_file()]
    if temporary:
        yield f"{len(temporary)} temporary files left"
    if (lake / "_newsbeam" / "rewriting").exists():
        yield "a rewriting is left"
    strays = [path for path in lake.rglob("*.tmp") if path.is_file()]
    if strays:
        yield f"{strays[0].name} is left"
    visible, committed = visible_files(lake), committed_files(lake)
    written = {path for path in visible if "-k" not in Path(path).name}
    if written != committed:
        yield f"{len(written - committed)} files unknown to the memory, {len(committed - written)} of its files missing"


def visible_files(lake: Path) -> set[str]:
    """Return the paths of the files that readers see, but for those without rows that every lake starts with."""
    found = (path.relative_to(lake) for path in lake.glob("*/*/*.parquet"))
    return {path.as_posix() for path in found if not path.name.startswith("schema-")}


def committed_files(lake: Path) -> set[str]:
    """Return the paths that the memory knows, read from a copy of it so that the look changes nothing."""
    if not (lake / "_newsbeam" / "memory.sqlite").exists():
        return set()
    with tempfile.TemporaryDirectory() as scratch:
        for path in (lake / "_newsbeam").glob("memory.sqlite*"):
            shutil.copy(path, scratch)
        connection = sqlite3.connect(Path(scratch, "memory.sqlite"))
        try:
            return {path for (path,) in connection.execute("select path from files")}
        except sqlite3.OperationalError:
            return set()  # cut off before its tables were made
        finally:
            connection.close()
