"""A command over a lake that is killed, run once more to its end, and compared with one that was not killed."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Final

from tests.faults.contents import COMPARED, Contents, committed_files, compare, contents_of, left_over, visible_files
from tests.faults.kill_points import OF_A_CYCLE, POINTS, change
from tests.faults.runs import SECONDS_TO_BE_GONE, Change, Forks, HungError, Running
from tests.faults.tally import Tally

SECONDS_TO_END: Final = 60.0
"""Beside twice the undisturbed run's time: a run that has not ended by then hangs."""

VICTIMS: Final = {
    "driver": (-signal.SIGKILL,),
    "driver and workers": (-signal.SIGKILL,),
    "worker": (0,),
    "fork server": (0, 1),
    "group, SIGTERM": (0, 1),
}
"""Who may be killed, and the exit codes of the run that are right then."""

_RETRIES: Final = 4
"""How often a kill that came too late is tried again, each time earlier."""


@dataclass(frozen=True)
class Death:
    """How a run is ended: after `share` of the undisturbed run's time, or at a point by itself."""

    whose: str = "driver"
    share: float = 0.0
    point: str = ""
    cycle: int = 1

    def __str__(self) -> str:
        return f"{self.point} (cycle {self.cycle})" if self.point else f"{self.whose} at {self.share:.1%}"

    def changes(self) -> list[Change]:
        """Return what makes the run die by itself."""
        return [change(POINTS[self.point], self.cycle)] if self.point else []


@dataclass(frozen=True)
class Trial:
    """A command, what it begins with, and what it comes to when nobody disturbs it."""

    name: str
    forks: Forks
    lake: Path
    arguments: Callable[[Path], Sequence[object]]
    """Of the lake."""
    begins_with: Path | None = None
    """The lake that each try gets a copy of; None for no lake."""
    again: Callable[[Path], Sequence[object]] | None = None
    """Of the command that comes after a killed one, where that is another one."""
    changes: tuple[Change, ...] = ()
    seconds: float = 0.0
    patience: float = SECONDS_TO_END
    expected: Contents | None = None
    least: Contents | None = None
    """What readers must see all the time, and in `most`, what they may see; None for nothing, and for `expected`."""
    most: Contents | None = None
    accounted: bool = True
    """Whether the accounts of all runs claim the rows that there are."""
    afterwards: Callable[[Path], Sequence[object]] | None = None
    """A command that must change nothing at the end."""

    def undisturbed(self) -> Trial:
        """Run to the end on a new lake; returns the trial with what it came to."""
        self.begin()
        run = self.forks.start(self.arguments(self.lake), self.changes)
        started = time.monotonic()
        if run.wait(600.0) != 0:
            raise RuntimeError(f"{self.name}: the undisturbed run failed: {run.said()[-2000:]}")
        return replace(self, seconds=time.monotonic() - started, expected=contents_of(self.lake))

    def begin(self) -> None:
        """Make the lake as each try finds it."""
        shutil.rmtree(self.lake, ignore_errors=True)
        if self.begins_with is not None:
            shutil.copytree(self.begins_with, self.lake)

    @property
    def limit(self) -> float:
        """Seconds after which a run hangs."""
        return 2 * self.seconds + self.patience


@dataclass
class _Attempt:
    trial: Trial
    tally: Tally
    where: str
    too_late: bool = False
    wrong: Tally = field(default_factory=lambda: Tally(""))

    def make(self, deaths: Sequence[Death], chance: Random) -> None:
        self.trial.begin()
        try:
            if not any(self._survives(death, chance) for death in deaths):
                self._end(self.trial.again or self.trial.arguments, "the run after it")
            if self.trial.afterwards is not None:
                self._end(self.trial.afterwards, "a run afterwards")
        except HungError as hung:
            self.wrong.hangs += 1
            self.wrong.check(False, f"{self.where}: {hung}")
            return
        check_end(self.trial, self.wrong, self.where)

    def _end(self, arguments: Callable[[Path], Sequence[object]], which: str) -> None:
        run = self.trial.forks.start(arguments(self.trial.lake), self.trial.changes)
        code = run.wait(self.trial.limit)
        self.wrong.check(code == 0, f"{self.where}: {which} ended with {code}: {run.said()[-300:].strip()}")
        self._see_gone(run)

    def _survives(self, death: Death, chance: Random) -> bool:
        """Start a run and kill it; whether it went on to its end, as it must when a worker is killed."""
        trial = self.trial
        run = trial.forks.start(trial.arguments(trial.lake), [*trial.changes, *death.changes()])
        if not death.point:
            kill_in_time(run, death, trial.seconds, chance)
        code = run.wait(trial.limit)
        self.too_late = code == 0 and death.whose.startswith("driver") and not death.point
        right = (0,) if death.point == "a worker dies" else VICTIMS[death.whose]
        ended = f"the run ended with {code}, not {' or '.join(map(str, right))}"
        self.wrong.check(code in right, f"{self.where}: {ended}: {run.said()[-300:].strip()}")
        self._see_gone(run)
        if code != 0:
            look_meanwhile(trial, self.wrong, self.where)
        return code == 0

    def _see_gone(self, run: Running) -> None:
        gone = run.seconds_until_gone() is not None
        self.wrong.check(gone, f"{self.where}: processes left after {SECONDS_TO_BE_GONE:g} s")


