"""Whether a candidate is a person, an organisation, a place or nothing: a small regression over the model's vectors.

The model decides a name's type from four words to each side. Here all mentions of one name in a text are asked
together, what the gazetteer knows counts, and the conventions are those of the labelled texts that
`transforms/training/train_names.py` learns from (`transforms/models/NAMES.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.functions.model_files import read_pinned
from transforms.functions.name_candidates import UNSEEN, Candidate
from transforms.functions.name_features import features

PERSON, ORGANIZATION, PLACE = "Person", "Organization", "Place"

CLASSES: Final = ("", PERSON, ORGANIZATION, PLACE)
"""What a candidate can be; the first is no name."""

FILE: Final = "names.npz"
SHA256: Final = "63249512e8ecea198de1add062f2e4bee3431e28e58dab1df75c70efa7e9dba7"
"""Printed by `train_names` when it made the file."""

SHARE_OF_FORM: Final = 0.8
"""How much all mentions of one form decide against the mention itself; .5 to .9 are alike, 0 costs .015 on wikigold."""

WEIGHT_UNSEEN: Final = 0.3
"""Weight of a mention that the model has passed over, among all of its form."""

TOWARDS_NAMES: Final = 1.0
"""Log-odds taken from "no name": the texts that taught it have fewer plain names than news. On these .7 to 1.0 are
alike."""


class Named(NamedTuple):
    """A stretch of a text that names something."""

    start: int
    end: int
    type: str
    """One of `CLASSES`."""


@dataclass(frozen=True)
class NameClassifier:
    """The regression: `(features - mean) / scale @ weights + bias` are the log-odds of `CLASSES`."""

    mean: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def classify(self, text: str, found: Sequence[Candidate]) -> list[Named]:
        """Return the candidates of one text that are names, by start."""
        if not found:
            return []
        odds = (features(text, found) - self.mean) / self.scale @ self.weights + self.bias
        likelihoods = (odds - np.logaddexp.reduce(odds, axis=1, keepdims=True)).astype(np.float32)
        together = _together(likelihoods, text, found)
        together[:, 0] -= TOWARDS_NAMES
        decided = together.argmax(axis=1).tolist()
        return [
            Named(one.start, one.end, CLASSES[choice]) for one, choice in zip(found, decided, strict=True) if choice
        ]


@lru_cache(maxsize=1)
def name_classifier() -> NameClassifier:
    """Return the shipped classifier, loaded once a process; raises `ModelError` on a wrong file."""
    with np.load(BytesIO(read_pinned(FILE, SHA256)), allow_pickle=False) as arrays:
        return NameClassifier(arrays["mean"], arrays["scale"], arrays["weights"], arrays["bias"])


def _together(likelihoods: npt.NDArray[np.float32], text: str, found: Sequence[Candidate]) -> npt.NDArray[np.float32]:
    """Return each mention's log-likelihoods mixed with the mean of all mentions of its form."""
    forms = [text[one.start : one.end] for one in found]
    numbers = {form: number for number, form in enumerate(dict.fromkeys(forms))}
    which = np.array([numbers[form] for form in forms])
    weights = np.array([WEIGHT_UNSEEN if one.label == UNSEEN else 1.0 for one in found], np.float32)
    sums = np.zeros((len(numbers), likelihoods.shape[1]), np.float32)
    np.add.at(sums, which, likelihoods * weights[:, None])
    means = sums / np.bincount(which, weights)[:, None]
    mixed: npt.NDArray[np.float32] = SHARE_OF_FORM * means[which] + (1 - SHARE_OF_FORM) * likelihoods
    return mixed.astype(np.float32)
