"""Logistic regressions with several outputs, soft labels and weighted rows, and the one that adds them up.

Written out with scipy's L-BFGS: scikit-learn's takes neither soft labels nor a weight for the positives of each class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Rows = Any
"""A dense array or a sparse matrix of scipy, one row a text."""

STEPS: Final = 120
"""Steps of L-BFGS (lab of 2026-11)."""

LARGEST_POSITIVE_WEIGHT: Final = 50.0
WEIGHT_RIDGE: Final = 1.0
BIAS_RIDGE: Final = 2.0
"""Ridge on the shared weights and on the bias of each class of the sum (lab)."""


@dataclass(frozen=True)
class Regression:
    """Weights (feature x class) and bias of each class."""

    weights: Doubles
    bias: Doubles

    def logits(self, rows: Rows) -> Doubles:
        """Return the log-odds of each class (column) for each row."""
        found: Doubles = np.asarray(rows @ self.weights) + self.bias
        return found


@dataclass(frozen=True)
class Sum:
    """Weights of several logits, shared by all classes, and a bias of each class."""

    weights: Doubles
    bias: Doubles

    def logits(self, parts: Sequence[Doubles]) -> Doubles:
        """Return the log-odds from those of the parts, all of the same shape."""
        found: Doubles = np.tensordot(self.weights, np.array(parts), axes=1) + self.bias
        return found


def fit_regression(
    rows: Rows, labels: Doubles, row_weights: Doubles, inverse_ridge: float, positive_power: float
) -> Regression:
    """Fit one regression for all classes; the loss is summed over rows, plus |weights|^2 / (2 inverse_ridge).

    Args:
        labels: probability of each class (column) for each row.
        positive_power: positives of a class weigh (negatives / positives) to this power; 0: as much as negatives.
    """
    positive = _positive_weights(labels, row_weights, positive_power)
    for_class, against = row_weights[:, None] * labels * positive, row_weights[:, None] * (1 - labels)
    shape = (rows.shape[1] + 1, labels.shape[1])

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        model = flat.reshape(shape)
        logits = np.asarray(rows @ model[:-1]) + model[-1]
        value, slope = _cross_entropy(logits, for_class, against)
        gradient = np.vstack([np.asarray(rows.T @ slope) + model[:-1] / inverse_ridge, slope.sum(axis=0)])
        return value + float((model[:-1] ** 2).sum()) / (2 * inverse_ridge), gradient.ravel()

    found = _minimum(loss, np.zeros(shape[0] * shape[1])).reshape(shape)
    return Regression(found[:-1], found[-1])


def fit_sum(parts: Sequence[Doubles], labels: Doubles) -> Sum:
    """Fit the sum of logits that rows were given by models which had not seen them."""
    stacked, count = np.array(parts), len(parts)

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        weights, bias = flat[:count], flat[count:]
        value, slope = _cross_entropy(np.tensordot(weights, stacked, axes=1) + bias, labels, 1 - labels)
        value += (WEIGHT_RIDGE * float(weights @ weights) + BIAS_RIDGE * float(bias @ bias)) / 2
        by_weight = np.tensordot(stacked, slope, axes=2) + WEIGHT_RIDGE * weights
        return value, np.concatenate([by_weight, slope.sum(axis=0) + BIAS_RIDGE * bias])

    found = _minimum(loss, np.concatenate([np.full(count, 1 / count), np.zeros(labels.shape[1])]))
    return Sum(found[:count], found[count:])


def probability(logits: Doubles) -> Doubles:
    """Return the probabilities of log-odds."""
    found: Doubles = 1 / (1 + np.exp(-logits))
    return found


def _positive_weights(labels: Doubles, row_weights: Doubles, power: float) -> Doubles:
    positives = row_weights @ labels
    ratio = (row_weights.sum() - positives) / np.maximum(positives, 1e-9)
    weights: Doubles = np.clip(ratio**power, 1, LARGEST_POSITIVE_WEIGHT)
    return weights


def _cross_entropy(logits: Doubles, for_class: Doubles, against: Doubles) -> tuple[float, Doubles]:
    """Return the weighted cross-entropy and its slope by the logits."""
    value = float((for_class * np.logaddexp(0, -logits) + against * np.logaddexp(0, logits)).sum())
    likely = probability(logits)
    return value, against * likely - for_class * (1 - likely)


def _minimum(loss: Any, start: Doubles) -> Doubles:
    from scipy.optimize import minimize

    found: Doubles = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS, "maxcor": 10}).x
    return found
