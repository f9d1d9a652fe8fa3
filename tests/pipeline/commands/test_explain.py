from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.lake import open_or_make_lake
from schemas.article import Article
from schemas.copy import Copy
from schemas.tagged_article import TaggedArticle
from tests.samples import HOSTILE, SEEN_AT, article, html_page, paragraphs, record, write_lines
from transforms.functions.duplicate_index import WINDOW
from transforms.functions.parquet_rows import flat_row, to_parquet
from transforms.functions.urls import copy_id

SEEDS = Path(__file__).parents[3] / "seeds"
STORY = paragraphs("one", 12)

Explained = Callable[..., str]


@pytest.fixture
def explained(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Explained:
    """What the command prints about two texts; fails where it ends with another exit code than 0."""
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments: object) -> str:
        assert cli.main(["explain", *map(str, arguments)]) == 0, capfd.readouterr().err
        return capfd.readouterr().out

    return run


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str]) -> Explained:
    """The message with which the command refuses its arguments."""

    def run(*arguments: object) -> str:
        assert cli.main(["explain", *map(str, arguments)]) == 2
        printed = capfd.readouterr()
        assert printed.out == ""
        assert printed.err.count("\n") == 1
        return printed.err

    return run


def _lake(folder: Path, articles: Sequence[Article], copies: Sequence[Copy] = ()) -> Path:
    root = open_or_make_lake(str(folder / "lake")).root
    for table, rows in (("articles", articles), ("copies", copies)):
        path = root / f"{table}/date=2026-03-31/c1.parquet"
        path.parent.mkdir()
        complete = [TaggedArticle(row) if isinstance(row, Article) else row for row in rows]
        path.write_bytes(to_parquet(table, map(flat_row, complete)))
    return root


def _text(folder: Path, name: str, sentences: Sequence[str]) -> Path:
    path = folder / f"{name}.txt"
    path.write_text(f"Headline of {name} without an end\n\n" + "\n\n".join(sentences))
    return path


def _copy(row: Article, story: Article, relation: str = "same_copy") -> Copy:
    return Copy(row, copy_id(row.article_id, row.content_sha256), story.article_id, relation, 0.9)


def test_the_seeds_share_a_quote_and_are_no_copies(explained: Explained) -> None:
    printed = explained(SEEDS / "000_72498b1274f5d172.txt", SEEDS / "001_e2c7a5561d048ec1.txt")
    assert "A very good meeting today with China, in Switzerland." in printed
    assert "│ 178–201: We want to see, for the good of both China and the U.S." in printed
    assert "Not copies: the shorter text shares .095 of its shingles with the longer one; .40 are needed." in printed


def test_a_wire_story_as_two_outlets_run_it(explained: Explained) -> None:
    printed = explained(SEEDS / "wire/harbour-courier.html", SEEDS / "wire/coast-daily.html")
    assert "Copies (strong): .832 of the shorter" in printed
    assert "coast-daily.example" in printed
    assert "The lake" not in printed
    long = next(line for line in printed.splitlines() if "[…]" in line)
    assert "Friday" in long
    assert "[…]" not in explained("--all", SEEDS / "wire/harbour-courier.html", SEEDS / "wire/coast-daily.html")


def test_json_holds_everything(explained: Explained) -> None:
    printed = explained("--json", SEEDS / "wire/harbour-courier.html", SEEDS / "wire/coast-daily.html")
    assert printed.count("\n") == 1
    found = json.loads(printed)
    assert (found["outcome"], found["are_copies"], found["shorter"]) == ("strong", True, "b")
    assert found["b"]["share"] == pytest.approx(219 / 263)
    assert found["a"]["headline"].startswith("Ferry crews")
    assert [one["words"] for one in found["passages"]] == [137, 51, 43]
    assert found["fact_guard"]["mattered"] is False
    assert found["in_lake"] is None


def test_at_most_ten_passages_are_shown(explained: Explained, tmp_path: Path) -> None:
    filled = [f"{sentence} Filler{n} of another kind{n}." for n, sentence in enumerate(STORY)]
    a, b = _text(tmp_path, "a", STORY), _text(tmp_path, "b", filled)
    assert "Shared passages: 12, the first 10 shown" in explained(a, b)
    everything = explained(a, b, "--all")
    assert "Shared passages: 12\n" in "\n".join(map(str.rstrip, everything.split("\n"))) + "\n"


@pytest.mark.parametrize("packed", [False, True])
def test_every_kind_of_input_is_read_as_a_run_reads_it(explained: Explained, tmp_path: Path, packed: bool) -> None:
    text = _text(tmp_path, "plain", STORY)
    page = tmp_path / "page.html"
    page.write_text(html_page("one", text=STORY))
    body = "\n\n".join(STORY)
    lines = write_lines(
        tmp_path / "records.jsonl",
        [record("x"), record("y", article_body=body), {"html": html_page("one", text=STORY)}],
    )
    if packed:
        for path in (text, page, lines):
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        text, page, lines = (path.with_name(f"{path.name}.gz") for path in (text, page, lines))
    for other in (text, f"{lines}#2", f"{lines}#3"):
        assert json.loads(explained("--json", page, other))["outcome"] == "exact"
    assert json.loads(explained("--json", page, f"{lines}#1"))["outcome"] == "too_little"


