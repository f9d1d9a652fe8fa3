"""What is known of a name for sure overrules the classifier: countries, datelines, surnames behind an office, "He"."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from transforms.functions.gazetteer import gazetteer
from transforms.functions.name_candidates import Candidate
from transforms.functions.name_classifier import PERSON, PLACE, Named

_OFFICE_BEFORE: Final = re.compile(r"[A-Z]{2,} (?=[A-ZÀ-Þ][\w'’-]+$)")
"""USTR Doe. Any words before a surname would find more, and cut the names of works and firms: wikigold loses .008."""

_SURNAME_HE: Final = re.compile(r"[^\W_][,]? He $")
"""A Chinese surname that the model takes for a pronoun: capitalised inside a sentence it is none."""

_BEHIND_A_DATELINE: Final = re.compile(r"(?:, [\w. ]{1,30})?(?: \([\w/ ]{1,30}\)| ?[-–—] |: )")
"""What follows the place that a report begins with: `, March 3 (Reuters) -`, ` (AP) —`, `: `."""

_LOOK_BACK: Final = 6


def repair(text: str, found: Sequence[Candidate], names: Sequence[Named]) -> list[Named]:
    """Return the names of a text, corrected, by start, none overlapping; every candidate may become one."""
    kept = {(one.start, one.end): one for one in names}
    surnames = _surnames(text, names)
    repaired: list[Named] = []
    for one in found:
        named = kept.get((one.start, one.end))
        named = _surname(text, one, _place(text, one, named), surnames)
        if named:
            free_from = repaired[-1].end if repaired else 0
            repaired.append(_with_he(text, named, free_from))
    return repaired


def _surnames(text: str, names: Iterable[Named]) -> set[str]:
    forms = {text[one.start : one.end] for one in names if one.type == PERSON}
    return {form.split()[-1] for form in forms if " " in form}


def _place(text: str, one: Candidate, named: Named | None) -> Named | None:
    """Return as a place what was not taken for a person and is a country (and no state) or a dateline's town."""
    if named and named.type in (PERSON, PLACE):
        return named
    kinds = {place.kind for place in gazetteer().places(text[one.start : one.end])}
    known = ("country" in kinds and "state" not in kinds) or (kinds and _is_dateline(text, one))
    return Named(one.start, one.end, PLACE) if known else named


def _is_dateline(text: str, one: Candidate) -> bool:
    opens = not one.start or text[one.start - 1] == "\n"
    return opens and _BEHIND_A_DATELINE.match(text, one.end) is not None


def _surname(text: str, one: Candidate, named: Named | None, surnames: Collection[str]) -> Named | None:
    """Return "Doe" as a person, also for "USTR Doe", if the text names Jane Doe; unless Doe is a place, too."""
    form = text[one.start : one.end]
    if named and named.type != PERSON and form in surnames and not gazetteer().places(form):
        return Named(one.start, one.end, PERSON)
    office = _OFFICE_BEFORE.match(form)
    if office is None or form[office.end() :] not in surnames:
        return named
    return Named(one.start + office.end(), one.end, PERSON)


def _with_he(text: str, named: Named, free_from: int) -> Named:
    """Return "He Lifeng" for "Lifeng" in "Vice Premier He Lifeng"."""
    before = text[max(free_from, named.start - _LOOK_BACK) : named.start]
    if named.type != PERSON or " " in text[named.start : named.end] or not _SURNAME_HE.search(before):
        return named
    return Named(named.start - len("He "), named.end, PERSON)
