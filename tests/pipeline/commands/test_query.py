from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline import cli
from pipeline.lake import open_or_make_lake
from schemas.tagged_article import TaggedArticle
from tests.samples import HOSTILE, article
from transforms.functions.parquet_rows import flat_row, to_parquet

ROOT = Path(__file__).parents[3]
ROWS = [article("a", headline=HOSTILE, publisher='Ledger, "Sons"'), article("b", headline="\x9b31mC1\x07 bell")]
QUERY = "select article_id, headline, publisher, first_seen_at, authors from articles order by publisher nulls last"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    root = open_or_make_lake(str(tmp_path / "lake")).root
    path = root / "articles/date=2026-03-31/c1.parquet"
    path.parent.mkdir()
    path.write_bytes(to_parquet("articles", map(flat_row, map(TaggedArticle, ROWS))))
    return root


@pytest.fixture(params=["file", "standard output"])
def answer(request: pytest.FixtureRequest, lake: Path, tmp_path: Path) -> Callable[..., bytes]:
    """The answer to QUERY in a format, by way of --output or of standard output redirected to a file."""

    def ask(form: str, query: str = QUERY) -> bytes:
        path = tmp_path / "answer"
        arguments = ["query", query, "--lake", str(lake), "--format", form]
        if request.param == "file":
            assert cli.main([*arguments, "--output", str(path)]) == 0
        else:
            with path.open("wb") as file:
                command = [sys.executable, "-m", "pipeline.cli", *arguments]
                subprocess.run(command, stdout=file, check=True, cwd=ROOT, timeout=60)
        return path.read_bytes()

    return ask


def test_csv(answer: Callable[..., bytes]) -> None:
    header, *rows = csv.reader(io.StringIO(answer("csv").decode(), newline=""))
    assert header == ["article_id", "headline", "publisher", "first_seen_at", "authors"]
    assert [(row[0], row[1]) for row in rows] == [(row.article_id, row.headline) for row in ROWS]
    assert rows[0][2] == 'Ledger, "Sons"'
    assert rows[0][3].startswith("2026-03-31 23:33:20+00")


def test_json(answer: Callable[..., bytes]) -> None:
    rows = [json.loads(line) for line in answer("json").decode().splitlines()]
    assert [(row["headline"], row["authors"]) for row in rows] == [(row.headline, []) for row in ROWS]


def test_parquet(answer: Callable[..., bytes], tmp_path: Path) -> None:
    path = tmp_path / "copy.parquet"
    path.write_bytes(answer("parquet"))
    assert duckdb.execute("select headline from read_parquet(?)", [str(path)]).fetchall() == [
        (row.headline,) for row in ROWS
    ]


def test_a_table_gives_a_terminal_no_orders(answer: Callable[..., bytes]) -> None:
    text = answer("table", "select headline from articles").decode()
    assert "headline" in text
    assert "漢字" in text
    assert [sign for sign in text if sign != "\n" and (ord(sign) < 32 or 127 <= ord(sign) < 160)] == []


def test_parquet_is_not_written_to_a_terminal(lake: Path) -> None:
    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "pipeline.cli",
        "query",
        "from articles",
        "--lake",
        str(lake),
        "--format",
        "parquet",
    ]
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, check=False, cwd=ROOT, timeout=60)
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 2
    assert b"--output" in done.stderr


def test_a_reader_that_has_enough_is_no_error(lake: Path) -> None:
    command = f"{sys.executable} -m pipeline.cli query 'from range(1000000)' --format csv --lake '{lake}' | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, check=False, cwd=ROOT, timeout=60)
    assert done.stdout == b"range\n"
    assert done.stderr == b""


