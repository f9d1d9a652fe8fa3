"""How many pages a second: the whole run, against a bare process pool and against other extractors.

    python tests/benchmarks/throughput.py DATA [--cache DIR] [--copies N] [--rounds N] [--no-peers]

DATA is the folder of development data; its `pages/*.tar.xz` (1,783 labelled pages) are unpacked once into the cache.
Everything is measured in turn, A B A B, on the same cores with the same number of processes; of the rounds the median
is shown, and each ratio is the median of the ratios within a round.

- newsbeam run: the command on a new lake, read to Parquet, deduplicated and committed
- bare pool: multiprocessing.Pool (forkserver) that reads the same files and calls the same extraction, nothing else
- newspaper4k, news-please: each in an environment of its own, parsing a sample of the same pages from memory. Network
  is refused to them (pictures are not asked for), and a page that takes longer than the limit counts as failed

"whole" is the wall clock of the whole command. "at work" leaves start-up out: for newsbeam the `seconds` of its account
(opening the lake to the last commit), for the others from the moment that every process has loaded what it needs.
Pages that no run finishes within the time limit are left out of all of them, and counted.

Floors: newsbeam / bare pool, whole: 0.9; newsbeam / newspaper4k, at work: 5; newsbeam / news-please, at work: 10.
Exit code 1 if one is missed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

# This file is also run by the other extractors' environments, which have none of the project's packages: whatever is
# not of the standard library is loaded where it is used.
from common import (
    Floors,
    Watched,
    fill_folder,
    fresh,
    heading,
    labelled_pages,
    newsbeam,
    parser,
    say,
    table,
    unpack,
    watch,
    working_folder,
)

PEERS = {"newspaper4k": 5.0, "news-please": 10.0}
"""The other extractors, by the name of their package, and how many times as fast newsbeam must be."""

PEER_NEEDS = ("lxml_html_clean",)
"""What they import and old resolvers do not install."""

BARE_CHUNK = 4
BARE_FLOOR = 0.9


@dataclass(frozen=True)
class Rate:
    """One measurement."""

    pages: int
    failed: int
    whole_seconds: float
    work_seconds: float
    cpu_seconds: float

    @property
    def whole(self) -> float:
        """Pages a second, start-up included."""
        return self.pages / self.whole_seconds

    @property
    def at_work(self) -> float:
        """Pages a second without start-up."""
        return self.pages / self.work_seconds


# The contestants, as this program calls them


def rate_of_newsbeam(folder: Path, lake: Path, options: argparse.Namespace) -> Rate:
    """Run the command over a folder into a new lake."""
    command = newsbeam("run", "--input", folder, "--output", fresh(lake), "--json", "--tags", "none")
    watched = watch([*command, "--processes", str(options.processes), "--time-limit", str(options.time_limit)])
    account = watched.json()
    return _rate(watched, account["inputs"], account["rejects"], account["seconds"])


def rate_of_bare_pool(folder: Path, options: argparse.Namespace) -> Rate:
    """Run this program as the bare pool."""
    return _rate_of_self(sys.executable, ["--as-bare-pool"], folder, options)


def rate_of_peer(name: str, python: Path, folder: Path, options: argparse.Namespace) -> Rate:
    """Run this program as another extractor, in that one's environment."""
    return _rate_of_self(str(python), ["--as-peer", name], folder, options)


def _rate_of_self(python: str, role: Sequence[str], folder: Path, options: argparse.Namespace) -> Rate:
    command = [python, "-W", "ignore", __file__, str(folder), *role, "--processes", str(options.processes)]
    watched = watch([*command, "--time-limit", str(options.time_limit)])
    result = watched.json()
    if result.get("connections"):
        raise SystemExit(f"{role[-1]} tried to open {result['connections']} connections: it was not only parsing")
    return _rate(watched, result["pages"], result["failed"], result["seconds"])


def _rate(watched: Watched, pages: int, failed: int, work_seconds: float) -> Rate:
    return Rate(pages, failed, watched.seconds, work_seconds, watched.cpu_seconds)


# The bare pool


