"""`newsbeam report`: what is on the page, and what can never be."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.lake import Lake, open_or_make_lake
from schemas.copy import Copy
from schemas.cycle_report import CycleReport
from schemas.entity import Entity
from schemas.tagged_article import TaggedArticle
from schemas.topic import Topic
from tests.duplicate_worlds import add_rows
from tests.report_page import MINUTE, Page, assert_is_harmless, fetch, page_maker, poll, select
from tests.samples import SEEN_AT, article, copy, paragraphs, reject, tagged_article
from transforms.functions.parquet_rows import encode_by_day, flat_row


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_or_make_lake(str(tmp_path / "lake"))


@pytest.fixture
def page(lake: Lake, tmp_path: Path) -> Callable[..., Page]:
    return page_maker(lake, tmp_path)


def outlet_copy(name: str, of: str, outlet: str, minutes: int, lines: list[str], **columns: Any) -> Copy:
    """A copy that an outlet ran some minutes after the article."""
    made = copy(
        name,
        of,
        source_domain=outlet,
        date_published=SEEN_AT + minutes * MINUTE,
        date_published_source="json-ld",
        article_body="\n\n".join(lines),
        headline=f"Headline of {outlet}",
        **columns,
    )
    return made._replace(relation="same_copy", similarity=0.9)


@pytest.fixture
def wire(lake: Lake) -> list[str]:
    """A story that three outlets ran, and one that one ran; returns the first one's sentences."""
    lines = paragraphs("wire", 5)
    leader = tagged_article(
        "wire", source_domain="first.example", date_published=SEEN_AT + MINUTE, date_published_source="json-ld",
        headline="Customs house stays", article_body="\n\n".join(lines),
        topics=[Topic("medtop:1", "politics", 0.9, 1, "m")],
        entities=[Entity("Ada Moss", "Person", 3, 0, ["Ada Moss"], None, None, "m")],
    )  # fmt: skip
    alone = tagged_article("alone", source_domain="second.example", headline="Alone", topics=[], entities=[])
    add_rows(lake, "articles", "c1.parquet", leader, alone)
    second = outlet_copy(
        "a", "wire", "second.example", 31, [*lines[:2], "A sentence that only second has.", *lines[2:]]
    )
    third = outlet_copy("b", "wire", "third.example", 181, lines[:4])
    add_rows(lake, "copies", "c1.parquet", second, third)
    add_rows(lake, "runs", "c1.parquet", CycleReport("r", 1, SEEN_AT, SEEN_AT, 5, 2, 2, 1, 0, 100, "0.1.0", 1))
    return lines


def test_the_front_page_begins_with_what_most_outlets_ran(page: Callable[..., Page], wire: list[str]) -> None:
    made = page()
    assert made.text("//h1") == "Tuesday, 31 March 2026"
    assert [one.text_content() for one in made.all(".entry h3")] == ["Customs house stays", "Alone"]
    entry = made.text("(//article[contains(@class, 'entry')])[1]")
    assert "3 outlets, 3 texts" in entry
    assert "politics" in entry
    assert "Names: Ada Moss" in entry
    assert re.search(r"first.example 23:34.* second.example \+ 30 min.* third.example \+ 3 h", entry)
    assert "5 inputs = 2 articles + 2 copies + 1 reject + 0 seen before, in 1 run" in made.text("//header")


def test_a_storys_view_has_its_copies_beside_it_and_marks_what_only_one_has(
    page: Callable[..., Page], wire: list[str]
) -> None:
    made = page()
    assert made.all(".entry h3 a")[0].get("href") == "#story-1"
    one, other = made.all("#story-1 .comparison")
    assert [mark.text_content() for mark in select(one, ".sides mark.right")] == ["A sentence that only second has"]
    assert select(one, ".sides mark.left") == []
    lacking = select(other, ".sides mark.left")
    assert lacking
    assert all(mark.text_content() in wire[4] for mark in lacking)
    ran = made.rows("Who ran it, when")
    assert [row[0] for row in ran] == ["first.example", "second.example", "third.example"]
    assert [row[2] for row in ran] == ["first", "+ 30 min", "+ 3 h"]
    assert [row[4] for row in ran] == ["", "90 %", "90 %"]


def test_who_ran_whom_and_how_fast(page: Callable[..., Page], wire: list[str]) -> None:
    made = page()
    pairs = made.rows("Who followed whom most often")
    assert pairs == [
        ["first.example → , then second.example", "1", "30 min"],
        ["first.example → , then third.example", "1", "3 h"],
    ]
    matrix = made.rows("Stories that the outlet on the left ran first and the one above ran later")
    assert [row[0] for row in matrix] == ["first.example", "second.example", "third.example"]
    assert matrix[0][1:] == ["–", "1", "1", "2"]
    assert matrix[1][1:] == ["0", "–", "0", "0"]
    chart = made.all("//figure//div[@role='img']")[0].get("aria-label")
    assert chart == "30–60 min: 1; 2–4 h: 1"


