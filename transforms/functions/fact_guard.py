"""The fact guard: tells a template with other facts in it (earnings, weather, scores) from a copy.

Robot stories share most of their words and are different stories. What gives them away: sentences that stand in both
texts and say other things, with names or numbers swapped both ways. Without it every robot story merges with every
other one (precision .31 on the generated set), with it .99 (lab of 2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple

from transforms.functions.sentences import fold_words, split_words

LEAST_WORDS: Final = 4
"""Words of the shortest sentence that is compared: shorter ones (`he said.`) align with anything."""

LEAST_OVERLAP: Final = 0.45
"""Share of the longer sentence's other words that two sentences have in common to say the same thing (lab)."""

LEAST_SWAPPED: Final = 2
"""Sentences with swapped facts that make a template, if they are half of those aligned: one is a correction (lab)."""

MOST_SENTENCES: Final = 100
"""Sentences of a text that are compared, from its beginning: aligning two texts takes the product of their numbers, 10
ms here. Templates are short; of 6,206 real and generated texts 14 have more, and their stories stay the same."""

_NUMBER, _NAME = "\0number", "\0name"
_DIGIT: Final = re.compile(r"\d")


class MaskedSentence(NamedTuple):
    """A sentence taken apart: its words without the facts, and the facts."""

    frame: tuple[str, ...]
    """The words in order, folded; numbers and runs of names stand as placeholders."""
    words: frozenset[str]
    """The words of the frame without the placeholders."""
    facts: frozenset[str]
    """Numbers, and words with a capital that do not open the sentence; folded."""
    text: str


class Verdict(NamedTuple):
    """What the guard saw."""

    aligned: int
    """Sentences of the text with fewer sentences that stand in the other one, facts aside. Those without any fact do
    not count: a weather report is half advice that never changes."""
    swapped: int
    """Of these, those whose numbers or names are others both ways."""
    example: tuple[str, str] | None = None
    """The first two such sentences."""

    @property
    def is_template(self) -> bool:
        """Whether the texts are two stories from one mould, not copies of one story."""
        return self.swapped >= LEAST_SWAPPED and 2 * self.swapped >= self.aligned


def mask(sentence: str) -> MaskedSentence:
    """Take a sentence apart. In scripts without capitals only numbers count as facts."""
    frame: list[str] = []
    facts: set[str] = set()
    words = split_words(sentence)
    for position, (written, folded) in enumerate(zip(words, fold_words(words), strict=True)):
        if _DIGIT.search(written):
            facts.add(folded)
            frame.append(_NUMBER)
        elif position and written[0].isupper():
            facts.add(folded)
            if frame[-1] != _NAME:
                frame.append(_NAME)
        else:
            frame.append(folded)
    return MaskedSentence(tuple(frame), frozenset(frame) - {_NUMBER, _NAME}, frozenset(facts), sentence)


def mask_all(sentences: Sequence[str]) -> list[MaskedSentence]:
    """Take apart the sentences that are long enough to be compared, up to `MOST_SENTENCES` of them."""
    long_enough = (masked for masked in map(mask, sentences) if len(masked.frame) >= LEAST_WORDS)
    return list(islice(long_enough, MOST_SENTENCES))


def compare_facts(one: Sequence[MaskedSentence], other: Sequence[MaskedSentence]) -> Verdict:
    """Align the sentences of two texts and count those whose facts are swapped; the same whichever comes first."""
    fewer, more = (one, other) if _comes_first(one, other) else (other, one)
    by_frame: dict[tuple[str, ...], list[MaskedSentence]] = {}
    for sentence in more:
        by_frame.setdefault(sentence.frame, []).append(sentence)
    aligned = swapped = 0
    example = None
    for sentence in fewer:
        partner = _partner(sentence, by_frame, more)
        if partner is None or not (sentence.facts or partner.facts):
            continue
        aligned += 1
        if sentence.facts - partner.facts and partner.facts - sentence.facts:
            swapped += 1
            example = example or (sentence.text, partner.text)
    return Verdict(aligned, swapped, example)


def _comes_first(one: Sequence[MaskedSentence], other: Sequence[MaskedSentence]) -> bool:
    """Order two texts by their number of sentences, and where that is equal by what they hold."""
    if len(one) != len(other):
        return len(one) < len(other)
    holds, other_holds = ([(sentence.frame, sorted(sentence.facts)) for sentence in text] for text in (one, other))
    return holds <= other_holds


def _partner(
    sentence: MaskedSentence, by_frame: dict[tuple[str, ...], list[MaskedSentence]], others: Sequence[MaskedSentence]
) -> MaskedSentence | None:
    """Return the sentence that says the same: an equal frame with the nearest facts, else the most words in common."""
    equal = by_frame.get(sentence.frame)
    if equal is not None:
        return min(equal, key=lambda one: len(one.facts ^ sentence.facts))
    size = len(sentence.words)
    best, best_overlap = None, 0.0
    for other in others:
        longer = max(size, len(other.words))
        # A sentence of twice the words cannot reach the least overlap; the look saves most intersections.
        if not longer or min(size, len(other.words)) < LEAST_OVERLAP * longer:
            continue
        overlap = len(sentence.words & other.words) / longer
        if overlap >= LEAST_OVERLAP and overlap > best_overlap:
            best, best_overlap = other, overlap
    return best
