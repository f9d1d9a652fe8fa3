"""What the duplicate decision costs a document, with little and with much remembered, and under floods; prints tables.

    python tests/benchmarks/duplicates_scale.py [--data DATA] [--remembered 10000 1000000] [--cache DIR]

Two keepers are filled with so many random texts each, by their own methods, in steps of 2,000 as cycles would do it,
evenly over the days that are remembered: 20 to 800 shingles (300 on average), a key for every 16 but at least 8, 3.7
bytes of packed text a shingle, and a group, a page and a known text each. Then `--documents` real texts a round are
decided against them, all fillings in turn: a sample of `dedup/generated.jsonl.gz`, or made-up texts where no data are
given. Each round changes every word of four letters or more, the same word in the same way: its texts are new, and as
much alike among themselves as before.

- SQLite: `pipeline.memory.Memory` and `DuplicateMemory`, a cycle with its commit a round. "growth" is the size of the
  checkpointed database after all rounds less that before, by the documents decided; "total" is all of it by all texts.
- DictionaryIndex: in a process of its own; "total" is the growth of its resident size while it is filled. The filling
  stops where it would take more than `--most-memory` of the machine's free memory.

Milliseconds are means over the rounds, a document. `decide` is all of `decide_all` (with `forget` before it),
`commit` the end of the cycle. Then floods, each in cycles of 2,000 in a memory of the smallest filling: 5,000 copies of
one story, each with one sentence of its own, at as many outlets; 2,000 stories of one outlet under the same footer;
2,000 robot stories from one template at 20 outlets.

Floors, for each keeper: largest against smallest filling at most 1.10 of the CPU time (other work on the machine moves
wall time by more than that); at most 4 ms of wall time and 6,000 bytes a document. Floods: at most twice the rate of
real texts at the smallest filling, and the right stories. Exit code 1 if one is missed. A filling of a million
takes some 5 GB in DIR, or in a temporary folder.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from inspect import getsource
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import numpy as np
from common import Floors, heading, parser, say, table, working_folder
from duplicates import FIRST_SEEN, SECOND, Document, articles_of, read_documents, stories_of

from pipeline.duplicate_memory import DuplicateMemory
from pipeline.duplicate_tables import DUPLICATE_TABLES
from pipeline.memory import Memory
from schemas.article import Article
from schemas.instants import Instant
from transforms.functions.dictionary_index import DictionaryIndex
from transforms.functions.duplicate_index import WINDOW, DuplicateIndex, Group, StoredText
from transforms.functions.duplicates import Decider, Row
from transforms.functions.printed_articles import print_article
from transforms.functions.shingles import LEAST_KEYS, SAMPLING
from transforms.functions.text_print import TextPrint

DAY: Instant = 24 * 3600 * SECOND
NOW: Instant = FIRST_SEEN + 3600 * SECOND
DAYS = WINDOW // DAY
"""Days that hold remembered texts: those that a text of now is compared with."""

TEXTS_A_CYCLE = 2_000
CYCLES_A_TRANSACTION = 50
"""While filling, so that a page is written once for many cycles."""

MEAN_SHINGLES, LEAST_SHINGLES, MOST_SHINGLES = 300, 20, 800
PACKED_BYTES_A_SHINGLE = 3.7
"""Texts of the generated set: 1.1 kB compressed, 300 shingles."""

TIME_CEILING = 1.10
MILLISECONDS_CEILING = 4.0
BYTES_CEILING = 6_000
FLOOD_CEILING = 2.0

# Texts

_WORD = re.compile(r"[^\W\d_]{4,}")
_SYLLABLES = "ba be bi bo da de di do fa fe ga go ka ke ki ko la le li lo ma me mi mo na ne ni no pa pe ra re ri ro su"
_VOCABULARY = 20_000
_SEED = 1

_FOOTER = (
    "Sign up for the morning letter of the Harbour Gazette and never miss a story from the quays.",
    "Our reporters live where you live, and every subscription helps them to stay there.",
    "Follow us wherever you read the news, or call the desk at any hour of the day.",
)

_ROBOT = (
    "{city} (RN) — {company} on {day} reported net income of ${a} million for its {quarter} quarter, after reporting a "
    "loss in the same period a year earlier.",
    "The company, which is based in {city}, said that it had profit of {b} cents per share, when adjusted for one-time "
    "gains and costs and for the cost of closing plants.",
    "The results did not meet the expectations of the analysts on the street whose estimates were collected by {firm} "
    "and who had expected earnings of {c} cents per share on average.",
    "The maker of {goods} posted revenue of ${d} million in the period, which also fell short of what was expected "
    "by the analysts, who had forecast ${e} million.",
    "For the full year, the company reported that its profit had grown to ${f} million, or {g} cents per share, while "
    "revenue for the year was reported as ${h} million.",
    "Looking ahead, the company said that it expects full-year earnings in the range of {i} to {j} cents per share "
    "with revenue that is expected to come to at least ${k} million.",
    "Chief executive {person} told analysts in a call after the results were published that demand had recovered in "
    "the second half of the quarter and that new jobs were planned in {city}.",
    "Shares of {company} have climbed since the beginning of the year, and in the final minutes of trading on {day} "
    "they were up by {l} percent when compared with the same day of last year.",
    "This story was generated by the Robot Newswire from data of the exchange and was not read by an editor.",
)
"""An earnings report of 270 words; two of them share some 60 % of their shingles."""


def vocabulary() -> tuple[list[str], list[float]]:
    """Return made-up words with their cumulated weights: the n-th commonest has 1/n of the commonest's."""
    drawn, syllables = random.Random(_SEED), _SYLLABLES.split()
    words = list({"".join(drawn.choices(syllables, k=drawn.choice((1, 2, 2, 3, 3, 4)))) for _ in range(_VOCABULARY)})
    return sorted(words, key=lambda word: (len(word), word)), list(accumulate(1 / (n + 1) for n in range(len(words))))


