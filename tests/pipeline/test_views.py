from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from pipeline.lake import open_or_make_lake
from schemas.article import Article
from schemas.copy import Copy
from schemas.cycle_report import CycleReport
from schemas.tables import TABLES
from tests.duplicate_worlds import add_rows, decide, lake_of, pasted_views, random_worlds, stories_of
from tests.samples import SEEN_AT, article
from transforms.functions.dictionary_index import DictionaryIndex


@pytest.mark.parametrize("name", ["lake", "a lake", "l'ake", 'la"ke', "la;ke--", "lake[1]", "lake*", "la?ke"])
def test_views_over_a_lake_without_rows_have_their_columns(tmp_path: Path, name: str) -> None:
    connection = pasted_views(open_or_make_lake(str(tmp_path / name)))
    for view in [*TABLES, "stories", "aliases_in_force"]:
        assert connection.execute(f"select count(*) from {view}").fetchone() == (0,)
    columns = [row[0] for row in connection.execute("describe articles").fetchall()]
    assert columns == [*TABLES["articles"].names, "date"]


def test_an_article_is_found_by_its_day(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path))
    add_rows(lake, "articles", "c1.parquet", article("a"), article("b"))
    connection = pasted_views(lake)
    query = "select count(*) from articles where date = date '2026-03-31'"
    assert connection.execute(query).fetchone() == (2,)


def test_files_of_an_older_version_stand_beside_newer_ones(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path))
    add_rows(lake, "articles", "c1.parquet", article("a", headline="A headline"))
    path = lake.root / "articles/date=2026-03-31/c0.parquet"
    duckdb.execute(f"copy (select 'old' as article_id, 'a text' as article_body) to '{path}' (format parquet)")
    rows = (
        pasted_views(lake).execute("select article_id, headline from articles order by headline nulls last").fetchall()
    )
    assert rows == [(article("a").article_id, "A headline"), ("old", None)]


def test_a_run_is_one_row_over_all_its_cycles(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path))
    for cycle in (1, 2):
        report = CycleReport("run-1", cycle, SEEN_AT + cycle, SEEN_AT + 9 * cycle, 10, 5, 3, 1, 1, 100, "0.1.0", 1)
        add_rows(lake, "runs", f"c{cycle}.parquet", report)
    query = "select cycles, inputs, articles, copies, rejects, already_seen, bytes_read from runs"
    assert pasted_views(lake).execute(query).fetchall() == [(2, 20, 10, 6, 2, 2, 200)]


def test_the_views_show_each_story_once_and_every_other_row_as_a_copy_of_it(tmp_path: Path) -> None:
    promoted = moved = 0
    for number, world in enumerate(random_worlds(60)):
        outcome = decide(world, DictionaryIndex())
        if not outcome.aliases:
            continue
        views = lake_of(outcome, tmp_path / str(number))
        query = "select article_id, source from articles union all select duplicate_of, source from copies"
        stories: dict[str, set[str]] = {}
        for story, source in views.execute(query).fetchall():
            stories.setdefault(story, set()).add(source)
        assert frozenset(map(frozenset, stories.values())) == stories_of(world)
        shown = [row[0] for row in views.execute("select article_id from articles").fetchall()]
        assert sorted(shown) == sorted(stories)
        assert views.execute("select count(*) from copies").fetchone() == (len(outcome.rows) - len(stories),)
        found = views.execute("select article_id, copies + 1 from stories").fetchall()
        assert sorted(found) == sorted((story, len(sources)) for story, sources in stories.items())
        ids = {alias.old_id for alias in outcome.aliases}
        promoted += sum(isinstance(row, Copy) and row.article.article_id in shown for row in outcome.rows)
        moved += sum(isinstance(row, Article) and row.article_id in ids for row in outcome.rows)
    assert moved
    assert promoted
