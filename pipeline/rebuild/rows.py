"""What a lake's tables tell of what its memory held: rows in the order in which they were decided, read in a stream.

DuckDB sorts and joins, within bounds of memory; what does not fit goes to a scratch folder. Bodies are read only of the
texts that the duplicate decision still compares with, and of the latest of each outlet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb

from pipeline.lake import Lake
from pipeline.partitions import partitions_of
from pipeline.rebuild import sql
from schemas.instants import Instant
from schemas.tables import TABLES
from transforms.functions.duplicate_index import WINDOW
from transforms.functions.outlet_window import TEXTS_KEPT

_MEMORY_LIMIT: Final = "1GB"
"""As that of `sorted_files`."""

_ROWS_AT_A_TIME: Final = 5_000
_BODIES_AT_A_TIME: Final = 500

_PERIODS_REPLAYED: Final = 3
"""Stretches of the window's length that are decided again: the two that are remembered, and the one before them, of
which those texts may be copies."""

_MOST_HOPS: Final = 20
"""Pages that took each other's later texts in turn, at most; what is left after them is known by its page's text."""


class Cycle(NamedTuple):
    """A cycle, as its row of `runs` tells."""

    number: int
    run_id: str
    finished_at: Instant


class ToldText(NamedTuple):
    """A row of `articles` or `copies` in its place, with what has to be known to decide it again."""

    place: int
    cycle: int
    started_at: Instant
    run_id: str
    copy_id: str | None
    """None for a row of `articles`."""
    story: str
    """The story that it was written under, as known now."""
    relation: str | None
    is_first: bool
    """Whether it is the first row of its page."""
    is_of_older: bool
    """Whether the row that its story goes by is older than all that is decided again."""
    article_id: str
    content_sha256: str
    seen_at: Instant
    published_at: Instant | None
    source: str
    body: str
    language: str | None
    source_domain: str | None
    publisher: str | None


@dataclass
class ToldRows:
    """The rows of a lake, sorted. Made by `open_rows`."""

    lake: Lake
    connection: duckdb.DuckDBPyConnection
    from_cycle: int = 0
    """The first cycle whose texts are decided again."""
    texts: int = 0
    texts_again: int = 0

    def prepare(self) -> None:
        """Read all that is not a body."""
        of = {name: self.source(name) for name in ("articles", "copies", "aliases", "runs")}
        self.connection.execute(sql.RUNS.format(**of))
        self.connection.execute(sql.TEXTS.format(common=sql.COMMON, **of))
        self.connection.execute(sql.ROOM)
        self.connection.execute(sql.FILL)
        self.connection.execute(sql.STARTS)
        self.connection.execute(sql.PLACES)
        self.connection.execute("drop table texts")
        self.connection.execute(sql.ALIASES.format(**of))
        self.from_cycle = self._first_to_decide()
        counts = f"select count(*), count(*) filter (cycle >= {self.from_cycle}) from places"
        self.texts, self.texts_again = self.connection.execute(counts).fetchall()[0]

    def _first_to_decide(self) -> int:
        """Return the first cycle from which on all texts that are remembered, and what they were decided by, came."""
        (newest,) = self.connection.execute("select coalesce(arg_max(started_at, cycle), 0) from starts").fetchall()[0]
        oldest = (newest // WINDOW - (_PERIODS_REPLAYED - 1)) * WINDOW
        query = f"select coalesce(min(cycle), 0) from starts where started_at >= {oldest}"
        return int(self.connection.execute(query).fetchall()[0][0])

    def source(self, table: str) -> str:
        """Return the SQL that reads the files of a table, with names and numbers of rows."""
        files = [str(path) for one in partitions_of(self.lake) if one.table == table for path in one.files()]
        files += [str(path) for path in (self.lake.root / table).glob("date=1970-01-01/*.parquet")]
        if not files:  # a lake that was last written before there was this table
            return self._without_rows(table)
        names = ", ".join(f"'{_quoted(path)}'" for path in files)
        options = "union_by_name = true, hive_partitioning = false, filename = true, file_row_number = true"
        return f"read_parquet([{names}], {options})"

    def _without_rows(self, table: str) -> str:
        no_rows = TABLES[table].empty_table()  # noqa: F841  (DuckDB finds it by its name)
        self.connection.execute(f"create table if not exists no_{table} as select * from no_rows")
        return f"(select *, null::varchar as filename, null::bigint as file_row_number from no_{table})"

    # What was known before the texts that are decided again

    def pages(self) -> Iterator[Sequence[Any]]:
        """Yield pages and the text that each is known by: `article_id`, `text_id`."""
        first = "select article_id, arg_max(text_id, place) from places where is_first and cycle < $cycle"
        return self._stream(f"{first} group by 1 order by 1")

    def later_rows(self) -> Iterator[Sequence[Any]]:
        """Yield the `copy_id` of each later row of a page."""
        return self._stream("select copy_id from places where not is_first and cycle < $cycle order by 1")

    def known_texts(self) -> Iterator[Sequence[Any]]:
        """Yield texts: `text_id`, the one that it counts as, and its story."""
        self.connection.execute(sql.KNOWN.format(cycle=self.from_cycle))
        for _ in range(_MOST_HOPS):
            if not self.connection.execute(sql.HOP).fetchall()[0][0]:
                break
        return self._stream("select text_id, known_as, story from known order by 1")

    def aliases(self) -> Iterator[Sequence[Any]]:
        """Yield the aliases in force: `old_id`, `new_id`, and when it was decided."""
        return self._stream("select old_id, new_id, decided_at from aliases order by 1")

    # Texts

    def arrivals(self) -> Iterator[ToldText]:
        """Yield the texts that are decided again, in order."""
        query = sql.ARRIVALS.format(bodies=self._bodies(), cycle=self.from_cycle)
        return (ToldText(*row) for row in self._stream(query, _BODIES_AT_A_TIME))

    def latest_of_outlets(self) -> Iterator[tuple[str, str, str | None]]:
        """Yield the latest texts of each outlet that are not decided again: its name, the text, its language."""
        of_outlets = sql.OF_OUTLETS.format(cycle=self.from_cycle, most=TEXTS_KEPT)
        query = sql.LATEST_OF_OUTLETS.format(bodies=self._bodies(), of_outlets=of_outlets)
        return ((name, body, language) for name, body, language in self._stream(query, _BODIES_AT_A_TIME))

    def texts_of_outlets(self) -> int:
        """Return how many texts `latest_of_outlets` yields."""
        query = sql.OF_OUTLETS.format(cycle=self.from_cycle, most=TEXTS_KEPT)
        return int(self.connection.execute(f"select count(*) from ({query})").fetchall()[0][0])

    def _bodies(self) -> str:
        columns = "filename, file_row_number, article_body, in_language, source_domain, publisher"
        selected = (f"select {columns} from {self.source(name)}" for name in ("articles", "copies"))
        return f"({' union all '.join(selected)})"

    # Cycles and inputs

    def cycles(self) -> Iterator[Cycle]:
        """Yield the cycles of the table `runs`."""
        return (Cycle(*row) for row in self._stream("select cycle, run_id, finished_at from cycles order by 1"))

    def rows_of_texts(self) -> Iterator[Sequence[Any]]:
        """Yield of each row with a text: `input_id`, `source`, `feed_url`, `extra`."""
        selected = (
            f"select input_id, source, feed_url, extra from {self.source(name)}" for name in ("articles", "copies")
        )
        return self._stream(" union all ".join(selected))

    def rows_of_rejects(self) -> Iterator[Sequence[Any]]:
        """Yield of each reject: `input_id`, `reject_id`, `source`, `stage`, and its payload where that is an object."""
        payload = "case when stage = 'fetch' and hex(payload) like '7B%' then payload end"
        return self._stream(f"select input_id, reject_id, source, {payload} from {self.source('rejects')}")

    def rows(self, query: str, *tables: str) -> Iterator[Sequence[Any]]:
        """Yield the rows of a query; `{0}`, `{1}` ... stand for tables."""
        return self._stream(query.format(*map(self.source, tables)))

    def _stream(self, query: str, at_a_time: int = _ROWS_AT_A_TIME) -> Iterator[Sequence[Any]]:
        cursor = self.connection.cursor()  # of its own, so that several may be read in turn
        reader = cursor.sql(query.replace("$cycle", str(self.from_cycle))).to_arrow_reader(at_a_time)
        for batch in reader:
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def open_rows(lake: Lake, scratch: Path) -> ToldRows:
    """Read the rows of a lake; what does not fit into memory goes to a folder, which the caller deletes.

    Raises:
        duckdb.Error: a file cannot be read.
    """
    connection = duckdb.connect(str(scratch / "rows.duckdb"))
    settings = {"TimeZone": "UTC", "memory_limit": _MEMORY_LIMIT, "temp_directory": str(scratch / "spill")}
    for name, value in settings.items():
        connection.execute(f"set {name} = $value", {"value": value})
    rows = ToldRows(lake, connection)
    rows.prepare()
    return rows


def _quoted(path: str) -> str:
    return path.replace("'", "''")