class Writer:
    """Writes made-up sentences and stories, the same at each start."""

    def __init__(self, seed: int) -> None:
        self._drawn = random.Random(seed)
        self._words, self._weights = vocabulary()

    def name(self) -> str:
        """Return a made-up name."""
        return self._drawn.choice(self._words[1000:]).capitalize()

    def number(self) -> int:
        """Return a number."""
        return self._drawn.randint(11, 989)

    def place(self, below: int) -> int:
        """Return a position below another."""
        return self._drawn.randrange(below)

    def sentence(self) -> str:
        """Return a sentence of 12 to 28 words, with a name and a number in most of them."""
        words = self._drawn.choices(self._words, cum_weights=self._weights, k=self._drawn.randint(10, 24))
        words[0] = words[0].capitalize()
        words[5:5] = [self.name(), self.name()]
        words[-3:-3] = [str(self.number())]
        return " ".join(words) + "."

    def story(self, sentences: int) -> list[str]:
        """Return the sentences of a story."""
        return [self.sentence() for _ in range(sentences)]

    def robot_story(self) -> str:
        """Return an earnings report."""
        names = {name: self.name() for name in ("city", "day", "quarter", "firm")}
        names |= {"company": f"{self.name()} {self.name()}", "person": f"{self.name()} {self.name()}"}
        names["goods"] = self.name().lower()
        numbers = {letter: f"{self.number()}.{self.number()}" for letter in "abcdefghijkl"}
        return "\n".join(_ROBOT).format(**names, **numbers)


def made_up(count: int) -> list[Document]:
    """Return made-up documents; every fifth is a copy of the one before, with another lead and without its end."""
    writer = Writer(_SEED)
    documents: list[Document] = []
    story: list[str] = []
    for number in range(count):
        story = [writer.sentence(), *story[1:-2]] if number % 5 == 4 else writer.story(14)
        documents.append(Document(f"m{number}", f"outlet{writer.place(40)}", "\n".join(story)))
    return documents


def normal_documents(data: Path | None, count: int) -> list[Document]:
    """Return a sample of the generated set, or made-up documents."""
    if data is None:
        return made_up(count)
    documents = read_documents(data / "dedup" / "generated.jsonl.gz")
    return random.Random(_SEED).sample(documents, min(count, len(documents)))


