"""Disks that are full, read-only or slow, folders that are closed, and inputs that change while they are read.

Where it may mount, the lake lies on a disk of its own, which is made so small that the run meets its end at a random
moment, or is filled to the last byte at an exact one. Each time: one clear line and exit code 1, no traceback, a lake
that DuckDB reads and that has all that was committed; and with room again, the same command ends with the rows of an
undisturbed run. Elsewhere no file may grow over a size (RLIMIT_FSIZE), which says so in the table.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

import duckdb

from tests.faults import disk_points, kill_points
from tests.faults.contents import committed_files, visible_files
from tests.faults.disk_inputs import change_inputs
from tests.faults.kill_points import change
from tests.faults.killing import Trial, check_end, look_meanwhile
from tests.faults.kills import folder_trial, rewriting_trials, run_over, write_pages
from tests.faults.mounts import Disk, command_with_mounts, command_without_override, print_tally, with_mounts
from tests.faults.runs import Change, Forks, HungError, forking
from tests.faults.tally import Effort, Tally

_ROOM: Final = 200_000_000
"""Bytes of a disk that is large enough for every run here."""

_FULL: Final = r"No space left|full|File too large"
_READ_ONLY: Final = r"Read-only|read-only|Permission denied|readonly"
_SIZES: Final = {True: 24, False: 1}
"""Random sizes in the long form and in the short one."""

_SHORT_POINTS: Final = ("the memory commits", "compact writes", "erase writes")


def faults(effort: Effort) -> Iterator[Tally]:
    """Disturb, look, make room, go on, compare."""
    mounting = command_with_mounts()
    if mounting is not None:
        yield from with_mounts(__name__, "faults", effort, mounting)
    else:
        yield from _limited(effort)
    yield from _denied(effort)
    with forking(effort.folder / "said") as forks:
        yield from change_inputs(forks, effort)


def breaks(effort: Effort) -> Iterator[Tally]:
    """Build faults in, and see them found."""
    mounting = command_with_mounts()
    if mounting is not None:
        yield from with_mounts(__name__, "breaks", effort, mounting)
    else:
        yield from _broken_limited(effort)
    with forking(effort.folder / "said") as forks:
        ends = [change(disk_points.end_at_unreadable)]
        yield from change_inputs(forks, effort, ends, "an unreadable input ends the run", ("vanish",))


@dataclass
class _Scene:
    """A trial whose lake lies on a disk that can be made full."""

    trial: Trial
    tally: Tally
    seed: int
    wanted: str = _FULL

    def strike(self, changes: Sequence[Change], where: str) -> bool:
        """Run on a disk that fails; whether the run did, which must be told, or else all must be there."""
        trial = self.trial
        run = trial.forks.start(trial.arguments(trial.lake), [*trial.changes, *changes])
        code = run.wait(trial.limit)
        said = run.said()
        if code == 0:  # it had room enough, so that all must be there
            check_end(trial, self.tally, where)
            return False
        lines = [line for line in said.splitlines() if line.strip()] or [""]
        self.tally.check(code == 1, f"{where}: exit code {code}")
        self.tally.check("Traceback" not in said and "Exception ignored" not in said, f"{where}: {said[-600:]}")
        is_clear = len(lines) == 1 and lines[0].startswith("newsbeam: ") and re.search(self.wanted, lines[0])
        self.tally.check(bool(is_clear), f"{where}: not one clear line: {said[-600:]}")
        self.tally.check(run.seconds_until_gone() is not None, f"{where}: processes left")
        self._look(where)
        return True

    def _look(self, where: str) -> None:
        try:
            look_meanwhile(self.trial, self.tally, where)
        except Exception as error:
            self.tally.check(False, f"{where}: the lake cannot be read: {error}")
        tmp = self.trial.lake / "_newsbeam" / "tmp"
        there = visible_files(self.trial.lake) | {p.relative_to(tmp).as_posix() for p in tmp.rglob("*.parquet")}
        if "compact" not in self.trial.name and "erase" not in self.trial.name:
            missing = committed_files(self.trial.lake) - there
            self.tally.check(not missing, f"{where}: {len(missing)} committed files are nowhere")

    def go_on(self, where: str) -> None:
        """Run once more, with nothing in the way, and compare."""
        trial = self.trial
        try:
            run = trial.forks.start(trial.arguments(trial.lake), trial.changes)
            code = run.wait(trial.limit)
            self.tally.check(code == 0, f"{where}: with room again it ended with {code}: {run.said()[-300:]}")
            check_end(trial, self.tally, where)
        except HungError as hung:
            self.tally.hangs += 1
            self.tally.check(False, f"{where}: {hung}")
        except Exception as error:
            self.tally.check(False, f"{where}: {error}")


# With a disk of its own


def _trials(forks: Forks, effort: Effort, disk: Disk) -> list[Trial]:
    disk.make(_ROOM)
    pages = write_pages(effort.folder / "pages", 30 if effort.is_long else 10)
    folder = replace(folder_trial(forks, pages, disk.folder / "lake"), name="folder run")
    folder = folder.undisturbed()
    compact, erase = rewriting_trials(replace(folder, lake=disk.folder / "lake"), pages, effort.folder)
    return [folder, compact, replace(erase, afterwards=None)]


def _on_disk(effort: Effort) -> Iterator[Tally]:
    disk, chance = Disk(effort.folder / "disk"), Random(effort.seed)
    with forking(effort.folder / "said") as forks:
        try:
            trials = _trials(forks, effort, disk)
            again = replace(trials[0], name="folder run into the same lake again", begins_with=effort.folder / "made")
            for trial in trials if effort.is_long else trials[:1]:
                yield _small(trial, disk, _SIZES[effort.is_long], chance, effort.seed)
            for trial in trials:
                yield _filled(trial, disk, effort)
            for trial in (*trials, again) if effort.is_long else (again,):
                yield _refused(trial, disk, effort.seed)
            if effort.is_long:
                yield _slow(trials[0], effort.seed)
        finally:
            disk.remove()


def _small(trial: Trial, disk: Disk, sizes: int, chance: Random, seed: int) -> Tally:
    """Run on disks of random sizes, from what there is at the beginning to what is needed."""
    tally = Tally(f"disk full at a random size, {trial.name}")
    scene = _Scene(trial, tally, seed)
    least, most = _bounds(trial, disk)
    for _ in range(sizes):
        share = chance.random()
        for _ in range(8):  # what did not strike is no try: smaller
            size = least + int(share * (most - least))
            disk.make(_ROOM)
            trial.begin()
            disk.resize(size)
            where = f"{trial.name}, disk of {size:,} bytes, seed {seed}"
            if _tried(scene, (), where):
                tally.tries += 1
                disk.resize(_ROOM)
                scene.go_on(where)
                break
            share *= 0.8
    return tally


def _tried(scene: _Scene, changes: Sequence[Change], where: str) -> bool:
    try:
        return scene.strike(changes, where)
    except duckdb.Error as error:
        scene.tally.check(False, f"{where}: the lake cannot be read: {error}")
        return True
    except HungError as hung:
        scene.tally.hangs += 1
        scene.tally.check(False, f"{where}: {hung}")
        return True


def _bounds(trial: Trial, disk: Disk) -> tuple[int, int]:
    """Return the bytes that are taken before a run, and after it (what it takes in between may be more)."""
    disk.make(_ROOM)
    trial.begin()
    least = disk.used() + 4_096
    trial.forks.run(trial.arguments(trial.lake), trial.changes)
    return least, max(disk.used(), least + 65_536)


def _filled(trial: Trial, disk: Disk, effort: Effort) -> Tally:
    """Run on a disk that is filled at an exact point."""
    tally = Tally(f"disk filled at a point, {trial.name}")
    scene = _Scene(trial, tally, effort.seed)
    for point in _points_of(trial):
        if not effort.is_long and point not in _SHORT_POINTS:
            continue
        for nth in (1, 2, 3) if effort.is_long and trial.name == "folder run" else (1,):
            disk.make(_ROOM)
            trial.begin()
            filler = disk.folder / "filler"
            where = f"{trial.name}, disk filled when {point} ({nth}), seed {effort.seed}"
            # A rename needs no room: a disk that is filled then need not be noticed.
            if _tried(scene, [change(disk_points.fill_at, point, nth, str(filler))], where) or "published" in point:
                tally.tries += 1
                filler.unlink(missing_ok=True)
                scene.go_on(where)
    return tally


def _points_of(trial: Trial) -> list[str]:
    kind = trial.name.split()[0]
    rewriting = ("compact", "erase")
    return [
        point
        for point in disk_points.FULL_AT
        if point.startswith(kind) or (kind not in rewriting and not point.startswith(rewriting))
    ]


def _refused(trial: Trial, disk: Disk, seed: int) -> Tally:
    """Run on a disk that refuses to be written to."""
    tally, where = Tally(f"read-only output, {trial.name}", tries=1), f"{trial.name}, read-only, seed {seed}"
    disk.make(_ROOM)
    trial.begin()
    disk.read_only(on=True)
    struck = _tried(_Scene(trial, tally, seed, _READ_ONLY), (), where)
    tally.check(struck, f"{where}: it ended well")
    disk.read_only(on=False)
    _Scene(trial, tally, seed).go_on(where)
    return tally


def _slow(trial: Trial, seed: int) -> Tally:
    """Run on a disk that takes a while: nothing may be taken for lost."""
    tally, where = Tally(f"slow disk (50 ms an access), {trial.name}", tries=1), f"slow disk, seed {seed}"
    trial.begin()
    slow = replace(trial, changes=(*trial.changes, change(disk_points.slow_down, 0.05)), patience=120.0)
    _Scene(slow, tally, seed).go_on(where)
    return tally


# Without one


def _limited(effort: Effort, changes: Sequence[Change] = (), fault: str = "") -> Iterator[Tally]:
    """Let no file grow over a size."""
    fault = fault or "files may not grow (RLIMIT_FSIZE: nothing may be mounted here), folder run"
    tally, chance = Tally(fault), Random(effort.seed)
    with forking(effort.folder / "said") as forks:
        pages = write_pages(effort.folder / "pages", 30)
        trial = folder_trial(forks, pages, effort.folder / "lake").undisturbed()
        # SQLite has no other word for what a limit does to it.
        scene = _Scene(trial, tally, effort.seed, f"{_FULL}|disk I/O error")
        for _ in range(4 * _SIZES[effort.is_long]):
            trial.begin()
            size = chance.randrange(1_000, 300_000)
            where = f"files of {size:,} bytes at most, seed {effort.seed}"
            if _tried(scene, [*changes, change(disk_points.limit_files, size)], where) or changes:
                tally.tries += 1
                scene.go_on(where)
    yield tally


def _denied(effort: Effort) -> Iterator[Tally]:
    """Run over a lake of which one table's folders may not be written to."""
    prefix = command_without_override()
    if prefix is None:
        return
    tally = Tally("permission denied on the folders of a table, folder run")
    with forking(effort.folder / "said-denied", prefix) as forks:
        pages = write_pages(effort.folder / "pages-denied", 30 if effort.is_long else 10)
        trial = folder_trial(forks, pages, effort.folder / "lake-denied").undisturbed()
        for table in ("articles", "runs") if effort.is_long else ("articles",):
            tally.tries += 1
            where = f"{table} may not be written to, seed {effort.seed}"
            trial.begin()
            forks.run(run_over(pages / "009.html", trial.lake))  # so that there is a day
            _set_modes(trial.lake / table, 0o555)
            scene = _Scene(trial, tally, effort.seed, _READ_ONLY)
            tally.check(_tried(scene, (), where), f"{where}: it ended well")
            tally.check(_tried(scene, (), where), f"{where}: it ended well the second time")
            _set_modes(trial.lake / table, 0o755)
            scene.go_on(where)
    yield tally


