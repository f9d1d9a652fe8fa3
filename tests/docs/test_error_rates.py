"""The error rates in docs/duplicates.md are those measured: BENCHMARKS.md says how often it is right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "duplicates.md").read_text()
MEASURED: Final = (ROOT / "BENCHMARKS.md").read_text().partition("\n## Duplicates\n")[2].partition("\n## ")[0]
REAL, GENERATED = MEASURED.partition("**Generated**")[::2]
END_TO_END: Final = "newsbeam, end to end"


def _figures(text: str, table: str, column: str) -> dict[str, float]:
    """Return a column of the table whose first heading is this, by its rows' names."""
    lines = text.partition(f"\n| {table} |")[2].partition("\n\n")[0].splitlines()
    heading, _, *rows = ([cell.strip() for cell in line.strip("| ").split("|")] for line in lines)
    place = heading.index(column) + 1
    return {row[0]: float(row[place]) for row in rows}


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


@pytest.mark.parametrize(
    ("meaning", "table", "column", "row"),
    [
        ("pairs found that are no copies", "pairs", "precision", "newsbeam, all pairs"),
        ("true pairs that are not found", "pairs", "recall", "newsbeam, all pairs"),
        ("texts that share a story with a given one and should not", "stories", "B3 precision", END_TO_END),
        ("texts that should share its story and do not", "stories", "B3 recall", END_TO_END),
    ],
)
def test_shares_of_pairs_and_texts(meaning: str, table: str, column: str, row: str) -> None:
    real, generated = (_percent(1 - _figures(text, table, column)[row]) for text in (REAL, GENERATED))
    assert f"| {meaning} | {real} | {generated} |" in PAGE


def test_the_kind_of_copy_that_is_found_least() -> None:
    least = min(_figures(GENERATED, "variants found", END_TO_END).values())
    assert f"at most {_percent(1 - least)} of any kind" in PAGE


def test_what_only_looks_like_a_copy() -> None:
    joined = _figures(GENERATED, "merged wrongly", END_TO_END)
    alike = max(share for kind, share in joined.items() if kind.startswith("tmpl_") or kind == "shared_quote")
    assert re.search(rf"none, {_percent(alike)} of those from one template", PAGE)
    assert f"{_percent(joined['shared_background'])} of those that share a long background" in PAGE


def test_both_speak_of_the_same_texts() -> None:
    for number in ("297 articles of 80 outlets", "5,909"):
        assert number in PAGE
        assert number in MEASURED
