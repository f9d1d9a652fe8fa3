"""`kill -9` of the driver, of a worker process, and of all processes of a run, at random moments and at exact points.

Killed are folder runs of several cycles, `run --every` over a farm of feeds (`kills_of_feeds`), `compact` and `erase`;
each is started again, and in the end the lake must be that of an undisturbed run: the ids of all tables, none twice,
the other columns, the accounts, no temporary file, no file that the memory does not know, no process 3 s after a kill.
What readers see between a kill and the next run is looked at, too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.faults import kill_points, kills_of_feeds
from tests.faults.contents import contents_of
from tests.faults.kill_points import change
from tests.faults.killing import Death, Trial, attempt, check_end, exact_deaths, random_deaths
from tests.faults.runs import Change, Forks, HungError, Running, forking
from tests.faults.tally import Effort, Tally
from tests.pipeline.small_lakes import make_lake
from tests.samples import html_page, paragraphs, record, text_of, write_lines

CYCLE_SLICES: Final = 8
ERASED: Final = ("--domain", "mirror.example", "--url", "https://ledger.example/news/n2")
"""Copies of one outlet, and an article whose story goes on under a copy of another one."""

_KILLS: Final = {
    True: {"folder": 100, "feeds": 50, "compact": 25, "erase": 25, "at once": 6},
    False: {"folder": 3, "compact": 1, "erase": 1},
}
"""In the long form and in the short one, beside which `make test` has tests of kills at exact points, of feeds too."""


def write_pages(folder: Path, pages: int = 30) -> Path:
    """Write inputs with all that a run tells apart: pages, texts, records, copies, updates and rejects."""
    folder.mkdir(parents=True)
    for number in range(pages):
        (folder / f"{number:03d}.html").write_text(html_page(f"n{number}"))
    for number in range(pages // 5):
        mirror = f"https://{('mirror', 'third')[number % 2]}.example/{number}"
        copy = html_page(f"n{number * 2}", url=mirror, date=f"2026-03-30T09:00:{number:02d}Z")
        (folder / f"copy{number}.html").write_text(copy)
    for number in range(pages // 10):
        (folder / f"text{number}.txt").write_text(text_of(f"t{number}"))
        (folder / f"wall{number}.html").write_text(f"<html><form>Sign in {number}</form></html>")
    third = html_page("n2", url="https://third.example/n2", text=paragraphs("n2")[:5], date="2026-03-30T11:00:00Z")
    (folder / "third.html").write_text(third)
    lines = [record(f"r{number}") for number in range(pages // 3)]
    updated = [record(f"new n{number}", url=f"https://ledger.example/news/n{number}") for number in (3, 4)]
    write_lines(folder / "z.jsonl", [*lines, *updated, {"neither": 1}])
    return folder


def run_over(pages: Path, lake: Path, *flags: str) -> list[object]:
    """Return the arguments of a run over a folder."""
    tags = () if "--tags" in flags else ("--tags", "none")
    return ["run", "--quiet", "--input", pages, "--output", lake, "--processes", "2", *tags, *flags]


def folder_trial(forks: Forks, pages: Path, lake: Path, slices: int = CYCLE_SLICES, flags: Sequence[str] = ()) -> Trial:
    """Return the trial of runs over a folder."""
    cut: tuple[Change, ...] = (change(kill_points.cut_cycles, slices),) if slices else ()
    return Trial("folder", forks, lake, lambda where: run_over(pages, where, *flags), changes=cut)


def faults(effort: Effort) -> Iterator[Tally]:
    """Kill, start again, compare."""
    kills, chance = _KILLS[effort.is_long], Random(effort.seed)
    with forking(effort.folder / "said") as forks:
        pages = write_pages(effort.folder / "pages", 30 if effort.is_long else 15)
        trial = folder_trial(forks, pages, effort.folder / "lake").undisturbed()
        yield from kill_folder_runs(trial, kills["folder"], chance, effort.seed, others=5 if effort.is_long else 0)
        for rewriting in rewriting_trials(trial, pages, effort.folder):
            tally = Tally(f"kill -9 of the driver, {rewriting.name}")
            for deaths in random_deaths("driver", kills[rewriting.name], chance):
                attempt(rewriting, deaths, tally, chance, effort.seed)
            yield tally
        if effort.is_long:
            yield _two_at_once(trial, kills["at once"], chance, effort.seed)
            yield kills_of_feeds.kill_polling(forks, effort.folder / "feeds", kills["feeds"], effort.seed)


def kill_folder_runs(
    trial: Trial, kills: int, chance: Random, seed: int, others: int, *, points: bool = True
) -> Iterator[Tally]:
    """Kill runs over a folder, at random moments and at exact points.

    Args:
        others: kills of the fork server, and as many of a SIGTERM to all processes; with 0, fewer points.
        points: whether runs are killed at exact points, which only those of several cycles come to.
    """
    for number, whose in enumerate(("driver", "worker", "driver and workers")):
        share = kills // 3 + (number < kills % 3)
        yield _tallied(trial, f"kill -9 of {whose}, {trial.name}", random_deaths(whose, share, chance), chance, seed)
    for whose in ("fork server", "group, SIGTERM") if others else ():
        yield _tallied(trial, f"{whose}, {trial.name}", random_deaths(whose, others, chance), chance, seed)
    if points:
        exact = exact_deaths(chance.randint(2, 5 if others else 3))
        exact = [*exact_deaths(1), *exact] if others else exact[-1:]
        yield _tallied(trial, f"kill -9 at a point of a cycle, {trial.name}", exact, chance, seed)


def _tallied(trial: Trial, fault: str, tries: Sequence[Sequence[Death]], chance: Random, seed: int) -> Tally:
    tally = Tally(fault)
    for deaths in tries:
        attempt(trial, deaths, tally, chance, seed)
    return tally


def _two_at_once(trial: Trial, times: int, chance: Random, seed: int) -> Tally:
    """Start a run beside one that is under way: it must be refused, and disturb nothing."""
    tally = Tally("a second run over the lake of one that is under way")
    assert trial.expected is not None
    for _ in range(times):
        tally.tries += 1
        share = 0.2 + 0.3 * chance.random()  # of a time that was measured when the machine was perhaps slower
        first = _under_way(trial, share)
        while first.is_over():  # the machine is faster now than when it was measured
            share *= 0.6
            first = _under_way(trial, share)
        second = trial.forks.start(trial.arguments(trial.lake), trial.changes)
        where = f"second run at {share:.1%}, seed {seed}"
        try:
            codes = second.wait(trial.limit), first.wait(trial.limit)
        except HungError:
            tally.hangs += 1
            continue
        refused = codes[0] == 1 and "is in use by process" in second.said()
        tally.check(refused, f"{where}: the second one ended with {codes[0]}: {second.said()[-200:]}")
        tally.check(codes[1] == 0, f"{where}: the first one ended with {codes[1]}: {first.said()[-200:]}")
        check_end(trial, tally, where)
    return tally


def _under_way(trial: Trial, share: float) -> Running:
    """Start a run over a new lake, and return it after a share of the undisturbed run's time."""
    trial.begin()
    running = trial.forks.start(trial.arguments(trial.lake), trial.changes)
    time.sleep(share * trial.seconds)
    return running


