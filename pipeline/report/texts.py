"""The rows that a page is made of, in tables of DuckDB's own: read once, without their bodies.

A story may have begun before the window, as long ago as texts are compared. When a text ran is told by one clock in
each story: by publication where two outlets give it to the minute, else by reading where newsbeam polls the outlets'
feeds. What gives neither (a day without an hour, a folder of files) has no time to be early or late by.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb

from pipeline.lake import EMPTY_FILE_DAY
from schemas.tables import PARTITION_COLUMN
from transforms.functions.duplicate_index import WINDOW

VIEWS: Final = (
    "aliases", "aliases_in_force", "articles_moved", "copies_with_story", "articles", "copies",
    "rejects", "fetches", "feeds", "feed_health", "politeness", "runs",
)  # fmt: skip
"""What a page asks of; to make a view is to open every file below it."""
SETTINGS: Final = {
    "memory_limit": "500MB",
    "preserve_insertion_order": "false",
    "parquet_metadata_cache": "true",
}
"""What DuckDB may hold before it writes to disk: the process then stays well under 1 GB (BENCHMARKS.md). The heads of
the lake's files are read once."""

_DAY: Final = 86_400_000_000
COMPARED_DAYS: Final = -(-WINDOW // _DAY)

_COLUMNS: Final = f"""
    {PARTITION_COLUMN} as day, coalesce(source_domain, publisher) as outlet, word_count, first_seen_at,
    case when date_published_source in ('url', 'text') or epoch_us(date_published) % {_DAY} = 0 then null
        else date_published end as published,
    case when feed_url is not null then first_seen_at end as seen"""

_TEXTS: Final = f"""
create or replace temp table texts as
select article_id as story, true as is_story, topics[1].name as topic, topics_state, in_language, {_COLUMNS}
from articles where date between $before and $last
union all by name
select duplicate_of as story, false as is_story, {_COLUMNS} from copies where date between $before and $last"""

# Counted by outlet first: a count of distinct outlets for each of a million stories takes three times as long.
_BY_OUTLET: Final = """
create or replace temp table by_outlet as
select story, outlet, bool_or(is_story) as is_story, count(*) as texts, max(word_count) as words, max(day) as day,
    min(published) as published, min(seen) as seen
from texts group by story, outlet"""

_BY_STORY: Final = """
create or replace temp table by_story as
select story, count(outlet) as outlets, sum(texts)::bigint as texts, max(words) as words, max(day) as day,
    count(published) filter (outlet is not null) > 1 as by_publication
from by_outlet group by story"""

_RAN: Final = """
create or replace temp table ran as
select * from (
    select story, outlet, is_story, case when by_publication then published else seen end as ran_at
    from by_outlet join by_story using (story)
    where outlets > 1 and by_story.day >= $first and outlet is not null
) where ran_at is not null"""

_FOLLOWED: Final = """
create or replace temp table followed as
select ran.story, leader, outlet as follower, (epoch_us(ran_at) - epoch_us(led_at)) / 1e6 as seconds
from ran join (
    select story, arg_min(outlet, (ran_at, not is_story, outlet)) as leader, min(ran_at) as led_at
    from ran group by story
) led on led.story = ran.story where outlet <> leader"""


@dataclass(frozen=True)
class Window:
    """The days that a page is about, both ends with it; the last one is the day that it shows."""

    first: date
    last: date

    @property
    def days(self) -> list[date]:
        """Every day of it, in order."""
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]

    @property
    def bounds(self) -> dict[str, Any]:
        """Parameters of queries."""
        return {"first": self.first, "last": self.last}


ALL_DAYS: Final = Window(EMPTY_FILE_DAY, date.max)


def read_texts(connection: duckdb.DuckDBPyConnection, root: Path, days: int) -> Window | None:
    """Make the tables `texts`, `by_story`, `ran` and `followed`; None where the lake holds no text.

    The last day is the last one on which a text was read, so that a page of a lake that rests shows something.
    """
    for newest in _days_with_files(root):
        window = Window(newest - timedelta(days=days - 1), newest)
        before = window.first - timedelta(days=COMPARED_DAYS)
        connection.execute(_TEXTS, {"before": before, "last": newest})
        [(last,)] = connection.execute("select max(day) from texts").fetchall()
        if last == newest:
            connection.execute(_BY_OUTLET)
            connection.execute(_BY_STORY)
            connection.execute(_RAN, {"first": window.first})
            connection.execute("drop table by_outlet")  # memory for what comes next
            connection.execute(_FOLLOWED)
            return window
    return None


def _days_with_files(root: Path) -> list[date]:
    """The days for which there are files of texts, the newest first; the rows of some may all have been erased.

    Days to come, on which only a clock that was ahead has read anything, would be the newest until they have come.
    """
    names = {path.name for table in ("articles", "copies") for path in (root / table).glob(f"{PARTITION_COLUMN}=*")}
    days = [date.fromisoformat(name.partition("=")[2]) for name in names]
    known = sorted((day for day in days if day != EMPTY_FILE_DAY), reverse=True)
    latest = datetime.now(UTC).date() + timedelta(days=1)  # since two clocks may differ
    return [day for day in known if day <= latest] or known
