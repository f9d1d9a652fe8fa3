"""Why two texts are or are not copies: what the duplicate decision measures of a pair, kept for people to read.

Everything is asked of the functions that `duplicates.Decider` asks, in its order. What it knows beyond a pair (other
texts of the story, the outlet's furniture) is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from schemas.instants import Instant
from transforms.functions.clusters import LEAST_LENGTH_RATIO, LEAST_SHARE, SAME_COPY_SHARE, STRONG_SHARE, Pair, pair_of
from transforms.functions.duplicate_index import WINDOW
from transforms.functions.duplicates import TEXT_ID_CHARACTERS
from transforms.functions.fact_guard import LEAST_SWAPPED, Verdict, compare_facts
from transforms.functions.sentences import split_words
from transforms.functions.shingles import WIDTH, shared
from transforms.functions.text_print import LEAST_SHINGLES, SplitText, TextPrint
from transforms.functions.texts import content_sha256

Copies: TypeAlias = Literal["exact", "update", "strong", "weak"]
NoCopies: TypeAlias = Literal[
    "too_short", "other_language", "too_little", "too_unequal", "not_found", "too_far_apart", "template"
]
HOUR: Final[Instant] = 3600 * 1_000_000


@dataclass(frozen=True)
class Passage:
    """A run of words that stands in both texts, as each has it; `…_at` counts the text's words from 1."""

    words: int
    a_at: int
    b_at: int
    a_text: str
    b_text: str


@dataclass(frozen=True)
class Side:
    """One of the two texts in numbers: words as they are compared, distinct shingles, and its share of them in common."""

    text_id: str
    language: str | None
    words: int
    shingles: int
    share: float
    is_too_short: bool


@dataclass(frozen=True)
class Explanation:
    """What was measured of two texts, A and B; `outcome` and `decision` say what follows."""

    a: Side
    b: Side
    shared_shingles: int
    keys_in_common: int
    """Keys under which either text finds the other; without one they are never compared."""
    pair: Pair | None
    facts: Verdict
    """Its example is the sentence of A, then that of B."""
    passages: Sequence[Passage]
    apart: Instant | None
    is_same_page: bool

    @property
    def jaccard(self) -> float:
        """Share of all shingles that both have; decides nothing."""
        return self.shared_shingles / max(1, self.a.shingles + self.b.shingles - self.shared_shingles)

    @property
    def by_length(self) -> tuple[Side, Side]:
        """The shorter text and the longer one; of one length, the smaller id is the shorter, as for `pair_of`."""
        shorter, longer = sorted((self.a, self.b), key=lambda side: (side.shingles, side.text_id))
        return shorter, longer

    @property
    def languages_differ(self) -> bool:
        """Whether the texts are of two languages; the unknown one counts as a language."""
        return (self.a.language or None) != (self.b.language or None)

    @property
    def outcome(self) -> Copies | NoCopies:
        """What the two are to each other, or the first reason why they are nothing."""
        if self.a.text_id == self.b.text_id:
            return "exact"
        if self.is_same_page:
            return "update"
        return self._obstacle() or ("strong" if self.pair and self.pair.is_strong else "weak")

    @property
    def are_copies(self) -> bool:
        """Whether the two, taken for themselves, come to be one story."""
        return self.outcome in ("exact", "update", "strong", "weak")

    def _obstacle(self) -> NoCopies | None:
        if self.a.is_too_short or self.b.is_too_short:
            return "too_short"
        if self.languages_differ:
            return "other_language"
        if self.pair is None:
            return "too_little" if self.by_length[0].share < LEAST_SHARE else "too_unequal"
        if not self.keys_in_common:
            return "not_found"
        if self.apart is not None and self.apart > WINDOW:
            return "too_far_apart"
        return "template" if self.facts.is_template else None


def explain(
    a_text: str,
    a_language: str | None,
    b_text: str,
    b_language: str | None,
    *,
    apart: Instant | None = None,
    is_same_page: bool = False,
) -> Explanation:
    """Measure two texts (`article_body` and `in_language` of their rows) as the duplicate decision does.

    Args:
        apart: time between their fetches, where it is known.
        is_same_page: whether the rows have one `article_id`.
    """
    a, b = SplitText.of(a_text), SplitText.of(b_text)
    (a_keys, a_print), (b_keys, b_print) = a.print(a_language), b.print(b_language)
    both = shared(a_print.shingles, b_print.shingles)
    a_id, b_id = (content_sha256(text)[:TEXT_ID_CHARACTERS] for text in (a_text, b_text))
    return Explanation(
        a=Side(a_id, a_language, sum(map(len, a.words)), a_print.size, both / max(1, a_print.size), not a_keys),
        b=Side(b_id, b_language, sum(map(len, b.words)), b_print.size, both / max(1, b_print.size), not b_keys),
        shared_shingles=both,
        keys_in_common=len({*a_keys} & {*b_keys}),
        pair=pair_of(a_id, b_id, (a_print.size, b_print.size), both),
        facts=_compare_facts(a_print, b_print),
        passages=shared_passages(a_text, b_text),
        apart=apart,
        is_same_page=is_same_page,
    )


