"""How fast a lost memory is made anew, and whether it says the same: python -m tests.benchmarks.memory_rebuild 10000

A lake of made-up texts is decided and written cycle by cycle, as runs do it but for reading and tagging; three in ten
are copies of another outlet under a lede of their own. Then its memory is deleted and made anew, and both are held
against each other. With `--days 30` most texts are older than what the decision compares with.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.lake import open_or_make_lake
from pipeline.memory import Memory
from schemas.article import Article
from tests.benchmarks.made_lake import SYLLABLES
from tests.pipeline.told_lakes import RUN, copied, decide_cycle, known, rebuilt
from tests.samples import SEEN_AT
from transforms.functions.texts import content_sha256, word_count
from transforms.functions.urls import article_id

_A_CYCLE = 2_000
_SENTENCES = 22
"""Of 19 words each, as in `made_lake`: about 2,700 characters."""
_HOUR = 3_600_000_000


def texts(count: int, chance: random.Random) -> Iterator[Article]:
    """Yield articles of 400 outlets."""
    words = ["".join(chance.choices(SYLLABLES, k=2)) for _ in range(6_000)]
    latest: list[list[str]] = []
    for number in range(count):
        lines = [f"{' '.join(chance.choices(words, k=19)).capitalize()}." for _ in range(_SENTENCES)]
        if latest and chance.random() < 0.3:
            lines = [lines[0], *chance.choice(latest)]
        else:
            latest = [*latest[-500:], lines]
        body, url = "\n".join(lines), f"https://outlet{chance.randrange(400)}.example/{number}"
        yield Article(
            article_id(url, None, body), f"pages/{number:07}.html", content_sha256(f"{number}"), body,
            word_count(body), content_sha256(body), 0, "record", RUN, 2, url=url, url_canonical=url,
            in_language="en", source_domain=url.split("/")[2],
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=int)
    parser.add_argument(
        "--days", type=float, default=2.0, help="over which they came (default: 2, all are compared with)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lake = open_or_make_lake(f"{folder}/lake")
        memory, cycles = Memory(lake.memory), -(-options.texts // _A_CYCLE)
        started, made = time.perf_counter(), texts(options.texts, random.Random(1))
        for cycle in range(cycles):
            at = SEEN_AT + int(cycle * options.days * 24 * _HOUR / cycles) + cycle
            batch = [one._replace(first_seen_at=at) for one, _ in zip(made, range(_A_CYCLE), strict=False)]
            decide_cycle(lake, memory, batch, at)
        memory.close()
        seconds = time.perf_counter() - started
        other = copied(lake, Path(folder, "other"))
        at_work = time.process_time()
        result = rebuilt(other)
        at_work = time.process_time() - at_work
        again, before = known(other), known(lake)
        differ = [name for name, rows in before.items() if again[name] != rows]
        size = lake.memory.stat().st_size / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{options.texts:,} texts over {options.days:g} days: decided and written in {seconds:.1f} s")
    pace = f"{options.texts / result.seconds:,.0f} texts/s ({options.texts / at_work:,.0f} a second of processor time)"
    print(f"made anew in {result.seconds:.1f} s, {pace}; {size:,.0f} MB of memory")
    print(f"decided again {result.decided.texts:,}, otherwise {result.decided.different}; tables that differ: {differ}")
    print(f"at most {peak:,.0f} MB of the process, the making of the lake with it")


if __name__ == "__main__":
    main()
