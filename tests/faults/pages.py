"""Mutated pages, feeds, records and texts: each becomes a row or a reject, soon, and none is lost.

The long form takes real pages and feeds beside the fixtures, where the variable NEWSBEAM_DATA names their folder. A
case follows from the seed, its target and its number: `case_of` gives its bytes.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest import mock

import duckdb

from pipeline import cli
from schemas.errors import InputRejected
from schemas.instants import Instant, instant_of
from tests.faults.mutation import Mutator
from tests.faults.page_samples import samples
from tests.faults.page_targets import TARGETS, Target
from tests.faults.tally import Effort, Tally
from tests.faults.watched import Watched, watch
from transforms.functions import articles, structured_data, texts
from transforms.functions.feed_inputs import feed_inputs
from transforms.functions.folder_inputs import SliceReader
from transforms.functions.kinds import HEAD_BYTES, kind_of
from transforms.functions.worker_pool import close_shared_pools

_CASES: Final = {
    # Short form, long form: a million in all, most of them where thousands are done a second (pages: 40 to 100).
    "pages": (60, 15_000), "feeds": (700, 200_000), "JSON-LD": (1_500, 400_000), "records": (900, 200_000),
    "plain texts": (300, 40_000), "lists of feeds": (400, 145_000),
}  # fmt: skip
_GROWN: Final = {
    "pages": (12, 300), "feeds": (120, 5_000), "JSON-LD": (250, 20_000), "records": (150, 8_000),
    "plain texts": (60, 4_000), "lists of feeds": (60, 6_000),
}  # fmt: skip
_SIZES: Final = ((4_000, 16_000), (20_000, 80_000))
"""Bytes that are added in the short form and in the long one: a little, and four times as many."""
_QUADRATIC: Final = 9.0
"""Times as long for four times as much: 4 is linear, 16 the square."""
_LEAST_SECONDS: Final = 0.1
"""What takes less is not told from noise; by the square it would take 2.5 s for five times as much."""
_GROWN_SECONDS: Final = 8.0
_BATCH: Final = 60
_BATCHES: Final = (1, 25)


def faults(effort: Effort) -> Iterator[Tally]:
    """Yield what became of mutated inputs, of grown ones, and of runs over folders of them."""
    of_target = samples(effort.seed)
    for target in TARGETS:
        mutator = _mutator(target, effort.seed, of_target[target.name])
        yield _hunt(effort, target, mutator, _CASES[target.name][effort.is_long])
    for target in TARGETS:
        mutator = replace(_mutator(target, effort.seed, of_target[target.name]), most_bytes=4_000)
        yield _grow(effort, target, mutator, _GROWN[target.name][effort.is_long])
    yield _runs(effort, of_target, _BATCHES[effort.is_long])


def case_of(name: str, seed: int, number: int) -> bytes:
    """Return the bytes of a case, to look at."""
    [target] = [one for one in TARGETS if one.name == name]
    return _mutator(target, seed, samples(seed)[name]).case(number)


def _mutator(target: Target, seed: int, given: Sequence[bytes]) -> Mutator:
    return Mutator(target.name, seed, given, target.tokens)


def _hunt(effort: Effort, target: Target, mutator: Mutator, cases: int) -> Tally:
    def check(number: int) -> str | None:
        return target.check(mutator.case(number))

    found = watch(check, range(cases), effort.folder, seconds=target.seconds, processes=1 + effort.is_long)
    return _tally(f"mutated {target.name} ({cases / max(found.seconds, 1e-9):,.0f} a second)", effort, found)


def _grow(effort: Effort, target: Target, mutator: Mutator, cases: int) -> Tally:
    """Repeat something in a sample more and more often: the time must grow as the bytes do."""
    sizes = _SIZES[effort.is_long]

    def check(number: int) -> str | None:
        few, many = (_seconds(target, mutator.grown(number, size)) for size in sizes)
        if many < _LEAST_SECONDS or many < _QUADRATIC * few:
            return None
        # Once more, since a pause of the machine looks the same.
        few, many = (min(_seconds(target, mutator.grown(number, size)) for _ in range(2)) for size in sizes)
        return f"{few:.3f} s, {many:.3f} s for 4 times as much" if many > _QUADRATIC * few else None

    found = watch(check, range(cases), effort.folder, seconds=_GROWN_SECONDS, processes=1 + effort.is_long)
    return _tally(f"{target.name} with something repeated in them", effort, found)


def _seconds(target: Target, body: bytes) -> float:
    began = time.process_time()
    target.check(body)
    return time.process_time() - began


def _tally(fault: str, effort: Effort, found: Watched) -> Tally:
    tally = Tally(fault, tries=found.cases, hangs=len(found.hangs))
    for what, numbers in (("over its time", found.hangs), ("the process died", found.died)):
        if numbers:
            tally.wrong.append(f"{what} (seed {effort.seed}): cases {', '.join(map(str, numbers[:8]))}")
    tally.wrong += [f"case {number} (seed {effort.seed}): {what}" for number, what in found.wrong]
    return tally


# --- real runs


def _runs(effort: Effort, of_target: dict[str, list[bytes]], batches: int) -> Tally:
    """Run newsbeam over folders of mutated files, and see that each file has its place."""
    tally = Tally("runs over folders of mutated files")
    for number in range(batches):
        folder = effort.folder / f"batch-{number}"
        files = _write_batch(folder / "input", effort.seed, number, of_target)
        tally.tries += len(files)
        _run_batch(folder, files, tally, f"batch {number} (seed {effort.seed})")
    close_shared_pools()
    return tally


def _write_batch(folder: Path, seed: int, batch: int, of_target: dict[str, list[bytes]]) -> list[str]:
    folder.mkdir(parents=True)
    kinds = {"pages": "html", "feeds": "xml", "records": "jsonl", "plain texts": "txt", "JSON-LD": "json"}
    random, files = Random(f"{seed} batch {batch}"), []
    for place in range(_BATCH):
        name = random.choice(list(kinds))
        [target] = [one for one in TARGETS if one.name == name]
        body = _mutator(target, seed, of_target[name]).case(10**9 + batch * _BATCH + place)
        files.append(f"{place:03d}.{kinds[name]}")
        (folder / files[-1]).write_bytes(body)
    return files


def _run_batch(folder: Path, files: Sequence[str], tally: Tally, where: str) -> None:
    lake, said = folder / "lake", io.StringIO()
    command = ["run", "--input", str(folder / "input"), "--output", str(lake), "--json", "--time-limit", "10"]
    with contextlib.redirect_stdout(said):
        code = cli.main([*command, "--processes", "1", "--tags", "none"])
    tally.check(code == 0, f"{where}: exit code {code}")
    if code:
        return
    account = json.loads(said.getvalue())
    outcomes = account["articles"] + account["copies"] + account["rejects"] + account["already_seen"]
    tally.check(account["inputs"] == outcomes, f"{where}: {account['inputs']} inputs, {outcomes} outcomes")
    held = sum(_inputs_of(folder / "input" / name) for name in files)
    tally.lost += max(0, held - account["inputs"])
    tally.doubled += max(0, account["inputs"] - held)
    _judge_rows(lake, account, tally, where)


def _judge_rows(lake: Path, account: dict[str, Any], tally: Tally, where: str) -> None:
    with duckdb.connect() as tables:
        tables.execute("set TimeZone = 'UTC'")
        for table in ("articles", "copies", "rejects"):
            path = f"{lake}/{table}/**/*.parquet"
            tables.execute(f"create table {table} as from read_parquet('{path}', hive_partitioning = true)")
            [(rows,)] = tables.sql(f"select count(*) from {table}").fetchall()
            tally.lost += max(0, account[table] - rows)
            tally.doubled += max(0, rows - account[table])
        errors = tables.sql(
            "select source, message from rejects where reason in ('error', 'worker_died', 'time_limit')"
        )
        tally.wrong += [f"{where}: {source}: {message[:200]}" for source, message in errors.fetchall()]
        bad = tables.sql(_BAD_ROWS).fetchall()
        tally.wrong += [f"{where}: a row of {source}: {what}" for source, what in bad]


def _inputs_of(path: Path) -> int:
    """Return how many inputs a file holds: lines, items, or itself."""
    data = path.read_bytes()
    try:
        kind = kind_of(str(path), data[:HEAD_BYTES])
        if kind == "feed":
            return len(feed_inputs(data)[1])
    except InputRejected:
        return 1
    return sum(bool(line.strip()) for line in data.split(b"\n")) if kind == "jsonl" else 1


_BAD_ROWS: Final = r"""
select source, case
    when regexp_matches(article_body || coalesce(headline, ''), '[\x00-\x08\x0b-\x1f\x7f]') then 'control characters'
    when length(article_body) > 8000000 or length(coalesce(extra, '')) > 8000000 then 'too long'
    when length(coalesce(headline, '')) > 1000 or length(coalesce(url, '')) > 8192 then 'too long a line'
    when year(first_seen_at) not between 1600 and year(now()) then 'seen at another time'
    when date <> first_seen_at::date then 'in the partition of another day'
    when extraction_method <> 'record' and year(date_published) not between 1990 and year(now()) + 1 then 'no such date'
