"""Runs over a folder while the clock jumps: the same texts, the same stories, in the partition of their day."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

import duckdb

from pipeline import cli
from pipeline.commands.query import connect
from tests.faults.machine_clock import HOUR, MachineClock, machine_clock
from tests.faults.tally import Effort, Tally
from tests.faults.terminals import forked
from tests.samples import html_page, paragraphs, record
from transforms.functions.worker_pool import close_shared_pools

_WORLDS: Final = (1, 40)
_MOST_SECONDS: Final = 120.0
"""Of the true clock, for what takes ten seconds undisturbed: more is a hang."""

_MOST_HOURS: Final = 30.0
"""How far the clock is wrong at most: two texts are then never seen more than the 72 hours apart that are compared."""


class Told(NamedTuple):
    """What a lake holds."""

    inputs: Counter[str]
    """Texts and rejects, by their digests."""
    stories: set[frozenset[str]]
    """Digests of the texts of each story."""


def jumps(effort: Effort) -> Tally:
    """Run over a folder that grows, the clock jumping by hours between and within runs."""
    tally = Tally("the clock jumps by hours between and within runs over a folder")
    plain = effort.folder / "folder-plain"
    expect(forked(partial(_fill, plain, None), _MOST_SECONDS), tally, "undisturbed")
    expected = _told_by(plain / "lake")
    for number in range(_WORLDS[effort.is_long]):
        folder, where = effort.folder / f"folder-{number}", f"seed {effort.seed + number}"
        tally.tries += 1
        random = Random(f"clock of folders {effort.seed + number}")
        expect(forked(partial(_fill, folder, random), _MOST_SECONDS), tally, where)
        found = _told_by(folder / "lake")
        tally.lost += (expected.inputs - found.inputs).total()
        tally.doubled += (found.inputs - expected.inputs).total()
        tally.check(found.stories == expected.stories, f"{where}: {len(found.stories)} stories, not as undisturbed")
        _check_partitions(folder / "lake", tally, where)
    return tally


def expect(code: int | None, tally: Tally, where: str) -> None:
    """Note how a run ended."""
    tally.hangs += code is None
    tally.check(code in (0, None), f"{where}: a run ends with {code}")


def _fill(folder: Path, random: Random | None) -> int:
    """Run over more and more of the same inputs; returns the first exit code that is not 0."""
    pages = folder / "pages"
    pages.mkdir(parents=True)
    clock, code = MachineClock(), 0
    with machine_clock(clock):
        for part in range(3):
            _write_part(pages, part)
            if random is not None:
                clock.ahead = random.uniform(-_MOST_HOURS, _MOST_HOURS) * HOUR
                clock.jump_soon(random.uniform(0.0, 0.5), random.uniform(-_MOST_HOURS, _MOST_HOURS) * HOUR)
            command = ["run", "--input", str(pages), "--output", str(folder / "lake"), "--quiet", "--processes", "1"]
            code = code or cli.main([*command, "--tags", "none"])
        close_shared_pools()
    return code


def _write_part(pages: Path, part: int) -> None:
    """Write the same stories as in each part, by another outlet and in part in other words; and some records."""
    for number in range(6):
        name, text = f"{part}-{number}", paragraphs(f"story {number}", 8)
        text[part] = paragraphs(f"only {part}-{number}", 1)[0]
        (pages / f"{name}.html").write_text(html_page(name, url=f"https://outlet{part}.example/{name}", text=text))
    (pages / f"{part}.jsonl").write_text(json.dumps(record(f"r{part}")) + f"\n{{broken {part}\n")


def _told_by(lake: Path) -> Told:
    if not lake.exists():
        return Told(Counter(), set())
    connection = connect(str(lake))
    rows = connection.sql(
        "select article_id, content_sha256 from articles union all select duplicate_of, content_sha256 from copies"
    ).fetchall()
    inputs = Counter(text for _, text in rows)
    inputs.update(row[0] for row in connection.sql("select coalesce(input_id, reject_id) from rejects").fetchall())
    return Told(inputs, {frozenset(text for story, text in rows if story == one) for one, _ in rows})


def _check_partitions(lake: Path, tally: Tally, where: str) -> None:
    """Rows lie in the partition of the UTC day on which they were first seen, and that is about now."""
    now, within = datetime.now(UTC), timedelta(hours=_MOST_HOURS + 1)
    with duckdb.connect() as tables:
        tables.execute("set TimeZone = 'UTC'")
        for table in ("articles", "copies", "rejects"):
            rows = f"read_parquet('{lake}/{table}/**/*.parquet', hive_partitioning = true)"
            columns = "count(*) filter (date <> first_seen_at::date), min(first_seen_at), max(first_seen_at)"
            [(wrong, first, last)] = tables.sql(f"select {columns} from {rows}").fetchall()
            tally.check(not wrong, f"{where}: {wrong} rows of {table} in the partition of another day")
            seen = first is None or now - within < first <= last < now + within
            tally.check(seen, f"{where}: {table} are seen from {first} to {last}")
