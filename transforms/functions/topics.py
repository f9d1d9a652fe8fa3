"""What an article is about: top concepts of IPTC Media Topics with probabilities, and a deeper one where it is sure.

Everything comes from one file of arrays, `transforms/models/topics.npz`, made by `transforms.training.train_topics`;
its card, `TOPICS.md`, says from what. The measured recipe: a logistic regression on a static embedding and one on
TF-IDF, added up with the similarity to the concepts of each branch (BENCHMARKS.md has what each part brings).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from schemas.topic import Topic
from transforms.functions.media_topics import MediaTopics
from transforms.functions.topic_artifact import SHIPPED, Arrays, load_arrays, to_lines
from transforms.functions.topic_texts import ReadText, TextReader, unit
from transforms.functions.topic_texts import TopicText as TopicText
from transforms.functions.wordpieces import WordPieces

Doubles: TypeAlias = npt.NDArray[np.float64]

SERVED_LANGUAGES: Final = frozenset({"en"})
"""Languages of the texts that the model learnt from."""

LEAST_WORDS: Final = 40
"""Words of the shortest text that gets topics: less is a caption or a stub (lab of 2026-11)."""

MOST_TOPICS: Final = 3
"""Top concepts that a text gets at most; readers gave 1.6, and a fourth one to hardly any (lab)."""

NEAREST_CONCEPTS: Final = 5
"""Concepts of a branch whose similarity is averaged; 10 do as well, 1 is bad (lab)."""

SIMILARITY_SCALE: Final = 20.0
"""What differences of mean similarity are multiplied by, to be about as large as the logits beside them (lab)."""

EXPLAINING_WORDS: Final = 8
EXPLAINING_CONCEPTS: Final = 5

_BATCH: Final = 256
"""Texts that are scored at once: 2 MB of similarities."""


class SpokenFor(NamedTuple):
    """A given top concept and the terms of the text that spoke most for it."""

    topic: Topic
    terms: Sequence[tuple[str, float]]
    """Term and what it added to the logit, the largest first; only what is above 0."""


class TopicEvidence(NamedTuple):
    """Why a text got its topics."""

    words: int
    """Words that were read; under `LEAST_WORDS` nothing is given."""
    topics: Sequence[SpokenFor]
    """The top concepts that were given, the most important first."""
    deeper: Topic | None
    """The deeper concept, where it was sure."""
    nearest: Sequence[tuple[str, str, float]]
    """Id, label and similarity of the deeper concepts that lie nearest, in the branch of the first topic."""


@dataclass(frozen=True)
class _Scores:
    """What was found of a batch of texts, one a row."""

    probabilities: Doubles
    """Of the 17 top concepts, ordered by id."""
    directions: Doubles
    """What is compared with the prototypes of deeper concepts."""


@lru_cache(maxsize=1)
def topic_model() -> TopicModel:
    """Return the shipped model, loaded once a process (0.2 s, 40 MB).

    Raises:
        ModelError: where the file is not the one that was shipped.
    """
    return TopicModel(load_arrays(SHIPPED))


class TopicModel:
    """Tags English texts; safe to call from threads and forked workers."""

    def __init__(self, arrays: Arrays) -> None:
        [self.creator] = to_lines(arrays["creator"])
        self.concepts = MediaTopics(
            ids=to_lines(arrays["concept_ids"]),
            labels=to_lines(arrays["concept_labels"]),
            levels=arrays["concept_levels"],
            parents=arrays["concept_parents"],
            wikidata=[line or None for line in to_lines(arrays["concept_wikidata"])],
        )
        self._terms = to_lines(arrays["terms"])
        pieces = WordPieces(to_lines(arrays["pieces"]))
        self._reader = TextReader(pieces, arrays["piece_rows"], arrays["piece_scales"], self._terms)
        self._term_rarity = arrays["term_rarity"].astype(np.float32)
        self._term_weights = arrays["term_weights"].astype(np.float32)
        self._centre = arrays["centre"].astype(np.float64)
        self._vector_weights = arrays["vector_weights"].astype(np.float64)
        self._similarity_weights = arrays["similarity_weights"].astype(np.float64)
        self._bias = arrays["bias"].astype(np.float64)
        self._first_weights = arrays["first_weights"].astype(np.float64)
        self._threshold = float(arrays["threshold"])
        self._concept_vectors = arrays["concept_vectors"].astype(np.float64)
        self._prototypes = arrays["prototypes"].astype(np.float64)
        self._prototype_places = arrays["prototype_places"].astype(np.intp)
        self._least_similarity = float(arrays["least_similarity"])
        self._calibration = arrays["calibration"].astype(np.float64)

    @classmethod
    def load(cls, file: Path) -> TopicModel:
        """Return the model of a file that `transforms.training.train_topics` has written."""
        return cls(load_arrays(file))

    def tag(self, texts: Sequence[TopicText]) -> list[list[Topic]]:
        """Return the topics of each text, those of level 1 first and the most important first.

        One to three of level 1, then at most one deeper one of the first topic's branch; none for a text of less than
        `LEAST_WORDS` words. A text gets the same topics in any batch. At most 600 words of a text are read.
        """
        return [topics for start in range(0, len(texts), _BATCH) for topics in self._tag(texts[start : start + _BATCH])]

    def explain(self, text: TopicText) -> TopicEvidence:
        """Return why a text gets the topics that `tag` gives it."""
        read = self._reader.read(text)
        if read.words < LEAST_WORDS:
            return TopicEvidence(read.words, [], None, [])
        scores = self._score([read])
        topics = self._topics(scores, 0)
        spoken = [SpokenFor(topic, self._terms_for(topic, read)) for topic in topics if topic.level == 1]
        deeper = next((topic for topic in topics if topic.level > 1), None)
        return TopicEvidence(read.words, spoken, deeper, self._nearest(scores))

    def probabilities(self, texts: Sequence[TopicText]) -> Doubles:
        """Return the probability of each top concept (column, ordered by id) for each text (row), of any length."""
        return self._score([self._reader.read(text) for text in texts]).probabilities

    def _tag(self, texts: Sequence[TopicText]) -> Iterator[list[Topic]]:
        reads = [self._reader.read(text) for text in texts]
        long_enough = [read for read in reads if read.words >= LEAST_WORDS]
        scores = self._score(long_enough) if long_enough else None
        row = 0
        for read in reads:
            if scores is None or read.words < LEAST_WORDS:
                yield []
                continue
            yield self._topics(scores, row)
            row += 1

    def _score(self, reads: Sequence[ReadText]) -> _Scores:
        # In double precision: what differs between batches of other sizes is then far below what is rounded away.
        vectors = np.array([read.vector for read in reads], dtype=np.float64) - self._centre
        openings = np.array([read.opening for read in reads], dtype=np.float64) - self._centre
        directions = unit(vectors)
        logits = vectors @ self._vector_weights + self._by_terms(reads) + self._bias
        logits += self._by_branches(directions) * self._similarity_weights
        return _Scores(1 / (1 + np.exp(-logits)), unit(unit(openings) + directions))

    def _by_terms(self, reads: Sequence[ReadText]) -> Doubles:
        return np.array([self._term_values(read) @ self._term_weights[read.terms] for read in reads], dtype=np.float64)

    def _term_values(self, read: ReadText) -> npt.NDArray[np.float32]:
        """Return TF-IDF of the terms, sublinear in their number, of length 1."""
        return unit((1 + np.log(read.counts)).astype(np.float32) * self._term_rarity[read.terms])

    def _by_branches(self, directions: Doubles) -> Doubles:
        return branch_excess(directions @ self._concept_vectors.T, self._branch_places)

    @cached_property
    def _prototypes_of(self) -> list[tuple[npt.NDArray[np.intp], Doubles]]:
        branches = self.concepts.branches[self._prototype_places]
        below = [branches == top for top in self.concepts.tops]
        return [(self._prototype_places[chosen], self._prototypes[chosen]) for chosen in below]

    @cached_property
    def _branch_places(self) -> list[npt.NDArray[np.intp]]:
        return [np.flatnonzero(self.concepts.branches == top) for top in self.concepts.tops]

    def _topics(self, scores: _Scores, row: int) -> list[Topic]:
        probabilities = scores.probabilities[row]
        best = np.argsort(-self._ranks(probabilities), kind="stable")
        likely = [place for rank, place in enumerate(best) if rank == 0 or probabilities[place] >= self._threshold]
        given = likely[:MOST_TOPICS]
        tops = [self._topic(int(self.concepts.tops[place]), float(probabilities[place])) for place in given]
        return [*tops, *self._deeper(scores.directions[row], int(best[0]))]

    def _ranks(self, probabilities: Doubles) -> Doubles:
        """Return what topics are ranked by: some claim the first place more often than others."""
        return probabilities * self._first_weights

    def _deeper(self, direction: Doubles, column: int) -> Iterator[Topic]:
        [(place, similarity)] = self._ranked(direction, column)[:1]
        if similarity >= self._least_similarity:
            slope, intercept = self._calibration
            yield self._topic(place, float(1 / (1 + np.exp(-(slope * similarity + intercept)))))

    def _ranked(self, direction: Doubles, column: int) -> list[tuple[int, float]]:
        """Return places and similarities of the deeper concepts below a top concept, the nearest first."""
        places, prototypes = self._prototypes_of[column]
        similarities = prototypes @ direction
        return [
            (int(places[at]), float(similarities[at]))
            for at in np.argsort(-similarities, kind="stable")[:EXPLAINING_CONCEPTS]
        ]

    def _topic(self, place: int, confidence: float) -> Topic:
        level = int(self.concepts.levels[place])
        return Topic(self.concepts.ids[place], self.concepts.labels[place], round(confidence, 3), level, self.creator)

    def _terms_for(self, topic: Topic, read: ReadText) -> list[tuple[str, float]]:
        column = self.concepts.tops.tolist().index(self.concepts.ids.index(topic.id))
        added = self._term_values(read) * self._term_weights[read.terms, column]
        best = np.argsort(-added, kind="stable")[:EXPLAINING_WORDS]
        return [(self._terms[read.terms[at]], round(float(added[at]), 3)) for at in best if added[at] > 0]

    def _nearest(self, scores: _Scores) -> list[tuple[str, str, float]]:
        ranked = self._ranked(scores.directions[0], int(self._ranks(scores.probabilities[0]).argmax()))
        names = self.concepts.ids, self.concepts.labels
        return [(names[0][place], names[1][place], round(similarity, 3)) for place, similarity in ranked]


def branch_excess(similarities: Doubles, branches: Sequence[npt.NDArray[np.intp]]) -> Doubles:
    """Return how much nearer than elsewhere the concepts of each branch (column) are, for each text (row).

    Args:
        similarities: of texts (row) to concepts (column).
        branches: columns of the concepts of each branch.
    """
    nearest = np.array([_largest(similarities[:, places]).mean(axis=1) for places in branches]).T
    excess: Doubles = SIMILARITY_SCALE * (nearest - nearest.mean(axis=1, keepdims=True))
    return excess


def _largest(similarities: Doubles) -> Doubles:
    cut = max(0, similarities.shape[1] - NEAREST_CONCEPTS)
    return np.partition(similarities, cut, axis=1)[:, cut:]