def rewriting_trials(trial: Trial, pages: Path, folder: Path) -> tuple[Trial, Trial]:
    """Return the trials of `compact`, over a lake of days that are over, and of `erase`, over one of the folder."""
    return _compact_trial(trial, folder / "closed"), _erase_trial(trial, folder / "made", pages)


def _compact_trial(trial: Trial, folder: Path) -> Trial:
    made = make_lake(folder, days=3, cycles=4).root
    before = contents_of(made)
    compact = replace(trial, name="compact", begins_with=made, arguments=_compact_arguments, changes=())
    return replace(compact.undisturbed(), least=before, expected=before)


def _compact_arguments(lake: Path) -> Sequence[object]:
    return ["compact", lake]


def _erase_trial(trial: Trial, made: Path, pages: Path) -> Trial:
    replace(trial, lake=made).undisturbed()
    erase = replace(trial, name="erase", begins_with=made, arguments=_erase_arguments, accounted=False)
    erase = erase.undisturbed()
    return replace(erase, least=None, most=_both(made, erase), afterwards=partial(run_over, pages))


def _erase_arguments(lake: Path) -> Sequence[object]:
    return ["erase", lake, *ERASED]


def _both(made: Path, erase: Trial) -> Any:
    """What readers may see of a lake that is being erased from: what was there, and the aliases that come."""
    before = contents_of(made)
    assert erase.expected is not None
    return replace(before, ids={name: ids | erase.expected.ids[name] for name, ids in before.ids.items()})


