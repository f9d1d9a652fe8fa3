"""Whether a run that was killed and started again ends with the rows of one that was not.

    python tests/benchmarks/kills.py DATA [--pages 2000] [--kills 5] [--seed 1] [--cache DIR]
    python tests/benchmarks/kills.py DATA --self-check

DATA is the folder of development data; its pages are topped up with copies that differ in a trailing comment. First an
undisturbed run; then, each time on a new lake, a run that is killed (`kill -9`) and the same command once more to its
end. The ways to be killed:

- random moments spread over the run, in turn of the driver alone and of its whole process group
- a worker process alone, which the run must survive by itself; the fork server alone and SIGTERM to the whole group (as
  a service manager sends it), after which it may end with an error but must end
- the same with cycles of a tenth of the pages, so that most kills fall after some commits
- exact points inside a cycle: files written, all noted but not committed, committed but nothing published, half of the
  files published, and a second kill in the middle of the recovery

What is checked: 3 seconds after a kill no process of the run is left; readers see no file of a cycle that is not
committed; in the end the ids of every table are those of the undisturbed run, none twice; the accounts of all runs add
up to the rows; the published files are those that the memory knows, and no temporary file is left. Beside that "rows
equal" says whether all other columns, but for run and time, are the same too. Exit code 1 if a check fails.

`--self-check` builds faults into the command (files shown before the commit, a memory that is not rolled back, ...) and
ends with 0 only if each of them is caught.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

# Worker processes load this file again when it is the driver: what takes time to load is loaded where it is used.
from common import (
    Floors,
    fill_folder,
    fresh,
    heading,
    labelled_pages,
    newsbeam,
    parser,
    say,
    table,
    tree_of,
    unpack,
    working_folder,
)

IDS = {"articles": "article_id", "copies": "copy_id", "rejects": "reject_id"}
SECONDS_TO_BE_GONE = 3.0
SECONDS_TO_END = 60.0
"""Beside twice the undisturbed run's time: a run that is not killed whole and has not ended by then hangs."""

RETRIES = 4
"""How often a kill that came too late is tried again, each time earlier."""

VICTIMS = {
    "driver": (-signal.SIGKILL,),
    "group": (-signal.SIGKILL,),
    "worker": (0,),
    "fork server": (0, 1),
    "group, SIGTERM": (0, 1),
}
"""Who may be killed, and the exit codes of the run that are right then."""

COPIES_AT = "https://copies.example/"
AS_DRIVER = "--as-driver"
MARK = "NEWSBEAM_BENCHMARK_MARK"
"""A variable by which every process that a run starts is known, whoever its parent is by then."""


# The driver: the command, made to die at a point, or with a fault built in


def drive(wishes: Mapping[str, Any], arguments: Sequence[str]) -> int:
    """Run the command with other cycles, a death or a fault; returns its exit code."""
    from pipeline import cli

    cli._quieten_libraries()  # before anything loads Beam, as the command does
    from pipeline import input_plan

    if wishes.get("slices"):
        input_plan.CYCLE_SLICES = wishes["slices"]  # type: ignore[misc]  # final, but for this
    if wishes.get("point"):
        POINTS[wishes["point"]](_Nth(wishes.get("cycle", 1)))
    if wishes.get("fault"):
        FAULTS[wishes["fault"]]()
    return cli.main(arguments)


@dataclass
class _Nth:
    """Tells when something happens for the nth time."""

    wanted: int
    seen: int = 0

    def __call__(self) -> bool:
        self.seen += 1
        return self.seen == self.wanted


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_when_written(now: _Nth) -> None:
    from pipeline import cycle

    real = cycle.sync
    cycle.sync = lambda *given: _die() if now() else real(*given)


def _die_when_noted(now: _Nth) -> None:
    from pipeline.memory import Memory

    real = Memory.note_cycle

    def note_cycle(*given: Any) -> None:
        real(*given)
        if now():
            _die()

    Memory.note_cycle = note_cycle  # type: ignore[method-assign]


def _die_when_committed(now: _Nth) -> None:
    from pipeline import cycle

    real = cycle.publish
    cycle.publish = lambda *given: _die() if now() else real(*given)