def fresh_articles(documents: Sequence[Document], turn: int) -> list[Article]:
    """Return the rows of documents whose words have an ending of this round's own."""
    ending = "q" + "".join("aeiouy"[int(digit)] for digit in np.base_repr(turn, 6))
    renewed = (
        one._replace(name=f"{one.name}-{turn}", text=_WORD.sub(lambda word: word[0] + ending, one.text))
        for one in documents
    )
    return articles_of(renewed)


def copies_of_one_story(count: int) -> list[Document]:
    """Return copies of one story, each with a sentence of its own somewhere, at as many outlets."""
    writer = Writer(2)
    story = writer.story(13)
    documents: list[Document] = []
    for number in range(count):
        text = list(story)
        text.insert(writer.place(len(story) + 1), writer.sentence())
        documents.append(Document(f"c{number}", f"outlet{number}", "\n".join(text)))
    return documents


def stories_under_a_footer(count: int) -> list[Document]:
    """Return stories of one outlet, each with the same footer."""
    writer = Writer(3)
    return [Document(f"f{number}", "gazette", "\n".join((*writer.story(12), *_FOOTER))) for number in range(count)]


def robot_stories(count: int) -> list[Document]:
    """Return stories from one template at 20 outlets."""
    writer = Writer(4)
    return [Document(f"r{number}", f"outlet{number % 20}", writer.robot_story()) for number in range(count)]


# Filling


class Remembered(NamedTuple):
    """What a random text leaves."""

    article_id: str
    keys: list[int]
    text: StoredText


