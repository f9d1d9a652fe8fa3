"""The quality floor: text, headline, writers and day of written pages in nine languages, furniture around them."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from transforms.functions.pages import extract_page

PAGES = Path(__file__).parents[2] / "fixtures" / "pages"
EXPECTED: dict[str, Any] = json.loads((PAGES / "expected.json").read_text("utf-8"))


def word_f1(found: str, expected: str) -> float:
    a, b = (Counter(re.findall(r"\w+", side.lower())) for side in (found, expected))
    return 2 * (a & b).total() / (a.total() + b.total())


@pytest.mark.parametrize("name", EXPECTED)
def test_page_is_extracted(name: str) -> None:
    expected = EXPECTED[name]
    page = extract_page((PAGES / f"{name}.html").read_bytes(), url=expected.get("url"))
    assert word_f1(page.text, "\n".join(expected["text"])) >= 0.97, page.text
    assert page.headline == expected["title"]
    assert list(page.authors) == expected["authors"]
    assert page.date_published is not None
    assert page.date_published.date().isoformat() == expected["date"]
    assert page.access_state == "ok"


def test_mean_quality_over_all_pages() -> None:
    scores = [
        word_f1(extract_page((PAGES / f"{name}.html").read_bytes(), url=page.get("url")).text, "\n".join(page["text"]))
        for name, page in EXPECTED.items()
    ]
    assert len(scores) >= 10
    assert sum(scores) / len(scores) >= 0.99
