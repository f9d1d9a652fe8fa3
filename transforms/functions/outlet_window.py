"""The furniture of an outlet (`Read more`, footers, author boxes): the sentences that it repeats under many stories.

Learnt from the outlet's latest texts alone. A sentence counts once for each story that it stands in, not for each text:
portals run one wire copy many times over, and counting texts takes the wire story itself for furniture (lab of 2026-11:
pair F1 .93 -> .88).
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, NamedTuple

import numpy as np

from transforms.functions.text_print import SplitText

LEAST_STORIES: Final = 4
"""Stories of one outlet that a sentence stands in when it is furniture (lab)."""

TEXTS_KEPT: Final = 64
"""Latest texts of an outlet that are remembered: furniture stands in all of them, and 64 take 15 kB."""

_SAME_STORY: Final = 0.6
"""Share of the keys of the text with fewer keys that two texts have in common when they count as one story here. From
.5 to .9 the stories of both development sets stay the same; with one outlet for all texts .7 loses (ARI .989 for .992),
and .6 leaves room for a footer that is nearly half of the text."""

_TEXTS_LOOKED_AT: Final = 64
"""Texts with a sentence that are compared before it is decided that they are few stories: bounds a flood of copies."""

_SENTENCES_KEPT: Final = 200
"""Sentences from a text's beginning, and as many from its end, that can be furniture."""

_KEYS_KEPT: Final = 256
"""Smallest keys of a text that are kept: all of those of a text of 4,000 words."""

_LEAST_WORDS: Final = 3
"""Words of the shortest sentence that can be furniture: leaving out `he said` from one outlet's copy would tear the
shingles around it."""


_TOO_SHORT: Final = 0
_SHORT: Final = 0xFFFFFFFF


class SeenText(NamedTuple):
    """What an outlet's window keeps of a text."""

    sentences: tuple[int, ...]
    """Hash of each sentence by its position; 0 for one too short to be furniture."""
    keys: frozenset[int]

    @classmethod
    def of(cls, text: SplitText, keys: Iterable[int]) -> SeenText:
        """Return what is kept of a text with these keys, its furniture still in it."""
        inner = range(_SENTENCES_KEPT, len(text.words) - _SENTENCES_KEPT)
        sentences = (_TOO_SHORT if at in inner else _sentence_hash(words) for at, words in enumerate(text.words))
        return cls.kept(sentences, keys)

    @classmethod
    def kept(cls, sentences: Iterable[int], keys: Iterable[int]) -> SeenText:
        """Return what is kept of a text with these sentences and keys."""
        return cls(tuple(sentences), frozenset(sorted(key & _SHORT for key in keys)[:_KEYS_KEPT]))


class OutletWindow:
    """The latest texts of one outlet, by the hashes of their sentences and by their keys."""

    def __init__(self) -> None:
        self._texts: deque[SeenText] = deque()
        self._with_sentence: dict[int, list[SeenText]] = {}
        self._are_same: dict[tuple[int, int], bool] = {}  # by where the texts are kept: each pair is compared once

    def add(self, text: SeenText) -> None:
        """Take a text in. The window may grow for a while: `trim` cuts it back."""
        self._texts.append(text)
        for sentence in set(text.sentences) - {_TOO_SHORT}:
            self._with_sentence.setdefault(sentence, []).append(text)

    def furniture_in(self, text: SeenText) -> frozenset[int]:
        """Return the positions of the text's sentences that are furniture, by the texts in the window."""
        return frozenset(at for at, sentence in enumerate(text.sentences) if self._is_furniture(sentence))

    def trim(self) -> None:
        """Forget all but the latest `TEXTS_KEPT` texts."""
        self._are_same.clear()
        while len(self._texts) > TEXTS_KEPT:
            oldest = self._texts.popleft()
            for sentence in set(oldest.sentences) - {_TOO_SHORT}:
                self._with_sentence[sentence].remove(oldest)
                if not self._with_sentence[sentence]:
                    del self._with_sentence[sentence]

    def to_bytes(self) -> bytes:
        """Return the window as a keeper stores it."""
        numbers: list[int] = []
        for text in self._texts:
            numbers += [len(text.sentences), len(text.keys), *text.sentences, *sorted(text.keys)]
        return zlib.compress(np.array(numbers, dtype=np.uint32).tobytes(), 1)

    @classmethod
    def from_bytes(cls, stored: bytes) -> OutletWindow:
        """Return a window from what `to_bytes` gave."""
        window = cls()
        numbers = iter(np.frombuffer(zlib.decompress(stored), dtype=np.uint32).tolist())
        for sentences in numbers:
            keys = next(numbers)
            window.add(SeenText(tuple(islice(numbers, sentences)), frozenset(islice(numbers, keys))))
        return window

    def _is_furniture(self, sentence: int) -> bool:
        texts = self._with_sentence.get(sentence, [])
        return len(texts) >= LEAST_STORIES and self._are_stories(texts[:_TEXTS_LOOKED_AT], LEAST_STORIES)

    def _are_stories(self, texts: Sequence[SeenText], wanted: int) -> bool:
        """Whether so many of the texts are different stories, each taken as one that is like none before it."""
        stories: list[SeenText] = []
        for text in texts:
            if not any(self._is_same_story(text, story) for story in stories):
                stories.append(text)
                if len(stories) == wanted:
                    return True
        return False

    def _is_same_story(self, one: SeenText, other: SeenText) -> bool:
        pair = id(one), id(other)
        if pair not in self._are_same:
            self._are_same[pair] = _is_same_story(one, other)
        return self._are_same[pair]


def _is_same_story(one: SeenText, other: SeenText) -> bool:
    return len(one.keys & other.keys) >= _SAME_STORY * max(1, min(len(one.keys), len(other.keys)))


def _sentence_hash(words: Sequence[str]) -> int:
    if len(words) < _LEAST_WORDS:
        return _TOO_SHORT
    return zlib.crc32(" ".join(words).encode("utf-8", "replace")) or 1
