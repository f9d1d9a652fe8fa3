"""Feeds a second and core: `newsbeam run --feeds` against a plain loop and against the library `reader`; its memory.

    python tests/benchmarks/polling.py DATA [--cache DIR] [--feeds N N] [--rounds N] [--memory N N]

All poll the same feeds at the same addresses, each on a host of its own, of a server on the loopback interface
(`feed_server.py`, a process of its own whose time is not counted). The items are whole articles made of texts of DATA:
one a feed for the path 304, ten (60 kB a feed) for the others.

- 304: nothing has changed, and all say so by their validators
- 200, same: nothing has changed, and the server takes no validators: the same body comes
- 200, new: one of the ten items is new

The contestants, in turn, A B C A B C; a ratio is the median of the ratios within a round:

- newsbeam: `newsbeam run --feeds LIST --output LAKE --host-gap 0 --tags none`, one command for each path, to the commit
  of the lake: rows of requests, polls, articles and copies in Parquet, and its memory. The new item's language, text
  and duplicates are part of it. Before each command the times of the next polls are put into the past.
- plain loop: httpx (64 requests at a time) and `feedparser.parse`; validators in a dictionary. It keeps and writes
  nothing, knows no new items from old ones, no rules of hosts, no limits and no addresses that it must not ask.
- reader: `update_feeds(workers=8)` on a new SQLite file, in an environment of its own.

"at work" is without start-up, and what the floors are of: for newsbeam, the run less one over a single feed in the
same round; for the others, what they measure around the turn themselves. "whole" has the start-up in it. A core's
second is a second of processor time (user and system) of all processes of a contestant; it hardly depends on what else
runs.

Floors, feeds/s/core at work, on each path: 0.8 of the plain loop, 3 times reader. Memory is of newsbeam: all processes
together at the peak, with few and with many feeds due at once, bodies of 50 kB; at most 1.25 times as much for ten
times as many. Exit code 1 if a floor is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

# This file is also run by reader's environment, which has none of the project's packages: whatever is not of the
# standard library is loaded where it is used.
from common import Floors, Watched, fresh, heading, newsbeam, parser, say, table, watch, working_folder
from feed_server import FeedServer, serving
from throughput import peer_python, version_in

FIRST, NOT_MODIFIED, SAME, NEW = "first", "304", "200, same", "200, new"
TURNS = {FIRST: "1", NOT_MODIFIED: "1", SAME: "1/whole", NEW: "2"}
"""The server's turn in each path. `first`, in which all is new, is not compared: it is as many articles as feeds."""

CONTESTS = ((1, (FIRST, NOT_MODIFIED)), (10, (FIRST, SAME, NEW)))
"""Items a feed, and the paths that are polled one after the other."""

FLOORS = {"plain loop": 0.8, "reader": 3.0}
MEMORY_CEILING = 1.25

CONCURRENCY = 64
"""newsbeam's own (`SchedulerSettings`)."""

READER_WORKERS = 8
"""Threads; more of them wait for one another."""

READER_NEEDS = ("sgmllib3k",)
"""What reader 3.26 imports and does not ask for since feedparser has it under another name."""

MEMORY_ITEMS = 1
MEMORY_PATHS = (FIRST, NOT_MODIFIED)
MEMORY_PADDING = 45_000
"""Of the feeds that memory is measured on: an article and a long comment, 50 kB."""


@dataclass(frozen=True)
class Contest:
    """What is polled."""

    server: FeedServer
    urls: Sequence[str]
    items: int
    paths: Sequence[str]


@dataclass(frozen=True)
class Turn:
    """What one contestant took for one turn."""

    feeds: int
    work_seconds: float
    work_cpu: float
    whole_seconds: float
    whole_cpu: float

    @property
    def per_core(self) -> float:
        """Feeds a second of processor time, start-up left out."""
        return self.feeds / self.work_cpu

    @property
    def per_core_whole(self) -> float:
        """Feeds a second of processor time, start-up included."""
        return self.feeds / self.whole_cpu


Turns = Mapping[str, Turn]
"""By path."""


# newsbeam


