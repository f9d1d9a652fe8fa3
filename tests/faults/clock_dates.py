"""Zones of the machine, and dates of pages, feeds and records that are placeholders, leap seconds or nonsense."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import duckdb

from pipeline import cli
from pipeline.commands.query import connect
from tests.faults.clock_folders import expect
from tests.faults.machine_clock import MachineClock, machine_clock
from tests.faults.tally import Effort, Tally
from tests.faults.terminals import forked
from tests.samples import html_page, paragraphs, record
from transforms.functions.worker_pool import close_shared_pools

_MOST_SECONDS: Final = 60.0
_ZONES: Final = (
    ("UTC", "2026-12-31T23:59:59Z"), ("America/New_York", "2026-03-08T06:59:58Z"),
    ("Europe/Berlin", "2026-10-25T00:59:58Z"),
    ("Asia/Kathmandu", "2026-06-30T18:14:59Z"), ("America/New_York", "2026-11-01T05:59:58Z"),
    ("Europe/Berlin", "2026-03-29T00:59:58Z"), ("Pacific/Kiritimati", "2026-06-30T10:00:00Z"),
)  # fmt: skip
"""Zones, and moments just before their clocks change or their day ends. The short form has the first three."""

_ANY: Final = "any"
DATES: Final = {
    # As it is written, and the year in which it is to end; None for no date at all.
    "2026-03-30T08:00:00Z": 2026, "2026-03-29T02:30:00": 2026, "2016-12-31T23:59:60Z": 2016, "1990-01-01": 1990,
    "1969-12-31T23:59:59Z": None, "1970-01-01T00:00:00Z": None, "0001-01-01T00:00:00Z": None, "-0001-01-01": None,
    "0001-01-01T00:00:00+14:00": None, "2099-06-01T00:00:00Z": None, "9999-12-31T23:59:59Z": None,
    "9999-12-31T23:59:59-12:00": None, "2026-02-30": None,
}  # fmt: skip
FEED_DATES: Final = {
    "Sat, 31 Dec 2016 23:59:60 GMT": 2016, "Mon, 30 Mar 26 08:00:00 GMT": 2026, "Thu, 01 Jan 1970 00:00:00 GMT": None,
    "Fri, 31 Dec 9999 23:59:59 GMT": None, "Mon, 01 Jan 0001 00:00:00 GMT": None, "Mon, 30 Mar 2026 25:61:61 GMT": _ANY,
    "Mon, 30 Mar 2026 08:00:00 +9999": _ANY, "Tue, 01 Jan 2099 00:00:00 GMT": None, "-1": None, "0": None,
}  # fmt: skip


def zones(effort: Effort) -> Tally:
    """The same rows in every zone, around the changes of its clocks; partitions are days of UTC."""
    tally = Tally("zones, and changes of their clocks")
    pages, expected = effort.folder / "zones", None
    _write_pages(pages)
    for zone, moment in _ZONES[: None if effort.is_long else 3]:
        lake, where = effort.folder / f"zone-{tally.tries}", f"{zone} at {moment}"
        tally.tries += 1
        expect(forked(partial(_run_in, zone, moment, pages, lake), _MOST_SECONDS), tally, where)
        found = _dated_rows(lake)
        expected = found if expected is None else expected
        tally.lost += (expected - found).total()
        tally.doubled += (found - expected).total()
        around = {moment[:10], f"{datetime.fromisoformat(moment) + timedelta(minutes=2):%Y-%m-%d}"}
        days = _days_of(lake)
        tally.check(days <= {(True, day) for day in around}, f"{where}: partitions {days}")
    return tally


def _run_in(zone: str, moment: str, pages: Path, lake: Path) -> int:
    os.environ["TZ"] = zone
    time.tzset()
    clock = MachineClock()
    clock.set_to(datetime.fromisoformat(moment))
    with machine_clock(clock):
        return _run(pages, lake)


def _run(pages: Path, lake: Path) -> int:
    command = ["run", "--input", str(pages), "--output", str(lake), "--quiet", "--processes", "1", "--tags", "none"]
    code = cli.main(command)
    close_shared_pools()
    return code


def _dated_rows(lake: Path) -> Counter[Any]:
    columns = "parse_filename(source), headline, date_published, date_published_source, date_modified, content_sha256"
    rows = connect(str(lake)).sql(f"select {columns} from articles union all select {columns} from copies").fetchall()
    return Counter(rows)


def _days_of(lake: Path) -> set[tuple[bool, str]]:
    """The partitions of pages' articles, each with whether its rows were first seen on its day."""
    with duckdb.connect() as tables:
        tables.execute("set TimeZone = 'UTC'")
        rows, which = (
            f"read_parquet('{lake}/articles/**/*.parquet', hive_partitioning = true)",
            "where source like '%.html'",
        )
        return set(
            tables.sql(f"select distinct date = first_seen_at::date, date::varchar from {rows} {which}").fetchall()
        )


