"""The pages that are made from the code are those that it makes now, and leave nothing out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.lake import open_or_make_lake
from pipeline.options import command_parser
from pipeline.views import view_definitions
from schemas.tables import TABLES
from tests.docs.make_docs import PAGES, ROOT, columns_page, commands_of, flags_page
from tests.docs.view_columns import TABLE_OF

_INNER_VIEWS = {"aliases_in_force", "articles_moved", "copies_with_story", "full_names"}
"""What other views are made of."""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_current(name: str) -> None:
    there = (ROOT / "docs" / name).read_text()
    assert there == PAGES[name](), "make it anew: .venv/bin/python tests/docs/make_docs.py"


def test_every_column_of_every_table_has_its_line() -> None:
    sections = dict(re.findall(r"^## Table `(\w+)`\n(.*?)(?=^## |\Z)", columns_page(), re.MULTILINE | re.DOTALL))
    assert list(sections) == list(TABLES)
    for table, section in sections.items():
        listed = re.findall(r"^\| `(\w+)` \| `\S[^`]*` \| (?:yes|no) \| \S.*\|$", section, re.MULTILINE)
        assert listed == TABLES[table].names


def test_every_view_is_described_or_an_inner_one(tmp_path: Path) -> None:
    lake = open_or_make_lake(str(tmp_path / "lake"))
    assert set(view_definitions(lake.root)) == set(TABLE_OF) | _INNER_VIEWS
    assert sorted(re.findall(r"^## View `(\w+)`$", columns_page(), re.MULTILINE)) == sorted(TABLE_OF)


def test_every_flag_of_every_command_has_its_line() -> None:
    sections = dict(re.findall(r"^## `([\w ]+)`\n(.*?)(?=^## |\Z)", flags_page(), re.MULTILINE | re.DOTALL))
    for name, command in commands_of(command_parser()):
        flags = {flag for action in command._actions for flag in action.option_strings} - {"-h", "--help"}
        if name in ("newsbeam feeds", "newsbeam engine", "newsbeam memory"):
            assert any(other.startswith(f"{name} ") for other in sections)
            assert flags == set()
        else:
            assert set(re.findall(r"^\| `(--[\w-]+)`", sections[name], re.MULTILINE)) == flags


def test_the_page_of_flags_does_not_depend_on_where_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = flags_page()
    monkeypatch.setenv("NEWSBEAM_LAKE", "elsewhere")
    monkeypatch.setenv("NEWSBEAM_CONTACT", "me@outlet.example")
    monkeypatch.setattr("pipeline.options.available_cores", lambda: 77)
    assert flags_page() == usual
