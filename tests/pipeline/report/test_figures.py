"""By which clock it is told who was first, and what is counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.commands.query import connect
from pipeline.lake import Lake, open_or_make_lake
from pipeline.report import figures
from pipeline.report.texts import SETTINGS, VIEWS, Window, read_texts
from schemas.article import Article
from schemas.copy import Copy
from schemas.entity import Entity
from tests.duplicate_worlds import add_rows
from tests.samples import SEEN_AT, alias, article, copy, tagged_article

MINUTE = 60_000_000
DAY = 1_440 * MINUTE
MIDNIGHT = SEEN_AT // DAY * DAY


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_or_make_lake(str(tmp_path / "lake"))


def tables(lake: Lake, days: int = 1) -> tuple[duckdb.DuckDBPyConnection, Window]:
    connection = connect(str(lake.root), VIEWS, SETTINGS)
    window = read_texts(connection, lake.root, days)
    assert window is not None
    return connection, window


def ran(
    outlet: str, minutes: float | None, *, seen: int = 0, feed: bool = False, by: str = "json-ld"
) -> dict[str, Any]:
    """Columns of a text: when its page says that it was published, and when a feed's poll found it."""
    published = None if minutes is None else SEEN_AT - 600 * MINUTE + round(minutes * MINUTE)
    return {
        "source_domain": outlet,
        "date_published": published,
        "date_published_source": by,
        "first_seen_at": SEEN_AT + seen * MINUTE // 100,
        "feed_url": f"https://{outlet}/feed" if feed else None,
    }


@pytest.fixture
def lags(lake: Lake) -> Callable[..., list[tuple[str, str, float]]]:
    """Who followed whom after how many minutes, of a story that outlets ran so."""

    def ask(*runs: dict[str, Any]) -> list[tuple[str, str, float]]:
        texts: list[Article | Copy] = [article("one", **runs[0])]
        texts += [copy(f"c{number}", "one", **run) for number, run in enumerate(runs[1:])]
        add_rows(lake, "articles", "c1.parquet", texts[0])
        add_rows(lake, "copies", "c1.parquet", *texts[1:])
        connection, _ = tables(lake)
        query = "select leader, follower, seconds / 60 from followed order by 3"
        return [(leader, follower, minutes) for leader, follower, minutes in connection.execute(query).fetchall()]

    return ask


def test_the_first_is_the_earliest_published_whichever_was_read_first(lags: Callable[..., Any]) -> None:
    assert lags(ran("a", 30), ran("b", 0, seen=9), ran("c", 90)) == [("b", "a", 30.0), ("b", "c", 90.0)]


def test_an_outlet_counts_once_by_its_earliest_text(lags: Callable[..., Any]) -> None:
    assert lags(ran("a", 0), ran("b", 50), ran("b", 20), ran("a", 70)) == [("a", "b", 20.0)]


def test_at_the_same_time_the_article_was_first(lags: Callable[..., Any]) -> None:
    assert lags(ran("z", 0), ran("a", 0)) == [("z", "a", 0.0)]


def test_a_day_without_an_hour_tells_nothing(lags: Callable[..., Any]) -> None:
    midnight = ran("b", None) | {"date_published": MIDNIGHT, "date_published_source": "json-ld"}
    assert lags(ran("a", 0), midnight, ran("c", 5, by="url"), ran("d", 7, by="text")) == []


def test_where_pages_tell_no_time_the_polls_of_feeds_do(lags: Callable[..., Any]) -> None:
    polled = [ran("a", None, seen=0, feed=True), ran("b", None, seen=200, feed=True), ran("c", None, seen=100)]
    assert lags(*polled) == [("a", "b", 2.0)]


def test_the_two_clocks_are_never_mixed_in_a_story(lags: Callable[..., Any]) -> None:
    assert lags(ran("a", 0), ran("b", 40), ran("c", None, seen=100, feed=True)) == [("a", "b", 40.0)]


def test_lags_are_counted_in_the_bucket_that_ends_above_them(lake: Lake) -> None:
    minutes = [0.5, 1, 4.99, 5, 59, 60, 1_439, 1_440, 4_320, 40_000]
    runs = [ran("a", 0), *(ran(f"o{number}", lag) for number, lag in enumerate(minutes))]
    add_rows(lake, "articles", "c1.parquet", article("one", **runs[0]))
    add_rows(lake, "copies", "c1.parquet", *[copy(f"c{n}", "one", **run) for n, run in enumerate(runs[1:])])
    connection, window = tables(lake)
    found = figures.outlets(connection, window)
    assert dict(found.lags) == {
        "under 1 min": 1, "1–5 min": 2, "5–15 min": 1, "15–30 min": 0, "30–60 min": 1, "1–2 h": 1, "2–4 h": 0,
        "4–8 h": 0, "8–24 h": 1, "1–3 days": 1, "longer": 2,
    }  # fmt: skip
    assert found.followed == sum(number for _, number in found.lags) == len(minutes)
    assert (found.stories, found.outlets_in_all, len(found.names)) == (1, 11, figures.MOST_OUTLETS - 1)


def test_stories_that_nothing_tells_the_time_of_are_counted_if_the_window_has_them(lake: Lake) -> None:
    for name, day in (("old", -1), ("new", 0)):
        seen = {"first_seen_at": SEEN_AT + day * DAY}
        (lake.root / f"articles/date=2026-03-{31 + day}").mkdir(parents=True, exist_ok=True)
        (lake.root / f"copies/date=2026-03-{31 + day}").mkdir(parents=True, exist_ok=True)
        file = f"../date=2026-03-{31 + day}/c{name}.parquet"
        add_rows(lake, "articles", file, article(name, source_domain="a", **seen))
        add_rows(lake, "copies", file, copy(f"copy of {name}", name, source_domain="b", **seen))
    assert figures.outlets(*tables(lake, days=1)).stories_without_time == 1
    assert figures.outlets(*tables(lake, days=2)).stories_without_time == 2


def test_a_row_that_moved_to_another_story_counts_there(lake: Lake) -> None:
    add_rows(lake, "articles", "c1.parquet", article("one", **ran("a", 0)), article("two", **ran("b", 10)))
    assert tables(lake)[0].execute("select count(*) from followed").fetchall() == [(0,)]
    add_rows(lake, "aliases", "c2.parquet", alias("two", "one"))
    query = "select leader, follower, seconds from followed"
    assert tables(lake)[0].execute(query).fetchall() == [("a", "b", 600.0)]


def test_names_and_topics_are_counted_by_article_and_surnames_are_filled_in(lake: Lake) -> None:
    def names(*found: str) -> list[Entity]:
        return [Entity(name, "Person", 1, 0, [name], None, None, "m") for name in found]

    rows = [
        tagged_article(str(number), entities=names(*found))
        for number, found in enumerate((["Ada Moss", "Ben Lind"], ["Moss"], ["Moss"], ["Cy Lind"], ["Lind"]))
    ]
    add_rows(lake, "articles", "c1.parquet", *rows)
    connection, window = tables(lake)
    [(kind, found)] = figures.names(connection, window).items()
    assert kind == "Person"
    assert found.names == [("Ada Moss", 3), ("Ben Lind", 1), ("Cy Lind", 1), ("Lind", 1)]
    assert found.in_all == 4
    [topic] = figures.topics(connection, window)
    assert (topic.name, topic.articles, topic.by_day, topic.usual) == ("economy, business and finance", 5, [5], None)