def test_a_line_behind_the_first_slice_is_found(explained: Explained, tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "many.jsonl", [record(str(n)) for n in range(4100)])
    found = json.loads(explained("--json", f"{lines}#4098", f"{lines}#2"))
    assert found["a"]["article_id"] == article(url_canonical="https://ledger.example/records/4097").article_id
    assert found["outcome"] == "too_little"


def test_a_file_of_one_line_needs_no_number(explained: Explained, tmp_path: Path) -> None:
    one = write_lines(tmp_path / "one.jsonl", [record("x")])
    assert json.loads(explained("--json", one, f"{one}#1"))["outcome"] == "exact"


def test_what_cannot_be_read_is_refused_with_its_reason(refused: Explained, tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "two.jsonl", [record("x"), record("y")])
    text = _text(tmp_path, "text", STORY)
    lake = ["--lake", _lake(tmp_path, [article("a")])]
    (tmp_path / "empty.txt").touch()
    (tmp_path / "broken.jsonl").write_text('{"article_body": "x\n')
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(text.read_bytes())[:-20])
    assert "more than one text; name one:" in refused(lines, text)
    assert "#3: no such line" in refused(text, f"{lines}#3")
    assert "#1: no such line" in refused(f"{text}#1", text)
    assert "is no file" in refused(tmp_path, text)
    assert "a run would reject it: empty" in refused(tmp_path / "empty.txt", text)
    assert "a run would reject it: " in refused(tmp_path / "broken.jsonl", text)
    assert "a run would reject it: truncated" in refused(tmp_path / "cut.txt.gz", text)
    assert "bot_wall" in refused(SEEDS / "wire/login-wall.html", text)
    assert "nothing: no such file, and no article_id, copy_id or URL in the lake" in refused("nothing", text, *lake)
    assert "no such file; and to look it up" in refused("nothing", text, "--lake", tmp_path / "no lake")


def test_rows_of_a_lake_are_found_by_id_and_by_address(explained: Explained, tmp_path: Path) -> None:
    first = article("first", article_body="\n".join(STORY), url="https://www.ledger.example/first?utm_source=x")
    later = article("later", article_body="\n".join(STORY[:9]), first_seen_at=SEEN_AT + 3_600_000_000)
    copied = _copy(later, first)
    lake = ["--lake", _lake(tmp_path, [first], [copied])]
    names = [copied.copy_id, later.article_id, later.url_canonical]
    for a in (first.article_id, first.url, first.url_canonical, "https://ledger.example/first?utm_medium=y"):
        for b in names:
            found = json.loads(explained("--json", a, b, *lake))
            assert (found["a"]["article_id"], found["b"]["article_id"]) == (first.article_id, later.article_id)
    assert (found["a"]["relation"], found["b"]["relation"], found["hours_apart"]) == ("article", "same_copy", 1.0)
    printed = explained(first.article_id, copied.copy_id, *lake)
    assert f"The lake agrees: it has both in one story, {first.article_id}." in printed
    assert "Seen 1.0 hours apart; up to 72 are compared." in printed


def test_a_lake_that_decided_otherwise_is_told_of(explained: Explained, tmp_path: Path) -> None:
    first = article("first", article_body="\n".join(STORY))
    other = article("other")
    again = article("again", article_body="\n".join(STORY[:9]))
    late = article("late", article_body="\n".join(STORY[:10]), first_seen_at=SEEN_AT + 2 * WINDOW)
    lake = ["--lake", _lake(tmp_path, [first, again, late], [_copy(other, first)])]
    joined = explained(first.article_id, other.article_id, *lake)
    assert "Not copies" in joined
    assert f"The lake has both in one story, {first.article_id}, all the same" in joined
    apart = explained(first.article_id, again.article_id, *lake)
    assert "Copies (strong)" in apart
    assert "The lake has them in two stories" in apart
    assert "Not copies" in explained(first.article_id, late.article_id, *lake)


def test_an_older_text_of_one_page_is_an_update(explained: Explained, tmp_path: Path) -> None:
    first = article("page", article_body="\n".join(STORY))
    second = article("page", article_body="\n".join(paragraphs("quite", 9)))
    update = _copy(second, first, "update")
    lake = ["--lake", _lake(tmp_path, [first], [update])]
    assert "Copies (update): two texts of one page" in explained(first.article_id, update.copy_id, *lake)


def test_texts_from_the_web_give_a_terminal_no_orders(explained: Explained, tmp_path: Path) -> None:
    hostile: dict[str, Any] = {"headline": f"{HOSTILE} \x9b31m [red]x[/red] [/]", "publisher": "\x1b]0;title\x07"}
    body = "\n".join([*STORY, "\x1b[2Jthe sailors of \x9b5m Port Alder \u202ewill come back \x07 again [bold]soon"])
    rows = [article(name, article_body=body + name, **hostile) for name in ("a", "b")]
    lake = ["--lake", _lake(tmp_path, rows), "--all"]
    for form in ([], ["--json"]):
        printed = explained(*(row.article_id for row in rows), *lake, *form)
        assert [sign for sign in printed if sign != "\n" and (ord(sign) < 32 or 127 <= ord(sign) < 160)] == []
        assert "\u202e" not in printed
        assert "[red]x[/red]" in printed
        assert "漢字" in printed
    assert json.loads(printed)["a"]["headline"] == hostile["headline"]
