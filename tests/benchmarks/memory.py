"""Whether memory and the cost of an article stay the same, however much there is to read.

    python tests/benchmarks/memory.py [--small 10000] [--large 100000] [--pages DATA] [--cache DIR]

Writes JSONL files of made-up articles (3 to 6 kB of random words, each its own text, address and date; the same at
each start), plain and gzip, and runs `newsbeam run` over each into a new lake, then once more over the same file; at
the end over the small one again, since a machine that others use, too, does not keep its pace. With `--pages DATA` also
over the 1,783 labelled pages of the development data. All processes of a run are looked at every 0.2 s (CPU and
resident size) and every second (proportional size: memory that processes share counted once).

"CPU ms an article" and "wall ms an article" leave out what a run over one single article costs. Floors, large against
small: resident size at most 1.15, CPU an article at most 1.10; second run: no new row, at most 0.15 of the first run's
time (of the large files and the pages; a small run is mostly start-up); and every account adds up. Exit code 1 if one
is missed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean
from typing import Any

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

MEMORY_CEILING = 1.15
COST_CEILING = 1.10
SECOND_RUN_CEILING = 0.15

OUTLETS = 40
SYLLABLES = "ba be bi bo da de di do fa fe ga go ka ke ki ko la le li lo ma me mi mo na ne ni no pa pe ra re ri ro"
COMMON_WORDS = """
the of and to in a is that for it was on are as with his they at be this from have or by one had not but what all were
when we there can an your which their said if will each about how up out them then she many some so these would other
into has more her two like him see time could no make than first been its who now people my made over did down only way
find use may water long little very after words called just where most know government police minister company market
court council city report year week million percent officials according country
"""


@dataclass(frozen=True)
class Run:
    """A measured run and its account."""

    cost: Watched
    account: dict[str, Any]

    @property
    def inputs(self) -> int:
        """How many inputs it read."""
        return int(self.account["inputs"])

    def adds_up(self, inputs: int) -> bool:
        """Whether every input has its outcome, and all were read."""
        outcomes = sum(self.account[name] for name in ("articles", "copies", "rejects", "already_seen"))
        return self.inputs == inputs == outcomes

    @property
    def new_rows(self) -> int:
        """How many rows it wrote."""
        return int(sum(self.account[name] for name in ("articles", "copies", "rejects")))


# What is read


def write_articles(path: Path, count: int) -> Path:
    """Write a JSONL file of made-up articles, unless it is there; a name that ends in .gz makes it gzip."""
    if not path.exists():
        say(f"writing {count:,} articles to {path.name}")
        unfinished = path.with_name(f".{path.name}")
        with gzip.open(unfinished, "wb", 1) if path.suffix == ".gz" else unfinished.open("wb") as file:
            file.writelines(json.dumps(article).encode() + b"\n" for article in articles(count))
        unfinished.rename(path)
    return path


def articles(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Yield made-up articles; the first ones are the same, however many are asked for."""
    chance = random.Random(seed)
    syllables, common = SYLLABLES.split(), COMMON_WORDS.split()
    names = ["".join(chance.choices(syllables, k=chance.randint(2, 4))) for _ in range(20_000)]
    words = names + common * (2 * len(names) // len(common))  # two words of three are common ones
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(count):
        outlet = f"outlet{chance.randrange(OUTLETS)}"
        yield {
            "url": f"https://www.{outlet}.example/2026/story-{number}.html",
            "publisher": outlet.capitalize(),
            "headline": " ".join(chance.choices(words, k=9)).capitalize(),
            "authors": [f"{chance.choice(names).capitalize()} {chance.choice(names).capitalize()}"],
            "date_published": (start + timedelta(minutes=number)).isoformat(),
            "article_body": _body(chance, words),
        }


def _body(chance: random.Random, words: Sequence[str]) -> str:
    paragraphs = [
        ". ".join(" ".join(chance.choices(words, k=chance.randint(12, 26))).capitalize() for _ in range(3)) + "."
        for _ in range(chance.randint(9, 18))
    ]
    return "\n".join(paragraphs)


# How it is measured


def run_over(source: Path, lake: Path, options: argparse.Namespace) -> Run:
    """Run the command and read its account."""
    command = newsbeam("run", "--input", source, "--output", lake, "--json", "--tags", "none")
    command += ["--processes", str(options.processes)]
    watched = watch(command, every=0.2, proportional=True)
    return Run(watched, watched.json())


def measure_file(name: str, counts: Sequence[int], options: argparse.Namespace, folder: Path, floors: Floors) -> str:
    """Measure one kind of file, small and large; returns the two tables."""
    lake = folder / "lake"
    runs: list[tuple[Run, Run]] = []
    alone = run_over(write_articles(folder / f"1{name}", 1), fresh(lake), options)
    for count in counts:
        source = write_articles(folder / f"{count}{name}", count)
        say(f"newsbeam run over {source.name}, twice")
        runs.append((run_over(source, fresh(lake), options), run_over(source, lake, options)))
        _check_accounts(f"{count:,} articles in {name}", runs[-1], count, floors)
    say("the small one again: a machine that others use, too, does not keep its pace")
    again = run_over(folder / f"{counts[0]}{name}", fresh(lake), options)
    firsts = [*(first for first, _ in runs), again]
    first_rows = [_first_row(f"{run.inputs:,}", run, alone) for run in firsts]
    first_rows.append(_ratios(name, firsts, alone, floors))
    seconds = [
        _second_row(f"{count:,}{name}", *run, floors if run is runs[-1] else None)
        for count, run in zip(counts, runs, strict=True)
    ]
    return f"**{name}**, first run\n\n{table(first_rows)}\n\n**{name}**, second run\n\n{table(seconds)}\n"


def measure_pages(options: argparse.Namespace, folder: Path, floors: Floors) -> str:
    """Measure two runs over the labelled pages; returns the table."""
    unpack(options.pages, folder)
    pages = labelled_pages(folder)
    source, lake = fresh(folder / "memory-pages"), fresh(folder / "lake")
    fill_folder(source, pages, len(pages))
    say(f"newsbeam run over {len(pages):,} pages, twice")
    both = (run_over(source, lake, options), run_over(source, lake, options))
    _check_accounts("pages", both, len(pages), floors)
    return f"**pages**, second run\n\n{table([_second_row(f'{len(pages):,} pages', *both, floors)])}\n"


def _check_accounts(name: str, runs: tuple[Run, Run], inputs: int, floors: Floors) -> None:
    for turn, run in zip(("first", "second"), runs, strict=True):
        floors.holds(f"{name}: account of the {turn} run", run.adds_up(inputs))


def _first_row(name: str, run: Run, alone: Run) -> dict[str, str]:
    return {
        "articles": name,
        "resident MB": f"{run.cost.peak_rss / 1e6:,.0f}",
        "proportional MB": f"{run.cost.peak_pss / 1e6:,.0f}",
        "wall s": f"{run.cost.seconds:.1f}",
        "CPU s": f"{run.cost.cpu_seconds:.1f}",
        "wall ms an article": f"{_wall_each(run, alone):.3f}",
        "CPU ms an article": f"{_cpu_each(run, alone):.3f}",
        "cycles": str(run.account["cycles"]),
    }


def _ratios(name: str, runs: Sequence[Run], alone: Run, floors: Floors) -> dict[str, str]:
    """The line below: large by the mean of the small run before it and the one after it."""
    small, large, again = runs

    def ratio(figure: Callable[[Run], float]) -> float:
        return figure(large) / mean(map(figure, (small, again)))

    cpu = ratio(lambda run: _cpu_each(run, alone))
    return {
        "articles": "large / small",
        "resident MB": floors.at_most(f"{name}: memory", ratio(lambda run: run.cost.peak_rss), MEMORY_CEILING),
        "proportional MB": f"{ratio(lambda run: run.cost.peak_pss or 1):.3f}",
        "wall ms an article": f"{ratio(lambda run: _wall_each(run, alone)):.3f}",
        "CPU ms an article": floors.at_most(f"{name}: CPU an article", cpu, COST_CEILING),
    }


def _wall_each(run: Run, alone: Run) -> float:
    return 1000 * (run.cost.seconds - alone.cost.seconds) / run.inputs


def _cpu_each(run: Run, alone: Run) -> float:
    return 1000 * (run.cost.cpu_seconds - alone.cost.cpu_seconds) / run.inputs


def _second_row(name: str, first: Run, second: Run, floors: Floors | None) -> dict[str, str]:
    """The line of a second run; the time is only judged where floors are given."""
    ratio = second.cost.seconds / first.cost.seconds
    shown = floors.at_most(f"{name}: second run", ratio, SECOND_RUN_CEILING) if floors else f"{ratio:.3f}"
    rows = second.new_rows
    if floors:
        floors.holds(f"{name}: a second run adds no row", rows == 0)
    return {
        "input": name,
        "first run s": f"{first.cost.seconds:.1f}",
        "second run s": f"{second.cost.seconds:.1f}",
        "second / first": shown,
        "second / first, CPU": f"{second.cost.cpu_seconds / first.cost.cpu_seconds:.3f}",
        "rows added": str(rows),
        "already seen": f"{second.account['already_seen']:,} of {second.inputs:,}",
        "resident MB": f"{second.cost.peak_rss / 1e6:,.0f}",
    }


def main() -> int:
    """Measure and print the report; returns the exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("--small", type=int, default=10_000, metavar="N", help="articles (default: 10000)")
    arguments.add_argument("--large", type=int, default=100_000, metavar="N", help="articles (default: 100000)")
    arguments.add_argument(
        "--kinds", nargs="+", default=[".jsonl", ".jsonl.gz"], metavar="END", help="of the file name"
    )
    arguments.add_argument("--pages", type=Path, metavar="DATA", help="folder of development data: pages, too")
    arguments.add_argument("--cache", type=Path, metavar="DIR", help="keep what was written and unpacked here")
    arguments.add_argument("--processes", type=int, default=2, metavar="N", help="worker processes (default: 2)")
    options = arguments.parse_args()
    print(heading("Memory, cost of an article, second run", options))
    floors = Floors()
    with working_folder(options.cache) as folder:
        for kind in options.kinds:
            print(measure_file(kind, (options.small, options.large), options, folder, floors), flush=True)
        if options.pages:
            print(measure_pages(options, folder, floors))
        fresh(folder / "lake")
    return floors.code()


if __name__ == "__main__":
    sys.exit(main())
