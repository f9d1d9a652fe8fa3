"""A day in a minute: many feeds, a world that misbehaves, and `newsbeam run --every 10m` through it in virtual time.

    python tests/benchmarks/day_of_feeds.py [--hosts 200] [--feeds 2000] [--hours 24] [--tail 24] [--seed 1]
    python tests/benchmarks/day_of_feeds.py --breaks [--only WORD]

The world (`tests/feed_world.py`) follows from the seed and is served over real sockets (`tests/farm_server.py`).
newsbeam runs in this process, with its clock, its chance and its resolver replaced and nothing else
(`tests/feed_day.py`). After its day the world is quiet for `--tail` hours: what was due late is asked for, and servers
that say 304 for ever are met by the poll that newsbeam makes without validators once a day. The judges
(`tests/*_judge.py`, `tests/feed_ledger.py`) work from the servers' logs, the script and the lake. Exit code 1 if a rule
was broken.

`--breaks` breaks newsbeam in one way after the other (`tests/feed_breaks.py`), in smaller worlds, and ends with 0 only
if the judges name the rule each time, and name none where nothing is broken.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import Floors, fresh, heading, parser, say, table, working_folder

from tests.farm_replies import Asked
from tests.feed_breaks import BREAKS, Break
from tests.feed_day import DayRun, judge_day, run_day
from tests.feed_judge import polls_by_feed
from tests.feed_verdict import Verdict
from tests.feed_world import make_world

LEAST_CONDITIONAL = 0.9
"""Of the polls for which validators were at hand. The others are one in a hundred, one a day for feeds that have fallen
silent, and the week after a server was found to lie."""


LONG_TAIL = 24.0
"""Hours of quiet after which no page is waited for: one that was forbidden is tried again for a day."""


def figures(day: DayRun, verdict: Verdict, floors: Floors, options: argparse.Namespace) -> list[dict[str, object]]:
    """Return the rows of the table of figures."""
    polls = [poll[-1] for some in polls_by_feed(day.world, day.farm.log).values() for poll in some]
    known = dict(verdict.figures)
    share = float(str(known.pop("conditional"))) / max(1.0, float(str(known.pop("with validators"))))
    third = next((size for hour, size in day.memory if hour >= day.world.hours / 3), 0)
    rows: dict[str, object] = {
        "hosts": len(day.world.hosts),
        "feeds": len(day.world.feeds),
        "hours of the virtual clock": f"{day.timeline.seconds / 3600:.1f}",
        "seconds of the machine's": f"{day.seconds:.0f}",
        "polls that a server answered": len(polls),
        "of those 304": _share(polls, 304),
        "conditional, of those with validators at hand": floors.at_least("conditional", share, LEAST_CONDITIONAL),
    }
    if options.tail >= LONG_TAIL:
        floors.at_most("pages still waited for", float(str(known["pages still waited for at the end"])), 0.0)
    rows |= {name: f"{value:.3f}" if isinstance(value, float) else value for name, value in known.items()}
    if day.memory:
        sizes = f"{third / 1e6:.0f}, {day.memory[-1][1] / 1e6:.0f}"
        rows["resident MB after a third of the day and at the end, the farm and its log included"] = sizes
    return [{"": name, "figure": value} for name, value in rows.items()]


def _share(polls: list[Asked], status: int) -> str:
    return f"{sum(one.status == status for one in polls) / max(1, len(polls)):.3f}"


def rules(verdict: Verdict, floors: Floors) -> list[dict[str, object]]:
    """Return the rows of the table of rules, and say where one was broken."""
    rows: list[dict[str, object]] = []
    for rule, times in sorted(verdict.put_to_the_test.items()):
        broken = verdict.violations[rule]
        rows.append({"rule": rule, "put to the test": times, "broken": len(broken)})
        floors.holds(f"{rule} ({len(broken)} times)", not broken)
    _say_where(verdict)
    return rows


def _say_where(verdict: Verdict) -> None:
    for rule in verdict.broken():
        for where in verdict.violations[rule][:5]:
            say(f"{rule}: {where}")


def run(options: argparse.Namespace, folder: Path) -> int:
    """Run the day and print its tables; returns the exit code."""
    say("making the world")
    world = make_world(options.seed, options.hosts, options.feeds, options.hours, options.pace)
    print(heading("A day of feeds", options))
    day = run_day(
        world, folder, tail_hours=options.tail, every=options.every, processes=options.processes, flags=options.flags
    )
    say(f"{day.seconds:.0f} s; judging {len(day.farm.log):,} requests")
    floors, verdict = Floors(), judge_day(day, options.every)
    print(table(figures(day, verdict, floors, options)) + "\n")
    print(table(rules(verdict, floors)))
    return floors.code()


def run_broken(options: argparse.Namespace) -> int:
    """Break newsbeam in each way and see that it is noticed; returns the exit code."""
    floors, rows = Floors(), []
    chosen = {name: one for name, one in BREAKS.items() if options.only in name}
    for name, one in {"nothing": Break(()), **chosen}.items():
        verdict = _broken_day(one, options)
        broken = verdict.broken()
        if not one.rules:
            _say_where(verdict)
        say(f"{name}: {_listed(broken) or 'no rule'}")
        noticed = set(one.rules) <= set(broken) if one.rules else not broken
        rows.append({"broken": name, "rules that the judges name": _listed(broken), "": floors.holds(name, noticed)})
    print(heading("A day of feeds, newsbeam broken", options))
    print(table(rows))
    return floors.code()


def _broken_day(one: Break, options: argparse.Namespace) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="newsbeam-day-") as scratch, contextlib.ExitStack() as stack:
        one.build_in(stack)
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        world = make_world(options.seed, one.hosts, one.feeds, one.hours)
        day = run_day(world, Path(scratch), every=one.every, tail_hours=1.0, flags=one.flags)
        stack.close()
        one.afterwards(day.lake)
        return judge_day(day, one.every)


def _listed(broken: dict[str, int]) -> str:
    return "; ".join(f"{rule} ({times})" for rule, times in sorted(broken.items(), key=lambda one: -one[1]))


def main() -> int:
    options_of: Any = parser(__doc__)
    options_of.add_argument("--hosts", type=int, default=200)
    options_of.add_argument("--feeds", type=int, default=2_000)
    options_of.add_argument("--hours", type=float, default=24.0)
    options_of.add_argument("--tail", type=float, default=24.0)
    options_of.add_argument("--seed", type=int, default=1)
    options_of.add_argument("--pace", type=float, default=1.0, help="factor on the number of items")
    options_of.add_argument("--every", type=float, default=600.0, help="seconds between two rounds")
    options_of.add_argument("--processes", type=int, default=2)
    options_of.add_argument("--cache", type=Path, help="a folder to keep the lake in")
    options_of.add_argument("--breaks", action="store_true", help="see that each fault is noticed")
    options_of.add_argument("--only", default="", metavar="WORD", help="with --breaks: those whose name has this in it")
    options_of.add_argument("flags", nargs="*", help="further flags of newsbeam run, after --")
    options = options_of.parse_args()
    if options.breaks:
        return run_broken(options)
    with working_folder(options.cache) as folder:
        fresh(folder / "lake")
        return run(options, folder)


if __name__ == "__main__":
    sys.exit(main())
