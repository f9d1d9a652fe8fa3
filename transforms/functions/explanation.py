"""Why two texts are or are not copies: what the duplicate decision measures of a pair, kept for people to read.

Everything is asked of the functions that `duplicates.Decider` asks, in its order. What it knows beyond a pair (other
texts of the story, the outlet's furniture) is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.instants import Instant
from transforms.functions.clusters import LEAST_LENGTH_RATIO, LEAST_SHARE, SAME_COPY_SHARE, STRONG_SHARE, Pair, pair_of
from transforms.functions.duplicate_index import WINDOW
from transforms.functions.duplicates import TEXT_ID_CHARACTERS
from transforms.functions.fact_guard import LEAST_SWAPPED, Verdict, compare_facts
from transforms.functions.shared_passages import Passage, shared_passages
from transforms.functions.shingles import shared
from transforms.functions.text_print import LEAST_SHINGLES, SplitText, TextPrint
from transforms.functions.texts import content_sha256

COPIES: Final = ("exact", "update", "strong", "weak")
"""Outcomes of a pair that comes to be one story."""

HOUR: Final[Instant] = 3600 * 1_000_000


@dataclass(frozen=True)
class Side:
    """One of the two texts in numbers: words as compared, distinct shingles, and the share of these that both have."""

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
    def outcome(self) -> str:
        """What the two are to each other (`COPIES`), or the first reason why they are nothing."""
        if self.a.text_id == self.b.text_id:
            return "exact"
        if self.is_same_page:
            return "update"
        return self._obstacle() or ("strong" if self.pair and self.pair.is_strong else "weak")

    def _obstacle(self) -> str | None:
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
    stub, home = ("A", "B") if shorter is of.a else ("B", "A")
    least, strong, same = map(share_text, (LEAST_SHARE, STRONG_SHARE, SAME_COPY_SHARE))
    share, back = share_text(shorter.share), share_text(longer.share)
    stand = f"{share} of the shorter text's shingles stand in the longer one ({least} are needed)"
    name = f"{'same_copy' if shorter.share >= SAME_COPY_SHARE else 'version'} (same_copy is from {same})"
    called = f"A copy like this is called {name}, or update within one outlet."
    languages = " and ".join(f"{side.language or 'unknown'}" for side in (of.a, of.b))
    sentences = {
        "exact": "Copies (exact): the same text, but for its layout.",
        "update": "Copies (update): two texts of one page, which a run files under one story without comparing them.",
        "strong": f"Copies (strong): {stand}, and {back} of the longer's in the shorter ({strong}). {called}",
        "weak": f"Weak: {stand}, but only {back} of the longer's in the shorter ({strong} make a strong pair). {stub} "
        f"would be attached to the story of {home}, unless a better one is known. {called}",
        "too_short": f"Not copies: the shorter text has {shorter.shingles} shingles; {LEAST_SHINGLES} are needed.",
        "other_language": f"Not copies: texts of two languages ({languages}) are never compared.",
        "too_little": f"Not copies: the shorter text shares {share} of its shingles with the longer one; {least} are "
        "needed.",
        "too_unequal": f"Not copies: the shorter text has {shorter.shingles:,} shingles, the longer one "
        f"{longer.shingles:,}; {share_text(LEAST_LENGTH_RATIO)} of these are needed.",
        "not_found": f"Not copies: {stand}, but none of the sampled ones by which a run finds texts to compare.",
        "too_far_apart": f"Not copies: {stand}, but the texts were seen {(of.apart or 0) / HOUR:,.1f} hours apart; "
        f"{WINDOW // HOUR} are allowed.",
        "template": f"Not copies: {stand}, but {of.facts.swapped} of {of.facts.aligned} sentences with facts say the "
        f"same with other names or numbers; {LEAST_SWAPPED}, if they are half of all, make it a template.",
    }
    return sentences[of.outcome]


def share_text(share: float) -> str:
    """Return a share as `.098`, `.40` or `1`: cut, not rounded, so that none seems to reach its threshold."""
    cut = f"{int(share * 1000 + 1e-6) / 1000:.3f}".removeprefix("0")
    return "1" if share >= 1 else "0" if share <= 0 else cut.removesuffix("0")


def _compare_facts(a: TextPrint, b: TextPrint) -> Verdict:
    """Return the guard's verdict with A's sentence first in its example.

    A sentence that both texts have is paired with itself, so each one of an example stands in its own text only.
    """
    verdict = compare_facts(a.masked, b.masked)
    if verdict.example is None or verdict.example[0] in a.sentences:
        return verdict
    return verdict._replace(example=(verdict.example[1], verdict.example[0]))