def bare_pool(folder: Path, processes: int) -> dict[str, Any]:
    """Extract every page of a folder in a pool, throw the rows away, and return the figures."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["transforms.functions.articles"])
    paths = sorted(map(str, folder.iterdir()))
    with context.Pool(processes) as pool:
        pool.map(_load_extraction, range(processes), chunksize=1)
        return _counted(pool.imap_unordered(_extract, paths, chunksize=BARE_CHUNK))


def _load_extraction(_: int) -> None:
    import transforms.functions.articles  # noqa: F401  (what every process needs)


def _extract(path: str) -> Any:
    from schemas.errors import InputRejected
    from schemas.page import Page
    from transforms.functions.articles import article_from_page

    try:
        return article_from_page(Page("0" * 64, path, "html", Path(path).read_bytes(), 0), run_id="bare")
    except InputRejected:
        return None


def _counted(results: Iterable[Any]) -> dict[str, Any]:
    started = time.perf_counter()
    pages = failed = 0
    for result in results:
        pages += 1
        failed += not result
    return {"pages": pages, "failed": failed, "seconds": time.perf_counter() - started}


# The other extractors


class TookTooLong(BaseException):
    """Raised inside a page that is over its limit; no `except Exception` of a parser holds it up."""


def peer(name: str, folder: Path, processes: int, limit: float) -> dict[str, Any]:
    """Parse every page of a folder with another extractor in a pool, and return the figures."""
    parse = PARSERS[name]
    with suppress(Exception):
        parse("<html><body><p>It loads what it needs before the processes are forked.</p></body></html>")
    paths = sorted(map(str, folder.iterdir()))
    context = multiprocessing.get_context("fork")
    connections = context.Value("i", 0)
    with context.Pool(processes, _refuse_network, [connections]) as pool:
        results = _counted(pool.imap_unordered(partial(_parse_within, parse, limit), paths))
    return results | {"connections": connections.value}


def _with_newspaper4k(html: str) -> str:
    from newspaper import Article

    article = Article("http://localhost/", fetch_images=False)
    article.download(input_html=html)
    article.parse()
    return article.text or ""


def _with_news_please(html: str) -> str:
    from newsplease import NewsPlease

    return NewsPlease.from_html(html, url=None, fetch_images=False).maintext or ""


PARSERS = {"newspaper4k": _with_newspaper4k, "news-please": _with_news_please}


def _parse_within(parse: Callable[[str], str], limit: float, path: str) -> bool:
    """Whether the page gave a text within the limit."""
    signal.setitimer(signal.ITIMER_REAL, limit, 1.0)  # again each second, should a parser swallow the first
    try:
        return bool(parse(Path(path).read_bytes().decode("utf-8", "replace")))
    except (Exception, TookTooLong):
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _refuse_network(connections: Any) -> None:
    def refuse(*_: object, **__: object) -> None:
        with connections.get_lock():
            connections.value += 1
        raise OSError("a benchmark of parsing opens no connection")

    def stop(number: int, frame: object) -> None:
        raise TookTooLong

    socket.socket.connect = refuse  # type: ignore[method-assign]
    socket.getaddrinfo = refuse  # type: ignore[assignment]
    signal.signal(signal.SIGALRM, stop)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what they complain of is not measured


def peer_python(name: str, cache: Path, needs: Sequence[str] = PEER_NEEDS) -> Path | None:
    """Build another package's environment, once; returns its Python, or None and says why there is none."""
    home = cache / "peers" / name
    python, done = home / "bin" / "python", home / "built"
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    if done.exists():
        return python
    try:
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)])
        _run([uv, "pip", "install", "--quiet", "--python", str(python), name, *needs])
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        print(f"{name}: its environment cannot be built, so it is not measured: {reason.strip()[-500:]}")
        return None
    done.touch()
    return python


