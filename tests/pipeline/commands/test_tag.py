from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.lake import open_or_make_lake
from tests.duplicate_worlds import add_rows
from tests.samples import article, html_page, record, text_of, write_lines
from transforms.functions.worker_pool import close_shared_pools

ROOT = Path(__file__).parents[3]
SEEDS = [ROOT / "seeds" / name for name in ("000_72498b1274f5d172.txt", "001_e2c7a5561d048ec1.txt")]
Tag = Callable[..., list[dict[str, Any]]]

GERMAN = "Die Stadt hat am Dienstag beschlossen, die alte Brücke zu erneuern, sagte die Bürgermeisterin. "


@pytest.fixture(scope="module", autouse=True)
def _ended_pools() -> Iterator[None]:
    yield
    close_shared_pools()


@pytest.fixture
def tag(capfd: pytest.CaptureFixture[str]) -> Tag:
    """The figures of each text that is named."""

    def run(*arguments: object, code: int = 0) -> list[dict[str, Any]]:
        capfd.readouterr()
        assert cli.main(["tag", "--json", *map(str, arguments)]) == code
        return [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    return run


def test_both_seeds_are_about_the_economy_and_name_the_same_people_and_places(tag: Tag) -> None:
    first, second = tag(*SEEDS)
    for found in (first, second):
        assert found["topics"][0]["id"] == "medtop:04000000"
        assert (found["topics_state"], found["entities_state"]) == ("ok", "ok")
    wanted = {
        "Scott Bessent": ("Person", None, None),
        "Donald Trump": ("Person", None, None),
        "China": ("Place", "CN", 1814991),
        "United States": ("Place", "US", 6252001),
        "Switzerland": ("Place", "CH", 2658434),
    }
    for found in (first, second):
        told = {one["name"]: (one["type"], one["country"], one["geonames_id"]) for one in found["entities"]}
        assert wanted.items() <= told.items()
        assert len(told) == len(found["entities"])  # one entity each
    assert ("Geneva", "Place", "CH", 2660646) in [
        (one["name"], one["type"], one["country"], one["geonames_id"]) for one in second["entities"]
    ]


def test_every_mention_lies_where_it_says_in_the_file(tag: Tag) -> None:
    for path, found in zip(SEEDS, tag(*SEEDS), strict=True):
        text = path.read_text()
        assert found["article_body"] == text
        assert len(found["mentions"]) == sum(one["mentions"] for one in found["entities"]) > 10
        names = {one["name"] for one in found["entities"]}
        for mention in found["mentions"]:
            assert text[mention["start"] : mention["end"]] == mention["text"]
            assert mention["name"] in names
        for entity in found["entities"]:
            starts = [mention["start"] for mention in found["mentions"] if mention["name"] == entity["name"]]
            assert min(starts) == entity["first_offset"]


def test_pages_records_and_rows_of_a_lake_are_tagged_too(tag: Tag, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(html_page("a"))
    write_lines(tmp_path / "b.jsonl", [record("b"), record("c")])
    lake = open_or_make_lake(str(tmp_path / "lake"))
    add_rows(lake, "articles", "c1.parquet", article("d"))
    given = [tmp_path / "a.html", f"{tmp_path / 'b.jsonl'}#2", article("d").article_id]
    found = tag(*given, "--lake", lake.root)
    assert [one["given"] for one in found] == list(map(str, given))
    assert [one["topics_state"] for one in found] == ["ok"] * 3
    assert found[2]["article_body"] == text_of("d")


def test_a_language_without_a_model_gets_no_tags_unless_told_otherwise(tag: Tag, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(GERMAN * 8)
    [found] = tag(path)
    assert (found["in_language"], found["topics_state"], found["entities_state"]) == ("de", "no_model", "no_model")
    assert found["topics"] == found["entities"] == found["mentions"] == []
    [found] = tag(path, "--language", "en")
    assert found["topics_state"] == "ok"


@pytest.mark.parametrize("text", ["", "Geneva", "7 7 7", "\x00\x1b[31m", "漢字", "\u202eabc", "\U0001f600"])
def test_a_text_of_hardly_anything_has_no_topics_and_fails_nothing(tag: Tag, tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text)
    [found] = tag(path)
    assert found["topics"] == []


def test_what_cannot_be_read_is_said_and_the_others_are_tagged(
    tag: Tag, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert len(tag(tmp_path / "none.txt", SEEDS[0], code=2)) == 1
    assert cli.main(["tag", str(tmp_path / "none.txt")]) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "none.txt" in printed.err


def test_what_is_printed_names_the_evidence_and_obeys_no_text(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.txt"
    path.write_text(SEEDS[0].read_text() + "\n\nHugo \x1b[31mRed\x1b[0m met Ada [bold]Moss[/bold] in Geneva.\u202e\n")
    assert cli.main(["tag", str(path)]) == 0
    out = capfd.readouterr().out
    for wanted in ("economy, business and finance", "tariffs", "Scott Bessent", "6252001", "nearest concepts"):
        assert wanted in out
    assert "\x1b" not in out
    assert "\u202e" not in out
