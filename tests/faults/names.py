"""Hostile names: headlines, outlets, addresses, files, feeds that would leave the lake, fool a terminal or a page."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from unittest import mock

import duckdb
from lxml import html

from pipeline import terminal
from pipeline.commands.query import connect
from pipeline.report import page
from schemas.tables import TABLES
from tests.faults.hostile_world import NAMES, HostileWorld
from tests.faults.tally import Effort, Tally
from tests.faults.terminals import ORDERS, Said, on_terminal, piped
from tests.report_page import Page, assert_is_harmless
from transforms.functions import parquet_rows, records
from transforms.functions.texts import clean_line, without_surrogates
from transforms.stored_files import name_of_path

_ROUNDS: Final = (1, 12)

_LAKE_FILE: Final = re.compile(
    rf"(?:{'|'.join(TABLES)})/date=\d{{4}}-\d\d-\d\d/(?:c\d{{8}}-\d{{3}}|schema-\d+)\.parquet|_newsbeam/[\w.-]+"
)
_YEAR: Final = re.compile(r"date=(\d{4})-")


def faults(effort: Effort) -> Iterator[Tally]:
    """Yield what hostile names came to: in the lake, on terminals, on the page, in commands that are given them."""
    for number in range(_ROUNDS[effort.is_long]):
        world = HostileWorld(effort.folder / f"world-{number}", effort.seed + number)
        more = f" (seed {effort.seed + number})" if effort.is_long else ""
        for tally in _tallies(world, is_long=effort.is_long):
            yield replace(tally, fault=tally.fault + more)


def _tallies(world: HostileWorld, *, is_long: bool = False) -> Iterator[Tally]:
    before = _files_below(world.folder, but=world.lake)
    said = list(world.runs("topics,entities" if is_long else "none"))
    yield _lake_is_whole(world, said, before)
    yield _rows_are_equal(world)
    yield _no_orders(world, said, is_long=is_long)
    yield _page_is_harmless(world, is_long=is_long)
    yield _commands_find(world, every=5 if is_long else 16)


# --- the lake


def _lake_is_whole(world: HostileWorld, said: Sequence[Said], before: set[str]) -> Tally:
    tally = Tally("hostile names: nothing outside its partition", tries=len(NAMES))
    tally.hangs = sum(one.code is None for one in said)
    for one in said:
        tally.check(one.code == 0, f"a run ends with {one.code}: {one.text[-300:]!r}")
    new = _files_below(world.folder, but=world.lake) - before
    tally.check(not new, f"files outside the lake: {sorted(new)[:3]}")
    inside = _files_below(world.lake)
    others = [path for path in inside if not _LAKE_FILE.fullmatch(path)]
    tally.check(not others, f"files of no table: {others[:3]}")
    years = {found[1] for path in inside if (found := _YEAR.search(path))} - {"1970"}
    tally.check(years == {str(datetime.now(UTC).year)}, f"partitions of the years {sorted(years)}")
    return tally


def _rows_are_equal(world: HostileWorld) -> Tally:
    """Each record's row holds its values, as one line each and without control characters; its extra keys as given."""
    tally = Tally("hostile names: rows read back equal", tries=len(world.records))
    columns = "url, headline, publisher, byline, article_section, authors, keywords, extra->>'$.desk'"
    known = "where url like 'https://records.example/%'"
    try:
        rows = _asked(world, f"select {columns} from articles {known} union all select {columns} from copies {known}")
    except duckdb.Error as error:
        tally.check(False, f"DuckDB cannot read them: {error}"[:300])
        return tally
    tally.lost = len(set(world.records) - {row[0] for row in rows})
    tally.doubled = len(rows) - len({row[0] for row in rows})
    for url, headline, *lines, authors, keywords, desk in rows:
        given = world.records[url]
        wanted = [clean_line(given[name]) for name in ("publisher", "byline", "article_section")]
        tally.check(lines == wanted, f"lines of {url} are {lines!r}")
        title = clean_line(given["headline"])
        tally.check(title is None or headline == title, f"headline of {given['headline']!r} is {headline!r}")
        for name, values in (("authors", authors), ("keywords", keywords)):
            kept = [line for text in given[name] if (line := clean_line(text))]
            tally.check(values == kept, f"{name} of {given[name]!r} are {values!r}")
        tally.check(desk == without_surrogates(given["desk"]), f"extra of {given['desk']!r} is {desk!r}")
    return tally