# --- dates


def dates(effort: Effort) -> Tally:
    """What is no date of news is none, what is one is kept, and sorting, partitions and reports bear all of it."""
    tally = Tally("dates of 0001 to 9999, leap seconds, years of two digits", tries=2 * len(DATES) + len(FEED_DATES))
    pages, lake = effort.folder / "dates", effort.folder / "dates-lake"
    _write_pages(pages)
    (pages / "feed.xml").write_text(_feed())
    expect(forked(partial(_run, pages, lake), _MOST_SECONDS), tally, "run")
    if tally.is_clean:
        _check_dates(lake, tally)
        report = ["report", str(lake), "--days", "7", "--output", str(effort.folder / "dates.html")]
        for command in (["status", str(lake)], report):
            expect(forked(partial(cli.main, command), _MOST_SECONDS), tally, command[0])
    return tally


def _write_pages(folder: Path) -> None:
    folder.mkdir()
    for number, written in enumerate(DATES):
        (folder / f"page-{number}.html").write_text(html_page(f"page-{number}", date=written))
    names = ("date_published", "date_modified", "first_seen_at")
    lines = [json.dumps(record(str(n), **dict.fromkeys(names, written))) for n, written in enumerate(DATES)]
    (folder / "records.jsonl").write_text("\n".join(lines) + "\n")


def _feed() -> str:
    items = "".join(
        f"<item><title>T</title><guid>{n}</guid><link>https://dated.example/{n}</link><pubDate>{written}</pubDate>"
        f"<description>{escape(''.join(f'<p>{one}</p>' for one in paragraphs(f'dated {n}', 24)))}</description></item>"
        for n, written in enumerate(FEED_DATES)
    )
    return f"<rss version='2.0'><channel><title>F</title>{items}</channel></rss>"


def _check_dates(lake: Path, tally: Tally) -> None:
    connection = connect(str(lake))
    columns = "parse_filename(source), year(date_published), year(first_seen_at), year(date::date)"
    rows = connection.sql(f"select {columns} from articles union all select {columns} from copies").fetchall()
    found = {source: (published, seen, day) for source, published, seen, day in rows}
    for name, written, year in _wanted():
        tally.lost += name not in found
        published = found[name][0] if name in found else year
        tally.check(year in (_ANY, published), f"{written} of {name} is in {published}")
    this_year = datetime.now(UTC).year
    for name, (_, seen, day) in found.items():
        tally.check(1600 <= seen <= this_year and seen == day, f"{name} is seen in {seen}, in a partition of {day}")
    told = "select epoch_us(date_published) from articles where date_published is not null order by date_published"
    ordered = [row[0] for row in connection.sql(told).fetchall()]
    tally.check(ordered == sorted(ordered), "date_published does not sort")


def _wanted() -> Iterator[tuple[str, str, Any]]:
    """Yield sources, how their dates are written, and in which year they are to end."""
    for number, (written, year) in enumerate(DATES.items()):
        yield f"page-{number}.html", written, year
        # An archive's own dates may be of any time; what is no date at all is none there, either.
        yield f"records.jsonl#{number + 1}", written, year if year else _ANY
    for number, (written, year) in enumerate(FEED_DATES.items()):
        yield f"feed.xml#{number + 1}", written, year
