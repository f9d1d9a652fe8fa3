"""docs/queries.md: each of the twenty statements is run, and its answer is looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

import duckdb
import pytest

from pipeline import cli
from pipeline.commands.query import connect
from pipeline.lake import open_or_make_lake
from pipeline.memory import Memory
from schemas.copy import Copy
from schemas.cycle_report import CycleReport
from tests.fetch_samples import HOUR, feed_poll
from tests.pipeline.small_lakes import write_cycle
from tests.samples import article, copy, tagged_article, text_of

Answer: TypeAlias = "tuple[int | None, list[dict[str, Any]]]"
"""How many rows there are (None: as many as a model finds names), and some of them, in their order, by some columns."""

PAGE: Final = (Path(__file__).parents[2] / "docs" / "queries.md").read_text()
QUERIES: Final = {
    int(number): query
    for number, query in re.findall(r"^## (\d+)\. [^\n]*\?\n\n[^#`\n].*?^```sql\n(.*?)^```$", PAGE, re.M | re.S)
}
NOON: Final = 1_774_958_400_000_000
"""2026-03-31, 12:00 UTC."""

FERRY: Final = "Ferry crews in Port Alder end five-week strike after overnight deal"
BOATS: Final = "Boats are back: islands breathe out as ferry dispute is settled"
COURIER, DAILY = "harbour-courier.example", "coast-daily.example"

OF_SEEDS: Final[Mapping[int, Answer]] = {
    1: (5, [{"source_domain": "rail-observer.example", "dated": datetime(2026, 4, 10, 16, 20, tzinfo=UTC)}]),
    2: (5, [{"headline": FERRY, "outlets": 2, "copies": 2, "first_outlet": COURIER}, {"outlets": 2, "copies": 1}]),
    3: (
        3,
        [
            {"source_domain": COURIER, "relation": None, "headline": FERRY},
            {"source_domain": DAILY, "relation": "same_copy", "headline": BOATS},
            {"source_domain": None, "relation": "exact"},
        ],
    ),
    4: (
        1,
        [{"first_outlet": COURIER, "later_outlet": DAILY, "stories": 1, "usual_lag": timedelta(hours=2, minutes=50)}],
    ),
    5: (6, [{"outlet": DAILY, "share_of_copies": 1.0}, {"outlet": None, "texts": 3}, {"share_of_copies": 0.0}]),
    6: (1, [{"source_domain": DAILY, "similarity": 0.83, "words": 266, "words_of_story": 365, "story": FERRY}]),
    7: (0, []),
    8: (2, [{"topic": "economy, business and finance", "stories": 4}, {"stories": 1}]),
    9: (None, [{"name": "Scott Bessent", "stories": 2}, {"name": "Donald Trump", "stories": 2}]),
    10: (3, [{"outlet": DAILY, "texts": 1}, {"outlet": COURIER, "texts": 1}]),
    11: (None, [{"name": "Donald Trump", "other": "Scott Bessent", "stories": 2}, {"stories": 1}]),
    12: (None, [{"name": "Alder Sound Ferries", "stories": 1}]),
    13: (1, [{"headline": FERRY, "source_domain": COURIER}]),
    14: (5, [{"word_count": 469}, {"word_count": 379}, {"headline": FERRY}, {"word_count": 332}]),
    15: (4, [{"author": "Edda Quill", "texts": 2, "outlets": ["market-notes.example", "valley-mirror.example"]}]),
    16: (1, [{"in_language": "en", "stories": 5, "with_topics": 5, "with_entities": 5}]),
    17: (1, [{"stage": "extract", "reason": "bot_wall", "inputs": 1, "example": "seeds/wire/login-wall.html"}]),
    18: (0, []),
    19: (0, []),
}
"""What the seeds' lake answers, by the number of the question."""

OF_FEEDS: Final[Mapping[int, Answer]] = {
    7: (
        2,
        [
            {"url_canonical": "https://ledger.example/one", "after": timedelta(hours=1), "words_added": -5},
            {"after": timedelta(hours=3), "words_added": 0, "headline": "Corrected"},
        ],
    ),
    18: (2, [{"feed_url": "https://slow.example/feed", "texts": 1, "usual_delay": timedelta(hours=2)}, {"texts": 3}]),
    19: (
        2,
        [
            {"feed_url": "https://fast.example/feed", "health": "ok", "possibly_lost": 12},
            {"feed_url": "https://slow.example/feed", "health": "failing", "reason": "timeout", "possibly_lost": 0},
        ],
    ),
    20: (2, [{"hour": datetime(2026, 3, 31, hour, tzinfo=UTC)} for hour in (14, 16)]),
}
"""The same of a lake that has what the seeds have not: updates, feeds, and hours."""