def test_feeds_that_need_a_look_come_first_and_hosts_show_how_they_were_treated(
    lake: Lake, page: Callable[..., Page], wire: list[str]
) -> None:
    failing = poll("https://b.example/feed", health="failing", outcome="failed", reason="http_503", possibly_lost=4)
    add_rows(lake, "feeds", "c1.parquet", poll("https://a.example/feed"), failing)
    add_rows(lake, "fetches", "c1.parquet", fetch(1), fetch(2, conditional=True, status=304))
    made = page()
    assert "2 feeds: 1 failing, 1 ok. 2 requests to 1 host so far." in made.text("//section[@id='feeds']")
    first, second = made.rows("Feeds as they are now, what needs a look first")
    assert first[:3] == ["https://b.example/feed", "failing", "failed: http_503"]
    assert first[-1] == "4"
    assert second[1] == "ok"
    assert made.rows("How hosts were treated") == [["a.example", "2", "50 %", "50 %", "1 min", "0", "0"]]


def test_rejects_are_counted_by_reason_with_the_latest_examples(
    lake: Lake, page: Callable[..., Page], wire: list[str]
) -> None:
    many = [reject(number, first_seen_at=SEEN_AT + number) for number in range(1, 6)]
    add_rows(lake, "rejects", "c1.parquet", *many, reject(9, stage="fetch", reason="robots", retryable=True))
    made = page()
    assert "6 inputs became no row, for 2 reasons." in made.text("//section[@id='rejects']")
    first, second = made.all("#rejects details")
    assert " ".join(first.text_content().split()).startswith("no_article at extract 5")
    examples = [item.text_content() for item in select(first, "li")]
    assert len(examples) == 3
    assert "pages/5.html" in examples[0]
    assert "1 of them may pass another time." in second.text_content()


def test_a_lake_without_a_text_says_what_to_do(page: Callable[..., Page]) -> None:
    made = page()
    assert made.text("//h1") == "Nothing yet"
    assert "newsbeam run --input FOLDER --output LAKE" in made.text()
    assert_is_harmless(made)


def test_a_lake_without_a_text_still_tells_of_its_feeds_and_rejects(lake: Lake, page: Callable[..., Page]) -> None:
    add_rows(lake, "feeds", "c1.parquet", poll("https://a.example/feed", health="failing"))
    add_rows(lake, "rejects", "c1.parquet", reject(1))
    made = page()
    assert made.text("//h1") == "Nothing yet"
    assert "1 feed: 1 failing." in made.text("//section[@id='feeds']")
    assert "1 input became no row, for 1 reason." in made.text("//section[@id='rejects']")
    assert_is_harmless(made)


def test_each_section_says_why_it_is_empty(lake: Lake, page: Callable[..., Page]) -> None:
    add_rows(lake, "articles", "c1.parquet", article("a", headline=None, in_language=None))
    made = page()
    assert made.all(".entry h3")[0].text_content() == "Without a headline"
    said = [one.text_content() for one in made.all("p.empty")]
    assert [line.split(" ", 2)[:2] for line in said] == [
        ["No", "story"], ["No", "article"], ["No", "names"], ["Every", "input"]
    ]  # fmt: skip


def test_the_window_ends_with_the_last_day_that_has_a_text_and_has_as_many_days_as_asked(
    lake: Lake, page: Callable[..., Page]
) -> None:
    for back in range(10):
        name = f"date=2026-03-{31 - back}"
        row = article(f"day{back}", headline=f"Back {back}", first_seen_at=SEEN_AT - back * 86_400_000_000)
        (lake.root / "articles" / name).mkdir(parents=True)
        add_rows(lake, "articles", f"../{name}/c1.parquet", row)
    (lake.root / "articles/date=2026-04-02").mkdir()
    made = page("--days", "3")
    assert made.text("//h1") == "Tuesday, 31 March 2026"
    assert [one.text_content() for one in made.all(".earlier h3")] == ["Monday, 30 March 2026", "Sunday, 29 March 2026"]
    assert made.rows("Articles by language, 29 Mar to 31 Mar") == [["English", "3"]]


def test_a_page_that_was_there_is_replaced_whole_or_left(
    lake: Lake, wire: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "report.html"
    output.write_text("the old one")
    assert cli.main(["report", str(lake.root), "--output", str(output)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{output.resolve()} (")
    assert output.read_text().startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["report.html"]


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--days", "0"], 2, "--days 0: give 1 to 3660"),
        (["--days", "99999999999"], 2, "give 1 to 3660"),
        (["--output", "."], 2, "is a folder; name a file"),
        (["--output", "/proc/newsbeam/report.html"], 1, "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said(
    lake: Lake, wire: list[str], flags: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report", str(lake.root), *flags]) == code
    assert said in capsys.readouterr().err


def test_a_folder_that_is_no_lake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", str(tmp_path / "none"), "--output", str(tmp_path / "page.html")]) != 0
    assert "none" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_days_to_come_are_not_the_latest_unless_there_is_no_other(page: Callable[..., Page], lake: Lake) -> None:
    ahead = article(
        "ahead", headline="Read by a clock that was ahead", first_seen_at=SEEN_AT + 73 * 365 * 24 * 60 * MINUTE
    )
    (file,) = encode_by_day("articles", [flat_row(TaggedArticle(ahead))], "c1.parquet")
    (lake.root / file.path).parent.mkdir()
    (lake.root / file.path).write_bytes(file.content)
    assert "Read by a clock that was ahead" in page().text()
    add_rows(lake, "articles", "c2.parquet", article("now", headline="Read by a clock that was right"))
    assert "Read by a clock that was right" in page().text()
    assert "Read by a clock that was ahead" not in page().text()