# Faults that are built in


@dataclass(frozen=True)
class _Break:
    """A fault, and how a run dies so that it shows."""

    changes: tuple[Change, ...]
    deaths: tuple[Death, ...] = (Death(point="noted, not committed", cycle=2),)


_BREAKS: Final = {
    "files are shown before the commit": _Break((change(kill_points.show_before_commit),)),
    "files are shown before the commit, by other names": _Break((change(kill_points.show_before_commit, "early-"),)),
    "a cycle is not rolled back": _Break(
        (change(kill_points.never_roll_back),), (Death(point="files written", cycle=2),)
    ),
    "no recovery": _Break((change(kill_points.never_recover),), (Death(point="committed, not published", cycle=2),)),
    "the rename is left out": _Break((change(kill_points.never_publish),)),
    "the rename is a copy": _Break((change(kill_points.publish_copies),)),
    "the commit is left out": _Break((change(kill_points.never_commit),)),
    "accounts are wrong": _Break((change(kill_points.miscount),)),
    "a process outlives the run": _Break((change(kill_points.leave_a_process),)),
    "the run never ends": _Break((change(kill_points.never_end),)),
    "a page goes with its worker": _Break(
        (change(kill_points.reject_with_worker),), (Death(point="a worker dies", cycle=3),)
    ),
}
_REWRITING_BREAKS: Final = {
    "compact": ("days are exchanged in two steps", kill_points.exchange_in_two_steps, "a day is to be exchanged"),
    "erase": ("a takedown is done before it is", kill_points.forget_the_rest_of_an_erasure, "a day is exchanged"),
}


SHORT_BREAKS: Final = ("the rename is left out", "files are shown before the commit")
"""Those that `make test` tries."""


def breaks(effort: Effort, only: Sequence[str] = ()) -> Iterator[Tally]:
    """Build each fault in, or some, kill where it shows, and look as after every kill."""
    chance = Random(effort.seed)
    with forking(effort.folder / "said") as forks:
        pages = write_pages(effort.folder / "pages", 20)
        trial = replace(folder_trial(forks, pages, effort.folder / "lake").undisturbed(), patience=5.0)
        for name in only or _BREAKS:
            tally, fault = Tally(name), _BREAKS[name]
            attempt(replace(trial, changes=(*trial.changes, *fault.changes)), fault.deaths, tally, chance, effort.seed)
            yield tally
        if not only:
            yield from _other_breaks(trial, pages, effort, chance)


def _other_breaks(trial: Trial, pages: Path, effort: Effort, chance: Random) -> Iterator[Tally]:
    unlocked = replace(trial, changes=(*trial.changes, change(kill_points.take_no_lock)))
    yield replace(_two_at_once(unlocked, 1, chance, effort.seed), fault="the lock is not taken")
    for rewriting in rewriting_trials(trial, pages, effort.folder):
        name, fault, point = _REWRITING_BREAKS[rewriting.name]
        tally = Tally(name)
        # The same command would find all that is left, whether it was noted or not.
        broken = replace(rewriting, changes=(change(fault),), again=rewriting.afterwards)
        attempt(broken, [Death(point=point)], tally, chance, effort.seed)
        yield tally
    yield kills_of_feeds.forget_hosts(trial.forks, effort.folder / "feeds", effort.seed)
