"""What a window of a lake adds up to: outlets and lags, topics, names, languages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

import duckdb

from pipeline.report.texts import Window
from pipeline.views import FULL_NAMES, NAMES_OF_DAYS

MOST_OUTLETS: Final = 12
"""In the matrix: as many columns of numbers as a table can have on a sheet of paper."""
MOST_PAIRS: Final = 10
MOST_TOPICS: Final = 17
"""All top concepts of the IPTC Media Topics."""
MOST_NAMES: Final = 12
MOST_LANGUAGES: Final = 12

LAGS: Final[Sequence[tuple[int, str]]] = (
    (60, "under 1 min"), (300, "1–5 min"), (900, "5–15 min"), (1800, "15–30 min"), (3600, "30–60 min"), (7200, "1–2 h"),
    (14_400, "2–4 h"), (28_800, "4–8 h"), (86_400, "8–24 h"), (259_200, "1–3 days"),
)  # fmt: skip
"""Upper ends in seconds, each about twice the one before, as lags are spread; what is longer comes last."""
_LONGER: Final = "longer"

_MATRIX: Final = """
with sides as (
    select leader as outlet, count(*) as times from followed group by all
    union all select follower, count(*) from followed group by all
), chosen as (
    select outlet, sum(times) as times from sides group by outlet order by times desc, outlet limit $most
)
select leader, follower, count(*) from followed
where leader in (select outlet from chosen) and follower in (select outlet from chosen) group by all"""

_PAIRS: Final = """
select leader, follower, count(*) as stories, median(seconds) from followed
group by all order by stories desc, leader, follower limit $most"""

_LAGS: Final = f"""
select len(list_filter({[seconds for seconds, _ in LAGS]}, lambda bound: seconds >= bound)) as bucket, count(*)
from followed group by all"""

_SHARED: Final = "select count(*) from by_story where outlets > 1 and day >= $first"

_TOPICS: Final = """
select topic, day, count(*) from texts where is_story and topic is not null and day >= $first group by all"""

_TOPIC_STATES: Final = """
select topics_state, count(*) from texts where is_story and topics_state <> 'ok' and day >= $first
group by all order by 2 desc"""

_ARTICLES: Final = "(select date, entities from articles where date between $first and $last)"
_NAMES_OF_DAYS: Final = f"create or replace temp table names_of_days as {NAMES_OF_DAYS.format(articles=_ARTICLES)}"

# As in the view `entities`, but counted before a surname's full name is put in: millions of rows less.
_NAMES: Final = f"""
with full_names as ({FULL_NAMES.format(names_of_days="from names_of_days")}),
counted as (
    select type, coalesce(f.name, n.name) as name, sum(articles)::bigint as articles
    from names_of_days n left join full_names f
        on n.type = 'Person' and n.name not like '% %' and f.date = n.date and f.surname = lower(n.name)
    group by all
)
select type, name, articles, in_all from (
    select *, row_number() over (partition by type order by articles desc, name) as place,
        count(*) over (partition by type) as in_all
    from counted
) where place <= $most order by type, place"""

_LANGUAGES: Final = """
select in_language, count(*) as texts from texts where is_story and day >= $first
group by all order by texts desc, in_language"""


class Pair(NamedTuple):
    """How often an outlet ran a story after another one had it, and how much later in the middle case."""

    leader: str
    follower: str
    stories: int
    median_seconds: float


@dataclass(frozen=True)
class Outlets:
    """Who ran whose stories: everything counts an outlet that ran a story after the first one did."""

    names: Sequence[str]
    """The outlets of the matrix, the busiest first."""
    matrix: Mapping[tuple[str, str], int]
    pairs: Sequence[Pair]
    lags: Sequence[tuple[str, int]]
    median_seconds: float | None
    followed: int
    outlets_in_all: int
    stories: int
    stories_without_time: int

    @property
    def in_matrix(self) -> int:
        """How many of `followed` the matrix shows."""
        return sum(self.matrix.values())

    def led(self, outlet: str) -> int:
        """How often others of the matrix followed the outlet."""
        return sum(number for (leader, _), number in self.matrix.items() if leader == outlet)


@dataclass(frozen=True)
class TopicCourse:
    """A topic's articles on each day of the window."""

    name: str
    first_day: date
    by_day: Sequence[int]

    @property
    def highest(self) -> tuple[date, int]:
        """The first of its days with most articles, and how many."""
        most = max(self.by_day)
        return self.first_day + timedelta(days=self.by_day.index(most)), most

    @property
    def articles(self) -> int:
        """In all."""
        return sum(self.by_day)

    @property
    def usual(self) -> float | None:
        """The mean of the days before the last."""
        before = self.by_day[:-1]
        return sum(before) / len(before) if before else None


