"""Texts to the numbers that the regressions learn from, read by the same functions as at run time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from transforms.functions.topic_texts import ReadText, SplitWords, TextReader, TopicText, terms_of_word
from transforms.functions.wordpieces import WordPieces
from transforms.training.texts import CLASSES, Concept

Doubles = npt.NDArray[np.float64]

LEAST_TEXTS_OF_TERM: Final = 3
"""Texts that a term must stand in (lab of 2026-11)."""

DIMENSIONS: Final = 256
"""Of the static embedding: 384 give .006 more for half as many bytes again (lab)."""

SIF: Final = 1e-4
"""Smoothing of the weights by frequency (Arora et al. 2017, smooth inverse frequency); model2vec's default."""

LABEL_SHARE: Final = 0.7
"""Share of the label in a concept's vector, beside label and definition (lab)."""


@dataclass(frozen=True)
class Embedding:
    """A static embedding: rows of whole numbers, each with its scale."""

    pieces: Sequence[str]
    rows: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]


def distil(pieces: Sequence[str], vectors: Doubles) -> Embedding:
    """Return the static embedding of a teacher's vectors for each piece, as model2vec makes it.

    The vectors are turned to their principal axes, of which the first 256 stay, and weighted by the frequency that
    Zipf's law gives a piece from its place in the vocabulary.
    """
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    turned = centred @ axes[:, ::-1][:, :DIMENSIONS]
    frequency = 1 / np.arange(2, len(pieces) + 2)
    weighted = turned * (SIF / (SIF + frequency / frequency.sum()))[:, None]
    scales = np.abs(weighted).max(axis=1) / np.iinfo(np.int8).max
    rows = np.rint(weighted / scales[:, None]).astype(np.int8)
    return Embedding(pieces, rows, scales.astype(np.float32))


def choose_terms(texts: Sequence[TopicText], stop_words: frozenset[str]) -> tuple[list[str], Doubles]:
    """Return the terms that stand in enough texts, sorted, and how rare each one is (smoothed idf)."""
    texts_of = Counter(term for text in texts for term in set(_terms(text)))
    terms = sorted(term for term, count in texts_of.items() if count >= LEAST_TEXTS_OF_TERM and term not in stop_words)
    counts = np.array([texts_of[term] for term in terms], dtype=np.float64)
    return terms, np.log((1 + len(texts)) / (1 + counts)) + 1


def _terms(text: TopicText) -> list[str]:
    words = SplitWords.of(text)
    return [term for word in (*words.headline, *words.body) for term in terms_of_word(word)]


@dataclass(frozen=True)
class FeatureMaker:
    """Reads texts with an embedding and a list of terms."""

    embedding: Embedding
    terms: Sequence[str]
    rarity: Doubles

    def reader(self) -> TextReader:
        """Return the reader that the model will have."""
        embedding = self.embedding
        return TextReader(WordPieces(embedding.pieces), embedding.rows, embedding.scales, self.terms)

    def term_table(self, reads: Sequence[ReadText]) -> Any:
        """Return TF-IDF as a sparse matrix: sublinear in the count, rows of length 1."""
        from scipy.sparse import csr_matrix

        values, starts = [], [0]
        for read in reads:
            value = (1 + np.log(read.counts)) * self.rarity[read.terms]
            values.append(value / max(float(np.linalg.norm(value)), 1e-12))
            starts.append(starts[-1] + len(value))
        columns = np.concatenate([read.terms for read in reads])
        return csr_matrix((np.concatenate(values), columns, starts), shape=(len(reads), len(self.terms)))


def concept_labels(concepts: Sequence[Concept]) -> Doubles:
    """Return the class of each concept, as labels."""
    return np.array([[float(concept.path[0][7:9] == name) for name in CLASSES] for concept in concepts])


def unit_rows(vectors: npt.NDArray[Any]) -> Doubles:
    """Return the rows at length 1; those of length 0 stay."""
    vectors = vectors.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Doubles = vectors / np.where(lengths > 0, lengths, 1)
    return found


def concept_directions(labels: Doubles, with_definitions: Doubles) -> Doubles:
    """Return unit vectors of the concepts, centred by their own mean."""
    mixed = unit_rows(LABEL_SHARE * unit_rows(labels) + (1 - LABEL_SHARE) * unit_rows(with_definitions))
    return unit_rows(mixed - mixed.mean(axis=0))
