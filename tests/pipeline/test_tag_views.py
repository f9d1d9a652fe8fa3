"""Topics and entities as the views show them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from pipeline.lake import open_or_make_lake
from schemas.entity import Entity
from schemas.topic import Topic
from tests.duplicate_worlds import add_rows, pasted_views
from tests.samples import SEEN_AT, alias, article, copy, tagged_article

_DAY = 86_400_000_000


def _person(name: str) -> Entity:
    return Entity(name, "Person", 1, 0, [name], None, None, "model")


def _names(lake: duckdb.DuckDBPyConnection, order: str = "article_id") -> list[Any]:
    query = f"select headline, name_in_article, name from entities order by {order}, headline, name_in_article"
    return lake.execute(query).fetchall()


def _lake(root: Path, **names: list[Entity]) -> duckdb.DuckDBPyConnection:
    lake = open_or_make_lake(str(root))
    rows = [tagged_article(name, headline=name, entities=found) for name, found in names.items()]
    add_rows(lake, "articles", "c1.parquet", *rows)
    return pasted_views(lake)


def test_a_surname_alone_is_the_days_only_person_of_that_name(tmp_path: Path) -> None:
    lake = _lake(tmp_path, full=[_person("Ada Moss")], short=[_person("Moss")], other=[_person("MOSS")])
    assert _names(lake, "headline") == [
        ("full", "Ada Moss", "Ada Moss"), ("other", "MOSS", "Ada Moss"), ("short", "Moss", "Ada Moss")
    ]  # fmt: skip


def test_of_two_persons_with_a_surname_neither_is_taken(tmp_path: Path) -> None:
    lake = _lake(tmp_path, one=[_person("Ada Moss")], two=[_person("Ben Moss")], short=[_person("Moss")])
    assert ("short", "Moss", "Moss") in _names(lake)


def test_a_middle_initial_is_no_other_person_and_the_commoner_form_is_taken(tmp_path: Path) -> None:
    full, longer = [_person("Ada Moss")], [_person("Ada K. Moss")]
    lake = _lake(tmp_path, one=full, two=full, three=longer, short=[_person("Moss")])
    assert ("short", "Moss", "Ada Moss") in _names(lake)


def test_a_generation_is_no_surname(tmp_path: Path) -> None:
    two = [_person("Ted Moss"), _person("Robert F. Moss Jr.")]
    lake = _lake(tmp_path, two=two, short=[_person("Moss")])
    assert ("short", "Moss", "Moss") in _names(lake)
    (tmp_path / "b").mkdir()
    lake = _lake(tmp_path / "b", one=[_person("Robert Moss Jr.")], short=[_person("Moss")])
    assert ("short", "Moss", "Robert Moss Jr.") in _names(lake)


def test_an_article_names_a_person_once_however_it_writes_the_name(tmp_path: Path) -> None:
    lake = _lake(tmp_path, full=[_person("Ada Moss")], short=[_person("Moss"), _person("MOSS")])
    found = lake.execute("select name, mentions, surface_forms from entities where headline = 'short'").fetchall()
    assert [(name, mentions, sorted(forms)) for name, mentions, forms in found] == [("Ada Moss", 2, ["MOSS", "Moss"])]


def test_only_persons_are_named_in_full_and_only_by_persons(tmp_path: Path) -> None:
    bank = Entity("Port Moss", "Organization", 1, 0, ["Port Moss"], None, None, "model")
    place = Entity("Moss", "Place", 1, 0, ["Moss"], "NO", 3145375, "model")
    lake = _lake(tmp_path, one=[bank], two=[place], three=[_person("Moss")], four=[])
    assert {name for _, _, name in _names(lake)} == {"Port Moss", "Moss"}


def test_another_days_person_is_another_matter(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path))
    add_rows(lake, "articles", "c1.parquet", tagged_article("a", headline="a", entities=[_person("Ada Moss")]))
    path = lake.root / "articles/date=2026-04-01/c1.parquet"
    path.parent.mkdir()
    (lake.root / "articles/date=2026-03-31/c1.parquet").rename(path)
    add_rows(lake, "articles", "c2.parquet", tagged_article("b", headline="b", entities=[_person("Moss")]))
    assert ("b", "Moss", "Moss") in _names(pasted_views(lake))


def test_an_apostrophe_or_another_script_is_a_surname_like_any_other(tmp_path: Path) -> None:
    lake = _lake(
        tmp_path, a=[_person("Aoife O’Dé-Àé")], b=[_person("O’dé-àé")], c=[_person("李 小龙")], d=[_person("小龙")]
    )
    assert {name for headline, _, name in _names(lake) if headline in "bd"} == {"Aoife O’Dé-Àé", "李 小龙"}


def test_each_topic_is_a_row_with_its_position(tmp_path: Path) -> None:
    topics = [Topic(f"medtop:{n}", f"topic {n}", 0.9 - n / 10, 1, "model") for n in range(3)]
    lake = open_or_make_lake(str(tmp_path))
    add_rows(lake, "articles", "c1.parquet", tagged_article("a", topics=topics), tagged_article("b", topics=[]))
    found = pasted_views(lake).execute("select article_id, position, id, name from topics order by position").fetchall()
    assert found == [(article("a").article_id, n + 1, f"medtop:{n}", f"topic {n}") for n in range(3)]


def test_a_deeper_topic_lies_below_the_first_one(tmp_path: Path) -> None:
    topics = [
        Topic("medtop:4", "economy", 0.9, 1, "model"),
        Topic("medtop:11", "politics", 0.5, 1, "model"),
        Topic("medtop:20", "tariff", 0.4, 3, "model"),
    ]
    lake = open_or_make_lake(str(tmp_path))
    add_rows(lake, "articles", "c1.parquet", tagged_article("a", topics=topics))
    found = pasted_views(lake).execute("select name, top_name, top_id from topics order by position").fetchall()
    assert found == [
        ("economy", "economy", "medtop:4"),
        ("politics", "politics", "medtop:11"),
        ("tariff", "economy", "medtop:4"),
    ]


def test_a_copy_has_the_tags_of_its_story(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path))
    moved = tagged_article("three", entities=[_person("Ann Other")])
    add_rows(lake, "articles", "c1.parquet", tagged_article("two", entities=[_person("Ada Moss")]), moved)
    add_rows(lake, "copies", "c1.parquet", copy("one", of="two"))
    add_rows(lake, "aliases", "c1.parquet", alias("three", to="two", decided_at=SEEN_AT + _DAY))
    views = pasted_views(lake)
    copies = views.execute("select topics[1].id, entities[1].name, topics_state from copies").fetchall()
    assert copies == [("medtop:04000000", "Ada Moss", "ok")] * 2
    story = "select copies, topics[1].name, entities[1].name, len(entities) from stories"
    assert views.execute(story).fetchall() == [(2, "economy, business and finance", "Ada Moss", 1)]
    assert views.execute("select count(*) from entities").fetchall() == [(1,)]
