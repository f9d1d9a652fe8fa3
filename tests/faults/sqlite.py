"""Faults of the memory between runs: damaged, lost, old, held by others, of an older version; and made anew.

A lake is filled by a run and a takedown. Then its memory is damaged, and the next run must end in order, or say in a
line what is wrong and write nothing; `newsbeam memory rebuild` makes the memory anew; and the runs that follow must
fill the lake as those of an undisturbed one: copies, later texts of pages and what was taken down told as if nothing
had been.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.faults import sqlite_damage
from tests.faults.contents import Contents, compare, contents_of, left_over
from tests.faults.kill_points import change
from tests.faults.runs import Change, Forks, HungError, forking
from tests.faults.sqlite_damage import DAMAGE, damage_log, held, make_first_version, memory_of, zero_table
from tests.faults.tally import Effort, Tally
from tests.http_server import HttpServer, Reply
from tests.samples import html_page, paragraphs, record, text_of, write_lines

_TRIES: Final = {True: 25, False: 1}
"""Of each kind of damage, in the long form and in the short one, which also leaves kinds out."""
_SHORT: Final = ("cut off", "deleted", "random bytes")
_SECONDS: Final = 60.0
"""After which a command hangs."""
_ERASED: Final = "https://ledger.example/news/n2"


def write_inputs(folder: Path) -> tuple[Path, Path]:
    """Write the inputs of two days.

    The second day has copies, later texts and unchanged texts of the first one's pages, in other bytes, so that only
    the decision can tell; and what was taken down.
    """
    one, two = folder / "one", folder / "two"
    one.mkdir(parents=True)
    two.mkdir()
    for number in range(8):
        (one / f"{number}.html").write_text(html_page(f"n{number}"))
    for number in (1, 2, 5):
        (one / f"copy{number}.html").write_text(html_page(f"n{number}", url=f"https://mirror.example/{number}"))
    (one / "text.txt").write_text(text_of("t"))
    (one / "wall.html").write_text("<html><form>Sign in</form></html>")
    later = record("later", url="https://ledger.example/news/n3")
    write_lines(one / "z.jsonl", [record("r1"), later, {"neither": 1}])
    for number in (0, 2, 4):
        (two / f"again{number}.html").write_text(html_page(f"n{number}") + "\n")
    (two / "new.html").write_text(html_page("new"))
    for number in (0, 5, 6):
        (two / f"third{number}.html").write_text(html_page(f"n{number}", url=f"https://third.example/{number}"))
    longer = [*paragraphs("n6"), "One more sentence follows here in the third paper, which has asked the clerk again."]
    (two / "near.html").write_text(html_page("n6", url="https://fourth.example/6", text=longer))
    write_lines(
        two / "z.jsonl", [{**later, "headline": "The same text"}, record("r1", byline="Ada Moss"), record("r2")]
    )
    return one, two


@dataclass
class _Bench:
    """What all tries share."""

    folder: Path
    forks: Forks
    random: Random
    changes: tuple[Change, ...] = ()
    """Faults that are built into the commands."""
    one: Path = Path()
    two: Path = Path()
    template: Path = Path()
    """A lake of the first day, with a takedown."""
    with_log: Path = Path()
    """The same, its last run killed when all was done: much of its memory lies in the log."""
    expected: Contents = field(default_factory=lambda: Contents({}, {}, {}, True))
    count: int = 0

    def prepare(self) -> None:
        """Make the lakes that tries begin with, and the one that they are held against."""
        self.one, self.two = write_inputs(self.folder / "inputs")
        self.template, self.with_log, whole = (self.folder / name for name in ("template", "with-log", "whole"))
        for lake in (self.template, self.with_log):
            self.must(self._run(lake, self.one))
            self.must(("erase", lake, "--url", _ERASED, "--json"))
        shutil.copytree(self.template, whole)
        self.command(self._run(self.with_log, self.one), [change(sqlite_damage.die_before_closing)])
        self.must(self._run(whole, self.one, self.two))
        self.expected = contents_of(whole)

    def new_lake(self, template: Path | None = None) -> Path:
        """Return a copy of a template."""
        self.count += 1
        lake = self.folder / f"lake{self.count}"
        shutil.copytree(template or self.template, lake)
        return lake

    def command(self, arguments: Sequence[object], changes: Sequence[Change] = ()) -> tuple[int, str]:
        """Run a command; returns its exit code and what it said.

        Raises:
            HungError: it did not end.
        """
        running = self.forks.start(arguments, [*self.changes, *changes])
        return running.wait(_SECONDS), running.said()

    def must(self, arguments: Sequence[object]) -> None:
        """Run a command without faults that must succeed."""
        running = self.forks.run(arguments, seconds=_SECONDS)
        code = running.wait(_SECONDS)
        if code:
            raise RuntimeError(f"{arguments} ended with {code}: {running.said()}")

    def run(self, lake: Path, changes: Sequence[Change] = ()) -> tuple[int, str]:
        """Run over the inputs of both days."""
        return self.command(self._run(lake, self.one, self.two), changes)

    def _run(self, lake: Path, *inputs: Path) -> list[object]:
        flags = ("--processes", "1", "--tags", "none", "--quiet")
        return ["run", "--input", *inputs, "--output", lake, *flags]

    def rebuild(self, lake: Path, changes: Sequence[Change] = ()) -> tuple[int, str]:
        """Make a memory anew, also where it seems healthy."""
        code, said = self.command(("memory", "rebuild", lake), changes)
        if code == 2 and "is healthy" in said:
            code, said = self.command(("memory", "rebuild", lake, "--force"), changes)
        return code, said


def faults(effort: Effort) -> Iterator[Tally]:
    """Yield what became of each kind of fault."""
    with forking(effort.folder / "said") as forks:
        bench = _Bench(effort.folder, forks, Random(effort.seed))
        bench.prepare()
        short = (_damage, _log_damaged, _killed_rebuilding, _migrated, _feeds)
        for trial in (*short, _damaged_beside_log, _old_copy, _held, _lost_tombstones) if effort.is_long else short:
            yield from trial(bench, effort)


def breaks(effort: Effort, only: Sequence[str] = ()) -> Iterator[Tally]:
    """Yield a tally for each fault that is built in, which its check must find."""
    with forking(effort.folder / "said") as forks:
        bench = _Bench(effort.folder, forks, Random(effort.seed))
        bench.prepare()
        for function, trial in _BREAKS.items():
            if only and function.__name__ not in only:
                continue
            bench.changes = (change(function),)
            tally = Tally(function.__name__)
            for found in trial(bench, Effort(effort.folder, effort.seed)):
                _add(tally, found)
            yield tally


def _add(tally: Tally, found: Tally) -> None:
    tally.tries += found.tries
    tally.lost += found.lost
    tally.doubled += found.doubled
    tally.hangs += found.hangs
    tally.wrong += found.wrong


# Trials


def _damage(bench: _Bench, effort: Effort) -> Iterator[Tally]:
    for name, damage in DAMAGE.items():
        if not effort.is_long and name not in _SHORT:
            continue
        tally = Tally(f"memory {name}")
        for number in range(_TRIES[effort.is_long]):
            _after(bench, tally, bench.new_lake(), damage, f"{name}, try {number}")
        yield tally


def _log_damaged(bench: _Bench, effort: Effort) -> Iterator[Tally]:
    tally = Tally("log of the memory damaged or deleted")
    for number in range(_TRIES[effort.is_long]):
        _after(bench, tally, bench.new_lake(bench.with_log), damage_log, f"log, try {number}")
    yield tally


def _damaged_beside_log(bench: _Bench, effort: Effort) -> Iterator[Tally]:
    """Damage a file whose latest cycles lie in its log, and make it anew before anything has brought them together."""
    tally = Tally("memory damaged beside its log", tries=1)
    lake = bench.new_lake(bench.with_log)
    zero_table(lake, "slices")
    _check_rebuilt(bench, tally, lake, "beside its log")
    # Beside the new memory it may be taken for that one's: what it does there depends on its pages.
    tally.check(any(memory_of(lake).parent.glob("memory.sqlite.damaged-*-wal")), "the log did not go with its file")
    yield tally


def _old_copy(bench: _Bench, effort: Effort) -> Iterator[Tally]:
    tally = Tally("old copy of the memory restored")
    lake = bench.new_lake()
    old = bench.folder / "old.sqlite"
    shutil.copy(memory_of(lake), old)
    bench.must(("run", "--input", bench.two, "--output", lake, "--processes", "1", "--tags", "none", "--quiet"))
    _after(bench, tally, lake, lambda lake, _: shutil.copy(old, memory_of(lake)), "old copy", must_fail=True)
    yield tally


def _after(
    bench: _Bench,
    tally: Tally,
    lake: Path,
    damage: Callable[[Path, Random], Any],
    where: str,
    *,
    must_fail: bool = False,
) -> None:
    """Damage a memory, run, make the memory anew, run again, and hold the lake against the undisturbed one."""
    tally.tries += 1
    damage(lake, bench.random)
    before = contents_of(lake)
    try:
        code, said = bench.run(lake)
        if code:
            tally.check(contents_of(lake) == before, f"{where}: rows written by a run that failed")
        tally.check(code == 1 or not must_fail, f"{where}: the run ended with {code}")
        _check_said(tally, code, said, where)
        _check_rebuilt(bench, tally, lake, where)
    except HungError as error:
        tally.hangs += 1
        tally.wrong.append(f"{where}: {error}")
    shutil.rmtree(lake)


def _check_said(tally: Tally, code: int, said: str, where: str) -> None:
    tally.check("Traceback" not in said, f"{where}: a traceback: {said[-200:]}")
    tally.check(code in (0, 1), f"{where}: exit code {code}: {said[-200:]}")
    if code == 1:
        tally.check("memory rebuild" in said, f"{where}: no remedy named: {said[-200:]}")
        tally.check(len(said.strip().splitlines()) == 1, f"{where}: more than a line: {said[-300:]}")


def _check_rebuilt(bench: _Bench, tally: Tally, lake: Path, where: str, changes: Sequence[Change] = ()) -> None:
    code, said = bench.rebuild(lake, changes)
    tally.check(code == 0, f"{where}: rebuild ended with {code}: {said[-300:]}")
    for _ in range(2):  # the second one over what the first one knows
        code, said = bench.run(lake)
        tally.check(code == 0, f"{where}: the run after it ended with {code}: {said[-300:]}")
    compare(tally, contents_of(lake), bench.expected, where)
    for left in left_over(lake):
        tally.wrong.append(f"{where}: {left}")


def _killed_rebuilding(bench: _Bench, effort: Effort) -> Iterator[Tally]:
    tally = Tally("rebuild killed")
    for nth in range(1, 60) if effort.is_long else (9,):
        lake = bench.new_lake(bench.with_log)
        code, _ = bench.command(("memory", "rebuild", lake, "--force"), [change(sqlite_damage.die_rebuilding, nth)])
        if code == 0:
            break  # it has fewer deeds
        tally.tries += 1
        _check_rebuilt(bench, tally, lake, f"killed at deed {nth}")
        shutil.rmtree(lake)
    yield tally


def _held(bench: _Bench, effort: Effort) -> Iterator[Tally]:
    holds = {
        "memory held for writing": ("begin immediate", "delete from slices where 0"),
        "memory held exclusively": ("pragma locking_mode = exclusive", "begin exclusive", "delete from slices"),
    }
    for name, statements in holds.items():
        tally, lake = Tally(name, tries=1), bench.new_lake()
        before = contents_of(lake)
        with held(lake, *statements):
            code, said = bench.run(lake, [change(sqlite_damage.have_little_patience)])
            tally.check(code == 1, f"{name}: the run ended with {code}")
            tally.check("Another program holds it" in said and "Traceback" not in said, f"{name}: said {said[-300:]}")
            if "exclusively" not in name:
                code, said = bench.command(("status", lake, "--json"))
                tally.check(code == 0, f"{name}: status ended with {code}: {said[-300:]}")
        tally.check(contents_of(lake) == before, f"{name}: rows written by a run that failed")
        _check_goes_on(bench, tally, lake, name)
        yield tally
    tally, lake = Tally("memory read by others during a run", tries=1), bench.new_lake()
    with held(lake, "begin", "select count(*) from inputs"):
        _check_goes_on(bench, tally, lake, "a reader", [change(sqlite_damage.have_little_patience)])
    yield tally


def _check_goes_on(bench: _Bench, tally: Tally, lake: Path, where: str, changes: Sequence[Change] = ()) -> None:
    code, said = bench.run(lake, changes)
    tally.check(code == 0, f"{where}: the run ended with {code}: {said[-300:]}")
    compare(tally, contents_of(lake), bench.expected, where)


def _migrated(bench: _Bench, effort: Effort) -> Iterator[Tally]:
    tally = Tally("memory of version 1, killed while it is lifted")
    for nth in (1, 2, 3, 4, 5) if effort.is_long else (3, 5):
        lake = bench.new_lake()
        make_first_version(lake)
        tally.tries += 1
        code, said = bench.command(("status", lake, "--json"))
        tally.check(code == 0, f"status of version 1 ended with {code}: {said[-300:]}")
        bench.run(lake, [change(sqlite_damage.die_migrating, nth)])
        _check_goes_on(bench, tally, lake, f"killed at statement {nth}")
        shutil.rmtree(lake)
    yield tally


def _lost_tombstones(bench: _Bench, effort: Effort) -> Iterator[Tally]:
    tally, lake = Tally("memory and takedowns lost", tries=1), bench.new_lake()
    for path in (*memory_of(lake).parent.glob("memory.sqlite*"), lake / "_newsbeam" / "tombstones.json"):
        path.unlink()
    code, said = bench.rebuild(lake)
    tally.check(code == 1 and "--accept-lost-erasures" in said, f"rebuild ended with {code}: {said[-300:]}")
    tally.check(not memory_of(lake).exists(), "a memory that knows no takedown was made")
    code, said = bench.command(("memory", "rebuild", lake, "--accept-lost-erasures"))
    tally.check(code == 0, f"rebuild with the flag ended with {code}: {said[-300:]}")
    bench.must(("erase", lake, "--url", _ERASED, "--json"))
    _check_goes_on(bench, tally, lake, "erased again")
    yield tally


# Feeds


def _feeds(bench: _Bench, effort: Effort) -> Iterator[Tally]:
    """Lose the memory of a lake that polls: the state of feeds, pages that wait, and hosts."""
    with HttpServer() as server:
        expected = contents_of(_polled(bench, server, "feeds-whole", None))
        for name, damage in {"deleted": sqlite_damage.lose, "pages of zeros": sqlite_damage.zero_pages}.items():
            if not effort.is_long and name != "deleted":
                continue
            tally = Tally(f"memory of feeds {name}")
            for number in range(_TRIES[effort.is_long] if name != "deleted" else 1):
                tally.tries += 1
                lake = _polled(bench, server, f"feeds-{name}-{number}", damage, tally)
                compare(tally, contents_of(lake), expected, f"feeds, {name}, try {number}")
            yield tally


def _polled(
    bench: _Bench,
    server: HttpServer,
    name: str,
    damage: Callable[[Path, Random], Any] | None,
    tally: Tally | None = None,
) -> Path:
    """Poll a feed, damage the memory and make it anew, and poll it again two hours later."""
    lake = bench.folder / name
    _serve(server, ["whole", "page", "wall", "late"], late=503)
    _poll(bench, server, lake, 0)
    if damage is not None and tally is not None:
        damage(lake, bench.random)
        code, said = bench.rebuild(lake)
        tally.check(code == 0, f"{name}: rebuild ended with {code}: {said[-300:]}")
    _serve(server, ["whole", "page", "wall", "late", "new"], late=200)
    _poll(bench, server, lake, 7_200)
    return lake


def _poll(bench: _Bench, server: HttpServer, lake: Path, later: int) -> None:
    flags = ("--allow-private", "--host-gap", "0", "--processes", "1", "--tags", "none", "--quiet")
    arguments = ("run", "--feeds", server.url("/feed"), "--output", lake, *flags)
    bench.forks.run(arguments, [change(sqlite_damage.jump, later)], seconds=_SECONDS)


def _serve(server: HttpServer, items: Sequence[str], late: int) -> None:
    from tests.pipeline.test_feeds_run import full, item, rss

    markup = [full(name) if name == "whole" else item(name, server.url(f"/{name}")) for name in items]
    server.on("/feed", Reply(200, {"content-type": "application/rss+xml"}, rss(markup)))
    html = {"content-type": "text/html; charset=utf-8"}
    for name in ("page", "new", "late"):
        status = late if name == "late" else 200
        server.on(f"/{name}", Reply(status, html, html_page(name, url=server.url(f"/{name}")).encode()))
    server.on("/wall", Reply(200, html, b"<html><form>Sign in</form></html>"))
    server.on("/robots.txt", Reply(404))


_BREAKS: Final[dict[Callable[[], None], Callable[[_Bench, Effort], Iterator[Tally]]]] = {
    sqlite_damage.forget_later_rows: _damage,
    sqlite_damage.forget_tombstones: _damage,
    sqlite_damage.forget_inputs: _damage,
    sqlite_damage.forget_cycles: _damage,
    sqlite_damage.take_any_memory: _damage,
    sqlite_damage.say_nothing_of_damage: _damage,
    sqlite_damage.leave_the_log: _damaged_beside_log,
    sqlite_damage.migrate_step_by_step: _migrated,
    sqlite_damage.keep_no_log: _held,
}