def decision(of: Explanation) -> str:
    """Return the outcome in plain words, with the thresholds that it was measured against."""
    shorter, longer = of.by_length
    names = ("A", "B") if shorter is of.a else ("B", "A")
    stand = f"{share_text(shorter.share)} of the shorter text's shingles stand in the longer one"
    back = f"{share_text(longer.share)} of the longer's in the shorter"
    name = f"same_copy (from {share_text(SAME_COPY_SHARE)})"
    if shorter.share < SAME_COPY_SHARE:
        name = f"version (same_copy from {share_text(SAME_COPY_SHARE)})"
    sentences: dict[Copies | NoCopies, str] = {
        "exact": "Copies (exact): the same text, but for its layout.",
        "update": "Copies (update): two texts of one page, which a run files under one story without comparing them.",
        "strong": f"Copies (strong): {stand} ({share_text(LEAST_SHARE)} are needed) and {back} "
        f"({share_text(STRONG_SHARE)} are needed); called {name}, or update within one outlet.",
        "weak": f"Weak: {stand} ({share_text(LEAST_SHARE)} are needed), but only {back} ({share_text(STRONG_SHARE)} make a "
        f"strong pair): {names[0]} would be attached to the story of {names[1]} unless there is a better one; "
        f"called {name}, or update within one outlet.",
        "too_short": f"Not copies: the shorter text has {shorter.shingles} shingles; below {LEAST_SHINGLES} only exact copies "
        "are told.",
        "other_language": f"Not copies: A is in {of.a.language or 'an unknown language'}, B in "
        f"{of.b.language or 'an unknown one'}; texts of two languages are never compared.",
        "too_little": f"Not copies: the shorter text shares {share_text(shorter.share)} of its shingles with the longer one; "
        f"{share_text(LEAST_SHARE)} are needed.",
        "too_unequal": f"Not copies: the shorter text has {shorter.shingles:,} shingles and the longer one "
        f"{longer.shingles:,}; {share_text(LEAST_LENGTH_RATIO)} of its length are needed.",
        "not_found": f"Not copies: {stand}, but none of the sampled ones that candidates are found by.",
        "too_far_apart": f"Not copies: {stand}, but the texts were seen {(of.apart or 0) / HOUR:,.1f} hours apart; only "
        f"those within {WINDOW // HOUR} hours are compared.",
        "template": f"Not copies: {stand}, but in {of.facts.swapped} of {of.facts.aligned} sentences that say the same, names "
        f"or numbers are swapped; {LEAST_SWAPPED}, if they are half of all, make two stories from one mould.",
    }
    return sentences[of.outcome]


def share_text(share: float) -> str:
    """Return a share as `.098`, `.40` or `1`: cut, not rounded, so that none seems to reach its threshold."""
    cut = f"{int(share * 1000 + 1e-6) / 1000:.3f}".removeprefix("0")
    return "1" if share >= 1 else "0" if share <= 0 else cut.removesuffix("0")


def shared_passages(a_text: str, b_text: str) -> list[Passage]:
    """Return the runs of `WIDTH` or more words that both texts have, the longest first.

    None can be made longer, and none lies within another; what one text repeats is given once. Takes time by the sum of
    the lengths, whatever the texts hold.
    """
    (a_words, a_spans), (b_words, b_spans) = _words_of(a_text), _words_of(b_text)
    a_is_few = (len(a_words), a_words) <= (len(b_words), b_words)  # so that swapping the texts swaps the answer
    few, many = (a_words, b_words) if a_is_few else (b_words, a_words)
    passages: list[Passage] = []
    for in_few, in_many, words in sorted(_widest(_Runs(few).in_text(many)), key=lambda run: (-run[2], run)):
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


class _Runs:
    """All runs of words of one text, as a suffix automaton: each state is the runs that end at the same places."""

    def __init__(self, words: Sequence[str]) -> None:
        self._next: list[dict[str, int]] = [{}]
        self._shorter, self._longest, self._first_end = [-1], [0], [0]
        last = 0
        for end, word in enumerate(words, 1):
            last = self._append(last, word, end)

    def _add(self, following: dict[str, int], shorter: int, longest: int, first_end: int) -> int:
        self._next.append(following)
        self._shorter.append(shorter)
        self._longest.append(longest)
        self._first_end.append(first_end)
        return len(self._next) - 1

    def _append(self, last: int, word: str, end: int) -> int:
        new = self._add({}, 0, end, end)
        state = last
        while state >= 0 and word not in self._next[state]:
            self._next[state][word] = new
            state = self._shorter[state]
        if state >= 0:
            self._shorter[new] = self._split(state, word)
        return new

    def _split(self, state: int, word: str) -> int:
        """Return the state of exactly the runs of `state` with the word behind them, made where it is part of another."""
        target, longest = self._next[state][word], self._longest[state] + 1
        if self._longest[target] == longest:
            return target
        part = self._add(dict(self._next[target]), self._shorter[target], longest, self._first_end[target])
        while state >= 0 and self._next[state].get(word) == target:
            self._next[state][word] = part
            state = self._shorter[state]
        self._shorter[target] = part
        return part

    def in_text(self, words: Sequence[str]) -> Iterator[_Run]:
        """Yield the runs of another text's words that stand here and cannot be made longer."""
        state = length = 0
        for at, word in enumerate([*words, ""]):  # no word is empty: the end of the text ends a run, too
            before = state, length
            while state and word not in self._next[state]:
                state = self._shorter[state]
                length = self._longest[state]
            if word in self._next[state]:
                state, length = self._next[state][word], length + 1
            if before[1] >= WIDTH and length <= before[1]:
                yield self._first_end[before[0]] - before[1], at - before[1], before[1]


def _compare_facts(a: TextPrint, b: TextPrint) -> Verdict:
    """Return the guard's verdict with A's sentence first in its example.

    A sentence that both texts have is paired with itself, so each one of an example stands in its own text only.
    """
    verdict = compare_facts(a.masked, b.masked)
    if verdict.example is None or verdict.example[0] in a.sentences:
        return verdict
    return verdict._replace(example=(verdict.example[1], verdict.example[0]))
