"""Teach the classifier of names, `transforms/models/names.npz`, from the labelled sets of the development data.

    python -m transforms.training.train_names DATA [--target FILE]

DATA is the folder of development data; read are `tags/wikigold.conll.txt`, `tags/uner_en_pud.iob2` and
`tags/wnut17/emerging.dev.conll` (its test file is left for measuring). Prints the SHA-256 that
`transforms/functions/name_classifier.py` pins. Sums in another order (other BLAS, other threads) move the last digits.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from transforms.functions.name_candidates import Candidate, candidates
from transforms.functions.name_classifier import NameClassifier
from transforms.functions.name_features import features
from transforms.functions.name_reader import name_reader
from transforms.functions.text_pieces import as_read
from transforms.training.labelled_names import LabelledText, noisy_texts, parallel_news, wikigold
from transforms.training.softmax_regression import fit

TARGET = Path(__file__).parents[1] / "models" / "names.npz"

MARKS: Final = ("", "PER", "ORG", "LOC")
"""Marks of the labelled sets, in the order of `name_classifier.CLASSES`."""

PENALTY: Final = 1_200.0
"""For the examples of every text twice, its sentences on one line and on lines of their own. 600 on the former only was
best or next to it among 300, 600 and 1,200, on held-out halves and on whole sets that it was not taught."""

Examples = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]


def examples(texts: Sequence[LabelledText]) -> Examples:
    """Return features and classes of all candidates of the texts."""
    shown = [as_read(one.text) for one in texts]
    found: list[list[Candidate]] = [[] for _ in texts]
    for read in name_reader().read(shown):
        found[read.text_number] += candidates(read)
    rows = [features(text, own) for text, own in zip(shown, found, strict=True) if own]
    classes = [_class(one, text) for text, own in zip(texts, found, strict=True) for one in own]
    return np.concatenate(rows), np.array(classes)


def taught(parts: Iterable[Examples]) -> NameClassifier:
    """Return the classifier that the examples teach."""
    known, classes = zip(*parts, strict=True)
    return NameClassifier(*fit(np.concatenate(known), np.concatenate(classes), len(MARKS), PENALTY))


def save(classifier: NameClassifier, target: Path) -> str:
    """Write the classifier; returns the SHA-256 of the file."""
    np.savez(
        target,
        mean=classifier.mean.astype(np.float32),
        scale=classifier.scale.astype(np.float32),
        weights=classifier.weights.astype(np.float32),
        bias=classifier.bias.astype(np.float32),
    )
    return hashlib.sha256(target.read_bytes()).hexdigest()


def _class(one: Candidate, text: LabelledText) -> int:
    marks = {(start, end): kind for start, end, kind in text.marks}
    return MARKS.index(marks.get((one.start, one.end), ""))


def main() -> int:
    """Teach it, write it and print its digest; returns the exit code."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("data", type=Path, metavar="DATA", help="folder of development data (tags/...)")
    reader.add_argument("--target", type=Path, default=TARGET, metavar="FILE", help="where to write it")
    options = reader.parse_args()
    texts = [labelled(options.data, between) for labelled in (wikigold, parallel_news) for between in (" ", "\n")]
    parts = [examples(some) for some in [*texts, noisy_texts(options.data, "emerging.dev.conll")]]
    digest = save(taught(parts), options.target)
    print(f"{options.target}: {sum(len(part[1]) for part in parts):,} examples, SHA-256 {digest}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
