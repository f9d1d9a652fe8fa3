"""How the topic model is trained: a teacher that sees MiniLM's vectors labels the pool; the student learns from both.

Each of the two is a sum of logits: of regressions, and of the similarity to each branch's concepts, which counts more
for classes with few labelled texts. What the sum weighs is learnt from logits of texts that the regressions have not
seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.training.material import Doubles, Material, View
from transforms.training.regression import Regression, Sum, fit_regression, fit_sum, probability

Places = npt.NDArray[np.intp]

FOLDS: Final = 5
SEED: Final = 20261122
"""Of the order in which texts of one class are dealt to the folds."""

POOL_WEIGHT: Final = 0.25
"""Weight of a text that the teacher has labelled. Of .25, .5 and 1 the least is best, by .004 of micro-F1 in
cross-validation."""


WRITTEN_WEIGHT: Final = 1.0
"""Weight of a text that was written for training. In cross-validation .25, .5 and 1 are alike (micro-F1 .788, .787,
.786; log loss 1.672, 1.670, 1.670): a text is worth what it says, so 1."""

STRENGTH_POWER: Final = 0.3
"""What a class's strength counts beside its log-probability when topics are ranked. The first topic is right in
cross-validation with 0, .2, .3, .5, 1: .745, .753, .758, .748, .735."""

STRENGTH_RIDGE: Final = 3.0
"""Ridge on the strengths. With 1 and 10 the best power gives .758 and .756."""


class Setting(NamedTuple):
    """How a regression is fitted: weight of a concept beside a text, inverse ridge, extra weight of positives."""

    concept_weight: float
    inverse_ridge: float
    positive_power: float


TEACHER_MINILM: Final = Setting(0.1, 0.01, 0.5)
TEACHER_STATIC: Final = Setting(0.1, 0.01, 0.5)
TEACHER_TERMS: Final = Setting(0.3, 8, 0.5)
STUDENT_STATIC: Final = Setting(0.1, 0.02, 0.15)
STUDENT_TERMS: Final = Setting(0.3, 16, 0.15)
"""From the lab of 2026-11, chosen by cross-validation, but for the student's last number: with .15 log loss in
cross-validation is least (1.632 a text, 1.643 with 0), and macro-F1 of dev is higher than with 0 or .5."""


@dataclass(frozen=True)
class Student:
    """A trained model, and what it was trained to say of the texts it learnt from while it had not seen them."""

    static: Regression
    terms: Regression
    total: Sum
    texts_of_class: Doubles
    labels: Doubles
    firsts: Doubles
    folds: npt.NDArray[np.intp]
    unseen_parts: Sequence[Doubles]
    """Logits of the labelled texts (row), each by regressions of the other folds: static, terms, and both excesses."""

    @property
    def first_weights(self) -> Doubles:
        """What the probability of each class is multiplied by when topics are ranked."""
        return rank_weights(self.labels, self.firsts)

    @cached_property
    def unseen(self) -> Doubles:
        """Probabilities of the labelled texts (row); sum and regressions are those of the other folds."""
        found = np.zeros_like(self.labels)
        for fold in range(FOLDS):
            learnt, asked = (
                [part[rows] for part in self.unseen_parts] for rows in (self.folds != fold, self.folds == fold)
            )
            total = fit_sum(learnt, self.labels[self.folds != fold])
            found[self.folds == fold] = probability(total.logits(asked))
        return found

    @cached_property
    def unseen_ranks(self) -> Doubles:
        """What the topics of the labelled texts (row) are ranked by, with strengths from the other folds."""
        found = np.zeros_like(self.labels)
        for fold in range(FOLDS):
            learnt, asked = self.folds != fold, self.folds == fold
            found[asked] = self.unseen[asked] * rank_weights(self.labels[learnt], self.firsts[learnt])
        return found


def train(material: Material, chosen: Places) -> Student:
    """Train on the labelled texts at some places, and on the whole pool."""
    labels = material.labels[chosen]
    counts = labels.sum(axis=0)
    folds = deal_folds(labels)
    teachers = [_fit_teacher(material, chosen[folds != fold]) for fold in range(FOLDS)]
    teacher_sum = _fit_teacher_sum(material, chosen, folds, teachers)
    unseen = np.zeros((2, *labels.shape))
    for fold, teacher in enumerate(teachers):
        guesses = _label_pool(material, teacher, teacher_sum, counts)
        pair = _fit_student(material, chosen[folds != fold], guesses)
        held_out = chosen[folds == fold]
        unseen[:, folds == fold] = _logits(pair, (material.static.view.labelled, material.terms.labelled), held_out)
    parts = [*unseen, *excess_parts(material.static.excess_labelled[chosen], counts)]
    total = fit_sum(parts, labels)
    guesses = _label_pool(material, _fit_teacher(material, chosen), teacher_sum, counts)
    pair = _fit_student(material, chosen, guesses)
    return Student(*pair, total, counts, labels, material.firsts[chosen], folds, parts)


def rank_weights(labels: Doubles, firsts: Doubles) -> Doubles:
    """Return what the probability of each class is multiplied by when the topics of a text are ranked."""
    weights: Doubles = np.exp(STRENGTH_POWER * strengths(labels, firsts))
    return weights


def strengths(labels: Doubles, firsts: Doubles) -> Doubles:
    """Return how strongly each class claims the first place among the topics of a text (Bradley and Terry 1952).

    Only texts with several topics count: the first one of them is c with a probability in proportion to exp(strength
    of c). Crime is strong; society and human interest are mostly named beside another topic.
    """
    from scipy.optimize import minimize

    several = labels.sum(axis=1) > 1
    labels, firsts = labels[several], firsts[several]

    def loss(strength: Doubles) -> tuple[float, Doubles]:
        shares = labels * np.exp(strength)
        shares /= shares.sum(axis=1, keepdims=True)
        value = -float(np.log((shares * firsts).sum(axis=1)).sum())
        slope = (shares - firsts).sum(axis=0) + STRENGTH_RIDGE * strength
        return value + STRENGTH_RIDGE * float(strength @ strength) / 2, slope

    found: Doubles = minimize(loss, np.zeros(labels.shape[1]), jac=True, method="L-BFGS-B").x
    return found


def excess_parts(excess: Doubles, texts_of_class: Doubles) -> tuple[Doubles, Doubles]:
    """Return the similarity to the branches twice: as it is, and so that it fades as labelled texts become many."""
    return excess, excess * fading(texts_of_class)


def fading(texts_of_class: Doubles) -> Doubles:
    """Return 1 for a class without labelled texts, a tenth for one with a hundred (lab of 2026-11)."""
    faded: Doubles = 1 / np.sqrt(texts_of_class + 1)
    return faded


def deal_folds(labels: Doubles) -> npt.NDArray[np.intp]:
    """Return a fold for each text, so that the texts of each class, the rarest above all, are spread over the folds."""
    counts = labels.sum(axis=0)
    rarest = np.array([min(counts[row > 0], default=0) for row in labels])
    order = np.lexsort((np.random.default_rng(SEED).random(len(labels)), rarest))
    folds = np.empty(len(labels), dtype=np.intp)
    folds[order] = np.arange(len(labels)) % FOLDS
    return folds


def _fit_teacher(material: Material, places: Places) -> Sequence[Regression]:
    views = (material.minilm.view, material.static.view, material.terms)
    settings = (TEACHER_MINILM, TEACHER_STATIC, TEACHER_TERMS)
    return [fit_view(material, view, places, setting) for view, setting in zip(views, settings, strict=True)]


def _fit_teacher_sum(
    material: Material, chosen: Places, folds: npt.NDArray[np.intp], teachers: Sequence[Sequence[Regression]]
) -> Sum:
    labels = material.labels[chosen]
    rows = (material.minilm.view.labelled, material.static.view.labelled, material.terms.labelled)
    unseen = np.zeros((3, *labels.shape))
    for fold, teacher in enumerate(teachers):
        unseen[:, folds == fold] = _logits(teacher, rows, chosen[folds == fold])
    excess = excess_parts(material.minilm.excess_labelled[chosen], labels.sum(axis=0))
    return fit_sum([*unseen, *excess], labels)


def _label_pool(material: Material, teacher: Sequence[Regression], total: Sum, counts: Doubles) -> Doubles:
    """Return the probabilities that the teacher gives the pool, at least what the sources let one believe.

    Texts that were read have their labels instead.
    """
    rows = (material.minilm.view.pool, material.static.view.pool, material.terms.pool)
    parts = [part.logits(row) for part, row in zip(teacher, rows, strict=True)]
    guesses = probability(total.logits([*parts, *excess_parts(material.minilm.excess_pool, counts)]))
    believed: Doubles = np.maximum(guesses, material.beliefs)
    return np.where(np.isnan(material.pool_labels), believed, material.pool_labels)


def _fit_student(material: Material, places: Places, guesses: Doubles) -> tuple[Regression, Regression]:
    return (
        fit_view(material, material.static.view, places, STUDENT_STATIC, guesses),
        fit_view(material, material.terms, places, STUDENT_TERMS, guesses),
    )


def fit_view(
    material: Material, view: View, places: Places, setting: Setting, guesses: Doubles | None = None
) -> Regression:
    """Fit a regression on one view of the labelled texts at some places, the concepts, and the pool if guessed at."""
    learnt = material.labels if guesses is None else material.soft_labels
    rows, labels = [view.labelled[places], view.concepts], [learnt[places], material.concept_labels]
    weights = [np.ones(len(places)), np.full(len(material.concept_labels), setting.concept_weight)]
    if guesses is not None:
        rows, labels = [*rows, view.pool], [*labels, guesses]
        weights.append(_pool_weights(material))
    stacked = _stacked(rows), np.concatenate(labels), np.concatenate(weights)
    return fit_regression(*stacked, setting.inverse_ridge, setting.positive_power)


def _pool_weights(material: Material) -> Doubles:
    """Return what the texts of the pool count: labelled by the teacher, read, or written."""
    was_labelled = ~np.isnan(material.pool_labels[:, 0])
    return np.select([material.is_written, was_labelled], [WRITTEN_WEIGHT, 1.0], POOL_WEIGHT)


def _stacked(rows: Sequence[Any]) -> Any:
    from scipy.sparse import issparse, vstack

    return vstack(rows).tocsr() if issparse(rows[0]) else np.vstack(rows)


def _logits(pair: Sequence[Regression], rows: Sequence[Any], places: Places) -> Doubles:
    return np.array([part.logits(row[places]) for part, row in zip(pair, rows, strict=True)])
