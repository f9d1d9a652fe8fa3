"""Quality of the duplicate decision on labelled texts, beside MinHash and Jaccard; prints Markdown tables.

    python tests/benchmarks/duplicates.py DATA [--sweep] [--show N]

DATA is the folder of development data; read are `dedup/wire2018*` (297 real wire copies) and `dedup/generated*` (5,909
made from Reuters-21578). The contenders:

- newsbeam, end to end: the rows through `Decider` with a `DictionaryIndex` in one step, each row's story read through
  the aliases as the views do. All rows are first seen within one day, a second apart, in the order of the file.
- newsbeam, all pairs: every two texts that share a key, compared as the `Decider` compares them, the outlet's furniture
  left out, no cap on candidates (the `Decider` itself skips comparisons inside a group that is joined already). Also
  without the fact guard, without leaving out furniture, and joined by plain components, not `clusters.partition`.
- MinHash: 14 bands of 8 rows over word 5-grams (datatrove's default), joined by components: all texts that share a
  band, and those of them only that have a Jaccard similarity of .8 (the threshold that NeMo Curator verifies by).
- Jaccard: exact similarity of word 5-grams over all pairs, with the threshold that is best on the very data that it is
  scored on: more than it could reach anywhere else.

Pairs: every pair of wire2018 that is not listed is a negative, those marked `ambiguous` are left out; of the generated
set the pairs of one gold cluster are the positives. Clusters: adjusted Rand index (ARI), B-cubed precision, recall and
F1 (B3), and ARI within each of the two halves of the stories over five splits. "newsbeam, in cycles" decides the same
rows in steps, so that the outlets' furniture is learnt on the way.

Floors: wire pairs F1 .94, ARI .93, B3 .98; generated ARI .99, of texts cut to 30 % .90 found again, of each kind of
template at most .01 merged; shuffled orders of the wire copies give the same stories. Exit code 1 if one is missed.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations, product
from math import comb, inf
from pathlib import Path
from statistics import mean
from types import ModuleType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from common import Floors, heading, parser, say, table

from schemas.alias import Alias
from schemas.article import Article
from schemas.copy import Copy
from schemas.instants import Instant
from transforms.functions import clusters, dictionary_index, duplicates
from transforms.functions.clusters import Pair, pair_of, partition
from transforms.functions.dictionary_index import DictionaryIndex
from transforms.functions.duplicate_index import StoredText
from transforms.functions.duplicates import Decider, Row
from transforms.functions.fact_guard import compare_facts
from transforms.functions.outlet_window import OutletWindow, SeenText
from transforms.functions.printed_articles import print_article
from transforms.functions.shingles import shared
from transforms.functions.text_print import SplitText, TextPrint
from transforms.functions.texts import content_sha256, normalise_text, word_count
from transforms.functions.urls import article_id

FIRST_SEEN: Instant = 1_531_600_000_000_000
SECOND = 1_000_000

BANDS, ROWS_A_BAND = 14, 8
VERIFIED_FROM = 0.8
LEAST_JACCARD = 0.05
"""Pairs below are not looked at when a threshold is chosen."""

SEEDS_OF_SPLITS = range(5)
ORDERS = 3
UNLIMITED = 1 << 30

LEAST_SHARE_SWEPT = 0.30
"""From here on a pair's facts are compared, so that any threshold above can be applied afterwards."""

HARD_NEGATIVES = (
    "tmpl_earnings", "tmpl_weather", "tmpl_markets", "tmpl_scores", "real_earn", "shared_quote", "shared_background",
    "single",
)  # fmt: skip

Labels = Mapping[str, str]
RowPair = tuple[str, str]


class Document(NamedTuple):
    """A labelled text."""

    name: str
    outlet: str
    text: str
    kind: str = ""


class Scores(NamedTuple):
    """Precision, recall and their harmonic mean."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean."""
        return 2 * self.precision * self.recall / (self.precision + self.recall) if self.recall else 0.0


@dataclass
class Contender:
    """A way to decide, and what it decided."""

    name: str
    pairs: set[RowPair] | None = None
    labels: Labels | None = None
    """Story of each document."""


# Reading


