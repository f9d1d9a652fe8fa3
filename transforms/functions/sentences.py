"""Text to sentences and words, in any script: what the duplicate decision counts with.

Finding the linguist's sentence is not the aim; cutting two copies of one text at the same places is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

_CHINESE_JAPANESE: Final = "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_THAI_TO_KHMER: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf"

_STOPS: Final = ".!?…。！？।॥۔؟።၊။"
_BOUNDARY: Final = re.compile(
    # One class of all first characters, and only behind it the cases: the search then jumps (seven times as fast).
    r"[.!?…。！？।॥۔؟።၊။#*=\-_|•·▪■►](?:"
    r"(?<=[.!?…])[\"'”’»)\]]*\s+"
    r"|(?<=[。！？।॥۔؟።၊။])[”’」』）\"]*\s*"
    # what pages and wires put between blocks
    r"|(?<=\#)\#{2,}|(?<=\*)\*{2,}|(?<==)={2,}|(?<=-)-{2,}|(?<=_)_{2,}|(?<=[|•·▪■►])[|•·▪■►]*"
    r")"
)
_INITIAL: Final = re.compile(r"(?:^|\W)[A-Z]$")

_SIGNS: Final = re.compile(f"[{_CHINESE_JAPANESE}{_THAI_TO_KHMER}]")
_LETTER: Final = r"[^\W_]"
_WORD: Final = re.compile(f"{_LETTER}+(?:[’'.,]{_LETTER}+)*")
_SPACED_LETTER: Final = f"(?![{_CHINESE_JAPANESE}{_THAI_TO_KHMER}]){_LETTER}"
_WORD_OR_SIGNS: Final = re.compile(
    f"(?P<chinese>[{_CHINESE_JAPANESE}]+)|(?P<thai>[{_THAI_TO_KHMER}]+)"
    f"|(?:{_SPACED_LETTER})+(?:[’'.,](?:{_SPACED_LETTER})+)*"
)
_SIGNS_A_WORD: Final = {"chinese": 2, "thai": 4}
"""Scripts without spaces give overlapping words of so many signs: a Chinese word has two on average, a Thai word four
to five. An inserted sign then changes the words around it and no others."""


def split_sentences(text: str) -> list[str]:
    """Return the text's sentences, in order, none empty; lines and separators between blocks end one, too."""
    # One space at a time: the search for boundaries is quadratic in a run of spaces.
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [sentence for line in lines for sentence in map(str.strip, _pieces(line)) if sentence]


def _pieces(line: str) -> Iterator[str]:
    start = 0
    for boundary in _BOUNDARY.finditer(line):
        at = boundary.start()
        # Not behind an initial: U. S. President, J. Smith.
        if line[at] == "." and _INITIAL.search(line, max(0, at - 2), at):
            continue
        yield line[start : at + 1 if line[at] in _STOPS else at]
        start = boundary.end()
    yield line[start:]


def split_words(sentence: str) -> list[str]:
    """Return the words as they are written, without punctuation; `1,234.5`, `don't` and `U.S` are one each."""
    if sentence.isascii() or not _SIGNS.search(sentence):
        return _WORD.findall(sentence)
    words: list[str] = []
    for match in _WORD_OR_SIGNS.finditer(sentence):
        words += _signs(match[0], _SIGNS_A_WORD[match.lastgroup]) if match.lastgroup else [match[0]]
    return words


def fold_words(words: Iterable[str]) -> list[str]:
    """Return the words as they are compared: without case, with one kind of apostrophe."""
    return [word.casefold().replace("’", "'") for word in words]


def folded_words(sentence: str) -> list[str]:
    """Return `fold_words(split_words(sentence))`, a third faster: folded at once where that moves no character."""
    folded = sentence.casefold()
    # Of all signs one folds to a letter that was none, the Greek iota below another letter.
    if len(folded) != len(sentence) or "\u0345" in sentence:
        return fold_words(split_words(sentence))
    return split_words(folded.replace("’", "'"))


def _signs(run: str, width: int) -> list[str]:
    return [run[at : at + width] for at in range(max(1, len(run) - width + 1))]