def _run(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def version_in(python: Path, name: str) -> str:
    """Return which version of a package an environment has."""
    return _run([str(python), "-c", f"from importlib.metadata import version; print(version('{name}'))"]).strip()


# The comparison


def leave_out_hanging(folder: Path, lake: Path, options: argparse.Namespace) -> int:
    """Run over the folder once, unmeasured, and delete the pages that hit the time limit; returns how many."""
    import duckdb

    rate_of_newsbeam(folder, lake, options)
    query = "select source from read_parquet(?) where reason in ('time_limit', 'worker_died')"
    hanging = duckdb.execute(query, [str(lake / "rejects" / "**" / "*.parquet")]).fetchall()
    for (source,) in hanging:
        Path(source).unlink()
    return len(hanging)


def compare_with_bare_pool(folder: Path, lake: Path, options: argparse.Namespace, floors: Floors) -> str:
    """Measure both in turn; returns the rows of the report."""
    ours: list[Rate] = []
    bare: list[Rate] = []
    for number in range(options.rounds):
        say(f"round {number + 1} of {options.rounds}: newsbeam run, then the bare pool, over {options.pages:,} pages")
        ours.append(rate_of_newsbeam(folder, lake, options))
        bare.append(rate_of_bare_pool(folder, options))
    rounds = ", ".join(f"{a.whole / b.whole:.3f}" for a, b in zip(ours, bare, strict=True))
    against = _against(ours, bare, whole=lambda ratio: floors.at_least("newsbeam / bare pool", ratio, BARE_FLOOR))
    return f"{table([_row('newsbeam run', ours), _row('bare pool', bare) | against])}\n\nratios by round: {rounds}\n"


def compare_with_peers(pages: Sequence[Path], scratch: Path, options: argparse.Namespace, floors: Floors) -> str:
    """Measure ours and each other extractor in turn over a sample; returns the rows of the report."""
    pythons = {name: python for name in PEERS if (python := peer_python(name, options.cache))}
    if not pythons:
        return "no other extractor could be measured\n"
    folder = fresh(scratch / "sample")
    fill_folder(folder, pages[:: max(1, len(pages) // options.sample)][: options.sample], options.sample)
    rates: dict[str, list[Rate]] = {name: [] for name in ("newsbeam run", *pythons)}
    for number in range(options.rounds):
        say(f"round {number + 1} of {options.rounds}: newsbeam run, then {' and '.join(pythons)}, over the sample")
        rates["newsbeam run"].append(rate_of_newsbeam(folder, scratch / "lake", options))
        for name, python in pythons.items():
            rates[name].append(rate_of_peer(name, python, folder, options))
    return table([_peer_row(name, rates, pythons.get(name), floors) for name in rates]) + "\n"


def _peer_row(name: str, rates: dict[str, list[Rate]], python: Path | None, floors: Floors) -> dict[str, str]:
    if python is None:
        return _row(name, rates[name])
    against = _against(
        rates["newsbeam run"],
        rates[name],
        at_work=lambda ratio: floors.at_least(f"newsbeam / {name}", ratio, PEERS[name]),
    )
    return _row(f"{name} {version_in(python, name)}", rates[name]) | against


def _against(
    ours: Sequence[Rate],
    theirs: Sequence[Rate],
    whole: Callable[[float], str] = "{:.2f}".format,
    at_work: Callable[[float], str] = "{:.2f}".format,
) -> dict[str, str]:
    """Medians over the rounds of newsbeam's figure by theirs, each shown by the function given for it."""
    pairs = list(zip(ours, theirs, strict=True))
    cpu = median(a.cpu_seconds / a.pages / (b.cpu_seconds / b.pages) for a, b in pairs)
    return {
        "newsbeam / it, whole": whole(median(a.whole / b.whole for a, b in pairs)),
        "newsbeam / it, at work": at_work(median(a.at_work / b.at_work for a, b in pairs)),
        "newsbeam / it, CPU a page": f"{cpu:.2f}",
    }


def _row(name: str, rates: Sequence[Rate]) -> dict[str, str]:
    cpu = median(1000 * rate.cpu_seconds / rate.pages for rate in rates)
    return {
        "": name,
        "pages": f"{rates[0].pages:,}",
        "no text": f"{rates[0].failed:,}",
        "seconds, whole": f"{median(rate.whole_seconds for rate in rates):.1f}",
        "pages/s, whole": f"{median(rate.whole for rate in rates):.1f}",
        "pages/s, at work": f"{median(rate.at_work for rate in rates):.1f}",
        "CPU ms a page": f"{cpu:.1f}",
    }


def compare(options: argparse.Namespace) -> int:
    """Measure everything and print the report; returns the exit code."""
    head, floors = heading("Throughput", options), Floors()
    with working_folder(options.cache) as options.cache:
        cache = options.cache
        unpack(options.data, cache)
        pages = labelled_pages(cache)
        pages = pages[:: max(1, len(pages) // (options.of or len(pages)))][: options.of]
        scratch = cache / "throughput"
        folder = fresh(scratch / "pages")
        fill_folder(folder, pages, options.copies * len(pages))
        say("once unmeasured: warms the disk's cache and finds pages that hang")
        left_out = leave_out_hanging(folder, scratch / "lake", options)
        options.pages = options.copies * len(pages) - left_out
        print(f"{head}\n{options.rounds} rounds, {options.processes} processes, {left_out} pages left out\n")
        print(compare_with_bare_pool(folder, scratch / "lake", options, floors), flush=True)
        if options.peers:
            print(compare_with_peers(pages, scratch, options, floors))
        fresh(scratch)
    return floors.code()


def main() -> int:
    """Read the command line; compare, or be one of those compared."""
    arguments = parser(__doc__)
    arguments.add_argument("data", type=Path, metavar="DATA", help="folder of development data")
    arguments.add_argument("--cache", type=Path, metavar="DIR", help="keep unpacked pages and environments here")
    arguments.add_argument("--copies", type=int, default=1, metavar="N", help="each page N times (default: 1)")
    arguments.add_argument("--of", type=int, metavar="N", help="take only N of the labelled pages, evenly spread")
    arguments.add_argument("--rounds", type=int, default=2, metavar="N", help="rounds, A B each (default: 2)")
    arguments.add_argument("--sample", type=int, default=300, metavar="N", help="pages for the others (default: 300)")
    arguments.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    arguments.add_argument("--time-limit", type=float, default=30.0, metavar="SECONDS", help="for a page (default: 30)")
    arguments.add_argument("--no-peers", dest="peers", action="store_false", help="leave the other extractors out")
    arguments.add_argument("--as-bare-pool", action="store_true", help=argparse.SUPPRESS)
    arguments.add_argument("--as-peer", choices=PEERS, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.as_bare_pool:
        print(json.dumps(bare_pool(options.data, options.processes)))
    elif options.as_peer:
        print(json.dumps(peer(options.as_peer, options.data, options.processes, options.time_limit)))
    else:
        return compare(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