def read_documents(path: Path) -> list[Document]:
    """Return the texts of a file of the data folder."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return [Document(one["id"], one["outlet"], one["text"], one.get("kind", "")) for one in records]


def read_table(path: Path) -> list[list[str]]:
    """Return the lines of a table without a head, `*.tsv`."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines, delimiter="\t"))


def article_of(document: Document, first_seen_at: Instant) -> Article:
    """Return the row that a document would be, at an invented address."""
    text = normalise_text(document.text)
    url = f"https://{document.name}.example/"
    return Article(
        article_id=article_id(url, None, text),
        source=document.name,
        input_id=document.name,
        article_body=text,
        word_count=word_count(text),
        content_sha256=content_sha256(text),
        first_seen_at=first_seen_at,
        extraction_method="benchmark",
        run_id="benchmark",
        schema_version=1,
        url=url,
        url_canonical=url,
        source_domain=document.outlet,
        in_language="en",
    )


def articles_of(documents: Iterable[Document]) -> list[Article]:
    """Return the rows of documents, first seen a second apart in the given order."""
    return [article_of(document, FIRST_SEEN + at * SECOND) for at, document in enumerate(documents)]


# The decision, end to end


class RecordingDecider(Decider):
    """A `Decider` that keeps the pairs that it accepts, by text."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.accepted: set[RowPair] = set()

    def _compare(self, text: StoredText, other: StoredText) -> Pair | None:
        pair = super()._compare(text, other)
        if pair is not None:
            self.accepted.add(ordered(text.text_id, other.text_id))
        return pair


def stories_of(rows: Iterable[Row | None]) -> dict[str, str]:
    """Return the story of each row by its document's name, read through the aliases as the views do."""
    aliases: dict[str, Alias] = {}
    decided: list[Article | Copy] = []
    for row in rows:
        if isinstance(row, Alias):
            if row.old_id not in aliases or aliases[row.old_id].decided_at < row.decided_at:
                aliases[row.old_id] = row
        elif row is not None:
            decided.append(row)

    def resolved(name: str) -> str:
        return aliases[name].new_id if name in aliases else name

    stories: dict[str, str] = {}
    for row in decided:
        if isinstance(row, Copy):
            of_row = aliases[row.copy_id].new_id if row.copy_id in aliases else row.duplicate_of
            stories[row.article.source] = resolved(of_row)
        else:
            stories[row.source] = resolved(row.article_id)
    return stories


def decide(articles: Sequence[Article], step: int | None = None) -> tuple[dict[str, str], RecordingDecider]:
    """Return the story of each document, decided in one step or in steps of so many, and the last step's decider."""
    index = DictionaryIndex()
    rows: list[Row | None] = []
    step = step or len(articles)
    for start in range(0, len(articles), step):
        decider = RecordingDecider(index, articles[start].first_seen_at, "benchmark")
        rows += decider.decide_all([print_article(one) for one in articles[start : start + step]])
    return stories_of(rows), decider


# The decision's pairs, all of them


class Printed(NamedTuple):
    """A text as the `Decider` prints it."""

    text_id: str
    keys: Sequence[int]
    print: TextPrint


class Compared(NamedTuple):
    """Two texts with what a pair of them depends on."""

    one: str
    other: str
    sizes: tuple[int, int]
    shared: int
    is_template: bool

    def pair(self) -> Pair | None:
        """Return the pair that they make by the thresholds in force, the facts not looked at."""
        return pair_of(self.one, self.other, self.sizes, self.shared)


@dataclass
class Texts:
    """The distinct texts of a set of documents, printed with and without their outlets' furniture."""

    articles: Sequence[Article]
    rows: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Names of the documents with a text."""
    whole: list[Printed] = field(default_factory=list)
    stripped: list[Printed] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Print all texts, each outlet's window filled with all of its texts first."""
        windows: dict[str, OutletWindow] = defaultdict(OutletWindow)
        cut: list[tuple[str, str, SplitText, SeenText]] = []
        for article in self.articles:
            text_id = article.content_sha256[: duplicates.TEXT_ID_CHARACTERS]
            self.rows[text_id].append(article.source)
            if len(self.rows[text_id]) > 1:
                continue
            split = SplitText.of(article.article_body)
            keys, text = split.print("en")
            outlet = (article.source_domain or "").casefold()
            cut.append((text_id, outlet, split, SeenText.of(split, keys)))
            windows[outlet].add(cut[-1][-1])
            self.whole.append(Printed(text_id, keys, text))
        for printed, (text_id, outlet, split, seen) in zip(self.whole, cut, strict=True):
            furniture = windows[outlet].furniture_in(seen)
            keys, text = split.print("en", furniture) if furniture else (printed.keys, printed.print)
            self.stripped.append(Printed(text_id, keys, text))

    def row_pairs(self, pairs: Iterable[RowPair]) -> set[RowPair]:
        """Return pairs of texts as pairs of documents; documents with one text are pairs in any case."""
        found = {ordered(*pair) for names in self.rows.values() for pair in combinations(names, 2)}
        for one, other in pairs:
            found.update(ordered(*pair) for pair in product(self.rows[one], self.rows[other]))
        return found


