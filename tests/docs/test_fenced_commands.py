"""Every fenced command of README.md and docs/ is run, page by page, in a folder like that of someone who reads it.

What cannot be run in a test is listed with the reason, and checked as far as it can be.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.docs.fenced import PAGES, ROOT, Command, blocks, check, commands
from tests.http_server import HttpServer, Reply
from tests.samples import html_page, paragraphs, record

COMMANDS: Final = list(commands())

NOT_RUN: Final = {
    r"^git clone": "it has no address yet",
    r"^make (run|test)\b": "it installs the project anew; .ci/run and tests/deploy/ do",
    r"^(sudo|podman|echo \S+ \| sudo) ": "it changes the machine, or needs its services",
    r"newsbeam engine\b": "it builds and starts a Flink cluster: tests/engines/ does",
}
"""Patterns of commands that no test can run, and why."""

INSTEAD: Final = (
    (r" --every \w+", "", "it would go on for ever"),
    (r"newsbeam run --feeds \S+", r"\g<0> --host-gap 0 --allow-private", "the outlet is a server of this test"),
    (r"(feeds discover) outlet\.example", r"\1 --allow-private {server}/", "the same"),
    (r"(feeds check) https://outlet\.example", r"\1 {server}", "the same"),
    (r"newsbeam doctor", r"\g<0> --offline", "tests have no network"),
    (r"newsbeam memory rebuild lake", r"\g<0> --force", "the memory of the test's lake is healthy"),
    (r"/var/lib/newsbeam/lake", "lake", "a path of the reader's machine"),
    (r"(explain) A B", r"\1 seeds/wire/coast-daily.html seeds/wire/northern-ledger.txt", "files of the reader's"),
    (r"https://outlet\.example/2026/03/story", "https://coast-daily.example/news/boats-back?id=20418", "in the lake"),
    (r"--domain outlet\.example", "--domain harbour-courier.example", "in the lake"),
    (r"Ada Moss", "Edda Quill", "in the lake"),
)
"""What is put in the place of what: pattern, replacement, reason."""


STORY: Final = [*paragraphs("story", 8), "The council thanked Ada Moss, who had led the talks. Moss will stay a year."]


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    """An outlet: a site that names its feed, which has one item whole and one as a page."""
    link = '<link rel="alternate" type="application/feed+json" href="/feed">'
    with HttpServer() as outlet:
        story = html_page("story", url=outlet.url("/story"), text=STORY)
        for path, kind, body in (
            ("/", "text/html", f"<html><head>{link}</head></html>"),
            ("/feed", "application/feed+json", _feed(outlet)),
            ("/story", "text/html", story),
        ):
            outlet.on(path, Reply(200, {"content-type": f"{kind}; charset=utf-8"}, body.encode()))
        yield outlet


def _feed(outlet: HttpServer) -> str:
    whole = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs("whole", 8))
    items = [
        {"id": "1", "url": outlet.url("/whole"), "title": "Whole", "content_html": whole},
        {"id": "2", "url": outlet.url("/story"), "title": "Story", "summary": "In short."},
    ]
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "Outlet", "items": items})


@pytest.fixture
def folder(tmp_path: Path, seeds_lake: Path, server: HttpServer) -> Path:
    """A clone as someone has it who follows a page: the command, the seeds, a lake, and files of their own."""
    (tmp_path / "seeds").symlink_to(ROOT / "seeds")
    shutil.copytree(seeds_lake, tmp_path / "lake")
    for place in ("pages", "more/of/it", ".venv/bin"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "pages/one.html").write_text(html_page("one"))
    (tmp_path / "more/of/it/two.html").write_text(html_page("two"))
    (tmp_path / "articles.jsonl.gz").write_bytes(gzip.compress(json.dumps(record("three")).encode()))
    (tmp_path / "feeds.txt").write_text(f"{server.url('/feed')}\n")
    outline = f'<opml version="2.0"><body><outline type="rss" xmlUrl="{server.url("/feed")}"/></body></opml>'
    for name in ("feeds.opml", "reader.opml"):
        (tmp_path / name).write_text(outline)
    command = tmp_path / ".venv/bin/newsbeam"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipeline.cli "$@"\n')
    command.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("page", sorted({command.page for command in COMMANDS}))
def test_commands_of_a_page_do_what_they_should(page: str, folder: Path, server: HttpServer) -> None:
    for command in COMMANDS:
        if command.page == page and _why_not(command) is None:
            _run(command, folder, server)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.page}:{command.line}")
def test_a_command_is_one_that_there_is(command: Command) -> None:
    check(command.text)


def test_every_command_is_run_or_has_a_reason() -> None:
    texts = [command.text for command in COMMANDS]
    assert [pattern for pattern in NOT_RUN if not any(re.search(pattern, text) for text in texts)] == []
    assert [one[0] for one in INSTEAD if not any(re.search(one[0], text) for text in texts)] == []
    run = [command for command in COMMANDS if _why_not(command) is None]
    assert all(re.match(r"(\.venv/bin/)?newsbeam ", command.text) for command in run)
    assert len(run) >= 30


def test_other_blocks_are_of_kinds_that_are_tested() -> None:
    languages = {block.language for block in blocks()}
    assert languages <= {"", "sh", "bash", "sql", "yaml", "text"}
    assert {block.page for block in blocks() if block.language == "sql"} == {"docs/queries.md"}  # test_queries.py
    for block in blocks():
        if block.language == "yaml":
            assert yaml.safe_load(block.text)


def test_files_that_are_named_are_there() -> None:
    for page in PAGES:
        for path in re.findall(
            r"`((?:docs|deploy|seeds|tests|pipeline|schemas|transforms)/[\w./-]*)`", page.read_text()
        ):
            assert (ROOT / path).exists(), f"{page.name} names {path}"


def _why_not(command: Command) -> str | None:
    return next((reason for pattern, reason in NOT_RUN.items() if re.search(pattern, command.text)), None)


def _run(command: Command, folder: Path, server: HttpServer) -> None:
    line = command.text
    for pattern, replacement, _ in INSTEAD:
        line = re.sub(pattern, replacement.replace("{server}", server.url("")), line)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEWSBEAM_")}
    environment |= {"PATH": f"{folder}/.venv/bin:{environment['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    where = f"{command.page}:{command.line}: {line}\n{done.stdout}{done.stderr}"
    assert done.returncode == 0, where
    assert "Traceback" not in done.stderr, where
    print(where)  # shown where a later command fails
    _check_answer(line, done.stdout, folder, where)


def _check_answer(line: str, printed: str, folder: Path, where: str) -> None:
    """Something must be there: a file where one is to be written, else lines, and rows where rows are asked for."""
    target = re.search(r"(?:>+|--output) ?(\S+)", re.sub(r'"[^"]*"| # .*', "", line))
    if target and "newsbeam run" not in line:
        assert (folder / target[1]).stat().st_size > 10, where
        return
    assert printed.strip() != "", where
    if "newsbeam query" in line:
        assert not re.search(r"\b0 rows\b", printed), where
        assert printed.count("\n") >= 2, where