def _set_modes(table: Path, mode: int) -> None:
    for folder in (table, *table.glob("date=*")):
        folder.chmod(mode)


# Faults that are built in


_BREAKS: Final = (
    ("a file that could be written in part is taken for whole", disk_points.write_half, "Parquet files are written"),
    ("a full disk ends with exit code 0", disk_points.end_well, "the report is written"),
    ("a full disk ends with a traceback", disk_points.crash_instead, "Parquet files are written"),
    ("a full disk does not roll back", kill_points.never_roll_back, "the report is written"),
)


def _broken_on_disk(effort: Effort) -> Iterator[Tally]:
    disk = Disk(effort.folder / "disk")
    with forking(effort.folder / "said") as forks:
        try:
            trial = _trials(forks, effort, disk)[0]
            for name, fault, point in _BREAKS if effort.is_long else _BREAKS[:2]:
                broken = replace(trial, changes=(*trial.changes, change(fault)), patience=10.0)
                tally = Tally(name, tries=1)
                disk.make(_ROOM)
                broken.begin()
                filler = disk.folder / "filler"
                full = [change(disk_points.fill_meanwhile, point, 2, str(filler))]
                _tried(_Scene(broken, tally, effort.seed), full, name)
                filler.unlink(missing_ok=True)
                _Scene(broken, tally, effort.seed).go_on(name)
                yield tally
        finally:
            disk.remove()


def _broken_limited(effort: Effort) -> Iterator[Tally]:
    name, fault, _ = _BREAKS[1]
    yield from _limited(replace(effort, is_long=False), [change(fault)], name)


def main() -> None:
    """Be the program that may mount: print the tallies of what is asked for."""
    what, folder, seed, is_long = sys.argv[1:]
    effort = Effort(Path(folder), int(seed), is_long == "1")
    for tally in (_broken_on_disk if what == "breaks" else _on_disk)(effort):
        print_tally(tally)


if __name__ == "__main__":
    main()