def compare_all(printed: Sequence[Printed], most_compared: int = UNLIMITED) -> list[Compared]:
    """Compare each text with those before it that share a key: with all, or with so many, nearest first.

    Texts that share less than `LEAST_SHARE_SWEPT` are left out. How many texts a key answers is the index's to say.
    """
    index = DictionaryIndex()
    by_number: dict[int, Printed] = {}
    found: list[Compared] = []
    for text in printed:
        if not text.keys:
            continue
        candidates = index.candidates(text.keys)
        nearest_first = sorted(candidates, key=lambda other: (-candidates[other], -other))
        for number in nearest_first[:most_compared]:
            compared = compare(text, by_number[number])
            if compared is not None:
                found.append(compared)
        number = index.add_text(StoredText(text.text_id, 0, 0, 0, None, "en", text.print), text.keys)
        by_number[number] = text
    return found


def compare(text: Printed, other: Printed) -> Compared | None:
    """Return what a pair of two texts depends on; None where no threshold that is tried would make them one."""
    sizes = text.print.size, other.print.size
    in_common = shared(text.print.shingles, other.print.shingles)
    if in_common < LEAST_SHARE_SWEPT * min(sizes):
        return None
    with thresholds(LEAST_SHARE=LEAST_SHARE_SWEPT):
        if pair_of(text.text_id, other.text_id, sizes, in_common) is None:
            return None
    is_template = compare_facts(text.print.masked, other.print.masked).is_template
    return Compared(text.text_id, other.text_id, sizes, in_common, is_template)


def pairs_of(compared: Iterable[Compared], *, guarded: bool = True) -> list[Pair]:
    """Return the pairs by the thresholds in force, with or without the fact guard."""
    pairs = (one.pair() for one in compared if not (guarded and one.is_template))
    return [pair for pair in pairs if pair is not None]


def names_of(pairs: Iterable[Pair]) -> set[RowPair]:
    """Return pairs by the ids of their texts."""
    return {ordered(pair.shorter, pair.longer) for pair in pairs}


def by_rule(texts: Texts, pairs: Iterable[Pair]) -> dict[str, str]:
    """Return the story of each document that `clusters.partition` finds over all pairs."""
    story = partition(texts.rows, pairs)
    return {name: story[text] for text, names in texts.rows.items() for name in names}


@contextmanager
def thresholds(module: ModuleType = clusters, **values: float) -> Iterator[None]:
    """Have constants of a module at other values for a while."""
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


# MinHash and Jaccard


@dataclass
class Similar:
    """Pairs of documents with their exact Jaccard similarity of word 5-grams."""

    names: Sequence[str]
    one: npt.NDArray[np.int64]
    other: npt.NDArray[np.int64]
    jaccard: npt.NDArray[np.float64]

    def pairs(self, threshold: float) -> set[RowPair]:
        """Return the pairs from a similarity on."""
        chosen = self.jaccard >= threshold
        ends = zip(self.one[chosen].tolist(), self.other[chosen].tolist(), strict=True)
        return {ordered(self.names[one], self.names[other]) for one, other in ends}