def random_texts(count: int, seen_at: Instant, seed: int) -> Iterator[Remembered]:
    """Yield random texts of realistic sizes."""
    drawn = np.random.default_rng(seed)
    sizes = np.clip(drawn.lognormal(np.log(MEAN_SHINGLES) - 0.13, 0.5, count), LEAST_SHINGLES, MOST_SHINGLES)
    for size in sizes.astype(int).tolist():
        shingles = np.unique(drawn.integers(0, 1 << 32, size, dtype=np.uint32))
        keys = drawn.integers(-(1 << 63), 1 << 63, max(LEAST_KEYS, size // SAMPLING), dtype=np.int64)
        text_id, page = drawn.bytes(16).hex(), drawn.bytes(16).hex()
        packed = drawn.bytes(int(size * PACKED_BYTES_A_SHINGLE))
        outlet = f"outlet{size % 40}"
        text = StoredText(text_id, seen_at, seen_at, 0, outlet, "en", TextPrint(shingles, packed))
        yield Remembered(page, sorted(keys.tolist()), text)


def remember(index: DuplicateIndex, one: Remembered) -> None:
    """Note a text as `Decider` notes a new article that is like no other."""
    index.note_page(one.article_id, one.text.text_id)
    number = index.add_text(one.text, one.keys)
    index.save_group(Group(number, one.article_id, None, ((one.text.first_seen_at, one.article_id),)))
    index.note_text(one.text.text_id, one.text.text_id, one.article_id)


def cycles_to_fill(count: int) -> list[tuple[Instant, int]]:
    """Return the time and number of texts of each cycle that makes up a history of so many."""
    cycles = max(1, round(count / TEXTS_A_CYCLE))
    sizes = [count * (at + 1) // cycles - count * at // cycles for at in range(cycles)]
    return [(NOW - (DAYS - 1 - at * DAYS // cycles) * DAY, size) for at, size in enumerate(sizes)]


def fill_memory(path: Path, count: int) -> None:
    """Make a memory in which so many random texts are remembered."""
    memory = Memory(path)
    with memory.reading() as connection:  # a crash while it is filled loses nothing that matters
        connection.execute("pragma synchronous = off")
        connection.execute("pragma cache_size = -4000000")
    cycles = list(enumerate(cycles_to_fill(count)))
    for start in range(0, len(cycles), CYCLES_A_TRANSACTION):
        with memory.cycle() as number:
            for seed, (seen_at, size) in cycles[start : start + CYCLES_A_TRANSACTION]:
                index = DuplicateMemory(memory, seen_at)
                for one in random_texts(size, seen_at, seed):
                    remember(index, one)
                index.finish()
            memory.note_cycle(number, "filled", NOW)
        say(f"  {min(len(cycles), start + CYCLES_A_TRANSACTION)} of {len(cycles)} cycles")
    checkpoint(memory)
    memory.close()


def filled_memory(folder: Path, count: int, name: str) -> Memory:
    """Return a memory with so many random texts: a copy of one that is kept in the folder."""
    made_by = DUPLICATE_TABLES, *map(getsource, (random_texts, remember, cycles_to_fill, fill_memory))
    version = hashlib.sha256("".join(made_by).encode()).hexdigest()[:8]
    kept = folder / f"filled-{count}-{version}.sqlite"
    if not kept.exists():
        say(f"filling a memory with {count:,} texts")
        unfinished = folder / "unfinished.sqlite"
        for path in folder.glob("unfinished.sqlite*"):
            path.unlink()
        fill_memory(unfinished, count)
        unfinished.rename(kept)
    copy = folder / f"{name}.sqlite"
    for path in folder.glob(f"{copy.name}*"):
        path.unlink()
    shutil.copyfile(kept, copy)
    return Memory(copy)


def checkpoint(memory: Memory) -> int:
    """Bring all that was committed into the database's file, and return the file's size."""
    with memory.reading() as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    return memory.path.stat().st_size


# Measuring


class Spent(NamedTuple):
    """Milliseconds a document."""

    decide_cpu: float
    decide_wall: float
    commit_cpu: float
    commit_wall: float

    @property
    def cpu(self) -> float:
        """Both stages."""
        return self.decide_cpu + self.commit_cpu

    @property
    def wall(self) -> float:
        """Both stages."""
        return self.decide_wall + self.commit_wall


def mean_of(rounds: Sequence[Spent]) -> Spent:
    """Return the mean of each column: what is done once in many cycles (moving postings) has its share in it."""
    return Spent(*(mean(column) for column in zip(*rounds, strict=True)))


def decide_in_cycle(memory: Memory, articles: Sequence[Article]) -> tuple[list[Row | None], Spent]:
    """Decide articles in one cycle of a lake's memory."""
    clocks = time.process_time, time.perf_counter
    with memory.cycle() as number:
        began = [clock() for clock in clocks]
        index = DuplicateMemory(memory, NOW)
        index.forget()
        rows = list(Decider(index, NOW, "benchmark").decide_all([print_article(one) for one in articles]))
        memory.note_cycle(number, "benchmark", NOW)
        decided = [clock() for clock in clocks]
    done = [clock() for clock in clocks]
    parts = (decided[0] - began[0], decided[1] - began[1], done[0] - decided[0], done[1] - decided[1])
    return rows, Spent(*(1000 * part / len(articles) for part in parts))


def decide_in_dictionaries(index: DictionaryIndex, articles: Sequence[Article]) -> Spent:
    """Decide articles with an index in dictionaries."""
    clocks = time.process_time, time.perf_counter
    began = [clock() for clock in clocks]
    for _ in Decider(index, NOW, "benchmark").decide_all([print_article(one) for one in articles]):
        pass
    cpu, wall = (1000 * (clock() - start) / len(articles) for clock, start in zip(clocks, began, strict=True))
    return Spent(cpu, wall, 0.0, 0.0)


@dataclass
class Measured:
    """What a keeper cost with one filling."""

    keeper: str
    remembered: int
    rounds: list[Spent] = field(default_factory=list)
    bytes_growth: float | None = None
    bytes_total: float = 0.0

    def row(self) -> dict[str, str]:
        """Return a line of the table."""
        spent, walls = mean_of(self.rounds), [one.wall for one in self.rounds]
        return {
            "keeper": self.keeper,
            "remembered": f"{self.remembered:,}",
            "decide CPU ms": f"{spent.decide_cpu:.2f}",
            "decide wall ms": f"{spent.decide_wall:.2f}",
            "commit CPU ms": f"{spent.commit_cpu:.2f}",
            "commit wall ms": f"{spent.commit_wall:.2f}",
            "together wall ms": f"{spent.wall:.2f}",
            "least to most": f"{min(walls):.2f} to {max(walls):.2f}",
            "bytes, growth": "" if self.bytes_growth is None else f"{self.bytes_growth:,.0f}",
            "bytes, total": f"{self.bytes_total:,.0f}",
        }


def measure_memory(folder: Path, counts: Sequence[int], documents: Sequence[Document], rounds: int) -> list[Measured]:
    """Measure SQLite with each filling, round by round in turn."""
    memories = [filled_memory(folder, count, f"rounds-{count}") for count in counts]
    before = [checkpoint(memory) for memory in memories]
    found = [Measured("SQLite", count) for count in counts]
    for turn in range(rounds):
        articles = fresh_articles(documents, turn)
        for memory, measured in zip(memories, found, strict=True):
            measured.rounds.append(decide_in_cycle(memory, articles)[1])
            checkpoint(memory)
        say(f"SQLite, round {turn + 1}: " + ", ".join(f"{one.rounds[-1].wall:.2f} ms" for one in found))
    added = rounds * len(documents)
    for memory, measured, size in zip(memories, found, before, strict=True):
        after = checkpoint(memory)
        measured.bytes_growth = (after - size) / added
        measured.bytes_total = after / (measured.remembered + added)
        memory.close()
        memory.path.unlink()
    return found


def measure_dictionaries(count: int, most_bytes: float, documents: Sequence[Document], rounds: int) -> Measured:
    """Measure a dictionary index with one filling; runs in a process of its own."""
    import psutil

    process = psutil.Process()
    before = process.memory_info().rss
    index = DictionaryIndex()
    measured = Measured("DictionaryIndex", 0)
    for seed, (seen_at, size) in enumerate(cycles_to_fill(count)):
        if process.memory_info().rss - before > most_bytes:
            say(f"DictionaryIndex: stopped filling at {measured.remembered:,} texts for want of memory")
            break
        for one in random_texts(size, seen_at, seed):
            remember(index, one)
        measured.remembered += size
    measured.bytes_total = (process.memory_info().rss - before) / measured.remembered
    for turn in range(rounds):
        measured.rounds.append(decide_in_dictionaries(index, fresh_articles(documents, turn)))
    return measured


def in_own_process(count: int, share: float, documents: Sequence[Document], rounds: int) -> Measured:
    """Measure a dictionary index where nothing else takes memory."""
    import psutil

    say(f"DictionaryIndex with {count:,} texts")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        most = share * psutil.virtual_memory().available
        return pool.submit(measure_dictionaries, count, most, documents, rounds).result()


class Flood(NamedTuple):
    """Documents of one kind in a mass."""

    name: str
    write: Callable[[int], list[Document]]
    documents: int
    stories: int


FLOODS = (
    Flood("copies of one story, each with a sentence of its own", copies_of_one_story, 5_000, 1),
    Flood("stories of one outlet under the same footer", stories_under_a_footer, 2_000, 2_000),
    Flood("robot stories from one template", robot_stories, 2_000, 2_000),
)


def measure_flood(flood: Flood, folder: Path, remembered: int, normal: float, floors: Floors) -> dict[str, str]:
    """Decide a flood in cycles, and return its line of the table."""
    articles = articles_of(flood.write(flood.documents))
    memory = filled_memory(folder, remembered, "flood")
    rows: list[Row | None] = []
    cycles: list[tuple[Spent, int]] = []
    for start in range(0, len(articles), TEXTS_A_CYCLE):
        part = articles[start : start + TEXTS_A_CYCLE]
        decided, spent = decide_in_cycle(memory, part)
        rows += decided
        cycles.append((spent, len(part)))
        say(f"{flood.name}: {spent.wall:.2f} ms a document ({spent.commit_wall:.2f} of it the commit)")
    memory.close()
    memory.path.unlink()
    wall, cpu = (sum(one * size for one, size in column) / len(articles) for column in (
        [(spent.wall, size) for spent, size in cycles], [(spent.cpu, size) for spent, size in cycles],
    ))  # fmt: skip
    stories = len(set(stories_of(rows).values()))
    return {
        "flood": flood.name,
        "documents": f"{flood.documents:,}",
        "words": f"{mean(article.word_count for article in articles):.0f}",
        "CPU ms": f"{cpu:.2f}",
        "wall ms": f"{wall:.2f}",
        "last cycle, wall ms": f"{cycles[-1][0].wall:.2f}",
        "against normal": floors.at_most(f"{flood.name}: against normal", wall / normal, FLOOD_CEILING),
        "stories": f"{stories:,} of {flood.stories:,}",
        "right": floors.holds(f"{flood.name}: {flood.stories:,} stories", stories == flood.stories),
    }


def check(found: Sequence[Measured], floors: Floors) -> list[dict[str, str]]:
    """Return the floors of a keeper, from its smallest to its largest filling."""
    first, last = found[0], found[-1]
    name = f"{last.keeper}, {last.remembered:,} remembered"
    before, after = mean_of(first.rounds), mean_of(last.rounds)
    row = {
        "keeper": name,
        f"CPU against {first.remembered:,}": floors.at_most(f"{name}: CPU", after.cpu / before.cpu, TIME_CEILING),
        "wall": f"{after.wall / before.wall:.3f}",
        "ms a document": floors.at_most(f"{name}: ms a document", after.wall, MILLISECONDS_CEILING),
        "bytes a document, total": floors.at_most(f"{name}: bytes a document", last.bytes_total, BYTES_CEILING),
    }
    if last.bytes_growth is not None:
        row["growth"] = floors.at_most(f"{name}: bytes of growth", last.bytes_growth, BYTES_CEILING)
    return [row]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    reader = parser(__doc__)
    reader.add_argument("--data", type=Path, metavar="DATA", help="folder of development data (default: made-up texts)")
    reader.add_argument("--remembered", type=int, nargs="+", default=[10_000, 1_000_000], metavar="N",
                        help="texts to fill with, ascending (default: 10000 1000000)")  # fmt: skip
    reader.add_argument("--documents", type=int, default=2_000, metavar="N", help="documents a round (default: 2000)")
    reader.add_argument("--rounds", type=int, default=8, metavar="N", help="rounds (default: 8)")
    reader.add_argument("--cache", type=Path, metavar="DIR", help="keep the filled memories here")
    reader.add_argument("--most-memory", type=float, default=0.7, metavar="SHARE",
                        help="of the free memory that a dictionary index may take (default: 0.7)")  # fmt: skip
    reader.add_argument("--only", choices=("sqlite", "dictionary", "floods"), help="measure only this (default: all)")
    return reader.parse_args()


def main() -> int:
    """Measure and print the tables; returns the exit code."""
    options = arguments()
    print(heading("Cost of the duplicate decision", options), flush=True)
    floors = Floors()
    documents = normal_documents(options.data, options.documents)
    words = mean(len(document.text.split()) for document in documents)
    print(f"{len(documents):,} documents a round, {words:.0f} words on average, {options.rounds} rounds\n", flush=True)
    with working_folder(options.cache) as folder:
        if options.only in (None, "sqlite"):
            by_memory = measure_memory(folder, options.remembered, documents, options.rounds)
            print(table([one.row() for one in by_memory]), flush=True)
            print("\n" + table(check(by_memory, floors)) + "\n", flush=True)
        if options.only in (None, "dictionary"):
            counts = options.remembered
            in_dictionaries = [
                in_own_process(count, options.most_memory, documents, options.rounds) for count in counts
            ]
            print(table([one.row() for one in in_dictionaries]), flush=True)
            print("\n" + table(check(in_dictionaries, floors)) + "\n", flush=True)
        if options.only in (None, "floods"):
            smallest = options.remembered[:1]
            normal = measure_memory(folder, smallest, documents, options.rounds)[0]
            wall = mean_of(normal.rounds).wall
            print(f"normal at {smallest[0]:,} remembered: {wall:.2f} ms a document\n")
            print(table([measure_flood(flood, folder, smallest[0], wall, floors) for flood in FLOODS]), flush=True)
    return floors.code()


if __name__ == "__main__":
    sys.exit(main())
