"""Prototypes of the deeper concepts, and how often the nearest one is right at a similarity."""

from __future__ import annotations

from collections import defaultdict
from typing import Final, NamedTuple

import numpy as np

from transforms.training.features import unit_rows
from transforms.training.material import Doubles, Material
from transforms.training.recipe import FOLDS, Places, Student, deal_folds
from transforms.training.regression import fit_regression

LEVELS: Final = (2, 3)
"""Levels of the concepts that are given: readers named no deeper ones (lab of 2026-11)."""

CONCEPT_SHARE: Final = 0.5
"""What a concept's own words count in its prototype beside the mean of texts about it (lab)."""

LEAST_SIMILARITY: Final = 0.44
"""From here on the nearest concept is given (lab: then half of the documents get one)."""

_INVERSE_RIDGE: Final = 100.0  # two numbers from some hundred texts need hardly any


class Nearest(NamedTuple):
    """The nearest deeper concept of a text's first topic."""

    place: int
    similarity: float


def deeper_places(material: Material) -> Places:
    """Return the places of the concepts that can be given."""
    return np.array([place for place, concept in enumerate(material.concepts) if concept.level in LEVELS])


def prototypes(material: Material, chosen: Places) -> Doubles:
    """Return a unit vector for each of `deeper_places`: its own words, and the mean of the labelled texts about it.

    The mean of n texts counts n / (n + 1): one text says less than many.
    """
    texts_of = defaultdict(list)
    for place in chosen:
        texts_of[material.texts[place].concept].append(place)
    vectors = CONCEPT_SHARE * material.static.directions
    for row, concept in zip(vectors, material.concepts, strict=True):
        if about := texts_of[concept.id]:
            row += material.deep[about].mean(axis=0) * len(about) / (len(about) + 1)
    return unit_rows(vectors[deeper_places(material)])


def nearest(material: Material, rows: Doubles, texts: Doubles, first: Places) -> list[Nearest]:
    """Return the nearest prototype of each text, in the branch of its first topic.

    Args:
        rows: the prototypes.
        texts: unit vectors of the texts.
        first: column of each text's first topic.
    """
    places = deeper_places(material)
    branches = material.concept_labels[places].argmax(axis=1)
    similarities = np.where(branches == first[:, None], texts @ rows.T, -1)
    best = similarities.argmax(axis=1)
    return [Nearest(int(places[at]), float(row[at])) for at, row in zip(best, similarities, strict=True)]


def calibrate(material: Material, student: Student, chosen: Places) -> Doubles:
    """Return slope and intercept of the log-odds that the nearest concept is the reader's, by its similarity.

    Each text is judged with prototypes and a first topic that have not seen it (Platt 1999, on held-out texts).
    """
    folds = deal_folds(material.labels[chosen])
    similarity, is_right = np.zeros((len(chosen), 1)), np.zeros((len(chosen), 1))
    for fold in range(FOLDS):
        held_out = np.flatnonzero(folds == fold)
        rows = prototypes(material, chosen[folds != fold])
        found = nearest(material, rows, material.deep[chosen[held_out]], student.unseen_ranks[held_out].argmax(axis=1))
        for at, one in zip(held_out, found, strict=True):
            similarity[at] = one.similarity
            is_right[at] = material.texts[chosen[at]].concept == material.concepts[one.place].id
    fitted = fit_regression(similarity, is_right, np.ones(len(chosen)), _INVERSE_RIDGE, positive_power=0.0)
    return np.array([fitted.weights[0, 0], fitted.bias[0]])
