"""`newsbeam replay`: what a fix cures becomes a row once, what it does not is counted, and no kill changes that.

Random folders of which a broken newsbeam has rejected some inputs are mended, and their lakes done again: in the end
each must have the texts, the stories and the open rejects of a new lake that a whole newsbeam makes of the folder. Done
twice, and run over once more, it must be as done once. Then replays are killed, at random moments and at exact points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

from tests.faults import kill_points, replay_breaks
from tests.faults.contents import contents_of, left_over
from tests.faults.kill_points import change
from tests.faults.killing import Death, Trial, attempt, exact_deaths, random_deaths
from tests.faults.replay_polls import queued_pages
from tests.faults.replay_world import Found, World, break_extraction, look, write_world
from tests.faults.runs import Change, Forks, HungError, forking
from tests.faults.tally import Effort, Tally

SIZES: Final = {True: 24, False: 14}
"""Inputs of a folder, about, in the long form and in the short one; each kind is among them."""

CYCLE_SLICES: Final = 5

_TRIES: Final = {True: {"worlds": 40, "kills": 40}, False: {"worlds": 1, "kills": 1}}

_BREAKS: Final = {
    "the memory does not forget": replay_breaks.forget_nothing,
    "the memory forgets too much": replay_breaks.forget_everything,
    "a reject is written twice": replay_breaks.write_rejects_again,
    "attempts are not counted": replay_breaks.count_no_attempts,
    "settled rejects are done again": replay_breaks.do_settled_ones_again,
    "attempts are shown before the commit": replay_breaks.show_attempts_early,
    "rejects are settled without their rows": replay_breaks.note_attempts_only,
    "what is queued settles nothing": replay_breaks.settle_nothing,
}
SHORT_BREAKS: Final = ("the memory does not forget", "a reject is written twice")
"""Those that `make test` tries."""


@dataclass(frozen=True)
class _Case:
    """A folder that was read by a broken newsbeam, and mended."""

    forks: Forks
    world: World
    lake: Path
    changes: tuple[Change, ...]
    """Of the replays."""
    where: str

    def run(self, lake: Path, *changes: Change) -> None:
        self._call(["run", "--quiet", "--input", self.world.folder, "--output", lake, *_FLAGS], changes)

    def replay(self, *flags: str) -> Found:
        self._call(replay_arguments(self.lake, *flags), self.changes)
        return look(self.lake)

    def _call(self, arguments: Sequence[object], changes: Sequence[Change]) -> None:
        running = self.forks.start(arguments, changes)
        if code := running.wait(600.0):
            raise RuntimeError(f"{self.where}: {arguments[0]} ended with {code}: {running.said()[-2000:]}")


_FLAGS: Final = ("--processes", "1", "--tags", "none")


def replay_arguments(lake: Path, *flags: str) -> Sequence[object]:
    """Return the arguments of a replay."""
    return ["replay", lake, "--quiet", *_FLAGS, *flags]


def faults(effort: Effort) -> Iterator[Tally]:
    """Break, mend, do again, compare."""
    tries, chance = _TRIES[effort.is_long], Random(effort.seed)
    with forking(effort.folder / "said") as forks:
        tally = Tally("rejects done again after a fix")
        for number in range(tries["worlds"]):
            cut = (change(kill_points.cut_cycles, chance.choice((5, 2_000))),)
            _do_again(_made(forks, effort, number, chance, cut), tally, chance)
        yield tally
        yield from _kills(_made(forks, effort, tries["worlds"], chance, ()), tries["kills"], effort, chance)
        yield _kills_of_polls(forks, effort, chance)


def _made(forks: Forks, effort: Effort, number: int, chance: Random, changes: tuple[Change, ...]) -> _Case:
    folder = effort.folder / f"world{number}"
    world = write_world(folder / "in", chance, SIZES[effort.is_long])
    case = _Case(forks, world, folder / "lake", changes, f"world {number}, seed {effort.seed}")
    case.run(case.lake, change(break_extraction))
    world.mend()
    return case


def _do_again(case: _Case, tally: Tally, chance: Random) -> None:
    """Do all again, or first a part of it; then once more, and run over the folder."""
    tally.tries += 1
    try:
        _do_all_again(case, tally, chance)
    except HungError as hung:
        tally.hangs += 1
        tally.check(False, f"{case.where}: {hung}")


def _do_all_again(case: _Case, tally: Tally, chance: Random) -> None:
    truth_lake = case.lake.with_name("truth")
    case.run(truth_lake)
    case.world.lose()
    truth, before = look(truth_lake), look(case.lake)
    partly = chance.random() < 0.5
    if partly:
        case.replay("--stage", "extract")
    once = case.replay()
    _compare(tally, once, truth, case)
    _check_attempts(tally, case, before, once, times=1, partly=partly)
    twice = case.replay()
    _compare(tally, twice, truth, case)
    _check_attempts(tally, case, before, twice, times=2, partly=partly)
    case.run(case.lake)
    tally.check(look(case.lake) == twice, f"{case.where}: a run over the folder changes something")
    contents = contents_of(case.lake)
    tally.check(contents.is_accounted(), f"{case.where}: the accounts do not add up to the rows")
    for left in left_over(case.lake):
        tally.check(False, f"{case.where}: {left}")


def _compare(tally: Tally, found: Found, truth: Found, case: _Case) -> None:
    gone = {str(path) for path in case.world.gone}
    expected = truth.open | {one for one, source in found.sources.items() if source in gone}
    missing = (truth.texts - found.texts).total() + len(expected - set(found.rejects))
    doubled = (found.texts - truth.texts).total() + sum(count > 1 for count in found.rejects.values())
    tally.lost += missing
    tally.doubled += doubled
    tally.check(not missing, f"{case.where}: {missing} rows lost")
    tally.check(not doubled, f"{case.where}: {doubled} rows doubled")
    tally.check(found.stories == truth.stories, f"{case.where}: stories differ")
    tally.check(found.open == expected, f"{case.where}: {len(found.open ^ expected)} rejects wrongly open, or settled")
    tally.check(max(found.settlings.values(), default=1) == 1, f"{case.where}: rejects settled twice")


def _check_attempts(tally: Tally, case: _Case, before: Found, found: Found, *, times: int, partly: bool) -> None:
    """Each reject of before has been tried once more for each replay that meant it while it was open."""
    with_part = {one for one, source in before.sources.items() if _is_of_extraction(case, one)} if partly else set()
    for one in before.rejects:
        attempts = 2 if one in found.settled else 1 + times + (one in with_part)
        right = found.attempts[one] == attempts
        tally.check(right, f"{case.where}: {found.attempts[one]} attempts, not {attempts}, at {found.sources[one]}")


def _is_of_extraction(case: _Case, reject_id: str) -> bool:
    from pipeline.commands.query import connect

    with connect(str(case.lake)) as connection:
        query = "select stage from rejects where reject_id = ?"
        return connection.execute(query, [reject_id]).fetchall()[0] == ("extract",)


def _kills(case: _Case, kills: int, effort: Effort, chance: Random) -> Iterator[Tally]:
    cut = (change(kill_points.cut_cycles, CYCLE_SLICES),)
    case.world.lose()
    begins_with = case.lake.rename(case.lake.with_name("begins-with"))
    trial = Trial("replay", case.forks, case.lake, replay_arguments, begins_with=begins_with, changes=cut)
    trial = trial.undisturbed()
    expected = look(case.lake)
    points = [*exact_deaths(1), *exact_deaths(2)] if effort.is_long else exact_deaths(2)[2:3]
    tries = {"at random moments": random_deaths("driver", kills, chance), "at a point of a cycle": points}
    for name, all_deaths in tries.items():
        tally = Tally(f"kill -9 of a replay, {name}")
        for deaths in all_deaths:
            attempt(trial, deaths, tally, chance, effort.seed)
            _check_killed(tally, look(case.lake), expected, deaths)
        yield tally


def _kills_of_polls(forks: Forks, effort: Effort, chance: Random, *broken: Change) -> Tally:
    """Kill the run that fetches what a replay has queued, which may be broken."""
    tally = Tally("kill -9 of the poll that fetches what is queued")
    with queued_pages(forks, effort.folder / "queued") as outlet:
        lake = outlet.lake.with_name("killed")
        trial = Trial("poll", forks, lake, outlet.poll, begins_with=outlet.lake).undisturbed()
        expected = look(lake)
        tally.check(
            len(expected.settled) == 4 and len(expected.open) == 2, "not all pages that were mended are articles"
        )
        trial = replace(trial, changes=broken)
        points = exact_deaths(1) if effort.is_long else exact_deaths(1)[1:2]
        for deaths in points + (random_deaths("driver", 10, chance) if effort.is_long else []):
            attempt(trial, deaths, tally, chance, effort.seed)
            _check_killed(tally, look(lake), expected, deaths)
    return tally


def _check_killed(tally: Tally, found: Found, expected: Found, deaths: Sequence[Death]) -> None:
    """What a cycle has committed before the kill is tried once more, if it is still open: no other difference."""
    where = f"replay, {', then '.join(map(str, deaths))}"
    tally.check(found.settled == expected.settled, f"{where}: other rejects are settled")
    tally.check(found.stories == expected.stories, f"{where}: stories differ")
    tally.check(max(found.settlings.values(), default=1) == 1, f"{where}: rejects settled twice")
    for one, attempts in expected.attempts.items():
        most = attempts + (one not in expected.settled) * len(deaths)
        tally.check(attempts <= found.attempts[one] <= most, f"{where}: {found.attempts[one]} attempts, not {attempts}")


def breaks(effort: Effort, only: Sequence[str] = ()) -> Iterator[Tally]:
    """Build each fault in, or some, and look as ever."""
    chance = Random(effort.seed)
    with forking(effort.folder / "said") as forks:
        for number, name in enumerate(only or _BREAKS):
            tally, broken = Tally(name), change(_BREAKS[name])
            case = _made(forks, effort, number, chance, (change(kill_points.cut_cycles, 2_000), broken))
            if name == "attempts are shown before the commit":
                _kill_broken(case, tally, broken, effort, chance)
            elif name == "what is queued settles nothing":
                tally = replace(_kills_of_polls(forks, effort, chance, broken), fault=name)
            else:
                _do_again(case, tally, Random(1))  # one that begins with a part
            yield tally


def _kill_broken(case: _Case, tally: Tally, broken: Change, effort: Effort, chance: Random) -> None:
    begins_with = case.lake.rename(case.lake.with_name("begins-with"))
    trial = Trial("replay", case.forks, case.lake, replay_arguments, begins_with=begins_with).undisturbed()
    attempt(
        replace(trial, changes=(broken,)), [Death(point="noted, not committed", cycle=1)], tally, chance, effort.seed
    )
