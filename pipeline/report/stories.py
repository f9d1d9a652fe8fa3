"""The stories of a day: which ones, who ran each and when, what they are about, and their texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import duckdb

from pipeline.report.texts import Window
from schemas.instants import Instant

MOST_STORIES: Final = 24
"""Stories on the front page, each with a view of its own: what one reads at a sitting."""
MOST_TEXTS: Final = 30
"""Texts of a story that are read and listed."""
EARLIER_DAYS: Final = 7
STORIES_OF_EARLIER_DAYS: Final = 3
"""And of how many days before how many headlines are shown."""
BODY_CHARACTERS: Final = 20_000
"""Of a text that are read: enough for what is shown of it, whatever it holds."""


class Text(NamedTuple):
    """A text of a story."""

    is_story: bool
    relation: str
    similarity: float | None
    outlet: str | None
    headline: str | None
    description: str | None
    body: str
    characters: int
    url: str | None
    in_language: str | None
    words: int
    authors: Sequence[str]
    published_at: Instant | None
    is_day_only: bool
    seen_at: Instant

    @property
    def ran_at(self) -> Instant:
        """When it was published, or else read."""
        return self.seen_at if self.published_at is None else self.published_at


_RANKED: Final = """
select story, outlets, texts from by_story where day = $last
order by outlets desc, texts desc, words desc, story limit $most"""

_EARLIER: Final = """
select day, story, outlets from (
    select day, story, outlets,
        row_number() over (partition by day order by outlets desc, texts desc, words desc, story) as place
    from by_story where day between greatest($first, $last - $days) and $last - 1
) where place <= $most order by day desc, place"""

_TEXT_COLUMNS: Final = f"""
    coalesce(source_domain, publisher) as outlet, headline, description,
    left(article_body, {BODY_CHARACTERS}) as body, length(article_body) as characters, url_canonical as url,
    in_language, word_count as words, authors, epoch_us(date_published) as published_at,
    coalesce(date_published_source in ('url', 'text') or epoch_us(date_published) % 86_400_000_000 = 0, false)
        as is_day_only,
    epoch_us(first_seen_at) as seen_at"""

_NAMES: Final = ("story", *Text._fields, "topics", "entities")

# Ids and days are written out: by lists that DuckDB knows beforehand it skips files and, by their bloom filters, rows.
_DAYS: Final = "select distinct day from texts where story in ({ids})"

_ARTICLES: Final = f"""
select article_id as story, true as is_story, 'first' as relation, null::float as similarity, {_TEXT_COLUMNS},
    topics, entities
from articles where date in ({{days}}) and article_id in ({{ids}})"""

_COPIES: Final = f"""
select duplicate_of as story, false as is_story, relation, similarity, {_TEXT_COLUMNS}, null as topics, null as entities
from copies where date in ({{days}}) and duplicate_of in ({{ids}})
qualify row_number() over (
    partition by duplicate_of order by coalesce(date_published, first_seen_at), copy_id) <= {MOST_TEXTS}"""

_HEADLINES: Final = """
select article_id, headline, coalesce(source_domain, publisher), url_canonical, in_language
from articles where date in ({days}) and article_id in ({ids})"""


@dataclass(frozen=True)
class Story:
    """A story with its texts, the earliest one first."""

    number: int
    outlets: int
    texts_in_all: int
    texts: Sequence[Text]
    topics: Sequence[Mapping[str, Any]]
    entities: Sequence[Mapping[str, Any]]

    @property
    def first(self) -> Text:
        """The text that stands for the story: the article, or the earliest copy where that was read long before."""
        return next((text for text in self.texts if text.is_story), self.texts[0])


class Headline(NamedTuple):
    """A story of a day before, in a line."""

    headline: str | None
    outlet: str | None
    url: str | None
    in_language: str | None
    outlets: int


def front_page(connection: duckdb.DuckDBPyConnection, window: Window) -> list[Story]:
    """Return the stories that ran on the window's last day: those that most outlets have, then the longest."""
    ranked = connection.execute(_RANKED, {"last": window.last, "most": MOST_STORIES}).fetchall()
    rows = _rows_of(connection, [story for story, _, _ in ranked])
    stories: list[Story] = []
    for story, outlets, texts in ranked:
        found = sorted(rows[story], key=lambda row: (_text(row).ran_at, not row["is_story"]))
        if found:  # else its rows were erased meanwhile
            tagged: dict[str, Any] = next((row for row in found if row["is_story"]), found[0])
            tags = tagged["topics"] or [], tagged["entities"] or []
            stories.append(Story(len(stories) + 1, outlets, texts, list(map(_text, found)), *tags))
    return stories


def earlier_days(connection: duckdb.DuckDBPyConnection, window: Window) -> dict[Any, list[Headline]]:
    """Return the foremost stories of the days before the last, by day, the latest day first."""
    parameters = {**window.bounds, "most": STORIES_OF_EARLIER_DAYS, "days": EARLIER_DAYS}
    ranked = connection.execute(_EARLIER, parameters).fetchall()
    found = {row[0]: row[1:] for row in _found(connection, _HEADLINES, [story for _, story, _ in ranked])}
    days: dict[Any, list[Headline]] = defaultdict(list)
    for day, story, outlets in ranked:
        if story in found:
            title, outlet, url, language = found[story]
            days[day].append(Headline(title, outlet, url, language, outlets))
    return days


def _rows_of(connection: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for query in (_ARTICLES, _COPIES):
        for values in _found(connection, query, ids):
            rows[values[0]].append(dict(zip(_NAMES, values, strict=True)))
    return rows


def _found(connection: duckdb.DuckDBPyConnection, query: str, ids: Sequence[str]) -> list[Any]:
    """Return the rows of stories, looked for on the days that they have texts on."""
    listed = ", ".join("'" + one.replace("'", "''") + "'" for one in ids)
    if not listed:
        return []
    days = ", ".join(f"date '{day}'" for (day,) in connection.execute(_DAYS.format(ids=listed)).fetchall())
    return connection.execute(query.format(ids=listed, days=days)).fetchall()


def _text(row: Mapping[str, Any]) -> Text:
    return Text(*(row[name] for name in Text._fields))


def number_of_day(connection: duckdb.DuckDBPyConnection, window: Window) -> int:
    """Return how many stories ran on the window's last day."""
    query = "select count(*) from by_story where day = $last"
    [(number,)] = connection.execute(query, {"last": window.last}).fetchall()
    return int(number)
