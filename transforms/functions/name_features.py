"""What tells a person from an organisation from a place from no name at all: numbers for the classifier."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from transforms.functions.gazetteer import Gazetteer, gazetteer
from transforms.functions.name_candidates import LABELS, Candidate

_KINDS: Final = ("continent", "country", "state", "capital", "city")
_ORGANIZATION_WORDS_TABLE: Final = """
inc corp co ltd llc plc group bank university college school institute ministry department party fc club united
agency association council commission committee airlines airways company corporation court police army navy
force union league society foundation museum band orchestra times post news journal press government congress
parliament senate house office bureau board trust centre center hospital church records studios entertainment
motors systems technologies holdings partners capital fund federation organization organisation authority
service services network team
"""
_ORGANIZATION_WORDS: Final = frozenset(_ORGANIZATION_WORDS_TABLE.split())
_PLACE_WORDS_TABLE: Final = """
river lake mount island islands street bay beach park county province airport stadium station square bridge
mountains valley sea ocean gulf strait peninsula hills road avenue dock palace cathedral prison castle field
city town village district region state harbor harbour port coast desert forest creek canal hall tower building
house base junction
"""
_PLACE_WORDS: Final = frozenset(_PLACE_WORDS_TABLE.split())
_LABEL_ROWS: Final = {label: [float(label == other) for other in LABELS] for label in LABELS}
_CAPITALISED_BEFORE: Final = re.compile(r"[A-Z]\w*\s$")
_SAMPLE: Final = 20
"""Characters before a name that are looked at: a word and its space."""


@dataclass(frozen=True)
class _Forms:
    """How a text writes its candidates, and what the model said of each way of writing."""

    labels: Mapping[str, Counter[str]]
    surnames: frozenset[str]
    first_names: frozenset[str]


def features(text: str, found: Sequence[Candidate]) -> npt.NDArray[np.float32]:
    """Return a row for each candidate of a text: its context, and what its form and its other mentions say."""
    forms = _forms(text, found)
    places = gazetteer()
    # What a form says, it says wherever it stands.
    by_form = {form: [*_shares(form, forms), *_form(form, forms, places)] for form in forms.labels}
    said = [[*_LABEL_ROWS[one.label], *by_form[text[one.start : one.end]], *_surroundings(text, one)] for one in found]
    return np.concatenate([np.array([one.context for one in found]), np.array(said, np.float32)], axis=1)


def _forms(text: str, found: Sequence[Candidate]) -> _Forms:
    labels: dict[str, Counter[str]] = {}
    people: list[list[str]] = []
    for one in found:
        form = text[one.start : one.end]
        labels.setdefault(form, Counter())[one.label] += 1
        if one.label == "PERSON" and " " in form:
            people.append(form.split())
    return _Forms(labels, frozenset(name[-1] for name in people), frozenset(name[0] for name in people))


def _shares(form: str, forms: _Forms) -> Iterator[float]:
    shares = forms.labels[form]
    mentions = shares.total()
    yield from (shares[label] / mentions for label in LABELS)
    yield min(mentions, 5) / 5


def _form(form: str, forms: _Forms, places: Gazetteer) -> Iterator[float]:
    words = form.replace(",", " ").split() or [""]
    last = words[-1].lower().strip(".")
    yield from map(
        float,
        (
            form in forms.surnames,
            words[0] in forms.first_names,
            len(words) > 1,
            len(words) > 2,
            min(len(words), 8) / 4,
            form.isupper(),
            form[0].islower(),
            any(map(str.isdigit, form)),
            any(map(str.islower, words)),
            last in _ORGANIZATION_WORDS,
            any(word.lower() in _ORGANIZATION_WORDS for word in words[:-1]),
            last in _PLACE_WORDS,
            words[0].lower() in _PLACE_WORDS,
            places.country_of_demonym(form) is not None,
        ),
    )
    known = places.places(form)
    yield from (float(bool(known) and known[0].kind == kind) for kind in _KINDS)
    yield math.log10(known[0].population + 1) / 7 if known else 0.0


def _surroundings(text: str, one: Candidate) -> Iterator[float]:
    before, behind = text[max(0, one.start - _SAMPLE) : one.start], text[one.end : one.end + 2]
    yield from map(
        float,
        (
            not before or before.endswith((". ", "\n")),
            before.lower().endswith("the "),
            before.endswith(("(", '"', "“")),
            bool(_CAPITALISED_BEFORE.search(before)),
            behind in ("'s", "’s"),
            behind.startswith(","),
            behind.startswith((".", "!", "?")),
            behind.startswith(")"),
            behind.startswith(" ") and behind[1:].isupper(),
        ),
    )
