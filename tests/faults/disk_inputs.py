"""Inputs that vanish, are cut or grow while they are read: they are done when they are there again, and none twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tests.faults import disk_points
from tests.faults.contents import Contents, contents_of, left_over
from tests.faults.kill_points import change
from tests.faults.killing import Trial
from tests.faults.kills import folder_trial
from tests.faults.runs import Change, Forks, HungError
from tests.faults.tally import Effort, Tally
from tests.samples import html_page, record, write_lines

_LINES: Final = 400
"""Of the large file: more than the 64 kB up to which files are read whole, so that it is planned as slices."""

_MORE: Final = "".join(json.dumps(record(f"late {number}")) + "\n" for number in range(5))


@dataclass(frozen=True)
class _Disturbance:
    fault: str
    name: str
    """Of the input."""
    changes: Callable[[str], Sequence[Change]]
    """By its path."""
    more_rejects: int = 0
    """Rows that a run has for the input as it was then."""
    grown: bool = False
    """Whether it is larger in the end."""


_DISTURBANCES: Final = {
    "vanish": _Disturbance(
        "an input vanishes before it is opened", "05.html", lambda path: [change(disk_points.vanish, path)], 1
    ),
    "vanish lines": _Disturbance(
        "a JSONL file vanishes before it is opened", "large.jsonl", lambda path: [change(disk_points.vanish, path)], 1
    ),
    "cut lines": _Disturbance(
        "a JSONL file is cut while it is read", "large.jsonl", lambda path: [change(disk_points.cut, path)], 1
    ),
    "grow lines": _Disturbance(
        "a JSONL file grows while it is read", "large.jsonl", lambda path: [change(disk_points.grow, path, _MORE)],
        grown=True,
    ),
    "grow small lines": _Disturbance(
        "a small JSONL file grows while it is read", "small.jsonl",
        lambda path: [change(disk_points.grow, path, _MORE)], grown=True,
    ),
    "grow by half a line": _Disturbance(
        "a small JSONL file grows by half a line", "small.jsonl",
        lambda path: [change(disk_points.grow, path, _MORE[:-300])], 1, grown=True,
    ),
}  # fmt: skip


def _write(folder: Path, *, grown: str = "") -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number in range(12):
        (folder / f"{number:02d}.html").write_text(html_page(f"n{number}"))
    write_lines(folder / "large.jsonl", [record(f"l{number}") for number in range(_LINES)])
    write_lines(folder / "small.jsonl", [record(f"s{number}") for number in range(10)])
    if grown:
        with (folder / grown).open("a") as file:
            file.write(_MORE)
    return folder


def change_inputs(
    forks: Forks, effort: Effort, broken: Sequence[Change] = (), fault: str = "", only: Sequence[str] = ()
) -> Iterator[Tally]:
    """Run while an input changes, then once more over the folder as it is in the end.

    Args:
        broken: faults to build in, by which the tallies are named `fault`.
        only: some of the disturbances.
    """
    pages, expected = effort.folder / "inputs", dict[str, Trial]()
    names = only or (_DISTURBANCES if effort.is_long else ("vanish", "cut lines"))
    for one in map(_DISTURBANCES.__getitem__, names):
        grown = one.name if one.grown else ""
        _write(pages, grown=grown)
        if grown not in expected:
            expected[grown] = folder_trial(forks, pages, effort.folder / "lake-inputs", 6).undisturbed()
        trial = expected[grown]
        yield _disturbed(replace(trial, changes=(*trial.changes, *broken)), one, pages, effort.seed, fault)


def _disturbed(trial: Trial, one: _Disturbance, pages: Path, seed: int, fault: str) -> Tally:
    tally, where = Tally(fault or one.fault, tries=1), f"{one.name}, seed {seed}"
    _write(pages)
    trial.begin()
    try:
        run = trial.forks.start(trial.arguments(trial.lake), [*trial.changes, *one.changes(str(pages / one.name))])
        code = run.wait(trial.limit)
        tally.check(code == 0, f"{where}: ended with {code}: {run.said()[-300:]}")
        tally.check(not run.said(), f"{where}: said {run.said()[-300:]}")
        _write(pages, grown=one.name if one.grown else "")
        run = trial.forks.start(trial.arguments(trial.lake), trial.changes)
        tally.check(run.wait(trial.limit) == 0, f"{where}: then ended with an error: {run.said()[-300:]}")
    except HungError as hung:
        tally.hangs += 1
        tally.check(False, f"{where}: {hung}")
        return tally
    assert trial.expected is not None
    _judge(contents_of(trial.lake), trial.expected, one, tally, where)
    for left in left_over(trial.lake):
        tally.check(False, f"{where}: {left}")
    return tally


def _judge(found: Contents, expected: Contents, one: _Disturbance, tally: Tally, where: str) -> None:
    for table, allowed in (("articles", 0), ("copies", 0), ("rejects", one.more_rejects)):
        missing: Any = expected.ids[table] - found.ids[table]
        more: Any = found.ids[table] - expected.ids[table]
        tally.lost += missing.total()
        tally.doubled += max(0, more.total() - allowed)
        tally.check(more.total() == allowed, f"{where}: {more.total()} {table} more, not {allowed}")
    tally.check(not found.doubled(), f"{where}: {found.doubled()} ids doubled")
    tally.check(found.is_accounted(), f"{where}: the accounts do not add up to the rows")
