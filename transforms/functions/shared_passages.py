"""The passages that two texts have in common, for people to read; found by a suffix automaton, in linear time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from transforms.functions.sentences import split_words
from transforms.functions.shingles import WIDTH
from transforms.functions.text_print import SplitText


@dataclass(frozen=True)
class Passage:
    """A run of words that stands in both texts, as each has it; `…_at` counts the text's words from 1."""

    words: int
    a_at: int
    b_at: int
    a_text: str
    b_text: str


def shared_passages(a_text: str, b_text: str) -> list[Passage]:
    """Return the runs of `WIDTH` or more words that both texts have, the longest first.

    None can be made longer, and none lies within another; what one text repeats is given once. Takes time by the sum of
    the lengths, whatever the texts hold.
    """
    (a_words, a_spans), (b_words, b_spans) = _words_of(a_text), _words_of(b_text)
    a_is_few = (len(a_words), a_words) <= (len(b_words), b_words)  # so that swapping the texts swaps the answer
    few, many = (a_words, b_words) if a_is_few else (b_words, a_words)
    passages: list[Passage] = []
    for in_few, in_many, words in sorted(_widest(_runs(few, many)), key=lambda run: (-run[2], run)):
        a_at, b_at = (in_few, in_many) if a_is_few else (in_many, in_few)
        a_written = a_text[a_spans[a_at][0] : a_spans[a_at + words - 1][1]]
        b_written = b_text[b_spans[b_at][0] : b_spans[b_at + words - 1][1]]
        passages.append(Passage(words, a_at + 1, b_at + 1, a_written, b_written))
    return passages


_Run: TypeAlias = tuple[int, int, int]
"""Where a run of words begins in the text with fewer words and in the other one, and how many words it has."""


def _widest(runs: Iterator[_Run]) -> Iterator[_Run]:
    """Leave out what lies within another run in the first text."""
    end = 0
    for run in sorted(runs, key=lambda run: (run[0], -run[2], run[1])):
        if run[0] + run[2] > end:
            end = run[0] + run[2]
            yield run


def _words_of(text: str) -> tuple[list[str], list[tuple[int, int]]]:
    """Return the text's words as they are compared, and from where to where each is written."""
    split = SplitText.of(text)
    spans: list[tuple[int, int]] = []
    end = 0
    for sentence in split.sentences:
        before = ""
        for word in split_words(sentence):
            # In scripts without spaces words of one width overlap, each a sign further on; others follow each other.
            overlaps = len(word) == len(before) and text.startswith(word, spans[-1][0] + 1)
            start = spans[-1][0] + 1 if overlaps else text.index(word, end)
            end, before = start + len(word), word
            spans.append((start, end))
    return [word for words in split.words for word in words], spans


@dataclass(slots=True, eq=False)
class _State:
    """A state of a suffix automaton: the runs of a text's words that end at the same places."""

    longest: int
    first_end: int
    shorter: _State | None
    """The longest of the runs' endings that stands at more places."""
    following: dict[str, _State]

    def then(self, word: str) -> _State:
        """Return the state of exactly these runs with the word behind them, made where it is a part of another."""
        target = self.following[word]
        if target.longest == self.longest + 1:
            return target
        part = _State(self.longest + 1, target.first_end, target.shorter, dict(target.following))
        state: _State | None = self
        while state is not None and state.following.get(word) is target:
            state.following[word] = part
            state = state.shorter
        target.shorter = part
        return part


def _automaton(words: Sequence[str]) -> _State:
    """Return the first state (the empty run) of the automaton that knows every run of the words."""
    root = last = _State(0, 0, None, {})
    for end, word in enumerate(words, 1):
        state: _State | None = last
        last = _State(end, end, root, {})
        while state is not None and word not in state.following:
            state.following[word] = last
            state = state.shorter
        if state is not None:
            last.shorter = state.then(word)
    return root


def _runs(few: Sequence[str], many: Sequence[str]) -> Iterator[_Run]:
    """Yield the runs of `many` that stand in `few` and cannot be made longer, each where `few` has it first."""
    state, length = _automaton(few), 0
    for at, word in enumerate([*many, ""]):  # no word is empty: the end of the text ends a run, too
        before = state, length
        while state.shorter is not None and word not in state.following:
            state = state.shorter
            length = state.longest
        if word in state.following:
            state, length = state.following[word], length + 1
        if before[1] >= WIDTH and length <= before[1]:
            yield before[0].first_end - before[1], at - before[1], before[1]