def all_similar(names: Sequence[str], grams: Sequence[npt.NDArray[np.uint64]]) -> Similar:
    """Return all pairs of documents that share word 5-grams."""
    sizes = np.array([len(one) for one in grams])
    values, where = np.unique(np.concatenate(grams), return_inverse=True)
    document = np.repeat(np.arange(len(grams)), sizes)
    in_order = np.argsort(where, kind="stable")
    postings, starts = document[in_order], np.concatenate([[0], np.cumsum(np.bincount(where, minlength=len(values)))])
    ends = np.concatenate([[0], np.cumsum(sizes)])
    found: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]] = []
    for at in range(len(grams)):
        own = where[ends[at] : ends[at + 1]]
        if not len(own):
            continue
        met = np.concatenate([postings[starts[gram] : starts[gram + 1]] for gram in own.tolist()])
        common = np.bincount(met[met < at], minlength=at)
        others = np.flatnonzero(common)
        jaccard = common[others] / (sizes[at] + sizes[others] - common[others])
        near = jaccard >= LEAST_JACCARD
        found.append((np.full(near.sum(), at), others[near], jaccard[near]))
    return Similar(names, *(np.concatenate(column) for column in zip(*found, strict=True)))


def minhash_pairs(names: Sequence[str], grams: Sequence[npt.NDArray[np.uint64]]) -> set[RowPair]:
    """Return the pairs that share a band of MinHash values."""
    hashes = BANDS * ROWS_A_BAND
    drawn = np.random.default_rng(1).integers(1, 1 << 63, size=(2, hashes, 1), dtype=np.uint64)
    factors, addends = drawn[0] | np.uint64(1), drawn[1]
    buckets: dict[tuple[int, bytes], list[str]] = defaultdict(list)
    for name, own in zip(names, grams, strict=True):
        if len(own):
            mixed = own * factors + addends
            signature = ((mixed ^ (mixed >> np.uint64(32))) * np.uint64(0xBF58476D1CE4E5B9)).min(axis=1)
            for band, part in enumerate(signature.reshape(BANDS, ROWS_A_BAND)):
                buckets[band, part.tobytes()].append(name)
    return {ordered(*pair) for bucket in buckets.values() for pair in combinations(bucket, 2)}


def best_threshold(similar: Similar, score: Callable[[set[RowPair]], float]) -> float:
    """Return the threshold with the best score, the largest of equals."""
    tried = [round(LEAST_JACCARD + 0.01 * step, 2) for step in range(91)]
    return max(tried, key=lambda threshold: (score(similar.pairs(threshold)), threshold))


# Scores


def ordered(one: str, other: str) -> RowPair:
    """Return two names in order."""
    return (one, other) if one < other else (other, one)


def components(names: Iterable[str], pairs: Iterable[RowPair]) -> dict[str, str]:
    """Return each document's story where pairs join, whatever they are."""
    above = {name: name for name in names}

    def root(name: str) -> str:
        while above[name] != name:
            above[name] = name = above[above[name]]
        return name

    for one, other in pairs:
        above[root(one)] = root(other)
    return {name: root(name) for name in above}


def pair_scores(found: set[RowPair], gold: set[RowPair], ambiguous: set[RowPair]) -> Scores:
    """Score pairs; the ambiguous are left out."""
    found = found - ambiguous
    right = len(found & gold)
    return Scores(right / len(found) if found else 1.0, right / len(gold))


def within(labels: Labels, gold: Labels) -> list[tuple[str, str]]:
    """Return gold and found story of each document that has a gold one."""
    return [(story, labels[name]) for name, story in gold.items()]


def adjusted_rand(labels: Labels, gold: Labels) -> float:
    """Return the adjusted Rand index over the documents that have a gold story."""
    both = within(labels, gold)
    together = sum(comb(count, 2) for count in Counter(both).values())
    in_gold = sum(comb(count, 2) for count in Counter(story for story, _ in both).values())
    in_found = sum(comb(count, 2) for count in Counter(story for _, story in both).values())
    by_chance = in_gold * in_found / comb(len(both), 2)
    most = (in_gold + in_found) / 2
    return 1.0 if most == by_chance else (together - by_chance) / (most - by_chance)


def b_cubed(labels: Labels, gold: Labels) -> Scores:
    """Return B-cubed precision and recall over the documents that have a gold story."""
    both = Counter(within(labels, gold))
    of_gold: Counter[str] = Counter()
    of_found: Counter[str] = Counter()
    for (story, found), count in both.items():
        of_gold[story] += count
        of_found[found] += count
    number = sum(both.values())
    precision = sum(count * count / of_found[found] for (_, found), count in both.items()) / number
    recall = sum(count * count / of_gold[story] for (story, _), count in both.items()) / number
    return Scores(precision, recall)


