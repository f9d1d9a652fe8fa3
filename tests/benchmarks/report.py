"""How long `newsbeam report` takes over a large lake, how much memory, and how large the page is.

    python tests/benchmarks/report.py [--articles 1000000] [--days 7 30] [--cache DIR]

Makes a lake of 30 days up to yesterday (`made_lake.py`: with three copies for ten articles, half a million requests,
rejects and polls of feeds), and a tenth of it. Asks each for its page, by the installed command and as often as there
are values of `--days`. Floors, for the large one: 3 MB, 20 s, 1 GB resident. The last column says how often the page's
stories, names and outlets are really there: a page that is small for being empty does not count. Exit code 1 if a floor
is missed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from common import Floors, Watched, heading, newsbeam, parser, say, table, watch, working_folder
from made_lake import Size, make_lake

MOST_MEGABYTES = 3.0
MOST_SECONDS = 20.0
MOST_RESIDENT_MEGABYTES = 1_000.0


def sizes(articles: int) -> Iterator[Size]:
    """Yield the small lake and the large one; all tables grow alike."""
    whole = Size()
    for count in (articles // 10, articles):
        share = count / whole.articles
        tables = ("articles", "copies", "fetches", "polls", "rejects")
        yield replace(whole, **{name: int(getattr(whole, name) * share) for name in tables})


def measure(lake: Path, size: Size, days: int, floors: Floors | None) -> dict[str, str]:
    """Make one page; the floors are only asked of the large lake."""
    page = lake.with_suffix(".html")
    say(f"newsbeam report --days {days}, {size.articles:,} articles")
    cost = watch(newsbeam("report", lake, "--days", str(days), "--output", page), every=0.1)
    if cost.code != 0:
        raise SystemExit(f"newsbeam report ended with code {cost.code}:\n{cost.stderr[-2000:]}")
    figures = {
        "page MB": page.stat().st_size / 1e6,
        "seconds": cost.seconds,
        "resident MB": cost.peak_rss / 1e6,
    }
    ceilings = dict(zip(figures, (MOST_MEGABYTES, MOST_SECONDS, MOST_RESIDENT_MEGABYTES), strict=True))
    return {
        "articles": f"{size.articles:,}",
        "copies": f"{size.copies:,}",
        "lake MB": f"{sum(file.stat().st_size for file in lake.rglob('*.parquet')) / 1e6:,.0f}",
        "days": str(days),
        **{name: _judged(name, days, value, ceilings[name], floors) for name, value in figures.items()},
        "CPU s": f"{cost.cpu_seconds:.1f}",
        "on the page": _contents(page.read_text(), cost, floors),
    }


def _judged(name: str, days: int, value: float, ceiling: float, floors: Floors | None) -> str:
    return floors.at_most(f"{name}, --days {days}", value, ceiling) if floors else f"{value:,.2f}"


def _contents(page: str, cost: Watched, floors: Floors | None) -> str:
    counts = {
        "stories": len(re.findall(r'<article class="story"', page)),
        "comparisons": len(re.findall(r'<section class="comparison"', page)),
        "charts": len(re.findall(r'role="img"', page)),
        "rows of tables": len(re.findall(r"<tr>", page)),
    }
    if floors:
        floors.holds(f"everything is on the page: {counts} {cost.stdout}", all(counts.values()))
    return ", ".join(f"{number} {name}" for name, number in counts.items())


def main() -> int:
    """Measure and print the report; returns the exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("--articles", type=int, default=Size().articles, metavar="N", help="of the large lake")
    arguments.add_argument("--days", type=int, nargs="+", default=[7, 30], metavar="N", help="(default: 7 30)")
    arguments.add_argument("--cache", type=Path, metavar="DIR", help="keep the lakes here")
    options = arguments.parse_args()
    print(heading("The report of a large lake", options))
    floors = Floors()
    with working_folder(options.cache) as folder:
        rows = list(_rows(options, folder, floors))
    print(table(rows), flush=True)
    return floors.code()


def _rows(options: argparse.Namespace, folder: Path, floors: Floors) -> Iterator[dict[str, str]]:
    for size in sizes(options.articles):
        lake = folder / f"lake-of-{size.articles}"
        if not lake.exists():
            say(f"making a lake of {size.articles:,} articles")
            made = folder / f".{lake.name}"
            make_lake(made, size, datetime.now(UTC).date() - timedelta(days=1))
            made.rename(lake)
        for days in options.days:
            yield measure(lake, size, days, floors if size.articles == options.articles else None)


if __name__ == "__main__":
    sys.exit(main())
