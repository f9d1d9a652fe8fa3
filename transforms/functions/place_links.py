"""Which place a name means: by what it is, how many people live there, and which countries the text names otherwise."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from transforms.functions.gazetteer import Gazetteer, Place, gazetteer
from transforms.functions.name_classifier import PLACE, Named

# The scale is that of a city: the decimal logarithm of its people, 4.2 (15,000) to 7.4. The other numbers, set by hand,
# place on it what has none: with nothing else said, Singapore is the country, New York the city, Washington the
# capital; and Georgia is the state where the USA are named and nothing of the country is.
COUNTRY: Final = 8.8
STATE: Final = 6.5
CAPITAL: Final = 1.3
WRITTEN_SO: Final = 0.5
"""For a city that GeoNames writes as the text does, not only without accents or under another name."""
COUNTRY_NAMED: Final = 0.9
"""For a place in a country that the text names otherwise. It outweighs eight times the people: Birmingham in Alabama,
but not Geneva in Illinois, in the many texts that name the USA."""
STATE_OR_COUNTRY: Final = 2.5
"""The same for a state that shares its name with a country, which is Georgia."""
REGION_NAMED: Final = 2.0
CALLED_STATE: Final = 3.0
"""For a state behind whose name stands "state"."""
QUALIFIED: Final = 6.0
"""For Paris in "Paris, Texas": more than anything else can say."""
LEAST_UNSAID: Final = 100_000
"""People of a city that is taken though the text says nothing of its country: Suffolk is a county in most news, not the
city in Virginia, and counties are not in the gazetteer."""
CLEAR_LEAD: Final = 1.0
"""Lead over places in other countries, ten times the people, from which on a city tells which country is spoken of."""

_CAPITALISED: Final = re.compile(r"\b[A-Z][a-z]+\b")
_WITHIN: Final = re.compile(r",? \(?(?:in )?")
_STATE_BEHIND: Final = re.compile(r" [Ss]tate\b")


class Link(NamedTuple):
    """What a name was taken for, and why."""

    place: Place | None
    """None where the gazetteer has no place of this name."""
    considered: tuple[Place, ...]
    """The places of this name, the likeliest first."""
    why: str


@dataclass
class _Context:
    """What a text says about countries and regions, by the names that say it."""

    countries: dict[str, set[str]] = field(default_factory=dict)
    regions: dict[str, set[str]] = field(default_factory=dict)
    within: dict[str, set[Place]] = field(default_factory=dict)
    called_state: set[str] = field(default_factory=set)

    def note(self, place: Place, form: str) -> None:
        if place.country:
            self.countries.setdefault(place.country, set()).add(form)
        if place.region:
            self.regions.setdefault(place.region, set()).add(form)


def link_places(text: str, names: Sequence[Named]) -> dict[str, Link]:
    """Return for every form of a place among the names of a text what it means: one name, one place in a text."""
    known = gazetteer()
    by_form = {form: known.places(form) for form in _forms(text, names)}
    context = _context(text, names, by_form, known)
    return {form: _link(form, places, context) for form, places in by_form.items()}


def _forms(text: str, names: Iterable[Named]) -> Iterator[str]:
    return (text[one.start : one.end] for one in names if one.type == PLACE)


def _context(text: str, names: Sequence[Named], by_form: Mapping[str, tuple[Place, ...]], known: Gazetteer) -> _Context:
    context = _Context()
    for form, places in by_form.items():
        if place := _clear(form, places):
            context.note(place, form)
    for word in set(_CAPITALISED.findall(text)):
        if country := known.country_of_demonym(word):
            context.countries.setdefault(country, set()).add(word)
    for one, behind in pairwise(names):
        if one.type == behind.type == PLACE and _WITHIN.fullmatch(text, one.end, behind.start):
            form, other = text[one.start : one.end], text[behind.start : behind.end]
            context.within.setdefault(form, set()).update(by_form[other])
    for one in names:
        if one.type == PLACE and _STATE_BEHIND.match(text, one.end):
            context.called_state.add(text[one.start : one.end])
    return context


def _clear(form: str, places: Sequence[Place]) -> Place | None:
    """Return the place that a form means whatever the text is about, if there is one."""
    ranked = sorted(places, key=lambda place: -_size(place, form))
    others = [place for place in ranked if place.country != ranked[0].country]
    if not ranked or (others and _size(ranked[0], form) - _size(others[0], form) < CLEAR_LEAD):
        return None
    # Georgia, Jordan, Washington: what is also a state says nothing about the country.
    kinds = {place.kind for place in places}
    return None if {"country", "state"} <= kinds else ranked[0]


def _size(place: Place, form: str) -> float:
    if place.kind in ("continent", "country"):
        return COUNTRY
    if place.kind == "state":
        return STATE
    return math.log10(place.population + 1) + CAPITAL * (place.kind == "capital") + WRITTEN_SO * (place.name == form)


def _link(form: str, places: Sequence[Place], context: _Context) -> Link:
    if not places:
        return Link(None, (), "no place of this name is known")
    weight = STATE_OR_COUNTRY if {"country", "state"} <= {place.kind for place in places} else COUNTRY_NAMED
    reasons = {place: _reasons(place, form, context, weight) for place in places}
    scores = {place: _size(place, form) + sum(weight for weight, _ in said) for place, said in reasons.items()}
    ranked = tuple(sorted(places, key=lambda place: -scores[place]))
    if ranked[0].kind == "city" and ranked[0].population < LEAST_UNSAID and not reasons[ranked[0]]:
        return Link(None, ranked, "too small to be meant without its country")
    if len(ranked) == 1:
        return Link(ranked[0], ranked, "the only place of this name")
    said = [why for _, why in reasons[ranked[0]]] or [_by_itself(ranked[0])]
    return Link(ranked[0], ranked, "; ".join(said))


def _by_itself(place: Place) -> str:
    return "the largest place of this name" if place.kind in ("capital", "city") else f"the {place.kind} of this name"


def _reasons(place: Place, form: str, context: _Context, country_named: float) -> list[tuple[float, str]]:
    """Return what the text says for a place, each with its weight."""
    said: list[tuple[float, str]] = []
    within = [other for other in context.within.get(form, ()) if _lies_in(place, other)]
    if within:
        said.append((QUALIFIED, f"the text says that it is in {within[0].name}"))
    countries = sorted(context.countries.get(place.country or "", set()) - {form})
    if countries:
        said.append((country_named, f"the text also names {', '.join(countries[:3])}"))
    regions = sorted(context.regions.get(place.region or "", set()) - {form})
    if regions:
        said.append((REGION_NAMED, f"near it {', '.join(regions[:3])}"))
    if place.kind == "state" and form in context.called_state:
        said.append((CALLED_STATE, "the text calls it a state"))
    return said


def _lies_in(place: Place, other: Place) -> bool:
    if other.kind == "state" and other.region:
        return place.kind != "state" and place.region == other.region
    return other.kind == "country" and place.kind != "country" and place.country == other.country
