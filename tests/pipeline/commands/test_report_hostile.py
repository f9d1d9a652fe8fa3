"""`newsbeam report` over hostile text: shown, never obeyed; and no page too large."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.lake import Lake, open_or_make_lake
from schemas.copy import Copy
from schemas.entity import Entity
from schemas.topic import Topic
from tests.duplicate_worlds import add_rows
from tests.report_page import MINUTE, Page, assert_is_harmless, fetch, page_maker, poll
from tests.samples import SEEN_AT, article, paragraphs, reject, tagged_article

ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(2)</script>",
    "</title></svg><svg onload=alert(3)><text>",
    "<!-- {{ 7 * 7 }} {% raw %} --> ]]>",
    "'\u202e onmouseover='alert(4)\x00\x1b[31m",
]
ATTACK = " ".join(ATTACKS)
ADDRESSES = [
    "javascript:alert(1)", "JAVASCRIPT:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,<b>",
    "vbscript:x", "file:///etc/passwd", "//evil.example/x", "https:evil", "http://[bad", '"onclick="alert(1)', "ftp://a/b",
]  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_or_make_lake(str(tmp_path / "lake"))


@pytest.fixture
def page(lake: Lake, tmp_path: Path) -> Callable[..., Page]:
    return page_maker(lake, tmp_path)


def test_the_page_loads_nothing_and_runs_nothing(page: Callable[..., Page], lake: Lake) -> None:
    add_rows(lake, "articles", "c1.parquet", article("a"))
    made = page()
    assert_is_harmless(made)
    [policy] = [one.get("content") for one in made.all("//meta[@http-equiv='Content-Security-Policy']")]
    [style] = made.all("//style")
    digest = base64.b64encode(hashlib.sha256(style.text.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def test_whatever_the_web_says_is_shown_and_never_obeyed(lake: Lake, page: Callable[..., Page]) -> None:
    body = f"{ATTACK} {paragraphs('x')[0]}"
    hostile: dict[str, Any] = {
        "headline": ATTACK, "description": f"{ATTACK} {ATTACK}", "publisher": ATTACK, "byline": ATTACK,
        "authors": [ATTACK], "in_language": 'en" onload="x', "source": ATTACK, "date_published_source": "json-ld",
    }  # fmt: skip
    tags = {
        "topics": [Topic(ATTACK, ATTACK, 0.9, 1, "m")],
        "entities": [Entity(ATTACK, kind, 9, 0, [ATTACK], None, None, "m") for kind in ("Person", "Place", ATTACK)],
    }
    rows = [
        tagged_article(
            str(number), **tags, **hostile, url_canonical=url, article_body=f"{body} {number}",
            source_domain=ATTACK if number % 2 else None, date_published=SEEN_AT,
        )
        for number, url in enumerate(ADDRESSES)
    ]  # fmt: skip
    add_rows(lake, "articles", "c1.parquet", *rows)
    story = rows[0].article.article_id
    copies = [
        Copy(
            article(f"c{number}", **hostile, url_canonical=url, article_body=f"{body}{ATTACK} copy {number}",
                    source_domain=f"{number}{ATTACK}", date_published=SEEN_AT + number * MINUTE),
            f"{number:032x}", story, ATTACK, 0.8,
        )
        for number, url in enumerate(ADDRESSES)
    ]  # fmt: skip
    add_rows(lake, "copies", "c1.parquet", *copies)
    bad = [
        reject(number, source=ATTACK, url=url, message=ATTACK, stage=ATTACK, reason=ATTACK)
        for number, url in enumerate(ADDRESSES, 1)
    ]
    add_rows(lake, "rejects", "c1.parquet", *bad)
    add_rows(lake, "feeds", "c1.parquet", poll(ATTACK, health=ATTACK, outcome=ATTACK, reason=ATTACK))
    add_rows(lake, "fetches", "c1.parquet", fetch(1, host=ATTACK))
    made = page()
    assert_is_harmless(made)
    for place in (".entry h3", "#story-1 h2", "#names", "#topics", "#feeds", "#rejects", "#outlets", ".sides"):
        shown = " ".join(made.all(place)[0].text_content().split())
        assert "<script>alert(1)</script>" in shown, place
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", made.source)
    assert "{{ 7 * 7 }}" in made.text()


def test_a_page_is_kept_small_by_leaving_out_views(
    lake: Lake, page: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [article(str(number), article_body=" ".join(paragraphs(str(number), 60))) for number in range(12)]
    add_rows(lake, "articles", "c1.parquet", *rows)
    whole = page()
    assert len(whole.all(".story")) == 12
    monkeypatch.setattr("pipeline.report.page.MOST_BYTES", 60_000)
    small = page()
    assert len(small.source.encode()) <= 60_000
    assert 0 < len(small.all(".story")) < 12
    assert len(small.all(".entry")) == 12
    assert "only the first" in small.text()
    assert_is_harmless(small)
