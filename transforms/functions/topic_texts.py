"""What the topic tagger sees of a text: a vector of its meaning, counts of its terms.

The vector is a mean over the rows of a static embedding, as model2vec makes one of a sentence encoder
(https://github.com/MinishLab/model2vec): no network runs, a text costs a look-up for each word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from transforms.functions.wordpieces import LONGEST_KEPT, WordPieces

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]
Float = TypeVar("Float", np.float32, np.float64)

WORDS: Final = 600
"""Words of the body that are read; 300 give .01 less, 1,000 no more (lab of 2026-11)."""

OPENING_WORDS: Final = 100
"""Words of the opening, whose vector helps to find the deeper concept (lab)."""

MOST_CHARACTERS: Final = 12_000
"""Characters of the body that are read: 600 words have 3,600; bounds the time for texts of odd characters."""

HEADLINE_CHARACTERS: Final = 500
"""Characters of a headline that are read, as many as an extracted one may have."""

HEADLINE_WEIGHT: Final = 0.25
"""Weight of the headline's vector beside the body's; 1 gives .05 less, none .01 (lab)."""

HEADLINE_WEIGHT_AT_OPENING: Final = 0.5
"""The same beside the vector of the opening (lab)."""

WORDS_FOR_HEADLINE: Final = 12
"""First words of the body that stand in for a headline that is not there (lab)."""

_TERM: Final = re.compile(r"\b[a-z][a-z'-]+\b")
_KEPT_WORDS: Final = 1 << 16


class TopicText(NamedTuple):
    """A text to be tagged: headline, where it has one, and body."""

    headline: str | None
    body: str


class ReadText(NamedTuple):
    """What was read of a text."""

    words: int
    """Words of the body that were read, at most `WORDS`."""
    vector: Floats
    """Of length 1, or 0 where no word is known: headline and body."""
    opening: Floats
    """The same for headline and opening."""
    terms: Numbers
    """Numbers of the distinct terms, ascending."""
    counts: npt.NDArray[np.int64]
    """How often each of them stands in headline and body."""


class SplitWords(NamedTuple):
    """The words of a text, as they are written, cut to what is read."""

    headline: Sequence[str]
    body: Sequence[str]

    @classmethod
    def of(cls, text: TopicText) -> SplitWords:
        """Split a text at spaces; the time is bounded, whatever the text."""
        body = text.body[:MOST_CHARACTERS].split(None, WORDS)[:WORDS]
        return cls((text.headline or "")[:HEADLINE_CHARACTERS].split(), body)


def terms_of_word(word: str) -> list[str]:
    """Return the terms in a word: runs of two English letters or more, in lower case, with apostrophes and hyphens."""
    return _TERM.findall(word.lower().replace("’", "'"))


class TextReader:
    """Reads texts with one embedding and one list of terms."""

    def __init__(self, pieces: WordPieces, rows: npt.NDArray[np.int8], scales: Floats, terms: Sequence[str]) -> None:
        self._pieces = pieces
        self._rows = rows
        self._scales = scales
        self._number_of = {term: number for number, term in enumerate(terms)}
        self._kept = lru_cache(maxsize=_KEPT_WORDS)(self._term_numbers)

    def read(self, text: TopicText) -> ReadText:
        """Read a text; safe to call from threads."""
        words = SplitWords.of(text)
        vector, opening = self._vectors(words)
        terms, counts = self._terms(words)
        return ReadText(len(words.body), vector, opening, terms, counts)

    def _vectors(self, words: SplitWords) -> tuple[Floats, Floats]:
        pieces = self._pieces.numbers_of(words.body)
        opening = sum(map(len, pieces[:OPENING_WORDS]))
        headline = self._pieces.numbers_of(words.headline) or pieces[:WORDS_FOR_HEADLINE]
        body_numbers = list(chain.from_iterable(pieces))
        numbers = np.array([*body_numbers, *chain.from_iterable(headline)], dtype=np.int32)
        body_end = len(body_numbers)
        weights = np.zeros((3, len(numbers)), dtype=np.float32)
        scales = self._scales[numbers]
        for weight, part in zip(weights, (slice(body_end), slice(opening), slice(body_end, None)), strict=True):
            weight[part] = scales[part]
        body_vector, opening_vector, headline_vector = map(unit, weights @ self._rows[numbers].astype(np.float32))
        return (
            unit(body_vector + np.float32(HEADLINE_WEIGHT) * headline_vector),
            unit(opening_vector + np.float32(HEADLINE_WEIGHT_AT_OPENING) * headline_vector),
        )

    def _terms(self, words: SplitWords) -> tuple[Numbers, npt.NDArray[np.int64]]:
        both = [*words.headline, *words.body]
        is_kept = max(map(len, both), default=0) <= LONGEST_KEPT
        found = list(chain.from_iterable(map(self._kept if is_kept else self._term_numbers, both)))
        return np.unique(np.array(found, dtype=np.int32), return_counts=True)

    def _term_numbers(self, word: str) -> tuple[int, ...]:
        return tuple(self._number_of[term] for term in terms_of_word(word) if term in self._number_of)


def unit(vectors: npt.NDArray[Float]) -> npt.NDArray[Float]:
    """Return the vectors (the last axis) at length 1; those of length 0 stay as they are."""
    lengths: npt.NDArray[Float] = np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True))
    lengths[lengths == 0] = 1
    return np.divide(vectors, lengths, dtype=vectors.dtype)
