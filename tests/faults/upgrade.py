"""A lake of an older newsbeam: read as it is by every command, and lifted by the first one that writes it.

The lakes of `tests/fixtures/lakes/` were written by the code of their time. Copies of them are read, extended, done
again, compacted and erased from, and killed while they are lifted; each row of before must be there once, as it was.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import duckdb

from pipeline.views import view_definitions
from schemas.tables import SCHEMA_VERSION, TABLES
from tests.faults import upgrade_breaks
from tests.faults.contents import contents_of, left_over
from tests.faults.kill_points import change
from tests.faults.runs import ROOT, Change, Forks, HungError, forking
from tests.faults.tally import Effort, Tally
from tests.samples import html_page

FIXTURES: Final = ROOT / "tests" / "fixtures" / "lakes"

_FLAGS: Final = ("--quiet", "--processes", "1", "--tags", "none")
_WRITERS: Final[Mapping[str, Sequence[str]]] = {
    "run": ("run", "--input", "inputs/first", "inputs/later", "--output", "lake", *_FLAGS),
    "replay": ("replay", "lake", *_FLAGS),
    "compact": ("compact", "lake"),
    "erase": ("erase", "lake", "--domain", "mirror.example"),
}
"""Each is the first to write a lake."""

_READERS: Final[Mapping[str, Sequence[str]]] = {
    "sql": ("sql", "--lake", "lake"),
    "status": ("status", "lake", "--json"),
    "report": ("report", "lake", "--output", "report.html"),
    "explain": ("explain", "inputs/first/harbour.html", "https://mirror.example/harbour", "--lake", "lake"),
    "tag": ("tag", "https://valley.example/orchard", "--lake", "lake"),
    "feeds list": ("feeds", "list", "--lake", "lake"),
    "feeds export": ("feeds", "export", "--lake", "lake"),
    "doctor": ("doctor", "lake", "--offline"),
    "replay --dry-run": ("replay", "lake", "--dry-run"),
    "compact --dry-run": ("compact", "lake", "--dry-run"),
    "erase --dry-run": ("erase", "lake", "--domain", "mirror.example", "--dry-run"),
}
_SLOW: Final = ("report", "tag", "doctor")
"""Tried by the long form only."""

_BY_PRESENT_CODE: Final = {"rejected": 7, "queued": 2}
"""What comes of the fixture's rejects where nothing was mended."""

_DEATHS: Final = {True: range(9), False: (0, 8)}
"""Files of a lake that is lifted, eight tables and the description, that are written when it dies."""


@dataclass(frozen=True)
class _Case:
    """A copy of a lake of before, with the inputs that it was made from, and what it had."""

    forks: Forks
    folder: Path
    rows: Mapping[str, Counter[str]]
    tally: Tally
    changes: tuple[Change, ...] = ()

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    def call(self, name: str, arguments: Sequence[str], *changes: Change, code: int = 0) -> str:
        """Call a command in the copy's folder; returns what it says."""
        go = change(go_to, str(self.folder))
        running = self.forks.start(arguments, [go, *self.changes, *changes])
        try:
            found: int | str = running.wait(600.0)
        except HungError as hung:
            self.tally.hangs += 1
            found = str(hung)
        said = running.said()
        self.tally.check(found == code, f"{name} ended with {found}: {said[-300:].strip()}")
        return said

    def look(self, when: str, gone: Callable[[str], bool] = lambda _: False) -> None:
        """See that each row of before is there once, as it was, but for those that are to be gone."""
        for table, rows in self.rows.items():
            found, expected = rows_of(self.lake, table), Counter({row: 1 for row in rows if not gone(row)})
            lost, doubled = expected - found, Counter({row: found[row] - 1 for row in expected if found[row] > 1})
            self.tally.lost += lost.total()
            self.tally.doubled += doubled.total()
            self.tally.check(not lost, f"{when}: {lost.total()} rows of {table} lost or changed")
            self.tally.check(not doubled, f"{when}: {doubled.total()} rows of {table} doubled")

    def version(self) -> int:
        return int(json.loads((self.lake / "_newsbeam" / "lake.json").read_text())["schema_version"])


def go_to(folder: str) -> None:
    """Have a command start in a folder."""
    import os

    os.chdir(folder)