end as fault
from (from articles union all by name from copies) where fault is not null"""


# --- breaks


def breaks(effort: Effort) -> Iterator[Tally]:
    """Yield what is found once a fault is built in."""
    of_target = samples(effort.seed)
    few = replace(effort, is_long=False)

    def hunt(name: str, cases: int, *, grown: bool = False) -> Tally:
        [target] = [one for one in TARGETS if one.name == name]
        mutator = _mutator(target, effort.seed, of_target[name])
        return (_grow if grown else _hunt)(few, target, replace(mutator, most_bytes=4_000) if grown else mutator, cases)

    for fault, built_in, look in (
        ("an extractor that raises a ValueError", _raising(), lambda: hunt("pages", 30)),
        ("an expression that takes time by the square", _slow_expression(), lambda: hunt("JSON-LD", 60, grown=True)),
        ("an expression that hangs", _hanging_expression(), lambda: hunt("JSON-LD", 60)),
        ("control characters that are kept", _unclean(), lambda: hunt("plain texts", 300)),
        ("dates of the year 9999 that are believed", _any_date(), lambda: hunt("pages", 60)),
        ("an input that is swallowed", _swallowing(), lambda: _runs(few, of_target, 1)),
    ):
        with built_in:
            tally = look()
        close_shared_pools()
        yield replace(tally, fault=f"break: {fault}")


def _raising() -> Any:
    usual = articles.language_of

    def language_of(text: str) -> str | None:
        if len(text) % 3 == 0:
            raise ValueError("built in")
        return usual(text)

    return mock.patch.object(articles, "language_of", language_of)


def _slow_expression() -> Any:
    old = re.compile(r"^\s*(?:<!--)?|(?:-->|\]\]>)?[\s;]*$")
    return mock.patch.object(structured_data, "_WRAPPING", _Everywhere(old))


class _Everywhere:
    """An expression whose `sub` looks for it everywhere, whatever it is told."""

    def __init__(self, expression: Any) -> None:
        self._expression = expression

    def sub(self, by: str, text: str, count: int = 0) -> str:
        return str(self._expression.sub(by, text))


def _hanging_expression() -> Any:
    return mock.patch.object(structured_data, "_TAG", re.compile(r"(?:\w+\s?)+[<>]"))


def _unclean() -> Any:
    return mock.patch.object(texts, "_DROPPED", re.compile("(?!)"))


def _any_date() -> Any:
    def instant(moment: datetime | None, seen_at: Instant) -> Instant | None:
        return instant_of(moment) if moment else None

    return mock.patch.object(articles, "_instant", instant)


def _swallowing() -> Any:
    usual: Callable[..., Any] = SliceReader._input

    def swallowing(self: SliceReader, identity: str, make: Callable[[], Any]) -> Iterator[Any]:
        if not identity.startswith(("0", "1", "2")):
            yield from usual(self, identity, make)

    return mock.patch.object(SliceReader, "_input", swallowing)