def turns_of_newsbeam(contest: Contest, folder: Path, floors: Floors) -> Turns:
    """Run the command for each path over one feed, then over all."""
    alone = runs_of_newsbeam(replace(contest, urls=contest.urls[:1]), folder, floors)
    whole = runs_of_newsbeam(contest, folder, floors)
    return {path: _less(whole[path], alone[path], len(contest.urls)) for path in contest.paths}


def runs_of_newsbeam(contest: Contest, folder: Path, floors: Floors, *, memory: bool = False) -> dict[str, Watched]:
    """Run the command for each path, on one new lake; returns what each run cost."""
    lake, feeds = fresh(folder / "lake"), folder / "feeds.txt"
    feeds.write_text("\n".join(contest.urls) + "\n")
    command = newsbeam("run", "--feeds", feeds, "--output", lake, "--json", "--tags", "none", "--host-gap", "0")
    watched: dict[str, Watched] = {}
    for path in contest.paths:
        make_all_due(lake / "_newsbeam" / "memory.sqlite")
        contest.server.start_turn(TURNS[path])
        one = watch([*command, "--allow-private", "--poll-budget", "1h"], every=0.1, proportional=memory)
        _check(path, one.json(), contest, floors)
        watched[path] = one
    return watched


def make_all_due(memory: Path) -> None:
    """Put the times of the next polls into the past."""
    if memory.exists():
        with sqlite3.connect(memory) as connection:
            connection.execute("update feed_states set next_poll_at = 0")
        connection.close()


def _check(path: str, account: Mapping[str, Any], contest: Contest, floors: Floors) -> None:
    """Check that what was to be measured is what happened."""
    polled, feeds, sent = account["feeds"], len(contest.urls), contest.server.start_turn(TURNS[path])
    new = feeds * {FIRST: contest.items, NEW: 1}.get(path, 0)
    rows = account["articles"] + account["copies"]
    fine = polled["feeds_polled"] == feeds and rows == account["inputs"] == polled["items_new"] == new
    floors.holds(f"newsbeam, {path}: all polled, all rows there", fine and not polled["pages_waiting"])
    floors.holds(f"newsbeam, {path}: {status_of(path)} from all, {sent}", sent == {status_of(path): feeds})


def status_of(path: str) -> str:
    """Return what the server sends."""
    return "304" if path == NOT_MODIFIED else "200"


def _less(whole: Watched, alone: Watched, feeds: int) -> Turn:
    seconds, cpu = whole.seconds - alone.seconds, whole.cpu_seconds - alone.cpu_seconds
    return Turn(feeds, seconds, cpu, whole.seconds, whole.cpu_seconds)


# The others, each a process that goes through all paths


def turns_of_other(python: str, role: str, contest: Contest, folder: Path) -> Turns:
    """Run this program as another contestant."""
    feeds, database = folder / "feeds.txt", folder / "reader.sqlite"
    feeds.write_text("\n".join(contest.urls) + "\n")
    for old in folder.glob("reader.sqlite*"):
        old.unlink()
    contest.server.start_turn(TURNS[FIRST])
    command = [python, "-W", "ignore", __file__, str(feeds), "--as", role, "--paths", *contest.paths]
    result = watch([*command, "--database", str(database)], every=0.1).json()
    start, feeds_polled = result["start"], len(contest.urls)
    return {
        path: Turn(feeds_polled, seconds, cpu, start["seconds"] + seconds, start["cpu"] + cpu)
        for path, (seconds, cpu) in result["turns"].items()
    }