def be_older() -> None:
    """Be a newsbeam of the schema before."""
    from pipeline import lake

    lake.SCHEMA_VERSION = SCHEMA_VERSION - 1


def rows_of(lake: Path, table: str) -> Counter[str]:
    """Return all rows of a table as text, in the columns that it had before."""
    before = FIXTURES / "schema-1" / "lake" / table
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        described = connection.execute(f"describe select * from read_parquet('{before}/*/*.parquet')").fetchall()
        columns = ", ".join(name for name, *_ in described)
        files = f"read_parquet('{lake / table}/*/*.parquet', union_by_name = true, hive_partitioning = true)"
        return Counter(
            text for (text,) in connection.execute(f"select row({columns})::varchar from {files}").fetchall()
        )


def faults(effort: Effort) -> Iterator[Tally]:
    """Read, extend, do again, compact, erase, and die while it is lifted."""
    with forking(effort.folder / "said") as forks:
        yield from _all(forks, effort)


def _all(forks: Forks, effort: Effort, changes: tuple[Change, ...] = ()) -> Iterator[Tally]:
    for step in (_read, _write_first, _go_on):
        tally = Tally(step.__doc__ or "")
        step(partial(_copy, forks, effort, tally, changes), tally, is_long=effort.is_long)
        yield tally
    tally = Tally("killed while it is lifted")
    for after in _DEATHS[effort.is_long]:
        _die(_copy(forks, effort, tally, changes), after)
    yield tally


_Copies = Callable[[], _Case]


def _copy(forks: Forks, effort: Effort, tally: Tally, changes: tuple[Change, ...]) -> _Case:
    tally.tries += 1
    folder = effort.folder / f"copy{len(list(effort.folder.glob('copy*')))}"
    shutil.copytree(FIXTURES / "schema-1", folder)
    tables = [path.name for path in (folder / "lake").iterdir() if not path.name.startswith("_")]
    rows = {table: rows_of(folder / "lake", table) for table in tables}
    return _Case(forks, folder, rows, tally, changes)


def _read(copies: _Copies, tally: Tally, *, is_long: bool) -> None:
    """an older lake, read by every command"""
    case = copies()
    before = _files(case.lake)
    views = list(view_definitions(case.lake))
    for query in [f"from {view}" for view in views] if is_long else [_counts(views)]:
        case.call(f"query {query}", ("query", query, "--lake", "lake"))
    open_ = "select count(*) as n from rejects where settled_at is null and attempts = 1"
    said = case.call("query of open rejects", ("query", open_, "--lake", "lake", "--format", "csv"))
    rejects = case.rows["rejects"].total()
    tally.check(said.split()[-1] == str(rejects), f"not all {rejects} rejects are open, tried once: {said.strip()}")
    for name, arguments in _READERS.items():
        if is_long or name not in _SLOW:
            case.call(name, arguments)
    tally.check(_files(case.lake) == before, "a command that only reads has changed the lake")


def _counts(views: Sequence[str]) -> str:
    return " union all ".join(f"select count(*) from {view}" for view in views)


def _files(lake: Path) -> Mapping[str, bytes]:
    """Return the files of a lake but for SQLite's own, and the lock."""
    paths = (path for path in lake.rglob("*") if path.is_file() and ".sqlite" not in path.name and path.name != "lock")
    return {path.relative_to(lake).as_posix(): path.read_bytes() for path in paths}


def _write_first(copies: _Copies, tally: Tally, *, is_long: bool) -> None:
    """an older lake, written by each command first"""
    for name in _WRITERS if is_long else ("run", "replay"):  # the others come later, too
        case = copies()
        case.call(name, _WRITERS[name])
        tally.check(case.version() == SCHEMA_VERSION, f"{name} leaves the lake at version {case.version()}")
        lacking = [table for table in TABLES if not list(case.lake.glob(f"{table}/*/*.parquet"))]
        tally.check(not lacking, f"{name} leaves the lake without {', '.join(lacking)}")
        case.look(name, _is_of_mirror if name == "erase" else lambda _: False)
        case.call(f"a query after {name}", ("query", "select count(*) from replays", "--lake", "lake"))
        if name == "run":
            _check_nothing_new(case)
        said = case.call("an older newsbeam", ("status", "lake"), change(be_older), code=1)
        tally.check("newer newsbeam" in said, f"an older newsbeam does not refuse it: {said.strip()[-200:]}")


