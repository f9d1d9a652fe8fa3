"""Small worlds of texts that copy each other, the stories they ought to make, and what a decider made of them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import duckdb
from hypothesis import strategies as st

from pipeline.duplicate_memory import DuplicateMemory
from pipeline.lake import Lake, open_or_make_lake
from pipeline.memory import Memory
from pipeline.views import view_definitions
from schemas.alias import Alias
from schemas.article import Article
from schemas.copy import Copy
from schemas.tagged_article import TaggedArticle
from tests.samples import SEEN_AT, article
from transforms.functions import duplicate_index
from transforms.functions.clusters import Pair, pair_of, partition
from transforms.functions.duplicate_index import DuplicateIndex
from transforms.functions.duplicates import Decider
from transforms.functions.fact_guard import compare_facts
from transforms.functions.parquet_rows import flat_row, to_parquet
from transforms.functions.printed_articles import print_article
from transforms.functions.shingles import shared
from transforms.functions.text_print import SplitText

HOUR = 3_600_000_000
_SYLLABLES = (
    "ba",
    "co",
    "di",
    "fu",
    "ge",
    "ha",
    "jo",
    "ki",
    "lu",
    "mo",
    "ne",
    "pa",
    "ro",
    "si",
    "tu",
    "va",
    "we",
    "xo",
)
_NAMES = ["Abend", "Brook", "Corrin", "Dale", "Ester", "Flint", "Garrow", "Hume"]


def plain_sentence(number: int) -> str:
    """A sentence of twelve made-up words; of two numbers they share no word by more than chance."""
    words = random.Random(f"sentence {number}")
    return " ".join("".join(words.choices(_SYLLABLES, k=3)) for _ in range(12)) + "."


def _template_sentence(number: int, facts: int) -> str:
    frame = plain_sentence(1000 + number).split()
    choice = random.Random(f"facts {number} {facts}")
    frame[3:3] = [choice.choice(_NAMES)]
    frame[9:9] = [str(choice.randrange(100, 999))]
    return " ".join(frame)


PARTS = [plain_sentence(number) for number in range(14)] + [
    _template_sentence(number, facts) for number in range(5) for facts in range(3)
]
"""What the texts of a world are put together from."""


class Document(NamedTuple):
    """One delivery: a page with a text, read at an hour."""

    page: int
    parts: tuple[int, ...]
    hour: int
    language: str = "en"

    def article(self) -> Article:
        body = "\n".join(PARTS[part] for part in self.parts)
        return article(
            f"page-{self.page}",
            article_body=body,
            in_language=self.language,
            first_seen_at=SEEN_AT + self.hour * HOUR,
            source=f"{self.page}",
        )


_TEXTS = st.lists(st.integers(0, len(PARTS) - 1), min_size=2, max_size=7, unique=True).map(tuple)


@st.composite
def worlds(draw: st.DrawFn, hours: int = 200) -> list[Document]:
    """Some texts, several pages of some of them, some deliveries twice; in no order of time."""
    texts = draw(st.lists(_TEXTS, min_size=2, max_size=7))
    pages = draw(st.lists(st.sampled_from(texts), min_size=2, max_size=10))
    moments = draw(st.lists(st.integers(0, hours), min_size=len(pages), max_size=len(pages)))
    languages = draw(st.lists(st.sampled_from(["en", "en", "en", "fr"]), min_size=len(texts), max_size=len(texts)))
    documents = [
        Document(number, text, hour, languages[texts.index(text)])
        for number, (text, hour) in enumerate(zip(pages, moments, strict=True))
    ]
    again = draw(st.lists(st.sampled_from(documents), max_size=3))
    return draw(st.permutations(documents + again))


@st.composite
def worlds_of_changing_pages(draw: st.DrawFn) -> list[Document]:
    """Few pages that show one text after the other, and back again; often all at one moment."""
    texts = draw(st.lists(_TEXTS, min_size=2, max_size=6))
    hours = st.just(0) if draw(st.booleans()) else st.integers(0, 100)
    return draw(
        st.lists(st.builds(Document, st.integers(0, 4), st.sampled_from(texts), hours), min_size=2, max_size=14)
    )


def random_worlds(count: int) -> Iterator[list[Document]]:
    """The same worlds at each call: nine pages of six texts, within 200 hours."""
    for seed in range(count):
        draw = random.Random(seed)
        texts = [tuple(draw.sample(range(len(PARTS)), draw.randint(2, 7))) for _ in range(6)]
        yield [Document(page, draw.choice(texts), draw.randrange(200)) for page in range(9)]


def stories_of(documents: Iterable[Document]) -> frozenset[frozenset[str]]:
    """The oracle: every pair of texts looked at, then `partition`; the sources of each story."""
    pages = {document.page: document.article() for document in documents}
    seen: dict[str, list[Article]] = defaultdict(list)
    for row in pages.values():
        seen[row.content_sha256].append(row)
    labels = partition(seen, _pairs(seen))
    stories: dict[str, set[str]] = defaultdict(set)
    for text, rows in seen.items():
        stories[labels[text]] |= {row.source for row in rows}
    return frozenset(map(frozenset, stories.values()))


def _pairs(seen: dict[str, list[Article]]) -> Iterator[Pair]:
    prints = {text: SplitText.of(rows[0].article_body).print(rows[0].in_language) for text, rows in seen.items()}
    for one, other in combinations(seen, 2):
        (keys, first), (other_keys, second) = prints[one], prints[other]
        times = [[row.first_seen_at for row in seen[text]] for text in (one, other)]
        apart = max(0, min(times[0]) - max(times[1]), min(times[1]) - max(times[0]))
        if apart > duplicate_index.WINDOW or not set(keys) & set(other_keys):
            continue
        pair = pair_of(one, other, (first.size, second.size), shared(first.shingles, second.shingles))
        if pair and not compare_facts(first.masked, second.masked).is_template:
            yield pair


class Outcome(NamedTuple):
    """Rows and aliases as the tables would hold them."""

    rows: list[Article | Copy]
    aliases: list[Alias]
    seen: int

    def story_of_row(self) -> dict[str, tuple[str, bool]]:
        """By row id: the story that the views show it in, and whether it is the one that they show in `articles`."""
        moved = {alias.old_id: alias.new_id for alias in sorted(self.aliases, key=lambda alias: alias.decided_at)}
        shown = {}
        for row in self.rows:
            if isinstance(row, Copy):
                own, base = row.article.article_id, moved.get(row.copy_id, row.duplicate_of)
                story = moved.get(base, base)
                shown[row.copy_id] = story, story == own and row.copy_id in moved and row.similarity is not None
            else:
                base = moved.get(row.article_id, row.article_id)
                story = moved.get(base, base)
                shown[row.article_id] = story, story == row.article_id
        return shown

    def stories(self) -> frozenset[frozenset[str]]:
        """The sources of each story."""
        shown = self.story_of_row()
        found: dict[str, set[str]] = defaultdict(set)
        for row in self.rows:
            if isinstance(row, Copy):
                found[shown[row.copy_id][0]].add(row.article.source)
            else:
                found[shown[row.article_id][0]].add(row.source)
        return frozenset(map(frozenset, found.values()))

    def canonicals(self) -> int:
        """How many rows the view `articles` would show."""
        return sum(is_canonical for _, is_canonical in self.story_of_row().values())


def decide(documents: Sequence[Document], index: DuplicateIndex, cycles: Sequence[int] = ()) -> Outcome:
    """Decide the documents in the given order, cut into cycles at the given positions."""
    rows: list[Article | Copy] = []
    aliases: list[Alias] = []
    seen = 0
    cuts = [0, *sorted(set(cycles)), len(documents)]
    for number, (start, end) in enumerate(pairwise(cuts)):
        decider = Decider(index, SEEN_AT + number, "run-1")
        for row in decider.decide_all([print_article(document.article()) for document in documents[start:end]]):
            if row is None:
                seen += 1
            elif isinstance(row, Alias):
                aliases.append(row)
            else:
                rows.append(row)
    return Outcome(rows, aliases, seen)


@contextmanager
def sqlite_index(now: int = SEEN_AT) -> Iterator[DuplicateMemory]:
    """The local keeper over a memory of its own, within a cycle."""
    with TemporaryDirectory() as folder:
        memory = Memory(Path(folder, "memory.sqlite"))
        with memory.cycle():
            yield DuplicateMemory(memory, now)
        memory.close()


def pasted_views(lake: Lake) -> duckdb.DuckDBPyConnection:
    """A plain DuckDB with the lake's views, as `newsbeam sql` prints them."""
    connection = duckdb.connect()
    connection.execute("\n".join(view_definitions(lake.root).values()))
    return connection


def add_rows(lake: Lake, table: str, name: str, *rows: tuple[object, ...]) -> None:
    """Write rows to a table as a published file of that name."""
    path = lake.root / table / "date=2026-03-31" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    complete = (TaggedArticle(row) if isinstance(row, Article) and table == "articles" else row for row in rows)
    path.write_bytes(to_parquet(table, map(flat_row, complete)))


def lake_of(outcome: Outcome, root: Path) -> duckdb.DuckDBPyConnection:
    """The views over a lake that holds what was decided."""
    lake = open_or_make_lake(str(root))
    for table, kind in (("articles", Article), ("copies", Copy)):
        add_rows(lake, table, "c1.parquet", *[row for row in outcome.rows if isinstance(row, kind)])
    add_rows(lake, "aliases", "c1.parquet", *outcome.aliases)
    return pasted_views(lake)