class Stopwatch:
    """Times the turns of this process, and has the server start each."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._server = FeedServer.at(urls[0])
        self._feeds = len(urls)
        self.start = {"seconds": _seconds_since_start(), "cpu": time.process_time()}
        self.turns: dict[str, tuple[float, float]] = {}

    def time(self, path: str, poll: Callable[[], None]) -> None:
        """Run one turn."""
        self._server.start_turn(TURNS[path])
        seconds, cpu = time.perf_counter(), time.process_time()
        poll()
        self.turns[path] = (time.perf_counter() - seconds, time.process_time() - cpu)
        sent = self._server.start_turn(TURNS[path])
        if sent != {status_of(path): self._feeds}:
            raise SystemExit(f"{path}: the server sent {sent}")

    def json(self) -> str:
        """Return all times."""
        return json.dumps({"start": self.start, "turns": self.turns})


def _seconds_since_start() -> float:
    """Since the system started this process (Linux)."""
    started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def plain_loop(urls: Sequence[str], paths: Sequence[str]) -> str:
    """Poll with httpx and feedparser; returns the times."""
    import feedparser  # noqa: F401  (part of the start-up)

    validators: dict[str, dict[str, str]] = {}
    with asyncio.Runner() as runner:
        client = runner.run(_client())
        stopwatch = Stopwatch(urls)
        for path in paths:
            stopwatch.time(path, lambda: runner.run(_poll_all(client, urls, validators)))
        runner.run(client.aclose())
    return stopwatch.json()


async def _client() -> Any:
    import httpx

    limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    return httpx.AsyncClient(limits=limits, timeout=20.0)


async def _poll_all(client: Any, urls: Sequence[str], validators: dict[str, dict[str, str]]) -> None:
    waiting = iter(urls)

    async def poll_some() -> None:
        for url in waiting:
            await _poll(client, url, validators)

    await asyncio.gather(*(poll_some() for _ in range(CONCURRENCY)))


async def _poll(client: Any, url: str, validators: dict[str, dict[str, str]]) -> None:
    import feedparser

    answer = await client.get(url, headers=validators.get(url, {}))
    if answer.status_code == 200:
        if not feedparser.parse(answer.content).entries:
            raise SystemExit(f"{url}: no entries")
        names = {"if-none-match": "etag", "if-modified-since": "last-modified"}
        validators[url] = {name: answer.headers[given] for name, given in names.items() if given in answer.headers}


def reader_library(urls: Sequence[str], paths: Sequence[str], database: Path) -> str:
    """Poll with reader; returns the times."""
    from reader import make_reader

    library = make_reader(str(database))
    for url in urls:
        library.add_feed(url)
    stopwatch = Stopwatch(urls)
    for path in paths:
        stopwatch.time(path, lambda: library.update_feeds(scheduled=False, workers=READER_WORKERS))
    found = library.get_feed_counts(broken=False).total, library.get_entry_counts().total
    if found[0] != len(urls) or found[1] % len(urls):
        raise SystemExit(f"reader has {found} feeds and entries")
    return stopwatch.json()


# The comparison


def compare(contest: Contest, folder: Path, rounds: int, floors: Floors) -> list[dict[str, str]]:
    """Measure all contestants in turn; returns the rows of the table."""
    python = peer_python("reader", folder, READER_NEEDS)
    measured: list[dict[str, Turns]] = []
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}: newsbeam run, the plain loop, reader, over {len(contest.urls):,} feeds")
        turns = {"newsbeam": turns_of_newsbeam(contest, folder, floors)}
        turns["plain loop"] = turns_of_other(sys.executable, "loop", contest, folder)
        if python is not None:
            turns["reader"] = turns_of_other(str(python), "reader", contest, folder)
        measured.append(turns)
        took = (f"{name} {path} {1000 / turns[name][path].per_core:.2f}" for name in turns for path in contest.paths)
        say(f"CPU ms a feed: {'; '.join(took)}")
    compared = [path for path in contest.paths if path != FIRST]
    rows = [_row(path, name, measured, floors) for path in compared for name in measured[0]]
    if python is not None:
        rows = [row | {"": f"reader {version_in(python, 'reader')}"} if row[""] == "reader" else row for row in rows]
    return rows


def _row(path: str, name: str, rounds: Sequence[Mapping[str, Turns]], floors: Floors) -> dict[str, str]:
    turns = [one[name][path] for one in rounds]
    row = {
        "path": path,
        "": name,
        "feeds": f"{turns[0].feeds:,}",
        "feeds/s/core, at work": f"{median(turn.per_core for turn in turns):,.0f}",
        "CPU ms a feed, at work": f"{median(1000 / turn.per_core for turn in turns):.2f}",
        "seconds, at work": f"{median(turn.work_seconds for turn in turns):.1f}",
        "start-up, CPU s": f"{median(turn.whole_cpu - turn.work_cpu for turn in turns):.1f}",
    }
    if name in FLOORS:
        pairs = [(one["newsbeam"][path], one[name][path]) for one in rounds]
        at_work = median(ours.per_core / theirs.per_core for ours, theirs in pairs)
        row["newsbeam / it, at work"] = floors.at_least(f"newsbeam / {name}, {path}", at_work, FLOORS[name])
        row["newsbeam / it, whole"] = f"{median(a.per_core_whole / b.per_core_whole for a, b in pairs):.2f}"
    return row


def measure_memory(server: FeedServer, folder: Path, options: argparse.Namespace, floors: Floors) -> str:
    """Run newsbeam over few feeds and over many; returns the table."""
    rows: list[dict[str, str]] = []
    peaks: list[dict[str, int]] = []
    for feeds in options.memory:
        say(f"newsbeam run over {feeds:,} feeds")
        urls = server.urls(feeds, MEMORY_ITEMS, MEMORY_PADDING)
        contest = Contest(server, urls, MEMORY_ITEMS, MEMORY_PATHS)
        runs = runs_of_newsbeam(contest, folder, floors, memory=True)
        peaks.append({path: one.peak_rss for path, one in runs.items()})
        rows += [_memory_row(feeds, path, one) for path, one in runs.items()]
    few, many = peaks[0], peaks[-1]
    for row in rows[-len(MEMORY_PATHS) :]:
        path = row["path"]
        row["against few"] = floors.at_most(f"memory, {path}", many[path] / few[path], MEMORY_CEILING)
    return table(rows)


def _memory_row(feeds: int, path: str, one: Watched) -> dict[str, str]:
    return {
        "feeds": f"{feeds:,}",
        "path": path,
        "resident MB": f"{one.peak_rss / 1e6:,.0f}",
        "proportional MB": f"{one.peak_pss / 1e6:,.0f}",
        "seconds": f"{one.seconds:.1f}",
        "CPU ms a feed": f"{1000 * one.cpu_seconds / feeds:.2f}",
        "cycles": str(one.json()["cycles"]),
    }


def main() -> int:
    """Read the command line; compare, or be one of those compared."""
    arguments = parser(__doc__)
    arguments.add_argument("data", type=Path, metavar="DATA", help="folder of development data")
    arguments.add_argument("--cache", type=Path, metavar="DIR", help="work here, and keep reader's environment")
    arguments.add_argument(
        "--feeds", type=int, nargs=2, default=[4_000, 400], metavar="N", help="for 304, and for 200 (default: 4000 400)"
    )
    arguments.add_argument("--rounds", type=int, default=2, metavar="N", help="(default: 2)")
    arguments.add_argument("--memory", type=int, nargs="*", default=[2_000, 20_000], metavar="N", help="feeds")
    arguments.add_argument("--as", dest="role", choices=("loop", "reader"), help=argparse.SUPPRESS)
    arguments.add_argument("--paths", nargs="*", help=argparse.SUPPRESS)
    arguments.add_argument("--database", type=Path, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.role is not None:
        given = (options.data.read_text().split(), options.paths)
        print(plain_loop(*given) if options.role == "loop" else reader_library(*given, options.database))
        return 0
    head, floors = heading("Polling", options), Floors()
    with working_folder(options.cache) as folder, serving(options.data) as server:
        print(head)
        if options.rounds:
            rows: list[dict[str, str]] = []
            for feeds, (items, paths) in zip(options.feeds, CONTESTS, strict=True):
                contest = Contest(server, server.urls(feeds, items), items, paths)
                rows += compare(contest, folder, options.rounds, floors)
            print(table(rows) + "\n", flush=True)
        if options.memory:
            print(measure_memory(server, folder, options, floors))
        fresh(folder / "lake")
    return floors.code()


if __name__ == "__main__":
    sys.exit(main())
