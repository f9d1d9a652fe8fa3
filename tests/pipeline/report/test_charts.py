"""Charts: what is drawn, in whose colours, and how many columns there can be."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pipeline.report import charts

BAR = re.compile(r"M([\d.]+),([\d.]+)h([\d.]+)v([\d.]+)h-")


def bars(svg: str) -> list[tuple[float, float, float, str]]:
    """Left edge, width, height and colour of each bar."""
    found = []
    for path in etree.fromstring(svg).iter("{*}path"):
        if path.get("fill", "").startswith("var(") and (match := BAR.match(path.get("d", ""))):
            x, _, width, height = map(float, match.groups())
            found.append((x, width, height, path.get("fill")))
    return found


def test_a_course_has_a_column_a_value_and_marks_the_last() -> None:
    drawn = bars(charts.course([2, 0, 4, 1]))
    heights = [height for _, _, height, _ in drawn]
    assert heights == [17.0, 0.0, 34.0, 8.5]
    assert [colour for *_, colour in drawn] == ["var(--bar)"] * 3 + ["var(--accent)"]
    assert len({round(width, 6) for _, width, _, _ in drawn}) == 1


def test_the_smallest_number_is_not_taken_for_none() -> None:
    drawn = bars(charts.course([1, 1_000_000]))
    assert drawn[0][2] > 0.4


def test_a_course_of_nothing() -> None:
    assert [height for _, _, height, _ in bars(charts.course([0, 0]))] == [0.0, 0.0]


def test_a_distribution_says_its_numbers_in_both_forms() -> None:
    rows = [("under 1 min", 1_234), ("1–5 min", 0), ("longer", 617)]
    for is_upright in (True, False):
        svg = charts.distribution(rows, is_upright=is_upright)
        words = " ".join("".join(one.itertext()) for one in etree.fromstring(svg).iter("{*}text"))
        for word in ("1,234", "617", "under", "longer", "min"):
            assert word in words
        first, last = (one for bar in bars(svg) if (one := bar[2 if is_upright else 1]))
        assert first == pytest.approx(2 * last)


def test_a_chart_brings_neither_style_nor_address_of_its_own() -> None:
    svg = charts.distribution([("<script>alert(1)</script>", 1)], is_upright=True) + charts.course([1])
    assert "<script" not in svg
    assert not re.search(r"\sstyle=|<style|href=|\son\w+=", svg)
    assert set(re.findall(r"https?://[^\"]*", svg)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r'fill="([^"]*)"', svg)) <= {"none", *re.findall(r"var\(--\w+\)", svg)}


@given(st.lists(st.integers(0, 1_000_000), min_size=1, max_size=4_000))
def test_columns_are_few_and_add_up(by_day: list[int]) -> None:
    columns, step = charts.binned(by_day), charts.days_a_column(len(by_day))
    assert len(columns) <= charts.MOST_COLUMNS
    assert sum(columns) == sum(by_day)
    assert columns[-1] == sum(by_day[-step:])


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_shades_grow_with_the_number(one: int, other: int) -> None:
    most = max(one, other)
    assert (charts.heat(one, most) <= charts.heat(other, most)) == (one <= other) or charts.heat(
        one, most
    ) == charts.heat(other, most)
    assert charts.heat(most, most) == charts.HEAT_STEPS
    assert charts.heat(0, most) == 0
