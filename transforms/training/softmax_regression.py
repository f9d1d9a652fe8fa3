"""Multinomial logistic regression, fitted on all examples at once: the same input gives the same weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

STEPS = 1_500
"""Steps of accelerated descent; the weights of the shipped classifier move by less than 1 % over the last third."""


class Fitted(NamedTuple):
    """What `fit` finds: log-odds are `(features - mean) / scale @ weights + bias`, up to a constant a row."""

    mean: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]


def fit(features: npt.NDArray[np.float32], classes: npt.NDArray[np.int64], number: int, penalty: float) -> Fitted:
    """Return the weights that make the classes (0 to `number`-1) likeliest, with a Gaussian penalty on their size.

    `penalty` is the square sum's factor against the examples' summed log-loss, halved: 1/C of scikit-learn.
    """
    mean = features.mean(axis=0, dtype=np.float32)
    scale = np.maximum(features.std(axis=0, dtype=np.float32), np.float32(0.1))
    inputs = np.concatenate([(features - mean) / scale, np.ones((len(features), 1))], axis=1).astype(np.float32)
    wanted = np.eye(number, dtype=np.float32)[classes]
    shrink = np.full((inputs.shape[1], 1), penalty / len(inputs), np.float32)
    shrink[-1] = 0  # the bias is free
    # The curvature of the log-loss is at most half the largest eigenvalue of the inputs' second moments.
    step = np.float32(1 / (np.linalg.eigvalsh(inputs.T @ inputs / len(inputs))[-1] / 2 + penalty / len(inputs)))
    weights: npt.NDArray[np.float32] = np.zeros((inputs.shape[1], number), np.float32)
    ahead = weights
    for turn in range(STEPS):
        gradient: npt.NDArray[np.float32] = (
            inputs.T @ (probabilities(inputs @ ahead) - wanted) / len(inputs) + shrink * ahead
        )
        before, weights = weights, ahead - step * gradient
        ahead = weights + np.float32(turn / (turn + 3)) * (weights - before)  # Nesterov 1983
    return Fitted(mean, scale, weights[:-1], weights[-1])


def probabilities(odds: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the probabilities of rows of log-odds."""
    shares = np.exp(odds - odds.max(axis=1, keepdims=True))
    result: npt.NDArray[np.float32] = shares / shares.sum(axis=1, keepdims=True)
    return result