def _die_half_published(now: _Nth) -> None:
    from pipeline import cycle

    cycle.publish = _halfway(cycle.publish, now)


def _die_recovering(now: _Nth) -> None:
    from pipeline import lake

    lake.publish = _halfway(lake.publish, now)


def _halfway(real: Callable[..., None], now: _Nth) -> Callable[..., None]:
    def publish(lake: Any, paths: Any) -> None:
        paths = list(paths)
        if now():
            real(lake, paths[: len(paths) // 2])
            _die()
        real(lake, paths)

    return publish


POINTS: Mapping[str, Callable[[_Nth], None]] = {
    "files written": _die_when_written,
    "noted, not committed": _die_when_noted,
    "committed, not published": _die_when_committed,
    "half published": _die_half_published,
    "half recovered": _die_recovering,
}


def _show_before_commit(rename: Callable[[str], str] = str) -> None:
    from pipeline import cycle

    real = cycle.sync

    def sync(lake: Any, files: Any) -> None:
        for file in files:
            target = lake.root / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(lake.unpublished / file.path, target.with_name(rename(target.name)))
        real(lake, files)

    cycle.sync = sync


def _show_under_other_name() -> None:
    _show_before_commit(lambda name: f"early-{os.getpid()}-{name}")


def _never_roll_back() -> None:
    from pipeline.memory import Memory

    @contextmanager
    def cycle(memory: Memory) -> Iterator[int]:
        (last,) = memory._row("select coalesce(max(number), 0) from cycles")
        yield last + 1

    Memory.cycle = cycle  # type: ignore[method-assign]


def _never_recover() -> None:
    from pipeline.commands import run

    run.recover = lambda *_: (0, 0)


def _leave_a_process() -> None:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)


FAULTS: Mapping[str, Callable[[], None]] = {
    "shown before the commit": _show_before_commit,
    "shown before the commit, under a name of its own": _show_under_other_name,
    "memory not rolled back": _never_roll_back,
    "no recovery": _never_recover,
    "a process left": _leave_a_process,
}
"""Faults that the harness must catch, by what is wrong."""

FATAL_POINT = {"memory not rolled back": "files written", "no recovery": "committed, not published"}
"""Where a fault shows; the others at any point before the commit."""


# What is in a lake


@dataclass(frozen=True)
class Contents:
    """What readers see in a lake."""

    ids: Mapping[str, Counter[str]]
    rows: Mapping[str, Counter[str]]
    """Digests of whole rows, but for their run and time."""
    accounted: int
    """Rows that the accounts of all runs claim."""

    def doubled(self) -> int:
        """How many ids stand in a table more than once."""
        return sum(count > 1 for ids in self.ids.values() for count in ids.values())

    def total(self) -> int:
        """How many rows there are."""
        return sum(ids.total() for ids in self.ids.values())


def contents_of(lake: Path) -> Contents:
    """Read all tables of a lake."""
    ids = {name: Counter(_column(lake, name, column)) for name, column in IDS.items()}
    rows = {name: Counter(_column(lake, name, "md5(x::varchar)", _WITHOUT_RUN)) for name in IDS}
    accounted = sum(_column(lake, "runs", "articles + copies + rejects"))
    return Contents(ids, rows, accounted)


_WITHOUT_RUN = "(select x from (select * exclude (run_id, first_seen_at, date) from {files}) as x)"


def _column(lake: Path, name: str, column: str, source: str = "{files}") -> list[Any]:
    import duckdb

    files = f"read_parquet('{lake / name / '**' / '*.parquet'}', union_by_name = true, hive_partitioning = true)"
    rows = duckdb.sql(f"select {column} from {source.format(files=files)}").fetchall()
    return [value for (value,) in rows]


def unpublished_files(lake: Path) -> int:
    """How many temporary files there are."""
    return sum(path.is_file() for path in (lake / "_newsbeam" / "tmp").rglob("*"))


def visible_files(lake: Path) -> set[str]:
    """Paths of the files that readers see, but for those without rows that every lake starts with."""
    found = (path.relative_to(lake) for path in lake.glob("*/*/*.parquet"))
    return {str(path) for path in found if not path.name.startswith("schema-")}


def committed_files(lake: Path) -> set[str]:
    """Paths of the files that the memory knows, read from a copy of it so that nothing is changed by the look."""
    if not (lake / "_newsbeam" / "memory.sqlite").exists():
        return set()
    with tempfile.TemporaryDirectory() as scratch:
        for path in (lake / "_newsbeam").glob("memory.sqlite*"):
            shutil.copy(path, scratch)
        connection = sqlite3.connect(Path(scratch, "memory.sqlite"))
        try:
            return {path for (path,) in connection.execute("select path from files")}
        except sqlite3.OperationalError:
            return set()  # killed before its tables were made
        finally:
            connection.close()


# One try


@dataclass(frozen=True)
class Death:
    """How a run is ended: after `share` of the undisturbed run's time, or at a point by itself."""

    whose: str = "driver"
    share: float = 0.0
    point: str = ""
    cycle: int = 1

    def __str__(self) -> str:
        return f"{self.point} (cycle {self.cycle})" if self.point else f"{self.whose} at {self.share:.0%}"


@dataclass
class Outcome:
    """What became of a try: what was found wrong, and figures of note."""

    wrong: list[str] = field(default_factory=list)
    gone_after: float = 0.0
    committed_files: int = 0
    too_late: bool = False
    """Whether the run had ended before it could be killed: the machine is faster now than in the undisturbed run."""
    rows_equal: bool = True

    def check(self, holds: bool, otherwise: str) -> None:
        """Note what is wrong where a check does not hold."""
        if not holds:
            self.wrong.append(otherwise)


@dataclass(frozen=True)
class Trial:
    """A folder of pages, a lake for the tries, and what an undisturbed run comes to."""

    pages: Path
    lake: Path
    slices: int = 0
    fault: str = ""
    seconds: float = 0.0
    expected: Contents | None = None

    def command(self, death: Death | None = None) -> list[str]:
        """The command line; the installed command itself where nothing is to be changed in it."""
        run = newsbeam("run", "--input", self.pages, "--output", self.lake, "--quiet", "--tags", "topics")
        wishes = {"slices": self.slices, "fault": self.fault}
        if death and death.point:
            wishes |= {"point": death.point, "cycle": death.cycle}
        return [sys.executable, __file__, AS_DRIVER, json.dumps(wishes), *run[1:]] if any(wishes.values()) else run


def undisturbed(trial: Trial) -> Trial:
    """Run to the end on a new lake; returns the trial with what it came to."""
    fresh(trial.lake)
    started = time.perf_counter()
    subprocess.run(trial.command(), check=True)
    seconds = time.perf_counter() - started
    return replace(trial, seconds=seconds, expected=contents_of(trial.lake))


def attempt(trial: Trial, deaths: Sequence[Death]) -> Outcome:
    """Run on a new lake, die once or several times, run to the end, and look at everything."""
    fresh(trial.lake)
    outcome = Outcome()
    for death in deaths:
        if _survives(trial, death, outcome):
            _compare(trial, outcome)
            return outcome
        outcome.committed_files = len(committed_files(trial.lake))
        early = visible_files(trial.lake) - committed_files(trial.lake)
        outcome.check(not early, f"{len(early)} files seen that no commit covers")
    done = subprocess.run(trial.command(), capture_output=True, text=True)
    outcome.check(done.returncode == 0, f"the run after it ended with {done.returncode}: {done.stderr[-200:].strip()}")
    _compare(trial, outcome)
    return outcome


def _survives(trial: Trial, death: Death, outcome: Outcome) -> bool:
    """Start a run and kill it; whether it went on to its end all the same, as it must when a worker is killed."""
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        trial.command(death), env=os.environ | {MARK: mark}, start_new_session=True, stderr=subprocess.DEVNULL
    )
    try:
        if not death.point:
            _kill_in_time(process, death, trial.seconds, outcome)
        code = process.wait(2 * trial.seconds + SECONDS_TO_END)
        outcome.too_late = code == 0 and death.whose in ("driver", "group") and not death.point
        codes = VICTIMS[death.whose]
        outcome.check(code in codes, f"the run ended with {code}, not {' or '.join(map(str, codes))}")
    except subprocess.TimeoutExpired:
        code = -signal.SIGKILL
        outcome.check(False, "the run hung")
    finally:
        if process.poll() is None:  # it hangs, or this program itself is being stopped
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    outcome.gone_after = max(outcome.gone_after, _seconds_until_gone(mark, outcome))
    return code == 0


