"""A text as the model reads it: cut at line ends into pieces of bounded length, lines in capitals written normally.

No step moves a character, so an offset in what is read is an offset in the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

MOST_CHARACTERS: Final = 200_000
"""Characters of a text that are read, from its beginning: thirty thousand words, a short novel. Nothing behind them is
looked at, which bounds the time that a text takes."""

PIECE_CHARACTERS: Final = 2_000
"""Longest piece. The model looks four words to each side, so that a cut costs it nothing; without one, a page on a
single line would take memory with its length."""

LEAST_CAPITALS: Final = 4
"""Words that make a line without small letters a headline in capitals; shorter ones are names (BBC NEWS)."""

_LINE: Final = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_WORD: Final = re.compile(r"[^\W\d_]+")
_DATELINE: Final = re.compile(r"(?m)^[ \t]*([A-Z][A-Z.'’-]+(?: [A-Z][A-Z.'’-]+){0,3})(?=,| \(| ?[-–—] |: )")
"""Where news agencies begin: LONDON (Reuters) - or NEW YORK, March 3 -."""


class Piece(NamedTuple):
    """A part of a line."""

    start: int
    """Where it begins in its text."""
    text: str


def as_read(text: str) -> str:
    """Return the first `MOST_CHARACTERS` of a text; words of lines in capitals as its other lines write them.

    The result is as long as what it stands for. Words that no other line has are written small, if there are other
    lines; those of up to three letters stay: they are mostly abbreviations (US, EU, AP). The place of a dateline gets
    one capital.
    """
    text = _DATELINE.sub(lambda dateline: _recased(dateline[0], {}), text[:MOST_CHARACTERS])
    lines = list(_LINE.finditer(text))
    shouted = [line for line in lines if _in_capitals(line[0])]
    if not shouted:
        return text
    starts = {line.start() for line in shouted}
    casing = _casing(line[0] for line in lines if line.start() not in starts)
    parts: list[str] = []
    end = 0
    for line in shouted:
        parts += text[end : line.start()], _recased(line[0], casing)
        end = line.end()
    return "".join([*parts, text[end:]])


def pieces(text: str) -> list[Piece]:
    """Return the parts of a text that have words in them, in order, none longer than `PIECE_CHARACTERS`."""
    return [piece for line in _LINE.finditer(text) for piece in _cut(line[0], line.start())]


def _cut(line: str, offset: int) -> Iterator[Piece]:
    """Yield a line whole, or cut behind a sentence, a space, or where nothing else is, anywhere."""
    start = 0
    while start < len(line):
        end = start + PIECE_CHARACTERS
        if end < len(line):
            window = line[start:end]
            end = start + (window.rfind(". ") + 1 or window.rfind(" ") + 1 or PIECE_CHARACTERS)
        part = line[start:end]
        if _WORD.search(part):
            yield Piece(offset + start, part)
        start = end


def _in_capitals(line: str) -> bool:
    # The first look is cheap and nearly always enough: where a word has a small letter, the line is none.
    return line == line.upper() and sum(len(word) > 1 for word in _WORD.findall(line)) >= LEAST_CAPITALS


def _casing(lines: Iterable[str]) -> dict[str, str]:
    """Return by folded word the way in which lines write it most often."""
    written: dict[str, Counter[str]] = {}
    for line in lines:
        for word in _WORD.findall(line):
            written.setdefault(word.casefold(), Counter())[word] += 1
    return {folded: counts.most_common(1)[0][0] for folded, counts in written.items()}


def _recased(line: str, casing: dict[str, str]) -> str:
    def recase(match: re.Match[str]) -> str:
        word = match[0]
        unknown = word if len(word) <= 3 else word.lower() if casing else word.capitalize()
        written = casing.get(word.casefold(), unknown)
        return written if len(written) == len(word) else word

    return _WORD.sub(recase, line)
