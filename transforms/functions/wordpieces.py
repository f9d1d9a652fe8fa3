"""Words to word pieces, as BERT's uncased models cut them: what the rows of an embedding stand for.

The cutting is that of Devlin et al. 2018 (BERT) and Wu et al. 2016 (WordPiece): letters lower-cased, accents taken off,
every sign of punctuation and every Chinese character a word of its own, then the longest known piece from the left.
The training compares it with the tokenizer that came with the model, on each text (`transforms.training`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

CONTINUES: Final = "##"
"""How the vocabulary spells a piece that stands inside a word."""

LONGEST_WORD: Final = 100
"""Characters of the longest word that is cut; longer ones are unknown as a whole (BERT's own limit)."""

LONGEST_KEPT: Final = 40
"""Characters of the longest word that is kept with its pieces, so that odd texts do not fill the memory."""

_KEPT_WORDS: Final = 1 << 16
"""Words that are kept with their pieces, some 12 MB: a day's news has fewer that come twice."""

_PLAIN_PARTS: Final = re.compile(r"[a-z0-9]+|[!-/:-@\[-`{-~]")
_CHINESE: Final = re.compile(  # the blocks of BERT's tokenizer: ideographs, not Japanese syllables or Hangul
    "[\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f\U0002b920-\U0002ceaf"
    "\uf900-\ufaff\U0002f800-\U0002fa1f]"
)


class WordPieces:
    """Cuts words with one vocabulary, whose pieces are numbered by their place in it."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self._number_of = {piece: number for number, piece in enumerate(pieces)}
        self._kept = lru_cache(maxsize=_KEPT_WORDS)(self._cut)

    def numbers(self, word: str) -> tuple[int, ...]:
        """Return the numbers of a word's pieces, in order; parts that cannot be cut into known pieces are left out.

        A word is what stands between two spaces, with its case and punctuation. Safe to call from threads.
        """
        return self._kept(word) if len(word) <= LONGEST_KEPT else self._cut(word)

    def numbers_of(self, words: Sequence[str]) -> list[tuple[int, ...]]:
        """Return `numbers` of each word, in half the time."""
        is_kept = max(map(len, words), default=0) <= LONGEST_KEPT
        return list(map(self._kept if is_kept else self.numbers, words))

    def _cut(self, word: str) -> tuple[int, ...]:
        return tuple(number for part in _parts(word) for number in self._pieces_of(part))

    def _pieces_of(self, part: str) -> Sequence[int]:
        whole = self._number_of.get(part)
        if whole is not None:
            return (whole,)
        return self._longest_pieces(part) if len(part) <= LONGEST_WORD else ()

    def _longest_pieces(self, part: str) -> Sequence[int]:
        numbers: list[int] = []
        start = 0
        while start < len(part):
            found = self._longest_piece(part, start)
            if found is None:
                return ()
            start, number = found
            numbers.append(number)
        return numbers

    def _longest_piece(self, part: str, start: int) -> tuple[int, int] | None:
        """Return where the longest piece from `start` ends, and its number."""
        prefix = CONTINUES if start else ""
        for end in range(len(part), start, -1):
            number = self._number_of.get(prefix + part[start:end])
            if number is not None:
                return end, number
        return None


def _parts(word: str) -> Iterable[str]:
    """Return a word's runs of letters and digits, and its signs, each by itself."""
    if word.isascii() and word.isprintable():
        return _PLAIN_PARTS.findall(word.lower())
    return _split_at_signs(_without_accents(_CHINESE.sub(r" \g<0> ", _without_controls(word))))


def _without_controls(word: str) -> str:
    return "".join(letter for letter in word if letter != "\ufffd" and unicodedata.category(letter)[0] != "C")


def _without_accents(word: str) -> str:
    letters = (letter for letter in unicodedata.normalize("NFD", word) if unicodedata.category(letter) != "Mn")
    return "".join(map(str.lower, letters))  # one by one: a final sigma is no other letter


def _split_at_signs(word: str) -> Iterator[str]:
    spaced = "".join(f" {letter} " if _is_sign(letter) else letter for letter in word)
    return iter(spaced.split())


def _is_sign(letter: str) -> bool:
    if letter.isascii():
        return letter in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"  # $, + and the like are symbols in Unicode, signs in BERT
    return unicodedata.category(letter)[0] == "P"
