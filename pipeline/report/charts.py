"""Charts: Vega-Lite, drawn to SVG by vl-convert while the page is made, in the colours of the page's style.

They hold numbers and our own words only; what comes from the web stands beside them in HTML. Lengths and shades inside
tables are no charts of their own: a share in percent is all that the template needs for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import vl_convert
from markupsafe import Markup

_VEGA_LITE: Final = "v6.4"
"""vl-convert carries several versions; another one would draw otherwise."""
_GAP: Final = 0.2
_LEAST: Final = 1.5
"""Percent that a bar of the smallest number has, so that it is not taken for none."""
_BAR: Final = "var(--bar)"
_INK: Final = "var(--ink)"
_QUIET: Final = "var(--quiet)"
_FONT: Final = "var(--sans)"

MOST_COLUMNS: Final = 92
"""Columns of a course: a quarter of a year by days; more would be thinner than a line."""
HEAT_STEPS: Final = 5


def course(values: Sequence[int]) -> Markup:
    """Return a column a value, the last one in the accent colour, to be stretched over whatever room there is."""
    most = max(values)
    rows = [{"at": at, "value": length(value, most), "last": at + 1 == len(values)} for at, value in enumerate(values)]
    spec = {
        "width": 300,
        "height": 34,
        "padding": 0,
        "mark": "bar",
        "encoding": {
            "x": {"field": "at", "type": "ordinal", "axis": None, "scale": {"paddingInner": _GAP, "paddingOuter": 0}},
            "y": {"field": "value", "type": "quantitative", "axis": None, "scale": {"domain": [0, 100]}},
            "color": {"condition": {"test": "datum.last", "value": "var(--accent)"}, "value": _BAR},
        },
    }
    return Markup(_drawn(spec, rows).replace("<svg ", '<svg preserveAspectRatio="none" ', 1))


def distribution(rows: Sequence[tuple[str, int]], *, is_upright: bool) -> Markup:
    """Return a bar for each label with its number: columns side by side, or bars one below the other for a phone."""
    labels = {
        "field": "label",
        "type": "ordinal",
        "sort": None,
        "title": None,
        "scale": {"padding": _GAP},
        "axis": {"ticks": False, "labelPadding": 6, "labelAngle": 0, "labelExpr": "split(datum.label, '\\n')"},
    }
    numbers = {"field": "number", "type": "quantitative", "axis": None}
    ways = {"x": labels, "y": numbers} if is_upright else {"x": numbers, "y": labels}
    beside: dict[str, Any] = {"dy": -8} if is_upright else {"dx": 5, "align": "left"}
    spec = {
        "width": 520 if is_upright else 210,
        "height": 230 if is_upright else {"step": 26},
        "padding": 2,
        "encoding": ways,
        "layer": [
            {"mark": {"type": "bar", "fill": _BAR}},
            {
                "mark": {"type": "text", "fill": _INK, **beside},
                "encoding": {"text": {"field": "number", "type": "quantitative", "format": ","}},
            },
        ],
    }
    last_space = re.compile(r" (?=\S+$)")
    shown = [last_space.sub("\n", label) if is_upright else label for label, _ in rows]
    return Markup(_drawn(spec, [{"label": label, "number": row[1]} for label, row in zip(shown, rows, strict=True)]))


def days_a_column(days: int) -> int:
    """Return how many days in a row are one column, so that `MOST_COLUMNS` are enough."""
    return -(-days // MOST_COLUMNS)


def binned(by_day: Sequence[int]) -> list[int]:
    """Return the values of the columns: the last one is whole, the first one may be of fewer days."""
    step = days_a_column(len(by_day))
    return [sum(by_day[max(0, end - step) : end]) for end in range(len(by_day), 0, -step)][::-1]


def length(value: float, most: float) -> float:
    """Return a bar's length in percent of that of the greatest value."""
    return 0.0 if value <= 0 or most <= 0 else round(max(_LEAST, 100 * value / most), 2)


def heat(value: float, most: float) -> int:
    """Return how dark a cell is: 0 for nothing, 1 to `HEAT_STEPS`."""
    return 0 if value <= 0 or most <= 0 else max(1, min(HEAT_STEPS, round(HEAT_STEPS * value / most)))


def _drawn(spec: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    whole = {
        **spec,
        "background": None,
        "data": {"values": rows},
        "config": {
            "aria": False,  # the template says what a chart shows
            "font": _FONT,
            "view": {"stroke": None},
            "axis": {"labelColor": _QUIET, "domainColor": "var(--strong-rule)", "labelFontSize": 12},
            "text": {"fontSize": 12},
        },
    }
    svg = vl_convert.vegalite_to_svg(whole, vl_version=_VEGA_LITE, allowed_base_urls=[])
    return svg.replace("<svg ", '<svg aria-hidden="true" ', 1)