def _files_below(folder: Path, but: Path | None = None) -> set[str]:
    paths = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return {os.path.relpath(path, folder) for path in paths if but is None or but not in path.parents}


def _asked(world: HostileWorld, query: str, **values: Any) -> list[tuple[Any, ...]]:
    connection = connect(str(world.lake))
    return connection.execute(query, values or None).fetchall()


# --- terminals


def _no_orders(world: HostileWorld, said: Sequence[Said], *, is_long: bool) -> Tally:
    """No command passes on what a terminal would obey, and each ends as it should."""
    tally = Tally("hostile names: no orders to a terminal", tries=len(said))
    shown = [("run", one) for one in said]
    for code, arguments in _commands(world, is_long=is_long):
        one, what = on_terminal(arguments), f"newsbeam {' '.join(arguments)[:70]!r}"
        shown.append((what, one))
        tally.tries += 1
        tally.check(code in (None, one.code), f"{what} ends with {one.code}: {one.text[-200:]!r}")
    for what, one in shown:
        tally.hangs += one.code is None
        tally.wrong += [f"{what} says {order!r}" for order in one.orders()[:1]]
    return tally


def _commands(world: HostileWorld, *, is_long: bool) -> Iterator[tuple[int | None, list[str]]]:
    """Yield commands, and the exit codes that they end with; None where that is the machine's to say."""
    lake, texts = str(world.lake), list(map(str, world.pages()))
    known = ["--lake", lake]
    [(feed,), *_] = _asked(world, "select feed_url from feeds where health <> 'ok' order by 1")
    everything = "select * exclude (first_seen_at) from articles union all by name select * from rejects"
    for form in ("table", "csv", "json"):
        yield 0, ["query", everything, *known, "--format", form]
    yield 2, ["query", "select \x1b]0;x\x07 from y", *known]
    yield 0, ["status", lake]
    yield 0, ["feeds", "list", *known]
    yield 0, ["feeds", "check", feed, *known]
    yield 2, ["explain", "no such \x1b]0;x\x07 file \u202e", texts[21], *known]
    yield 2, ["run", "--input", "no \x1b]0;owned\x07 such \u202e", "--output", lake]
    yield 0, ["erase", lake, "--match", "\x1b]0;owned\x07 and words", "--dry-run"]
    if is_long:
        yield 0, ["query", "select * from feeds", *known]
        yield 0, ["status", lake, "--json"]
        yield 2, ["run", "--feeds", "https:///\x1b]0;owned\x07", "--output", lake]
        yield 0, ["feeds", "list", *known, "--json"]
        yield 0, ["feeds", "export", *known]
        yield 0, ["sql", *known]
        yield 0, ["tag", "--json", texts[20]]
        yield 2, ["tag", texts[19], texts[22], "no such \x1b]0;x\x07 file \u202e"]
        yield 0, ["explain", texts[18], texts[20]]
        yield 0, ["explain", texts[20], texts[21], "--json"]
        yield 0, ["explain", "https://records.example/18", "https://records.example/20", *known]
        yield 0, ["erase", lake, "--domain", "records.example", "--dry-run", "--json"]
        yield None, ["doctor", "--offline", lake]
        yield None, ["doctor", "--offline", lake, "--json"]


# --- the page


def _page_is_harmless(world: HostileWorld, *, is_long: bool) -> Tally:
    tally, output = Tally("hostile names: the page is not fooled", tries=1), world.folder / "report.html"
    said = piped(["report", str(world.lake), "--output", str(output)])
    tally.check(said.code == 0, f"report ends with {said.code}: {said.text[-300:]!r}")
    if said.code != 0:
        return tally
    source = output.read_text("utf-8")
    try:
        assert_is_harmless(Page(source))
    except (AssertionError, ValueError) as error:
        tally.wrong.append(f"the page is not harmless: {str(error)[:200]}")
    tally.check(not ORDERS.search(source), f"on the page stands {ORDERS.search(source)!r}")
    tally.check("alert(1)" in html.document_fromstring(source).text_content(), "the attacks are not on the page")
    if is_long and (browser := shutil.which("chromium")):
        _look(browser, output, tally)
    return tally


