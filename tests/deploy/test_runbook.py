"""What the runbook tells to type is what there is."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.commands.query import connect
from pipeline.engine_lake import Claim, open_or_make_engine_lake
from pipeline.options import command_parser
from tests.deploy.places import DEPLOY, ROOT
from transforms.lake_files import UNPUBLISHED, write_file

TEXT = (DEPLOY / "RUNBOOK.md").read_text(encoding="utf-8")
CLAIM = Claim("a-run", "FlinkRunner", 1)
GUIDES = [DEPLOY / "RUNBOOK.md", DEPLOY / "dataflow" / "README.md", DEPLOY / "alerts" / "README.md"]


def _commands() -> list[str]:
    """Return all `newsbeam ...` of the runbook, whole: of its blocks, tables and sentences."""
    text = re.sub(r"\\\n\s*", "", TEXT)
    blocks = [
        line for block in re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL) for line in block.split("\n")
    ]
    spans = re.findall(r"`(newsbeam [^`]+)`", re.sub(r"^```\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    found = [part.strip() for line in (*blocks, *spans) for part in line.partition("#")[0].split("&&")]
    return [" ".join(command.split()) for command in found if command.startswith("newsbeam ")]


@pytest.mark.parametrize("command", dict.fromkeys(_commands()))
def test_commands_are_newsbeams(command: str) -> None:
    words = shlex.split(re.sub(r"\$\(.*?\)|THE SAME FLAGS", "", command))[1:]
    if words == ["run"] or words[:2] == ["run", "--savepoint_path=SAVEPOINT"]:
        words.insert(1, "--input=pages")
    parsed, others = command_parser().parse_known_args(words)
    assert parsed.command == words[0]
    assert all(re.match(r"--(job_name|savepoint_path)\b", other) or other == "news" for other in others)


def test_queries_can_be_asked(tmp_path: Path) -> None:
    open_or_make_engine_lake(str(tmp_path / "lake"), CLAIM, goes_on=False)
    text = " ".join(TEXT.split())
    queries = re.findall(r'newsbeam query "([^"]+)"', text) + re.findall(r"`(select [^`]+)`", text)
    assert len(queries) >= 7
    for query in queries:
        assert connect(str(tmp_path / "lake")).execute(query).fetchall() is not None


def test_what_a_drain_left_is_published_by_the_line_given(tmp_path: Path) -> None:
    lake = open_or_make_engine_lake(str(tmp_path), CLAIM, goes_on=False)
    path = "articles/date=2026-11-26/other-000-00000007.parquet"
    write_file(f"{tmp_path}/{UNPUBLISHED}/{path}", b"rows")
    (code,) = re.findall(r"^python -c '(.+)'$", TEXT, re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-c", code.replace("LAKE", lake.root)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"
    assert (tmp_path / path).read_bytes() == b"rows"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_links_lead_somewhere(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert (guide.parent / target).exists(), target
    named = re.findall(r"`((?:dataflow|alerts|local)/[\w./-]+)`", text) + re.findall(r"\b(dataflow/\w+\.sh)", text)
    for path in named:
        assert (DEPLOY / path).exists(), path
