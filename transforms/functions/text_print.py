"""What is remembered of a text so that later ones can be compared with it, and its making."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from transforms.functions.fact_guard import MaskedSentence, mask_all
from transforms.functions.sentences import folded_words, split_sentences
from transforms.functions.shingles import Shingles, StoredShingles, keys_of, shingles_of, stored

LEAST_SHINGLES: Final = 16
"""Shingles (20 words) of the shortest text that is compared: a shorter one shares a stock phrase by chance."""

MOST_CHARACTERS: Final = 200_000
"""Characters of a text that are compared, from its beginning: some 30,000 words, three times the longest reports. The
decision runs without a time limit; a text of the 20 MB that are read would hold it up for minutes."""

_COMPRESSION: Final = 6
"""zlib's own default: 2.1 kB for a text of 4.7 kB in 0.15 ms; levels above gain 1 %."""


@dataclass(frozen=True)
class TextPrint:
    """What a comparison needs of a text, the outlet's furniture left out: shingles, and the sentences for the guard."""

    shingles: StoredShingles
    packed_text: bytes

    @property
    def size(self) -> int:
        """How many distinct shingles the text has."""
        return len(self.shingles)

    @property
    def sentences(self) -> list[str]:
        """The text's sentences."""
        return zlib.decompress(self.packed_text).decode().split("\n") if self.packed_text else []

    @property
    def masked(self) -> list[MaskedSentence]:
        """The sentences taken apart for the fact guard."""
        return _masked(self.packed_text)

    def keys(self, language: str | None) -> list[int]:
        """Return the keys that the text is found by, made again from its words."""
        return keys_of(SplitText.of("\n".join(self.sentences)).shingles(), language)

    @classmethod
    def stored(cls, shingles: bytes, packed_text: bytes) -> TextPrint:
        """Return a print from what a keeper stored: `shingles.tobytes()` and `packed_text`."""
        return cls(np.frombuffer(shingles, dtype=np.uint32), packed_text)


@lru_cache(maxsize=256)  # some 120 kB each; kept for the texts that many others are compared with
def _masked(packed_text: bytes) -> list[MaskedSentence]:
    return mask_all(TextPrint(np.empty(0, dtype=np.uint32), packed_text).sentences)


@dataclass(frozen=True)
class SplitText:
    """A text cut into sentences and folded words, ready to be printed with or without its outlet's furniture."""

    sentences: Sequence[str]
    words: Sequence[Sequence[str]]
    """Folded words of each sentence."""

    @classmethod
    def of(cls, text: str) -> SplitText:
        """Cut a text, up to `MOST_CHARACTERS` of it."""
        sentences = split_sentences(text[:MOST_CHARACTERS])
        return cls(sentences, [folded_words(sentence) for sentence in sentences])

    def shingles(self, without: Collection[int] = ()) -> Shingles:
        """Return the text's shingles; `without` are positions of sentences to leave out."""
        return shingles_of([word for at, words in enumerate(self.words) if at not in without for word in words])

    def print(self, language: str | None, without: Collection[int] = ()) -> tuple[list[int], TextPrint]:
        """Return the keys that the text is found by, and its print; no keys where it is too short to be compared."""
        shingles = self.shingles(without)
        kept = [sentence for at, sentence in enumerate(self.sentences) if at not in without]
        packed = zlib.compress("\n".join(kept).encode("utf-8", "replace"), _COMPRESSION)
        keys = keys_of(shingles, language) if len(shingles) >= LEAST_SHINGLES else []
        return keys, TextPrint(stored(shingles), packed)
