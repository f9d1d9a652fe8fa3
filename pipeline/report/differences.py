"""Two versions of a text, side by side: which sentences they share, and which words stand in one of them only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from operator import itemgetter
from typing import Final, TypeAlias

from transforms.functions.sentences import folded_words, split_sentences, split_words

MOST_CHARACTERS: Final = 8_000
"""Of a text that are compared: 88 of 100 real wire copies (lab, 2018) are no longer."""
MOST_SENTENCES: Final = 120
"""Matching takes the square of it at worst: 0.1 s for two texts that are made for that."""
RUN: Final = 3
"""Words in a row that count as taken over: single words (`the`, `said`) stand in any two texts, and marks around each
of them would make confetti of a paragraph."""

Piece: TypeAlias = tuple[str, bool]
"""Some words as they are written, and whether the other text lacks them."""


@dataclass(frozen=True)
class Block:
    """Sentences that both texts have (`same`), or what stands in one where the other has something else, or nothing."""

    same: Sequence[str]
    left: Sequence[Piece] = ()
    right: Sequence[Piece] = ()


@dataclass(frozen=True)
class Comparison:
    """Two texts in blocks, in the order of both."""

    blocks: Sequence[Block]
    shared_sentences: int
    is_cut: bool
    """Whether the texts go on beyond what was compared."""


def compare(left: str, right: str) -> Comparison:
    """Compare the beginnings of two texts; in linear time but for the matching of sentences, which is bounded."""
    (a, a_cut), (b, b_cut) = _beginning(left), _beginning(right)
    a_known, b_known = _runs(a), _runs(b)
    blocks: list[Block] = []
    for same, a_from, a_to, b_from, b_to in _aligned(a, b):
        if same:
            blocks.append(Block(a[a_from:a_to]))
        else:
            blocks.append(Block((), _marked(a[a_from:a_to], b_known), _marked(b[b_from:b_to], a_known)))
    return Comparison(blocks, sum(len(block.same) for block in blocks), a_cut or b_cut)


def _beginning(text: str) -> tuple[list[str], bool]:
    sentences = split_sentences(text[:MOST_CHARACTERS])
    return sentences[:MOST_SENTENCES], len(text) > MOST_CHARACTERS or len(sentences) > MOST_SENTENCES


def _aligned(a: Sequence[str], b: Sequence[str]) -> Iterator[tuple[bool, int, int, int, int]]:
    """Yield stretches of sentences, alike or not, in the order of both texts."""
    a_keys, b_keys = ([" ".join(folded_words(sentence)) for sentence in text] for text in (a, b))
    for kind, a_from, a_to, b_from, b_to in SequenceMatcher(None, a_keys, b_keys, autojunk=False).get_opcodes():
        yield kind == "equal", a_from, a_to, b_from, b_to


def _runs(sentences: Sequence[str]) -> set[tuple[str, ...]]:
    words = folded_words(" ".join(sentences))
    return {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}


def _marked(sentences: Sequence[str], known: set[tuple[str, ...]]) -> list[Piece]:
    """Cut a stretch of text into pieces that the other text has, by runs of words, and pieces that it lacks."""
    text = " ".join(sentences)
    words = split_words(text)
    runs = [tuple(folded_words(" ".join(words[at : at + RUN]))) for at in range(len(words) - RUN + 1)]
    lacks = [not has for has in _covered(runs, len(words), known)]
    pieces: list[Piece] = []
    end = 0
    for is_lacking, group in groupby(zip(lacks, _spans(text, words), strict=True), key=itemgetter(0)):
        spans = [span for _, span in group]
        start, stop = max(end, spans[0][0]), spans[-1][1]
        pieces += [(text[end:start], False), (text[start:stop], is_lacking)]  # what lies between words is in neither
        end = max(end, stop)
    return [piece for piece in (*pieces, (text[end:], False)) if piece[0]]


def _covered(runs: Sequence[tuple[str, ...]], words: int, known: set[tuple[str, ...]]) -> list[bool]:
    """Return of each word whether it lies in a run that the other text has."""
    covered = [False] * words
    for at, run in enumerate(runs):
        if run in known:
            covered[at : at + RUN] = [True] * RUN
    return covered


def _spans(text: str, words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield from where to where each word stands; in scripts without spaces words overlap, each a sign further on."""
    start, end, before = 0, 0, ""
    for word in words:
        overlaps = len(word) == len(before) and text.startswith(word, start + 1)
        start = start + 1 if overlaps else text.index(word, end)
        end, before = start + len(word), word
        yield start, end