def _look(browser: str, output: Path, tally: Tally) -> None:
    """Open the page in a browser: a script of the web's would have given it another title."""
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", output.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    title = html.document_fromstring(done.stdout.decode("utf-8", "replace") or "<p>").findtext(".//title") or ""
    tally.check(title != "" and "owned" not in title, f"the browser's title is {title!r}, exit code {done.returncode}")


# --- commands


def _commands_find(world: HostileWorld, every: int) -> Tally:
    """Names of files, addresses and words find what they name."""
    tally, lake = Tally("hostile names: commands that are given them"), str(world.lake)
    sources = {row[0] for row in _asked(world, "select source from articles union all select source from copies")}
    for number in range(0, len(NAMES), every):
        url, title = f"https://records.example/{number}", clean_line(NAMES[number])
        [(found,)] = _asked(world, "select count(*) from articles where headline = $name", name=title)
        tally.check(title is None or found > 0, f"no article by the headline {title!r}")
        path = str(world.pages()[number])
        for is_there, command in (
            (True, ["explain", url, url, "--lake", lake, "--json"]),
            (name_of_path(path) in sources, ["explain", path, path, "--json"]),
        ):
            said = piped(command)
            tally.tries += 1
            tally.check((said.code == 0) == is_there, f"{command} ends with {said.code}: {said.text[-200:]!r}")
    for flag, value in (("--match", "drop table articles"), ("--url", "https://records.example/13")):
        said = piped(["erase", lake, flag, value, "--json"])
        tally.tries += 1
        gone = sum(json.loads(said.text)["tables"].values()) if said.code == 0 else 0
        tally.check(gone > 0, f"erase {flag} {value} takes {gone} rows, ends with {said.code}: {said.text[-200:]!r}")
    left = _asked(world, "select count(*) from articles where article_body like '%drop table articles%'")
    tally.check(left == [(0,)], f"{left} articles after erase --match")
    return tally


# --- breaks


def breaks(effort: Effort) -> Iterator[Tally]:
    """Yield what is found once a fault is built in."""
    for number, (fault, built_in, look) in enumerate(
        (
            ("nothing is masked on a terminal", mock.patch.multiple(terminal, _MASKED={}, _ESCAPED={}), _orders),
            ("nothing is escaped on the page", mock.patch.object(page, "Environment", _careless), _page),
            ("a partition by a name", mock.patch.object(parquet_rows, "partition_path", _path_by_name), _lake),
            ("names are kept as they come", mock.patch.object(records, "clean_line", _as_it_comes), _rows),
            ("half a pair stays in JSON", mock.patch.object(records, "without_surrogates", _half_a_pair), _rows),
        )
    ):
        world = HostileWorld(effort.folder / f"break-{number}", effort.seed)
        before = _files_below(world.folder, but=world.lake)
        with built_in:
            said = list(world.runs("none"))
            yield replace(look(world, said, before), fault=f"break: {fault}")


def _lake(world: HostileWorld, said: Sequence[Said], before: set[str]) -> Tally:
    return _lake_is_whole(world, said, before)


def _rows(world: HostileWorld, said: Sequence[Said], before: set[str]) -> Tally:
    return _rows_are_equal(world)


def _orders(world: HostileWorld, said: Sequence[Said], before: set[str]) -> Tally:
    return _no_orders(world, said, is_long=False)


def _page(world: HostileWorld, said: Sequence[Said], before: set[str]) -> Tally:
    return _page_is_harmless(world, is_long=False)


_Environment: Final = page.Environment


def _careless(**settings: Any) -> Any:
    return _Environment(**{**settings, "autoescape": False})


def _path_by_name(table: str, day: date, file_name: str) -> str:
    return f"{table}/../../{day.isoformat()}-escaped/{file_name}"


def _as_it_comes(value: object, limit: int = 1_000) -> str | None:
    return value[:limit].encode("utf-8", "replace").decode() if isinstance(value, str) else None


def _half_a_pair(text: str) -> str:
    return json.dumps(json.loads(text))