def _is_of_mirror(row: str) -> bool:
    return "mirror.example" in row


def _check_nothing_new(case: _Case) -> None:
    """All that the inputs hold is known from the older memory."""
    contents = contents_of(case.lake)
    for table in ("articles", "copies", "rejects"):
        more = contents.ids[table].total() - case.rows[table].total()
        case.tally.doubled += more
        case.tally.check(not more, f"a run over the same inputs writes {more} {table}")


def _go_on(copies: _Copies, tally: Tally, *, is_long: bool) -> None:
    """an older lake, done again, extended, compacted, erased from"""
    case = copies()
    said = case.call("replay", ("replay", "lake", "--processes", "1", "--tags", "none", "--json"))
    outcomes = {name: count for name, count in json.loads(said.splitlines()[-1])["outcomes"].items() if count}
    tally.check(outcomes == _BY_PRESENT_CODE, f"the replay comes to {outcomes}")
    (case.folder / "new").mkdir()
    (case.folder / "new" / "page.html").write_text(html_page("brand new"))
    copy = html_page("orchard", url="https://mirror.example/orchard", date="2026-03-31T08:00:00Z")
    (case.folder / "new" / "copy.html").write_text(copy)
    case.call("run", ("run", "--input", "new", *_WRITERS["run"][1:]))
    case.look("after a replay and a run")
    contents = contents_of(case.lake)
    for table in ("articles", "copies"):
        more = contents.ids[table].total() - case.rows[table].total()
        tally.check(more == 1, f"a run over a new page and a copy of an older one writes {more} {table}")
    case.call("compact", _WRITERS["compact"])
    compacted = list(case.lake.glob("*/date=2026-11-20/c*-k000.parquet"))
    tally.check(len(compacted) >= 4, f"only {len(compacted)} days of tables are compacted")
    case.look("after compact")
    case.call("erase", _WRITERS["erase"])
    case.look("after erase", _is_of_mirror)
    for left in left_over(case.lake):
        tally.check(False, f"in the end: {left}")


def _die(case: _Case, after: int) -> None:
    """Die in the middle of lifting; readers and the next run find a lake."""
    case.call("a run that dies", _WRITERS["run"], change(upgrade_breaks.die_lifting, after), code=-9)
    for view in ("rejects", "replays", "articles"):
        case.call(f"a query of {view} after a death", ("query", f"select count(*) from {view}", "--lake", "lake"))
    case.look(f"dead after {after} files")
    case.call("the run after it", _WRITERS["run"])
    case.tally.check(case.version() == SCHEMA_VERSION, f"dead after {after} files, it is not lifted")
    case.look(f"dead after {after} files, and run again")
    _check_nothing_new(case)


_BREAKS: Final = {
    "a view demands the new table": upgrade_breaks.demand_the_new_table,
    "a lake is not lifted": upgrade_breaks.never_lift,
    "a lake is said to be lifted and lacks a table": upgrade_breaks.lift_first,
    "reading lifts a lake": upgrade_breaks.lift_when_looked_at,
    "older rows are left out of compacted days": upgrade_breaks.drop_older_rows,
    "lifting empties the memory": upgrade_breaks.forget_the_memory,
}
_FIND: Final = {
    "a view demands the new table": _read,
    "a lake is not lifted": _write_first,
    "a lake is said to be lifted and lacks a table": _write_first,
    "reading lifts a lake": _read,
    "older rows are left out of compacted days": _go_on,
    "lifting empties the memory": _write_first,
}
SHORT_BREAKS: Final = ("a view demands the new table", "lifting empties the memory")
"""Those that `make test` tries."""


def breaks(effort: Effort, only: Sequence[str] = ()) -> Iterator[Tally]:
    """Build each fault in, or some, and look as ever."""
    with forking(effort.folder / "said") as forks:
        for name in only or _BREAKS:
            tally, broken = Tally(name), (change(_BREAKS[name]),)
            copies = partial(_copy, forks, effort, tally, broken)
            _FIND[name](copies, tally, is_long=effort.is_long)
            yield tally