def _kill_in_time(process: subprocess.Popen[Any], death: Death, seconds: float, outcome: Outcome) -> None:
    time.sleep(death.share * seconds)
    if process.poll() is not None:
        return
    if death.whose == "group":
        os.killpg(process.pid, signal.SIGKILL)
    elif death.whose == "group, SIGTERM":
        os.killpg(process.pid, signal.SIGTERM)
    elif death.whose == "driver":
        process.kill()
    else:
        _kill_one(process.pid, death.whose, outcome)


def _kill_one(pid: int, whose: str, outcome: Outcome) -> None:
    """Kill a worker process, or the fork server that they come from."""
    workers = _workers_of(pid)
    outcome.check(bool(workers), "no worker process was found")
    for worker in workers[:1]:
        (worker if whose == "worker" else worker.parent()).kill()


def _workers_of(pid: int) -> list[Any]:
    """The worker processes: children of the fork server, which is a child of the driver."""
    return [process for process in tree_of(pid)[1:] if process.ppid() != pid]


def _seconds_until_gone(mark: str, outcome: Outcome) -> float:
    started = time.perf_counter()
    while left := _marked(mark):
        if time.perf_counter() - started > SECONDS_TO_BE_GONE:
            outcome.check(False, f"{len(left)} processes left after {SECONDS_TO_BE_GONE:g} s")
            for process in left:
                process.kill()
            break
        time.sleep(0.05)
    return time.perf_counter() - started


