"""One entity for all the ways in which a text writes a name: its longest form stands for all."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from transforms.functions.gazetteer import gazetteer
from transforms.functions.name_classifier import ORGANIZATION, PERSON, Named

LEAST_ACRONYM: Final = 3
"""Letters of an acronym that is taken for a name of its initials without being put in brackets behind it."""

_GENERATION: Final = re.compile(r",? (?:Jr\.?|Sr\.?|I{2,3}|IV)$")
_COMPANY: Final = re.compile(
    r",? (?:Inc|Corp|Corporation|Co|Company|Ltd|Limited|LLC|LLP|PLC|plc|AG|SE|SA|S\.A|NV|N\.V|Group|Holdings)\.?$"
)
_SMALL_WORDS: Final = frozenset(["of", "the", "and", "for", "in", "on", "&", "de"])
_ADDRESS: Final = re.compile(r"^(?:the|The) ")


def entity_names(text: str, names: Sequence[Named]) -> list[str]:
    """Return for each name of a text, given by start, the name of its entity; of places their form."""
    forms = [text[one.start : one.end] for one in names]
    organizations = _organization_names(text, [f for f, n in zip(forms, names, strict=True) if n.type == ORGANIZATION])
    people = list(_people_names([f if n.type == PERSON else "" for f, n in zip(forms, names, strict=True)]))
    return [
        people[number] if one.type == PERSON else organizations.get(form, form) if one.type == ORGANIZATION else form
        for number, (one, form) in enumerate(zip(names, forms, strict=True))
    ]


def _people_names(forms: Sequence[str]) -> Iterator[str]:
    """Yield for each form the longest form of this person; what is no person is given and yielded as "".

    Full names are one person if first and last word agree. A single word is the person last named before it, or else
    first behind it, whose name ends or begins so.
    """
    full = [_ends(form) for form in forms]
    longest: dict[tuple[str, str], str] = {}
    for form, ends in zip(forms, full, strict=True):
        if ends and len(form) > len(longest.get(ends, "")):
            longest[ends] = form
    by_part: dict[str, list[int]] = {}
    surnames = {last for _, last in longest}
    for number, ends in enumerate(full):
        if ends:
            by_part.setdefault(ends[1], []).append(number)
            if ends[0] not in surnames:
                by_part.setdefault(ends[0], []).append(number)
    for number, (form, ends) in enumerate(zip(forms, full, strict=True)):
        known = ends or _nearest(by_part.get(_plain(form), []), number, full)
        yield longest[known] if known else form


def _ends(form: str) -> tuple[str, str] | None:
    """Return the first and the last word of a full name, or None for a single word."""
    words = _plain(form).split()
    return (words[0], words[-1]) if len(words) > 1 else None


def _plain(form: str) -> str:
    return _GENERATION.sub("", form)


def _nearest(numbers: Sequence[int], at: int, full: Sequence[tuple[str, str] | None]) -> tuple[str, str] | None:
    """Return the full name of the last of the numbers before a place, or else of the first behind it."""
    return full[numbers[max(0, bisect_left(numbers, at) - 1)]] if numbers else None


def _organization_names(text: str, forms: Sequence[str]) -> dict[str, str]:
    """Return by form the longest form of this organisation."""
    known: dict[str, str] = {}
    names: dict[str, str] = {}
    # Longer forms come first, so what a form is short for has its name already.
    for form in sorted(set(forms), key=lambda form: (-len(form), form)):
        names[form] = next((known[key] for key in (_core(form), _letters(form)) if key in known), form)
        for key in _short_forms(form, text):
            known.setdefault(key, names[form])
    return names


def _short_forms(form: str, text: str) -> Iterator[str]:
    """Yield how else a text may call an organisation: without what it is or whose it is, or by its initials."""
    yield _core(form)
    words = form.split()
    for number in range(1, min(len(words), 3)):
        if _of_country(" ".join(words[:number])):
            yield _core(" ".join(words[number:]))
    capitals = [word for word in re.split(r"[\s-]+", form) if word and word not in _SMALL_WORDS]
    for some in (capitals, words):
        initials = "".join(word[0] for word in some).upper()
        if len(initials) >= LEAST_ACRONYM or (len(initials) > 1 and f"{form} ({initials})" in text):
            yield f"{initials}."


def _core(form: str) -> str:
    return _COMPANY.sub("", _ADDRESS.sub("", form)).casefold()


def _letters(form: str) -> str:
    """Return an acronym as `_short_forms` gives initials; what is none gives nothing that these are."""
    letters = form.replace(".", "")
    return f"{letters}." if letters.isupper() and " " not in form else ""


def _of_country(words: str) -> bool:
    known = gazetteer()
    return known.country_of_demonym(words) is not None or any(place.kind == "country" for place in known.places(words))
