from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from pipeline import cli, input_plan
from pipeline.commands.query import connect
from pipeline.lake import open_or_make_lake
from pipeline.writer_lock import locked
from tests.samples import html_page, paragraphs, record, text_of, write_lines
from transforms.functions.worker_pool import close_shared_pools

ROOT = Path(__file__).parents[3]
Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="module", autouse=True)
def _ended_pools() -> Iterator[None]:
    yield
    close_shared_pools()


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "a.html").write_text(html_page("a"))
    (folder / "b.txt").write_text(text_of("b"))
    (folder / "wall.html").write_text("<html><form>Sign in</form></html>")
    write_lines(folder / "c.jsonl", [record("c"), {"url": "https://ledger.example/d", "html": html_page("d")}])
    return folder


def _run(lake: Path, *arguments: object) -> int:
    return cli.main(["run", "--output", str(lake), "--processes", "2", *map(str, arguments)])


def _account(lake: Path, capfd: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    capfd.readouterr()
    assert _run(lake, "--json", *arguments) == code
    (line,) = capfd.readouterr().out.splitlines()
    account: dict[str, Any] = json.loads(line)
    outcomes = account["articles"] + account["copies"] + account["rejects"] + account["already_seen"]
    assert account["inputs"] == outcomes
    return account


def _figures(account: dict[str, Any]) -> list[int]:
    return [account[name] for name in ("inputs", "articles", "copies", "rejects", "already_seen")]


def test_the_command_prints_the_account_and_writes_plain_parquet(newsbeam: Any, pages: Path, rows_of: Rows) -> None:
    done = newsbeam("run", "--input", "../pages", "--output", "lake", "--direct_num_workers=1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "in 5 = articles 4 + copies 0 + rejects 1 + already seen 0"
    assert "extract: no_article" in done.stdout
    assert "Traceback" not in done.stderr
    lake = pages.parent / "started here" / "lake"
    sources = sorted(source for (source,) in rows_of(lake, "articles", "source"))
    assert sources == ["../pages/a.html", "../pages/b.txt", "../pages/c.jsonl#1", "../pages/c.jsonl#2"]
    assert rows_of(lake, "runs", "inputs, articles, rejects, already_seen, cycle") == [(5, 4, 1, 0, 1)]
    asked = newsbeam("query", "select count(*) as n from articles", "--format", "csv")
    assert (asked.stdout, asked.stderr) == ("n\n4\n", "")  # also while Python tidies up


def test_json_quiet_and_the_rows_of_a_run(
    tmp_path: Path, pages: Path, rows_of: Rows, capfd: pytest.CaptureFixture[str]
) -> None:
    lake = tmp_path / "lake"
    account = _account(lake, capfd, "--input", pages)
    assert _figures(account) == [5, 4, 0, 1, 0]
    assert (account["cycles"], account["complete"]) == (1, True)
    assert account["bytes_read"] == sum(path.stat().st_size for path in pages.iterdir())
    assert rows_of(lake, "articles", "distinct run_id") == [(account["run_id"],)]
    capfd.readouterr()
    assert _run(lake, "--quiet", "--input", pages) == 0
    assert capfd.readouterr() == ("", "")


def test_a_second_run_adds_no_row(
    tmp_path: Path, pages: Path, rows_of: Rows, capfd: pytest.CaptureFixture[str]
) -> None:
    lake = tmp_path / "lake"
    _account(lake, capfd, "--input", pages)
    before = {table: sorted(rows_of(lake, table), key=str) for table in ("articles", "copies", "rejects")}
    again = _account(lake, capfd, "--input", pages)
    assert _figures(again) == [5, 0, 0, 0, 5]
    assert {table: sorted(rows_of(lake, table), key=str) for table in before} == before
    assert len(rows_of(lake, "runs")) == 2


def test_another_text_of_a_page_is_an_update_and_the_same_text_elsewhere_a_copy(
    tmp_path: Path, pages: Path, rows_of: Rows, capfd: pytest.CaptureFixture[str]
) -> None:
    lake = tmp_path / "lake"
    _account(lake, capfd, "--input", pages)
    (article_id,) = rows_of(lake, "articles", "article_id", "where source like '%a.html'")[0]
    changed = [*paragraphs("a"), "Correction: the vote was taken on Monday, not on Tuesday as we first wrote."]
    (pages / "a.html").write_text(html_page("a", text=changed))
    (pages / "mirror.html").write_text(html_page("a", url="https://mirror.example/harbour"))
    # Only the mark-up differs: the page and its text are known.
    (pages / "marked.html").write_text(html_page("a").replace("<article>", '<article class="wide">'))
    assert _figures(_account(lake, capfd, "--input", pages)) == [7, 0, 2, 0, 5]
    columns = "parse_filename(source), relation, duplicate_of, similarity, source_domain"
    assert sorted(rows_of(lake, "copies", columns)) == [
        ("a.html", "update", article_id, None, "ledger.example"),
        ("mirror.html", "exact", article_id, 1.0, "mirror.example"),
    ]
    assert len(rows_of(lake, "articles")) == 4


@pytest.mark.parametrize(("limit", "code"), [("0", 1), ("1", 0), ("19%", 1), ("20%", 0)])
def test_more_rejects_than_allowed_fail_the_run_but_keep_its_rows(
    tmp_path: Path, pages: Path, rows_of: Rows, capfd: pytest.CaptureFixture[str], limit: str, code: int
) -> None:
    assert _run(tmp_path / "lake", "--input", pages, "--max-rejects", limit) == code
    assert ("--max-rejects" in capfd.readouterr().err) == (code == 1)
    assert len(rows_of(tmp_path / "lake", "articles")) == 4


def test_several_cycles_come_to_the_same_rows_as_one(
    tmp_path: Path, pages: Path, rows_of: Rows, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (pages / "z.html").write_text(html_page("a", url="https://mirror.example/a", date="2026-03-30T09:00:00Z"))
    one = _account(tmp_path / "one", capfd, "--input", pages)
    monkeypatch.setattr(input_plan, "CYCLE_SLICES", 2)
    many = _account(tmp_path / "many", capfd, "--input", pages)
    assert (one["cycles"], many["cycles"]) == (1, 3)
    assert _figures(one) == _figures(many) == [6, 4, 1, 1, 0]
    for table, key in (("articles", "article_id"), ("copies", "copy_id"), ("rejects", "reject_id")):
        assert sorted(rows_of(tmp_path / "one", table, key)) == sorted(rows_of(tmp_path / "many", table, key))
    # Each cycle's own account holds, too, and its rows are in the files that carry its number.
    for cycle, *figures in rows_of(tmp_path / "many", "runs", "cycle, inputs, articles, copies, rejects, already_seen"):
        assert figures[0] == sum(figures[1:])
        for table, wanted in zip(("articles", "copies", "rejects"), figures[1:], strict=False):
            files = (tmp_path / "many" / table).rglob(f"c{cycle:08d}-*.parquet")
            assert wanted == sum(pq.ParquetFile(file).metadata.num_rows for file in files)


def test_lists_and_inputs_elsewhere_are_read_with_the_options_of_beam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class AskedFirst(Exception):
        pass

    def options(settings: object) -> None:
        raise AskedFirst

    monkeypatch.setattr("pipeline.commands.run._beam_options", options)
    (tmp_path / "list.txt").write_text("https://ledger.example/feed")
    for flags in (
        ("--feeds", tmp_path / "list.txt"),
        ("--input", "s3://bucket/pages"),
        ("--input", tmp_path, "--job_name", "seven"),
    ):
        with pytest.raises(AskedFirst):
            _run(tmp_path / "lake", *flags)
        assert not (tmp_path / "lake").exists()


def test_a_lake_in_use_is_a_failure_in_one_line(tmp_path: Path, pages: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with locked(open_or_make_lake(str(tmp_path / "lake"))):
        assert _run(tmp_path / "lake", "--input", pages) == 1
    error = capfd.readouterr().err
    assert "is in use by process" in error
    assert error.count("\n") == 1


SMALL_CYCLES = """
import sys
from pipeline import cli, input_plan
from pipeline.commands.query import connect
if __name__ == "__main__":
    input_plan.CYCLE_SLICES = 4
    sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_its_cycle_and_a_rerun_completes_it(
    tmp_path: Path, rows_of: Rows, capfd: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    pages, lake, script = tmp_path / "pages", tmp_path / "lake", tmp_path / "small_cycles.py"
    pages.mkdir()
    script.write_text(SMALL_CYCLES)
    for page in range(32):
        (pages / f"{page:02d}.html").write_text(html_page(f"n{page}"))
    command = [sys.executable, str(script), "run", "--input", str(pages), "--output", str(lake), "--processes", "1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    options: dict[str, Any] = {"start_new_session": True, "text": True, "env": environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) as run:
        _wait_for(lambda: list((lake / "runs").rglob("c*.parquet")))
        workers = psutil.Process(run.pid).children(recursive=True)
        # A Ctrl-C in a terminal reaches the whole group, the workers too; a SIGTERM commonly the process alone.
        (os.killpg if number == signal.SIGINT else os.kill)(run.pid, number)
        _, error = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "stopped before the end" in error
    assert "Traceback" not in error
    assert not psutil.wait_procs(workers, timeout=20)[1]
    cycles = rows_of(lake, "runs", "cycle, inputs, articles, rejects", "order by 1")
    assert 1 <= len(cycles) < 8
    assert {row[1:] for row in cycles} == {(4, 4, 0)}
    assert not list((lake / "_newsbeam" / "tmp").rglob("*.parquet"))
    account = _account(lake, capfd, "--input", pages)
    assert _figures(account) == [32, 32 - 4 * len(cycles), 0, 0, 4 * len(cycles)]
    assert len(set(rows_of(lake, "articles", "article_id"))) == len(rows_of(lake, "articles")) == 32


def _wait_for(ready: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_seeds_are_five_stories_and_the_wire_story_ran_in_three_outlets(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lake = tmp_path / "lake"
    assert _figures(_account(lake, capfd, "--input", str(ROOT / "seeds"))) == [9, 5, 3, 1, 0]
    views = connect(str(lake))
    reports = "select count(*) from articles where source like '%/00%.txt'"
    assert views.execute(reports).fetchall() == [(2,)]
    of_wire = (
        "select relation from copies join articles on articles.article_id = duplicate_of "
        "where articles.source like '%harbour-courier.html' order by 1"
    )
    assert views.execute(of_wire).fetchall() == [("exact",), ("same_copy",)]
    assert views.execute("select max(copies), count(*) from stories").fetchall() == [(2, 5)]


@pytest.mark.parametrize(
    ("tags", "states"),
    [
        ("topics,entities", ("ok", "ok")),
        ("topics", ("ok", "off")),
        ("entities", ("off", "ok")),
        ("none", ("off", "off")),
    ],
)
def test_articles_are_tagged_as_asked(
    tmp_path: Path, pages: Path, rows_of: Rows, tags: str, states: tuple[str, str]
) -> None:
    lake = tmp_path / "lake"
    assert _run(lake, "--quiet", "--input", pages, "--tags", tags) == 0
    assert rows_of(lake, "articles", "distinct topics_state, entities_state") == [states]
    views = connect(str(lake))
    has_rows = tuple(bool(views.execute(f"from {view} limit 1").fetchall()) for view in ("topics", "entities"))
    assert has_rows == tuple(state == "ok" for state in states)


def test_odd_texts_are_tagged_or_say_why_not(tmp_path: Path, rows_of: Rows) -> None:
    german = "Die Stadt hat am Dienstag beschlossen, die alte Brücke zu erneuern, sagte die Bürgermeisterin. "
    texts = {
        "huge": text_of("huge") + "\n" + "The council of Geneva met again. " * 40_000,
        "caption": "Ada Moss and Ben Hollis of the Port Alder ferry company smile at the old quay.",
        "capitals": text_of("capitals").upper(),
        "german": german * 8,
        "numbers": " ".join(map(str, range(3000))),
        "signs": text_of("signs") + " \u202eAda Moss\u202c 李小龙 \U0001f600 e\u0301 Geneva",
    }
    source, lake = tmp_path / "odd.jsonl", tmp_path / "lake"
    write_lines(source, [{"article_body": text, "headline": name} for name, text in texts.items()])
    assert _run(lake, "--quiet", "--input", source) == 0
    states = {name: found for name, *found in rows_of(lake, "articles", "headline, topics_state, entities_state")}
    assert states == {
        "huge": ["ok", "cut"],
        "caption": ["too_short", "ok"],
        "capitals": ["ok", "ok"],
        "german": ["no_model", "no_model"],
        "numbers": ["no_model", "no_model"],
        "signs": ["ok", "ok"],
    }
    # first_offset counts code points of the text, as DuckDB's substring does (from 1).
    right = "substring(article_body, first_offset + 1, length(surface_forms[1])) = surface_forms[1]"
    query = f"select count(*), count(*) filter ({right}) from entities join articles using (article_id)"
    [(mentions, pointing)] = connect(str(lake)).execute(query).fetchall()
    assert mentions == pointing > 0