@dataclass(frozen=True)
class Names:
    """The commonest names of a type with the articles that have them, and how many names there are."""

    names: Sequence[tuple[str, int]]
    in_all: int


def outlets(connection: duckdb.DuckDBPyConnection, window: Window) -> Outlets:
    """Return who ran whose stories, and how fast."""
    cells = connection.execute(_MATRIX, {"most": MOST_OUTLETS}).fetchall()
    matrix = {(leader, follower): number for leader, follower, number in cells}
    times: dict[str, int] = defaultdict(int)
    for sides, number in matrix.items():
        for outlet in sides:
            times[outlet] += number
    pairs = connection.execute(_PAIRS, {"most": MOST_PAIRS}).fetchall()
    buckets: dict[int, int] = dict(connection.execute(_LAGS).fetchall())
    labels = [*(label for _, label in LAGS), _LONGER]
    [(median, followed, stories)] = connection.execute(
        "select median(seconds), count(*), count(distinct story) from followed"
    ).fetchall()
    [(outlets_in_all,)] = connection.execute("select count(distinct outlet) from ran").fetchall()
    return Outlets(
        names=sorted(times, key=lambda outlet: (-times[outlet], outlet)),
        matrix=matrix,
        pairs=[Pair(*pair) for pair in pairs],
        lags=[(label, buckets.get(bucket, 0)) for bucket, label in enumerate(labels)],
        median_seconds=median,
        followed=followed,
        outlets_in_all=outlets_in_all,
        stories=stories,
        stories_without_time=_shared_stories(connection, window) - stories,
    )


def topics(connection: duckdb.DuckDBPyConnection, window: Window) -> list[TopicCourse]:
    """Return the course of each top concept, the commonest first; an article counts for its likeliest one."""
    by_topic: dict[str, dict[date, int]] = defaultdict(dict)
    for name, day, number in connection.execute(_TOPICS, {"first": window.first}).fetchall():
        by_topic[name][day] = number
    days = window.days
    found = [TopicCourse(name, window.first, [by_day.get(day, 0) for day in days]) for name, by_day in by_topic.items()]
    return sorted(found, key=lambda course: (-course.articles, course.name))[:MOST_TOPICS]


def untagged(connection: duckdb.DuckDBPyConnection, window: Window) -> list[tuple[str, int]]:
    """Return why articles have no topic, and how many, the commonest reason first."""
    return connection.execute(_TOPIC_STATES, {"first": window.first}).fetchall()


def names(connection: duckdb.DuckDBPyConnection, window: Window) -> dict[str, Names]:
    """Return the names that most articles have, by type."""
    rows: dict[str, list[Any]] = defaultdict(list)
    connection.execute(_NAMES_OF_DAYS, window.bounds)
    for kind, *row in connection.execute(_NAMES, {"most": MOST_NAMES}).fetchall():
        rows[kind].append(row)
    return {kind: Names([(name, number) for name, number, _ in found], found[0][2]) for kind, found in rows.items()}


def languages(connection: duckdb.DuckDBPyConnection, window: Window) -> list[tuple[str | None, int]]:
    """Return the languages of the articles by code, the commonest first; None for those that were not told."""
    return connection.execute(_LANGUAGES, {"first": window.first}).fetchall()


def _shared_stories(connection: duckdb.DuckDBPyConnection, window: Window) -> int:
    [(number,)] = connection.execute(_SHARED, {"first": window.first}).fetchall()
    return int(number)