def _marked(mark: str) -> list[Any]:
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def _compare(trial: Trial, outcome: Outcome) -> None:
    """Compare what readers see in the end with the undisturbed run."""
    found, expected = contents_of(trial.lake), trial.expected
    assert expected is not None, "undisturbed() comes first"
    for name in IDS:
        missing, more = expected.ids[name] - found.ids[name], found.ids[name] - expected.ids[name]
        outcome.check(not missing, f"{name}: {missing.total()} missing")
        outcome.check(not more, f"{name}: {more.total()} too many")
    outcome.check(not found.doubled(), f"{found.doubled()} ids doubled")
    outcome.check(found.accounted == found.total(), f"accounts claim {found.accounted} rows of {found.total()}")
    left = unpublished_files(trial.lake)
    outcome.check(not left, f"{left} temporary files left")
    outcome.check(visible_files(trial.lake) == committed_files(trial.lake), "files and memory do not agree")
    outcome.rows_equal = found.rows == expected.rows


# The report


def random_deaths(count: int, chance: random.Random) -> list[Death]:
    """Return deaths at random moments, one in each of `count` equal parts of the run, of driver and group in turn."""
    moments = [(number + chance.random()) / count * 0.97 for number in range(count)]
    return [Death(("driver", "group")[number % 2], share) for number, share in enumerate(moments)]


def exact_deaths(cycle: int) -> list[list[Death]]:
    """Return a death at each point of a cycle, and the one that is killed again while it recovers."""
    points = [[Death(point=point, cycle=cycle)] for point in POINTS if point != "half recovered"]
    return [*points, [Death(point="committed, not published", cycle=cycle), Death(point="half recovered")]]


def report(trial: Trial, name: str, tries: Sequence[Sequence[Death]], floors: Floors) -> str:
    """Carry out tries; returns their table."""
    say(f"{name}: undisturbed")
    trial = undisturbed(trial)
    assert trial.expected is not None
    sizes = ", ".join(f"{table_name} {ids.total():,}" for table_name, ids in trial.expected.ids.items())
    rows = []
    for deaths in tries:
        say(f"{name}: {', then '.join(map(str, deaths))}")
        outcome = attempt(trial, deaths)
        for _ in range(RETRIES):
            if not outcome.too_late:
                break
            deaths = [replace(deaths[0], share=deaths[0].share * 0.6)]
            outcome = attempt(trial, deaths)
        floors.holds(f"{name}, {deaths[0]}: {'; '.join(outcome.wrong)}", not outcome.wrong)
        rows.append(_row(deaths, outcome))
    return f"**{name}** (undisturbed: {trial.seconds:.1f} s; {sizes})\n\n{table(rows)}\n"


