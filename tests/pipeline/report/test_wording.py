"""How values are put on a page."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report import wording
from pipeline.report.stories import Text
from tests.samples import SEEN_AT


def text(body: str = "", **columns: Any) -> Text:
    made = Text(True, "first", None, None, None, None, body, len(body), None, "en", 0, [], None, False, SEEN_AT)
    return made._replace(**columns)


@pytest.mark.parametrize("url", ["https://a.example/x?y=1#z", "http://a.example", "https://ü.example/漢"])
def test_an_address_of_the_web_becomes_a_link(url: str) -> None:
    assert wording.address(url) == url


@pytest.mark.parametrize(
    "url",
    [
        None, "", "javascript:alert(1)", "JavaScript://a.example/%0aalert(1)", " https://a.example", "\x01https://a.example",
        "java\nscript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//a.example", "/x", "https:", "https://",
        "http://[", "https://a.example/" + 2_000 * "x", "https://a.example/\n", "ht\ttps://a.example", "https://\x00",
    ],
)  # fmt: skip
def test_any_other_does_not(url: str | None) -> None:
    assert wording.address(url) is None


@given(st.text(max_size=400), st.integers(1, 100))
def test_a_clipped_text_is_one_line_of_the_length_that_it_may_have(value: str, most: int) -> None:
    line = wording.clipped(value, most)
    assert len(line) <= most
    assert line == " ".join(line.split())
    assert line == " ".join(value.split()) or line.endswith("…")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (0.25, "0.25 s"), (5, "5 s"), (59.4, "59 s"), (60, "1 min"), (3_599, "59 min"), (3_600, "1 h"),
     (7_800, "2 h 10 min"), (86_400, "1 d"), (273_600, "3 d 4 h")],
)  # fmt: skip
def test_a_span_is_said_in_the_units_that_matter(seconds: float | None, words: str) -> None:
    assert wording.span(seconds) == words


def test_a_share_is_whole_only_where_it_is_the_whole() -> None:
    assert [wording.share(value) for value in (None, 0, 0.5, 0.999, 1)] == ["–", "0 %", "50 %", "99 %", "100 %"]


def test_a_text_without_an_hour_has_none() -> None:
    day = text(published_at=SEEN_AT, is_day_only=True)
    assert wording.clock(day, date(2026, 3, 31)) == "31 Mar 2026"
    assert wording.clock(text(), date(2026, 3, 31)) == "23:33"
    assert wording.clock(text(), date(2026, 4, 1)) == "31 Mar 2026, 23:33"


LINE = "The harbour council of Port Alder voted to keep the customs house on Tuesday, after a long debate."
NEXT = "Nobody knows yet what will become of the forty charts that hang in the stair of the old house."


def test_a_lead_is_the_pages_summary_or_how_the_text_begins() -> None:
    assert wording.lead(text(f"Short line\n{LINE}\n{NEXT}")) == LINE
    assert wording.lead(text(LINE, description=NEXT)) == NEXT
    assert wording.lead(text(f"{LINE}\n{NEXT}", headline=LINE)) == NEXT


def test_an_opening_goes_on_where_the_lead_ends_in_whole_sentences() -> None:
    assert wording.opening(text(f"{LINE}\n{NEXT}")) == NEXT
    long = " ".join([LINE] * 5)
    cut = text(f"{long} {NEXT}")
    assert wording.lead(cut).endswith("…")
    assert wording.opening(cut) == f"{LINE} {NEXT}"
    assert wording.opening(text()) == ""


def test_a_long_passage_is_folded_and_says_how_much_of_it() -> None:
    words = [f"w{number}" for number in range(500)]
    start, left_out, end = wording.folded(" ".join(words))
    assert [*start.split(), *end.split()] == [*words[: wording.KEPT_WORDS], *words[-wording.KEPT_WORDS :]]
    assert left_out == len(words) - 2 * wording.KEPT_WORDS
    assert wording.folded("a few words") == ("a few words", 0, "")