@pytest.fixture(scope="module")
def of_seeds(seeds_lake: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(str(seeds_lake)) as connection:
        yield connection


@pytest.fixture(scope="module")
def of_feeds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    lake = open_or_make_lake(str(tmp_path_factory.mktemp("feeds") / "lake"))
    memory = Memory(lake.memory)
    write_cycle(lake, memory, _rows())
    memory.close()
    with connect(str(lake.root)) as connection:
        yield connection


def _rows() -> dict[str, list[Any]]:
    """Two articles of two feeds at 12:00 and 17:00, updates of the first at 13:00 and 15:00; a run from 12 to 17."""
    fast, slow = "https://fast.example/feed", "https://slow.example/feed"
    first = tagged_article(feed_url=fast, first_seen_at=NOON, date_published=NOON - HOUR // 6)
    last = tagged_article("two", feed_url=slow, first_seen_at=NOON + 5 * HOUR, date_published=NOON + 3 * HOUR)
    polls = [
        feed_poll(fast, polled_at=NOON, polls=1, possibly_lost=0),
        feed_poll(fast, polled_at=NOON + HOUR, polls=2, possibly_lost=12),
        feed_poll(slow, polled_at=NOON, polls=1),
        feed_poll(slow, polled_at=NOON + HOUR, polls=2, outcome="failed", health="failing", reason="timeout"),
        feed_poll("https://well.example/feed", polled_at=NOON),
    ]
    text = text_of("one")
    return {
        "articles": [first, last],
        "copies": [_update(text.rsplit(" ", 5)[0], NOON + HOUR), _update(f"{text}!", NOON + 3 * HOUR)],
        "feeds": polls,
        "runs": [CycleReport("run-1", 1, NOON, NOON + 5 * HOUR, 4, 2, 2, 0, 0, 10, "0.1.0", 1)],
    }


def _update(text: str, at: int) -> Copy:
    row = copy("one", "one", article_body=text, headline="Corrected", feed_url="https://fast.example/feed",
               first_seen_at=at, date_published=at - HOUR // 6)  # fmt: skip
    return row._replace(relation="update", duplicate_of=article().article_id)


def test_there_are_twenty_and_each_is_checked() -> None:
    assert list(QUERIES) == list(range(1, 21))
    assert PAGE.count("\n## ") == PAGE.count("```sql") == 20
    assert OF_SEEDS.keys() | OF_FEEDS.keys() == QUERIES.keys()


@pytest.mark.parametrize("number", range(1, 21))
def test_the_seeds_lake_answers(number: int, of_seeds: duckdb.DuckDBPyConnection) -> None:
    rows = _ask(of_seeds, number)
    if number in OF_SEEDS:
        _check(rows, *OF_SEEDS[number])


@pytest.mark.parametrize("number", OF_FEEDS)
def test_a_lake_with_feeds_and_updates_answers(number: int, of_feeds: duckdb.DuckDBPyConnection) -> None:
    _check(_ask(of_feeds, number), *OF_FEEDS[number])


def test_the_sentence_with_the_words_is_found(of_seeds: duckdb.DuckDBPyConnection) -> None:
    (row,) = _ask(of_seeds, 13)
    assert re.match(r"PORT ALDER \(Meridian Wire\) - Ferry crews .* strike .* by road\.$", row["sentence"])


def test_questions_come_in_what_the_page_says_they_read(of_seeds: duckdb.DuckDBPyConnection) -> None:
    texts = of_seeds.sql("from articles union all by name from copies")
    ((count, stories),) = texts.aggregate("count(*), count(distinct coalesce(duplicate_of, article_id))").fetchall()
    assert (count, stories) == (8, 5)


@pytest.mark.parametrize("number", range(1, 21))
def test_a_statement_can_stand_in_double_quotes_on_a_command_line(number: int) -> None:
    assert not set(QUERIES[number]) & set('"$`!')


def _ask(connection: duckdb.DuckDBPyConnection, number: int) -> list[dict[str, Any]]:
    relation = connection.sql(QUERIES[number])
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def _check(rows: list[dict[str, Any]], count: int | None, expected: list[dict[str, Any]]) -> None:
    assert count in (None, len(rows)), rows
    rest = iter(rows)
    for columns in expected:
        assert any(all(row[name] == value for name, value in columns.items()) for row in rest), (columns, rows)


def test_a_spreadsheet_sees_no_formula_in_what_the_page_tells_to_ask(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (escaped,) = re.findall(r"`(regexp_replace\(headline, .*\))`", PAGE)
    lake = open_or_make_lake(str(tmp_path / "lake"))
    memory = Memory(lake.memory)
    formulas = ["=1+1", "@sum(a1)", "+1", "-1", "none = 1"]
    write_cycle(lake, memory, {"articles": [tagged_article(text, headline=text) for text in formulas]})
    memory.close()
    for column, wanted in (("headline", formulas), (escaped, ["'=1+1", "'@sum(a1)", "'+1", "'-1", "none = 1"])):
        sql = f"select {column} as headline from articles"
        assert cli.main(["query", sql, "--lake", str(lake.root), "--format", "csv"]) == 0
        assert sorted(capfd.readouterr().out.splitlines()[1:]) == sorted(wanted)