def _row(deaths: Sequence[Death], outcome: Outcome) -> dict[str, str]:
    return {
        "killed": ", then ".join(map(str, deaths)),
        "files committed by then": str(outcome.committed_files),
        "last process gone after": f"{outcome.gone_after:.1f} s",
        "rows equal": "yes" if outcome.rows_equal else "no",
        "found wrong": "; ".join(outcome.wrong).replace("\n", " ") or "nothing",
    }


def check_kills(options: argparse.Namespace, scratch: Path) -> int:
    """Kill runs in all ways and print the report; returns the exit code."""
    floors, chance = Floors(), random.Random(options.seed)
    pages = sorted(labelled_pages(scratch), key=lambda path: path.stat().st_size)[: options.of]
    chance.shuffle(pages)
    trial = Trial(fresh(scratch / "kill-pages"), scratch / "lake")
    fill_folder(trial.pages, pages, options.pages, COPIES_AT)
    small = replace(trial, slices=max(1, options.pages // 10))
    parts = [[Death(whose, 0.3 + chance.random() / 2)] for whose in ("worker", "fork server", "group, SIGTERM")]
    spread = [[death] for death in random_deaths(options.kills, chance)]
    print(report(trial, "cycles as they are", spread + parts, floors), flush=True)
    again = [[death] for death in random_deaths(options.kills, chance)]
    print(report(small, f"cycles of {small.slices} pages", again + exact_deaths(chance.randint(2, 8)), floors))
    return floors.code()


def check_self(scratch: Path) -> int:
    """Build each fault into the command and see that it is caught; returns 1 if one is not."""
    floors, rows = Floors(), []
    trial = Trial(fresh(scratch / "kill-pages"), scratch / "lake", slices=10)
    fill_folder(trial.pages, labelled_pages(scratch)[:30], 45, COPIES_AT)
    trial = undisturbed(trial)
    for fault in ("", *FAULTS):
        say(f"fault: {fault or 'none'}")
        death = Death(point=FATAL_POINT.get(fault, "noted, not committed"), cycle=2)
        outcome = attempt(replace(trial, fault=fault), [death])
        caught = floors.holds(fault or "no fault, none found", bool(outcome.wrong) == bool(fault))
        found = "; ".join(outcome.wrong).replace("\n", " ") or "nothing"
        rows.append({"fault": fault or "none", "killed": str(death), "found wrong": found, "as it must be": caught})
    print(table(rows))
    return floors.code()


def main() -> int:
    """Be the driver, or kill drivers."""
    if sys.argv[1:2] == [AS_DRIVER]:
        return drive(json.loads(sys.argv[2]), sys.argv[3:])
    arguments = parser(__doc__)
    arguments.add_argument("data", type=Path, metavar="DATA", help="folder of development data")
    arguments.add_argument("--pages", type=int, default=2_000, metavar="N", help="pages of a run (default: 2000)")
    arguments.add_argument("--of", type=int, metavar="N", help="take only the N smallest of the labelled pages")
    arguments.add_argument("--kills", type=int, default=5, metavar="N", help="random moments, each set (default: 5)")
    arguments.add_argument("--seed", type=int, default=1, metavar="N", help="of the random moments (default: 1)")
    arguments.add_argument("--cache", type=Path, metavar="DIR", help="keep unpacked pages here")
    arguments.add_argument("--self-check", action="store_true", help="prove that built-in faults are caught")
    options = arguments.parse_args()
    print(heading("Killed runs", options))
    with working_folder(options.cache) as scratch:
        unpack(options.data, scratch)
        code = check_self(scratch) if options.self_check else check_kills(options, scratch)
        fresh(scratch / "lake")
        return code


if __name__ == "__main__":
    sys.exit(main())
