"""What the topic tagger learns from: labelled texts, unlabelled ones, and the concepts of IPTC Media Topics."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.functions.topic_texts import TopicText

Doubles = npt.NDArray[np.float64]

CLASSES: Final = tuple(f"{number:02d}" for number in range(1, 18))
"""The 17 top concepts, by the first two digits of their ids."""

SECTION_BELIEF: Final = 0.85
"""Least probability of a class where the site's own section says it (lab of 2026-11)."""

CATEGORY_BELIEF: Final = 0.6
"""The same for the coarse categories of the headline aggregator (lab)."""

SECOND_SHARE: Final = 0.6
"""What a topic after the first one counts when the student learns: the first topic is then right more often (in
cross-validation .725 with 1, .739 with .7, .742 with .5), F1 stays."""

_POOL_LABELS: Final = Path(__file__).with_name("pool_labels.tsv")
"""Labels of texts of the pool, from one reading of their first 30 to 45 words in 2026-11: those that the teacher took
for rare classes, those about trade, and those that it was least sure of. Not the texts, only their keys."""

_WRITTEN_STORIES: Final = Path(__file__).with_name("written_stories.jsonl")
"""News texts that were written for this project, with their topics: for classes that hardly occur in the labelled
texts, and about trade between countries. No scores are taken on them."""

_CATEGORIES: Final = {"b": "04", "e": "01", "m": "07", "t": "13"}  # business, entertainment, medicine, technology
_HEADLINES_AN_EVENT: Final = 12
"""Distinct headlines that are taken of an event: gives some 1,000, as many as the lab had."""

_LEAST_REUTERS_WORDS: Final = 60


class LabelledText(NamedTuple):
    """A text with what it is about."""

    text: TopicText
    topics: Sequence[str]
    """Two digits each, the most important one first; empty where it is no article."""
    concept: str | None
    """The deeper concept, `medtop:` and its number."""


class PoolText(NamedTuple):
    """A text of the pool, with what its source lets one believe."""

    text: TopicText
    section: str | None = None
    belief: float = 0.0
    topics: Sequence[str] = ()
    """Of texts that were written for training, the most important one first."""

    @property
    def key(self) -> str:
        """What `pool_labels.tsv` knows the text by."""
        return hashlib.sha256(self.text.body.encode("utf-8", "replace")).hexdigest()[:16]


@dataclass(frozen=True)
class Concept:
    """A concept of IPTC Media Topics."""

    id: str
    label: str
    definition: str
    level: int
    path: Sequence[str]
    wikidata: str | None


def labelled_texts(file: Path) -> list[LabelledText]:
    """Return the rows of `topics_train.jsonl` or `topics_dev.jsonl`, in the order of the file."""
    return [
        LabelledText(_text(row), row["topics"], f"medtop:{row['concept']}" if row["concept"] else None)
        for row in _rows(file)
    ]


def label_table(texts: Sequence[LabelledText]) -> Doubles:
    """Return 1 where a text (row) has a class (column), else 0."""
    return np.array([[float(name in text.topics) for name in CLASSES] for text in texts]).reshape(-1, len(CLASSES))


def without_labelled(pool: Sequence[PoolText], labelled: Sequence[LabelledText]) -> list[PoolText]:
    """Return the texts of the pool that are none of the labelled ones: some were labelled after the pool was made.

    Kept in, a text would be learnt with its teacher's labels by the very folds that are to be tested on it.
    """
    known = {_passage(text.text) for text in labelled} - {""}
    return [text for text in pool if _passage(text.text) not in known]


def _passage(text: TopicText) -> str:
    """Return a passage that tells texts apart; the first characters are cut off here and there."""
    return " ".join(text.body.split())[50:250]


def pool_texts(data: Path) -> list[PoolText]:
    """Return the unlabelled texts, always in the same order."""
    sites = [_site_text(row) for row in _rows(data / "tags/topics_pool.jsonl.gz")]
    wires = [PoolText(TopicText(None, row["text"])) for row in _rows(data / "dedup/wire2018.jsonl.gz")]
    return [
        *sites,
        *wires,
        *_reuters(data / "dedup/generated.jsonl.gz"),
        *_events(data / "dedup/events_headlines.csv.gz"),
    ]


def written_stories() -> list[PoolText]:
    """Return the texts that were written for training."""
    return [PoolText(_text(row), topics=row["topics"]) for row in _rows(_WRITTEN_STORIES)]


def belief_table(texts: Sequence[PoolText]) -> Doubles:
    """Return the least probability of each class (column) for each text (row)."""
    return np.array([[text.belief if text.section == name else 0.0 for name in CLASSES] for text in texts])


def pool_labels(texts: Sequence[PoolText]) -> Doubles:
    """Return the labels of those texts that were written or read, too, by class (column); NaN for all others."""
    with _POOL_LABELS.open(encoding="utf-8", newline="") as lines:
        topics_of = {row["text"]: row["topics"].split() for row in csv.DictReader(lines, delimiter="\t")}
    found = np.full((len(texts), len(CLASSES)), np.nan)
    for row, text in zip(found, texts, strict=True):
        if topics := text.topics or topics_of.get(text.key):
            row[:] = softened(topics)
    return found


def first_table(texts: Sequence[LabelledText]) -> Doubles:
    """Return 1 for the first topic (column) of each text (row), else 0."""
    return np.array([[float(name in text.topics[:1]) for name in CLASSES] for text in texts]).reshape(-1, len(CLASSES))


def softened(topics: Sequence[str]) -> list[float]:
    """Return the probabilities that are learnt for the reader's topics: those after the first one count less."""
    return [0.0 if name not in topics else 1.0 if name == topics[0] else SECOND_SHARE for name in CLASSES]


def concepts(data: Path) -> list[Concept]:
    """Return the active concepts, ordered by id."""
    found = json.loads((data / "tags/iptc_mediatopics_2023-10_active.json").read_text(encoding="utf-8"))
    return [Concept(id=id, **found[id]) for id in sorted(found)]


def _site_text(row: Mapping[str, Any]) -> PoolText:
    section = row["site_class"]
    return PoolText(_text(row), section, SECTION_BELIEF if section else 0.0)


def _reuters(file: Path) -> Iterator[PoolText]:
    """Yield each of the Reuters stories once, without those that are hardly more than a headline."""
    originals = {row["base"]: row for row in _rows(file) if row["kind"] == "original"}
    for row in originals.values():
        if len(row["text"].split()) >= _LEAST_REUTERS_WORDS:
            yield PoolText(TopicText(row["title"], row["text"]))


def _events(file: Path) -> Iterator[PoolText]:
    """Yield headlines as texts, so many of each event."""
    taken: dict[str, set[str]] = {}
    with gzip.open(file, "rt", encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened):
            titles = taken.setdefault(row["STORY"], set())
            is_whole = row["CATEGORY"] in _CATEGORIES  # the last line of the file is cut off
            if is_whole and len(titles) < _HEADLINES_AN_EVENT and row["TITLE"] not in titles:
                titles.add(row["TITLE"])
                yield PoolText(TopicText(None, row["TITLE"]), _CATEGORIES[row["CATEGORY"]], CATEGORY_BELIEF)


def _text(row: Mapping[str, Any]) -> TopicText:
    return TopicText(row["headline"] or None, row["article_body"])


def _rows(file: Path) -> Iterable[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