def halves(gold: Labels) -> list[Labels]:
    """Return the gold stories in two halves, for each seed."""
    parts: list[Labels] = []
    for seed in SEEDS_OF_SPLITS:
        stories = sorted(set(gold.values()))
        random.Random(seed).shuffle(stories)
        first = set(stories[: len(stories) // 2])
        for in_first in (True, False):
            parts.append({name: story for name, story in gold.items() if (story in first) is in_first})
    return parts


def same_partition(one: Labels, other: Labels) -> bool:
    """Whether two labellings put the same documents together."""
    both = set(within(one, other))
    return len(both) == len(set(one.values())) == len(set(other.values()))


# Tables


def pair_row(contender: Contender, gold: set[RowPair], ambiguous: set[RowPair]) -> dict[str, str]:
    """Return the pair table's line of a contender."""
    pairs = contender.pairs or set()
    scores = pair_scores(pairs, gold, ambiguous)
    return {
        "pairs": contender.name,
        "found": str(len(pairs - ambiguous)),
        "precision": f"{scores.precision:.3f}",
        "recall": f"{scores.recall:.3f}",
        "F1": f"{scores.f1:.3f}",
    }


def cluster_row(contender: Contender, gold: Labels) -> dict[str, str]:
    """Return the cluster table's line of a contender."""
    labels = contender.labels or {}
    b3 = b_cubed(labels, gold)
    by_half = [adjusted_rand(labels, half) for half in halves(gold)]
    return {
        "stories": contender.name,
        "number": str(len({labels[name] for name in gold})),
        "ARI": f"{adjusted_rand(labels, gold):.3f}",
        "B3 precision": f"{b3.precision:.3f}",
        "B3 recall": f"{b3.recall:.3f}",
        "B3 F1": f"{b3.f1:.3f}",
        "ARI of halves, mean": f"{mean(by_half):.3f}",
        "ARI of halves, least": f"{min(by_half):.3f}",
    }


@dataclass
class Corpus:
    """A labelled set of documents and the contenders' work on it."""

    name: str
    documents: Sequence[Document]
    gold: Labels
    """Story of each document that is scored."""
    gold_pairs: set[RowPair]
    ambiguous: set[RowPair] = field(default_factory=set)
    step: int = 0
    """Documents a step where it is decided in steps."""
    contenders: dict[str, Contender] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the rows and compare all texts."""
        self.articles = articles_of(self.documents)
        say(f"{self.name}: comparing all texts that share a key")
        with thresholds(dictionary_index, TEXTS_A_KEY=UNLIMITED):
            self.texts = Texts(self.articles)
            self.compared = compare_all(self.texts.stripped)
            self.compared_whole = compare_all(self.texts.whole)

    def add(self, name: str, pairs: set[RowPair] | None = None, labels: Labels | None = None) -> None:
        """Note what a contender decided."""
        self.contenders[name] = Contender(name, pairs, labels)

    def scores_of(self, pairs: set[RowPair]) -> Scores:
        """Score pairs of documents."""
        return pair_scores(pairs, self.gold_pairs, self.ambiguous)

    def names(self) -> list[str]:
        """Return the documents' names."""
        return [document.name for document in self.documents]


def run_ours(corpus: Corpus, floors: Floors) -> None:
    """Let newsbeam decide, end to end and by pairs, and check what must be the same."""
    say(f"{corpus.name}: deciding end to end")
    texts, pairs = corpus.texts, pairs_of(corpus.compared)
    row_pairs = texts.row_pairs(names_of(pairs))
    labels, decider = decide(corpus.articles)
    corpus.add("newsbeam, end to end", labels=labels)
    corpus.add("newsbeam, all pairs", row_pairs, by_rule(texts, pairs))
    print(f"- the Decider's own {len(decider.accepted)} accepted pairs are among all {len(names_of(pairs))}: ", end="")
    print("yes" if decider.accepted <= names_of(pairs) else "NO")
    same = same_partition(labels, by_rule(texts, pairs))
    print(f"- the Decider comes to the stories of `clusters.partition` over all pairs: {'yes' if same else 'no'}")
    for order in range(ORDERS):
        shuffled = list(corpus.documents)
        random.Random(order).shuffle(shuffled)
        name = f"newsbeam, order {order + 1} of {ORDERS}"
        corpus.add(name, labels=decide(articles_of(shuffled))[0])
        is_same = same_partition(labels, corpus.contenders[name].labels or {})
        if corpus.name == "wire2018":
            floors.holds(f"{corpus.name}, {name}: the same stories", is_same)
        print(f"- {name}: the same stories as in the file's order: {'yes' if is_same else 'no'}")
    corpus.add(f"newsbeam, in cycles of {corpus.step}", labels=decide(corpus.articles, corpus.step)[0])
    corpus.add("newsbeam, components of all pairs", labels=components(corpus.names(), row_pairs))
    for name, unguarded in (
        ("newsbeam, without the fact guard", pairs_of(corpus.compared, guarded=False)),
        ("newsbeam, with furniture", pairs_of(corpus.compared_whole)),
    ):
        corpus.add(name, texts.row_pairs(names_of(unguarded)), by_rule(texts, unguarded))


def run_others(corpus: Corpus) -> None:
    """Let MinHash and Jaccard decide."""
    say(f"{corpus.name}: MinHash and Jaccard")
    names = corpus.names()
    grams = [SplitText.of(article.article_body).shingles() for article in corpus.articles]
    similar = all_similar(names, grams)
    minhash = minhash_pairs(names, grams)
    corpus.add("MinHash 14 x 8", minhash, components(names, minhash))
    verified = minhash & similar.pairs(VERIFIED_FROM)
    corpus.add("MinHash 14 x 8, Jaccard >= .8", verified, components(names, verified))
    best = best_threshold(similar, lambda pairs: corpus.scores_of(pairs).f1)
    pairs = similar.pairs(best)
    corpus.add(f"Jaccard >= {best:.2f}, best pairs", pairs, components(names, pairs))
    best = best_threshold(similar, lambda pairs: adjusted_rand(components(names, pairs), corpus.gold))
    pairs = similar.pairs(best)
    corpus.add(f"Jaccard >= {best:.2f}, best ARI", pairs, components(names, pairs))


def show(corpus: Corpus) -> None:
    """Print the pair table and the cluster table."""
    contenders = corpus.contenders.values()
    print("\n" + table([pair_row(one, corpus.gold_pairs, corpus.ambiguous) for one in contenders if one.pairs]))
    print("\n" + table([cluster_row(one, corpus.gold) for one in contenders if one.labels]), flush=True)


def show_errors(corpus: Corpus, number: int) -> None:
    """Print so many pairs and stories that are decided wrongly, by the documents' names."""
    kinds = {one.name: f"{one.name} {one.kind}".strip() for one in corpus.documents}
    pairs = (corpus.contenders["newsbeam, all pairs"].pairs or set()) - corpus.ambiguous
    for title, wrong in (("wrong pair", pairs - corpus.gold_pairs), ("missed pair", corpus.gold_pairs - pairs)):
        for one, other in sorted(wrong)[:number]:
            print(f"- {title}: {kinds[one]} | {kinds[other]}")
    labels = corpus.contenders["newsbeam, end to end"].labels or {}
    for title, these, those in (("merged", labels, corpus.gold), ("split", corpus.gold, labels)):
        together: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for name in corpus.gold:
            together[these[name]][those[name]].append(kinds[name])
        parts = [sorted(found.values(), key=len) for found in together.values() if len(found) > 1]
        for part in sorted(parts, key=lambda part: (-len(part[-2]), part))[:number]:
            print(f"- {title}: {' + '.join(', '.join(names) for names in part)}")


def wire_corpus(data: Path) -> Corpus:
    """Read the real wire copies."""
    folder = data / "dedup"
    stories = {name: story for name, story in read_table(folder / "wire2018_stories.tsv") if story != "-"}
    listed: dict[str, set[RowPair]] = defaultdict(set)
    for one, other, verdict in read_table(folder / "wire2018_pairs.tsv"):
        listed[verdict].add(ordered(one, other))
    documents = read_documents(folder / "wire2018.jsonl.gz")
    return Corpus("wire2018", documents, stories, listed["dup"], listed["ambiguous"], step=30)


def generated_corpus(data: Path) -> Corpus:
    """Read the generated set."""
    folder = data / "dedup"
    gold: dict[str, str] = dict(read_table(folder / "generated_gold.tsv"))
    members: dict[str, list[str]] = defaultdict(list)
    for name, story in gold.items():
        members[story].append(name)
    pairs = {ordered(*pair) for names in members.values() for pair in combinations(names, 2)}
    return Corpus("generated", read_documents(folder / "generated.jsonl.gz"), gold, pairs, step=500)


def recall_by_kind(corpus: Corpus, labels: Labels) -> dict[str, float]:
    """Return by kind of variant the share that is in the story of the original of its gold cluster.

    Variants of the two clusters without an original are not counted.
    """
    originals = {corpus.gold[one.name]: one.name for one in corpus.documents if one.kind == "original"}
    found: dict[str, list[bool]] = defaultdict(list)
    for one in corpus.documents:
        original = originals.get(corpus.gold[one.name])
        if one.kind not in (*HARD_NEGATIVES, "original") and original is not None:
            found[one.kind].append(labels[one.name] == labels[original])
    return {kind: mean(found[kind]) for kind in sorted(found)}


def merged_by_kind(corpus: Corpus, labels: Labels) -> dict[str, float]:
    """Return by kind of hard negative the share that is in one story with a document of another gold cluster."""
    inside: dict[str, set[str]] = defaultdict(set)
    for name, story in labels.items():
        inside[story].add(corpus.gold[name])
    found: dict[str, list[bool]] = defaultdict(list)
    for one in corpus.documents:
        found[one.kind].append(len(inside[labels[one.name]]) > 1)
    return {kind: mean(found[kind]) for kind in HARD_NEGATIVES}


def show_kinds(corpus: Corpus) -> None:
    """Print what became of each kind of document, by contender."""
    contenders = [one for one in corpus.contenders.values() if one.labels and "order" not in one.name]
    for title, shares in (("variants found", recall_by_kind), ("merged wrongly", merged_by_kind)):
        by_contender = {one.name: shares(corpus, one.labels or {}) for one in contenders}
        kinds = next(iter(by_contender.values()))
        numbers = Counter(one.kind for one in corpus.documents)
        rows = [
            {title: kind, "documents": str(numbers[kind])}
            | {name: f"{found[kind]:.3f}" for name, found in by_contender.items()}
            for kind in kinds
        ]
        print("\n" + table(rows), flush=True)


def check(wire: Corpus, generated: Corpus, floors: Floors) -> None:
    """Print the floors and aims."""
    end_to_end, generated_labels = (
        corpus.contenders["newsbeam, end to end"].labels or {} for corpus in (wire, generated)
    )
    f1 = wire.scores_of(wire.contenders["newsbeam, all pairs"].pairs or set()).f1
    ari = adjusted_rand(end_to_end, wire.gold)
    kinds, merged = recall_by_kind(generated, generated_labels), merged_by_kind(generated, generated_labels)
    rows = [
        ("wire pairs, F1", f1, floors.at_least("wire pairs, F1", f1, 0.94), 0.96),
        ("wire stories, ARI", ari, floors.at_least("wire stories, ARI", ari, 0.93), 0.96),
        _floor(floors, "wire stories, B3 F1", b_cubed(end_to_end, wire.gold).f1, 0.98),
        _floor(floors, "generated, ARI", adjusted_rand(generated_labels, generated.gold), 0.99),
        _floor(floors, "generated, trim30 found", kinds["trim30"], 0.90),
    ]
    lines = [
        {"floor": name, "value": shown, "aim": f"{aim} {'reached' if value >= aim else 'not reached'}" if aim else ""}
        for name, value, shown, aim in rows
    ]
    for kind in HARD_NEGATIVES:
        if kind.startswith("tmpl_"):
            name = f"generated, {kind} merged"
            lines.append({"floor": name, "value": floors.at_most(name, merged[kind], 0.01), "aim": ""})
    print("\n" + table(lines))


def _floor(floors: Floors, name: str, value: float, floor: float) -> tuple[str, float, str, float]:
    return name, value, floors.at_least(name, value, floor), 0.0


# Thresholds and caps


def sweep_shares(wire: Corpus, generated: Corpus) -> list[dict[str, str]]:
    """Return a line for each two thresholds; stories by `clusters.partition` over all pairs."""
    rows: list[dict[str, str]] = []
    for least, strong in product((0.35, 0.40, 0.45, 0.50), (0.36, 0.40, 0.45, 0.50, 0.55)):
        with thresholds(LEAST_SHARE=least, STRONG_SHARE=strong):
            pairs = pairs_of(wire.compared)
            labels = by_rule(wire.texts, pairs)
            generated_labels = by_rule(generated.texts, pairs_of(generated.compared))
        by_half = [adjusted_rand(labels, half) for half in halves(wire.gold)]
        rows.append({
            "LEAST_SHARE": f"{least:.2f}",
            "STRONG_SHARE": f"{strong:.2f}",
            "wire pairs F1": f"{wire.scores_of(wire.texts.row_pairs(names_of(pairs))).f1:.3f}",
            "wire ARI": f"{adjusted_rand(labels, wire.gold):.3f}",
            "ARI of halves, mean": f"{mean(by_half):.3f}",
            "ARI of halves, least": f"{min(by_half):.3f}",
            "generated ARI": f"{adjusted_rand(generated_labels, generated.gold):.3f}",
        })  # fmt: skip
    return rows


def sweep_caps(wire: Corpus, generated: Corpus) -> list[dict[str, str]]:
    """Return a line for each two bounds on candidates: pairs found one text after the other, stories end to end."""
    rows: list[dict[str, str]] = []
    for texts_a_key, most_compared in product((64, 256), (16, 32, 64, UNLIMITED)):
        row = {
            "TEXTS_A_KEY": str(texts_a_key),
            "MOST_COMPARED": "unlimited" if most_compared == UNLIMITED else str(most_compared),
        }
        for corpus in (wire, generated):
            with (
                thresholds(dictionary_index, TEXTS_A_KEY=texts_a_key),
                thresholds(duplicates, MOST_COMPARED=most_compared),
            ):
                pairs = names_of(pairs_of(compare_all(corpus.texts.stripped, most_compared)))
                spent = inf
                for _ in range(3):
                    began = time.process_time()
                    labels, decider = decide(corpus.articles)
                    spent = min(spent, time.process_time() - began)
            row[f"{corpus.name} pairs F1"] = f"{corpus.scores_of(corpus.texts.row_pairs(pairs)).f1:.3f}"
            row[f"{corpus.name} ARI"] = f"{adjusted_rand(labels, corpus.gold):.3f}"
            row[f"{corpus.name} compared a document"] = f"{decider.compared / len(corpus.documents):.1f}"
            row[f"{corpus.name} CPU ms a document"] = f"{1000 * spent / len(corpus.documents):.2f}"
        rows.append(row)
    return rows


def arguments() -> argparse.Namespace:
    """Read the command line."""
    reader = parser(__doc__)
    reader.add_argument("data", type=Path, metavar="DATA", help="folder of development data (dedup/...)")
    reader.add_argument("--sweep", action="store_true", help="also thresholds and bounds at other values")
    reader.add_argument("--show", type=int, default=0, metavar="N", help="wrong pairs and stories to list (default: 0)")
    return reader.parse_args()


def main() -> int:
    """Score every contender, print the tables; returns the exit code."""
    options = arguments()
    print(heading("Quality of the duplicate decision", options))
    floors = Floors()
    corpora = []
    for read in (wire_corpus, generated_corpus):
        corpus = read(options.data)
        print(
            f"\n#### {corpus.name}: {len(corpus.documents):,} documents, {len(set(corpus.gold.values())):,} stories\n"
        )
        run_ours(corpus, floors)
        run_others(corpus)
        show(corpus)
        show_errors(corpus, options.show)
        corpora.append(corpus)
    wire, generated = corpora
    show_kinds(generated)
    if options.sweep:
        say("other thresholds")
        print("\n#### Thresholds\n\n" + table(sweep_shares(wire, generated)))
        print("\n#### Bounds on candidates\n\n" + table(sweep_caps(wire, generated)))
    print("\n#### Floors")
    check(wire, generated, floors)
    return floors.code()


if __name__ == "__main__":
    sys.exit(main())