@pytest.mark.parametrize(
    "sql",
    [
        "selec 1",
        "select nothing from articles",
        "from no_table",
        "select 1; select 2",
        "",
        "select 'a'::int",
        "-- only",
    ],
)
@pytest.mark.parametrize("form", ["table", "csv"])
def test_sql_that_cannot_be_run_is_wrong_usage(
    lake: Path, sql: str, form: str, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    output = tmp_path / "answer"
    assert cli.main(["query", sql, "--lake", str(lake), "--format", form, "--output", str(output)]) == 2
    printed = capfd.readouterr()
    assert printed.err.startswith("newsbeam: ")
    assert "Traceback" not in printed.err
    assert not output.exists()


@pytest.mark.parametrize("sql", ["select 1 as one;", "select 1 as one -- a note", "  select 1 as one ; "])
@pytest.mark.parametrize("form", ["table", "csv", "json", "parquet"])
def test_a_statement_may_end_as_people_end_them(lake: Path, sql: str, form: str, tmp_path: Path) -> None:
    output = tmp_path / "answer"
    assert cli.main(["query", sql, "--lake", str(lake), "--format", form, "--output", str(output)]) == 0
    assert b"one" in output.read_bytes()


@pytest.mark.parametrize("form", ["table", "csv"])
@pytest.mark.parametrize(
    ("output", "code"),
    [("/proc/answer", 1), ("{0}/file/answer", 2), ("{0}/missing/answer", 2), ("{0}", 2), ("{0}/lake/answer", 2)],
)
def test_an_answer_that_cannot_be_written_is_told_in_a_line(
    lake: Path, output: str, code: int, form: str, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    output = output.format(tmp_path)
    assert cli.main(["query", "select 1", "--lake", str(lake), "--format", form, "--output", output]) == code
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert f"--output {output}" in said
    assert not (lake / "answer").exists()


def test_a_table_in_a_file_leaves_nothing_out(lake: Path, tmp_path: Path) -> None:
    columns = ", ".join(f"'{number}' || repeat('x', 60) || i as column_{number}" for number in range(30))
    query = f"select {columns} from range(300) t(i)"
    assert cli.main(["query", query, "--lake", str(lake), "--output", str(tmp_path / "a.txt")]) == 0
    table = (tmp_path / "a.txt").read_text()
    assert all(f"{number}{'x' * 60}{row} " in table for number in range(30) for row in (0, 150, 299))
    assert "…" not in table


def test_a_lake_with_a_damaged_file_is_a_failure_not_an_answer(lake: Path, capfd: pytest.CaptureFixture[str]) -> None:
    next((lake / "articles/date=2026-03-31").iterdir()).write_bytes(b"not Parquet")
    assert cli.main(["query", "from articles", "--lake", str(lake)]) == 1
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err


def test_the_printed_views_work_in_any_duckdb(lake: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sql", "--lake", str(lake)]) == 0
    fresh: Any = duckdb.connect()
    fresh.execute(capfd.readouterr().out)
    assert fresh.execute("select count(*) from articles").fetchone() == (2,)
    assert fresh.execute("select count(*) from runs").fetchone() == (0,)


@pytest.mark.parametrize(("name", "code"), [("a.xlsx", 2), ("a.CSV", 0), ("a.txt", 0), ("answer", 0)])
def test_the_form_follows_the_ending_and_an_unknown_one_is_refused(
    lake: Path, tmp_path: Path, name: str, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / name
    assert cli.main(["query", "select 1 as one", "--lake", str(lake), "--output", str(output)]) == code
    assert output.exists() is (code == 0)
    if code:
        assert ".xlsx is none of .csv, .json, .jsonl, .parquet, .txt" in capfd.readouterr().err
        assert (
            cli.main(["query", "select 1 as one", "--lake", str(lake), "--output", str(output), "--format", "csv"]) == 0
        )
        assert output.read_text() == "one\n1\n"


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_terminal_is_given_no_orders_by_what_a_row_holds(lake: Path, form: str) -> None:
    said = "(1, chr(27) || ']0;owned' || chr(7)), (2, chr(155) || 'C1'), (3, chr(8238) || 'gnp')"
    sql = f"select * from (values {said}) t(n, said)"
    command = [sys.executable, "-m", "pipeline.cli", "query", sql, "--lake", str(lake), "--format", form]
    ours, its = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        subprocess.run(command, stdout=its, check=True, cwd=ROOT, timeout=60)
        os.close(its)
        shown = terminal.read(65_536).decode()
    assert "owned" in shown
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]", shown)
    if form == "json":
        said = {row["n"]: row["said"] for row in map(json.loads, shown.splitlines())}
        assert said == {1: "\x1b]0;owned\x07", 2: "\x9bC1", 3: "\u202egnp"}
