"""A cap on the memory of a run and of all its processes: very many documents, and very many feeds, still get done.

The cap is 1.5 GB (own choice: a small virtual machine has 2), kept by a watch that looks ten times a second at the
memory of all processes, shared pages counted once, and ends a run that is over it: a control group would need rights
that a test seldom has, and would count the pages of files, too. The short form compares a run over some documents with
one over few.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Final

import psutil

from tests.benchmarks.feed_server import serving
from tests.faults import kill_points
from tests.faults.contents import contents_of, left_over
from tests.faults.kill_points import change
from tests.faults.runs import ROOT, Change, Forks, Running, forking
from tests.faults.tally import Effort, Tally

CAP: Final = 1_500_000_000
DOCUMENTS: Final = 100_000
FEEDS: Final = 20_000
"""Of the long form."""

_FEW: Final = 2_400
_SOME: Final = 4_800
"""Documents of the two runs of the short form. The fewer are past the warming up, which ends after some thousand
documents: at 800 the peak lay anywhere between 300 and 325 MB."""

_BYTES_EACH: Final = 32_000
"""What a document more may add to the peak of the short form. Measured, twice the same: 8,000 (360 and 378 MB), and
82,000 where all documents are one cycle (456 and 653 MB); so four times the one, and less than half of the other."""

_SMALL_CYCLE: Final = 1_000_000
"""Bytes of a cycle of the short form, so that both runs have several."""

_SECONDS: Final = 3_600.0


@dataclass
class Capped:
    """What a run under a cap came to."""

    code: int | None
    peak: int
    """Bytes of all processes together."""
    seconds: float
    is_over: bool = False


def run_capped(run: Running, cap: int = CAP) -> Capped:
    """Watch a run to its end, and end it where it is over the cap."""
    peak = 0
    while not run.is_over():
        peak = max(peak, _size(run.pid))
        if peak > cap:
            run.kill_all()
            return Capped(None, peak, time.monotonic() - run.started, is_over=True)
        time.sleep(0.1)
    return Capped(run.wait(10.0), peak, time.monotonic() - run.started)


def _size(pid: int) -> int:
    """Return the bytes of a run: all that its driver has (it is a fork, and shares much of it), and others' shares."""
    try:
        driver = psutil.Process(pid)
        return int(driver.memory_info().rss) + sum(map(_proportional, driver.children(recursive=True)))
    except psutil.Error:
        return 0


def _proportional(process: Any) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


# What is read


def _articles(count: int) -> Iterator[dict[str, Any]]:
    """Yield the made-up articles of `tests/benchmarks/memory.py`, which is a program beside its own modules."""
    folder = str(ROOT / "tests" / "benchmarks")
    sys.path.append(folder)
    try:
        made: Iterator[dict[str, Any]] = import_module("memory").articles(count)
    finally:
        sys.path.remove(folder)
    return made


def write_documents(folder: Path, count: int) -> Path:
    """Write a folder with one JSONL file of so many articles."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with (folder / "articles.jsonl").open("wb") as file:
        file.writelines(json.dumps(article).encode() + b"\n" for article in _articles(count))
    return folder


def _write_texts(folder: Path) -> Path:
    """Write texts where `feed_server` looks for them."""
    (folder / "tags").mkdir(parents=True)
    texts = [json.dumps({"article_body": one["article_body"]}) + "\n" for one in islice(_articles(600), 600)]
    with gzip.open(folder / "tags" / "topics_pool.jsonl.gz", "wt") as packed:
        packed.writelines(texts[:500])
    (folder / "tags" / "topics_train.jsonl").write_text("".join(texts[500:]))
    return folder


# The runs


def faults(effort: Effort) -> Iterator[Tally]:
    """Run under the cap."""
    with forking(effort.folder / "said") as forks:
        if effort.is_long:
            yield _documents(forks, effort.folder, DOCUMENTS)
            yield _feeds(forks, effort.folder, FEEDS)
        else:
            yield _share_of_cap(forks, effort.folder)


def breaks(effort: Effort) -> Iterator[Tally]:
    """Take all documents in one cycle, so that all of them are held at a time."""
    with forking(effort.folder / "said") as forks:
        tally = _share_of_cap(forks, effort.folder, [change(kill_points.cut_cycle_bytes, CAP)])
        tally.fault = "cycles have no bound"
        yield tally


def _documents(forks: Forks, folder: Path, count: int) -> Tally:
    tally = Tally(f"{count:,} documents of a JSONL file, at most {CAP / 1e9:g} GB", tries=1)
    documents, lake = write_documents(folder / "documents", count), folder / "lake"
    done = run_capped(forks.start(_over(documents, lake)))
    return _judged(tally, done, lake, count)


def _feeds(forks: Forks, folder: Path, count: int) -> Tally:
    tally, lake = Tally(f"first poll of {count:,} feeds, at most {CAP / 1e9:g} GB", tries=1), folder / "lake"
    shutil.rmtree(lake, ignore_errors=True)
    with serving(_write_texts(folder / "texts")) as server:
        (folder / "feeds.txt").write_text("\n".join(server.urls(count, 1, 45_000)) + "\n")
        polling = ["--host-gap", "0", "--allow-private", "--poll-budget", "1h", "--contact", "a@b.example"]
        arguments = ["run", "--quiet", "--feeds", folder / "feeds.txt", "--output", lake, "--tags", "none", *polling]
        done = run_capped(forks.start(arguments))
    return _judged(tally, done, lake, count)


def _share_of_cap(forks: Forks, folder: Path, changes: Sequence[Change] = ()) -> Tally:
    allowed = (_SOME - _FEW) * _BYTES_EACH
    tally = Tally(f"{_SOME:,} documents, at most {allowed / 1e6:.0f} MB more than {_FEW:,} take", tries=1)
    peaks, lake = [], folder / "lake"
    for count in (_FEW, _SOME):
        documents = write_documents(folder / "documents", count)
        small = [change(kill_points.cut_cycle_bytes, _SMALL_CYCLE), change(kill_points.keep_small_cache)]
        done = run_capped(forks.start(_over(documents, lake), [*small, *changes]))
        _judged(tally, done, lake, count)
        peaks.append(done.peak)
    few, some = peaks
    tally.check(some - few <= allowed, f"{some / 1e6:,.0f} MB, and {few / 1e6:,.0f} MB over {_FEW:,} documents")
    return tally


def _over(documents: Path, lake: Path) -> list[object]:
    shutil.rmtree(lake, ignore_errors=True)
    return ["run", "--quiet", "--input", documents, "--output", lake, "--processes", "2", "--tags", "none"]


def _judged(tally: Tally, done: Capped, lake: Path, rows: int) -> Tally:
    """See that a run has ended well, under the cap, with all rows, and say what it took."""
    figures = f"{done.peak / 1e6:,.0f} MB at the peak, {done.seconds:.0f} s"
    print(f"{tally.fault}: {figures}", file=sys.stderr, flush=True)
    tally.check(not done.is_over, f"over the cap: {figures}")
    tally.check(done.code == 0, f"ended with {done.code}")
    if done.is_over:
        return tally
    found = contents_of(lake)
    tally.lost += max(0, rows - found.ids["articles"].total() - found.ids["copies"].total())
    tally.doubled += found.doubled()
    tally.check(found.is_accounted(), "the accounts do not add up to the rows")
    for left in left_over(lake):
        tally.check(False, left)
    return tally
