"""Everything that the regressions learn from, as numbers: three views of labelled texts, pool and concepts.

The views are MiniLM's vectors (the teacher's only), the static embedding's, and TF-IDF.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from transforms.functions.topic_texts import ReadText, TopicText
from transforms.functions.topics import branch_excess
from transforms.training.features import (
    Embedding,
    FeatureMaker,
    choose_terms,
    concept_directions,
    concept_labels,
    distil,
    unit_rows,
)
from transforms.training.minilm import MiniLM
from transforms.training.texts import (
    Concept,
    LabelledText,
    PoolText,
    belief_table,
    first_table,
    label_table,
    pool_labels,
    softened,
)

Doubles = npt.NDArray[np.float64]

TEACHER_WORDS: Final = 150
"""Words of the body that the teacher reads (lab of 2026-11)."""


@dataclass(frozen=True)
class View:
    """One way to see the texts as rows of numbers: dense arrays or sparse matrices of scipy."""

    labelled: Any
    pool: Any
    concepts: Any


@dataclass(frozen=True)
class Space:
    """A view by vectors, centred and scaled by the pool, with the concepts as directions in it."""

    view: View
    excess_labelled: Doubles
    """How much nearer than elsewhere the concepts of each branch are, for each labelled text."""
    excess_pool: Doubles
    directions: Doubles
    """A unit vector for each concept."""
    centre: Doubles
    spread: float
    """Mean standard deviation of a dimension over the pool."""


@dataclass(frozen=True)
class Material:
    """What a topic model is trained on."""

    texts: Sequence[LabelledText]
    concepts: Sequence[Concept]
    makers: FeatureMaker
    labels: Doubles
    firsts: Doubles
    """Only the first topic of each labelled text."""
    soft_labels: Doubles
    """What the student learns of the labelled texts: less of a topic that was not the first."""
    concept_labels: Doubles
    beliefs: Doubles
    pool_labels: Doubles
    """Of the texts of the pool that were read or written; NaN for all others."""
    is_written: npt.NDArray[np.bool_]
    """Which texts of the pool were written for training."""
    minilm: Space
    static: Space
    terms: View
    deep: Doubles
    """Unit vectors of the labelled texts that the prototypes of deeper concepts are compared with."""


class Encoder:
    """MiniLM with a memory: vectors are kept in a folder, since they are what training takes its time for."""

    def __init__(self, model: MiniLM, folder: Path | None) -> None:
        self._model, self._folder = model, folder

    def texts(self, texts: Sequence[TopicText]) -> Doubles:
        """Return the vectors of headlines with the first `TEACHER_WORDS` words of the bodies."""
        words = ([*(text.headline or "").split(), *text.body.split()[:TEACHER_WORDS]] for text in texts)
        return self.lines([" ".join(text) for text in words])

    def lines(self, lines: Sequence[str]) -> Doubles:
        """Return the vectors of texts as they are."""
        return self._kept("\n".join(lines), lambda: self._model.encode(lines))

    def embedding(self) -> Embedding:
        """Return the static embedding: each piece but the unused ones, encoded by itself."""
        numbers = [number for number, piece in enumerate(self._model.pieces) if not piece.startswith("[unused")]
        vectors = self._kept("pieces", lambda: self._model.encode_pieces([[number] for number in numbers]))
        return distil([self._model.pieces[number] for number in numbers], vectors)

    def _kept(self, key: str, make: Any) -> Doubles:
        if self._folder is None:
            return np.asarray(make(), dtype=np.float64)
        file = self._folder / f"minilm-{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:16]}.npy"
        if not file.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            np.save(file, make())
        kept: Doubles = np.load(file, allow_pickle=False).astype(np.float64)
        return kept


def gather(
    texts: Sequence[LabelledText],
    unread: Sequence[PoolText],
    written: Sequence[PoolText],
    concepts: Sequence[Concept],
    encoder: Encoder,
    stop_words: frozenset[str],
) -> Material:
    """Return the material of labelled texts, pool, written texts and concepts; terms are counted in all of them."""
    pool = [*unread, *written]
    labelled, unlabelled = [text.text for text in texts], [text.text for text in pool]
    labels = [TopicText(None, concept.label) for concept in concepts]
    defined = [TopicText(None, f"{concept.label}. {concept.definition}") for concept in concepts]
    makers = FeatureMaker(encoder.embedding(), *choose_terms([*labelled, *unlabelled, *defined], stop_words))
    reader = makers.reader()
    reads = [[reader.read(text) for text in group] for group in (labelled, unlabelled, labels, defined)]
    classes = concept_labels(concepts)
    static = _space([_vectors(group) for group in reads], classes)
    of_pool = np.concatenate([encoder.texts([text.text for text in part]) for part in (unread, written)])
    minilm = _space([encoder.texts(labelled), of_pool, *map(encoder.lines, _lines(labels, defined))], classes)
    terms = View(*(makers.term_table(group) for group in (reads[0], reads[1], reads[3])))
    openings = np.array([read.opening for read in reads[0]], dtype=np.float64)
    deep = unit_rows(unit_rows(openings - static.centre) + unit_rows(_vectors(reads[0]) - static.centre))
    return Material(
        texts,
        concepts,
        makers,
        label_table(texts),
        first_table(texts),
        np.array([softened(text.topics) for text in texts]),
        classes,
        belief_table(pool),
        pool_labels(pool),
        np.array([bool(text.topics) for text in pool]),
        minilm,
        static,
        terms,
        deep,
    )


def _lines(*groups: Sequence[TopicText]) -> list[list[str]]:
    return [[text.body for text in group] for group in groups]


def _vectors(reads: Sequence[ReadText]) -> Doubles:
    return np.array([read.vector for read in reads], dtype=np.float64)


def _space(vectors: Sequence[Doubles], classes: Doubles) -> Space:
    """Return the space of the vectors of labelled texts, pool, concepts' labels, and labels with definitions."""
    labelled, pool, labels, defined = vectors
    centre, spread = pool.mean(axis=0), float(pool.std(axis=0).mean())
    directions = concept_directions(labels, defined)
    branches = [np.flatnonzero(column) for column in classes.T]
    of_labelled, of_pool = (
        branch_excess(unit_rows(group - centre) @ directions.T, branches) for group in (labelled, pool)
    )
    view = View((labelled - centre) / spread, (pool - centre) / spread, (defined - defined.mean(axis=0)) / spread)
    return Space(view, of_labelled, of_pool, directions, centre, spread)