def look_meanwhile(trial: Trial, tally: Tally, where: str) -> None:
    """See what readers see of a lake whose run was cut off, until the next run."""
    visible, committed = visible_files(trial.lake), committed_files(trial.lake)
    early = {path for path in visible if "-k" not in path} - committed
    tally.check(not early, f"{where}: {len(early)} files seen that no commit covers")
    if trial.least is None and not visible:
        return  # the first run may not have made the tables yet
    found, most = contents_of(trial.lake), trial.most or trial.expected
    assert most is not None
    for name in COMPARED:
        more = found.ids[name] - most.ids[name]
        tally.check(not more, f"{where}: {more.total()} {name} too many, meanwhile")
        missing = trial.least.ids[name] - found.ids[name] if trial.least else None
        tally.check(not missing, f"{where}: {name} missing, meanwhile")
    tally.check(not found.doubled(), f"{where}: {found.doubled()} ids doubled, meanwhile")


def check_end(trial: Trial, tally: Tally, where: str) -> None:
    """Compare a lake with that of the undisturbed run when all runs have ended."""
    assert trial.expected is not None, "undisturbed() comes first"
    found = contents_of(trial.lake)
    compare(tally, found, trial.expected, where)
    if trial.accounted:
        tally.check(found.is_accounted(), f"{where}: the accounts do not add up to the rows")
    for left in left_over(trial.lake):
        tally.check(False, f"{where}: {left}")


def attempt(trial: Trial, deaths: Sequence[Death], tally: Tally, chance: Random, seed: int) -> None:
    """Run on a new lake, die once or several times, run to the end, and look at everything.

    A kill that came when the run had ended is no try: it is made again, earlier.
    """
    for _ in range(_RETRIES):
        where = f"{trial.name}, {', then '.join(map(str, deaths))}, seed {seed}"
        one = _Attempt(trial, tally, where)
        one.make(deaths, chance)
        if not one.too_late:
            break
        deaths = [replace(death, share=death.share * 0.6) for death in deaths]
    tally.tries += 1
    tally.lost += one.wrong.lost
    tally.doubled += one.wrong.doubled
    tally.hangs += one.wrong.hangs
    tally.wrong += one.wrong.wrong


def kill_in_time(run: Running, death: Death, seconds: float, chance: Random) -> None:
    """Kill whom a death takes, so much into the run."""
    deadline = time.monotonic() + death.share * seconds
    while time.monotonic() < deadline and not run.is_over():
        time.sleep(min(0.01, max(0.0, deadline - time.monotonic())))
    if death.whose == "driver":
        run.send(signal.SIGKILL)
    elif death.whose == "driver and workers":
        run.kill_all()
    elif death.whose == "group, SIGTERM":
        run.kill_all(signal.SIGTERM)
    else:
        _kill_one(run, death.whose, chance)


def _kill_one(run: Running, whose: str, chance: Random) -> None:
    """Kill a worker process, or the fork server that they come from, as soon as there is one."""
    import psutil

    while not run.is_over():
        workers = run.workers()
        if workers:
            worker = chance.choice(workers)
            try:
                (worker if whose == "worker" else worker.parent()).kill()
            except (psutil.Error, AttributeError):
                continue
            return
        time.sleep(0.005)


def random_deaths(whose: str, count: int, chance: Random) -> list[list[Death]]:
    """Return deaths at random moments, one in each of `count` equal parts of the run."""
    return [[Death(whose, (number + chance.random()) / count * 0.97)] for number in range(count)]


def exact_deaths(cycle: int) -> list[list[Death]]:
    """Return a death at each point of a cycle, and the one that is killed again while it recovers."""
    points = [[Death(point=point, cycle=cycle)] for point in OF_A_CYCLE]
    return [*points, [Death(point="committed, not published", cycle=cycle), Death(point="half recovered")]]
