"""The places that newsbeam knows: countries, US states and cities over 15,000 people, by every name of theirs.

The data are GeoNames', made into `transforms/models/places.tsv.gz` by `transforms/training/extract_places.py`; what was
kept and under which licence says `transforms/models/PLACES.md`.
"""

from __future__ import annotations

import gzip
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from transforms.functions.model_files import read_pinned

FILE: Final = "places.tsv.gz"
SHA256: Final = "3c9de974e78f7caa6ba12970a6bea5ddfdf146e6d34fb3ce2a6efc40d3f44c92"
"""Printed by `extract_places` when it made the file."""

_SPACES: Final = re.compile(r"\s+")


class Place(NamedTuple):
    """A place in GeoNames."""

    kind: str
    """`continent`, `country`, `state` (of the USA; the countries of the United Kingdom), `capital` or `city`."""
    geonames_id: int
    name: str
    country: str | None
    """ISO 3166-1 alpha-2 code of the country that it is or lies in; None for continents."""
    region: str | None
    """Postal code of the US state that it is or lies in."""
    population: int
    """People; 0 for continents and states."""


@dataclass(frozen=True)
class Gazetteer:
    """Places by name, and countries by what their people are called."""

    by_name: Mapping[str, tuple[Place, ...]]
    by_demonym: Mapping[str, str]

    def places(self, name: str) -> tuple[Place, ...]:
        """Return all places of a name: continents, countries and states first, then cities by falling population.

        The name is compared without case, marks and a leading "the"; abbreviations (US, LA) with their case.
        """
        return self.by_name.get(name) or self.by_name.get(fold_name(name), ())

    def country_of_demonym(self, word: str) -> str | None:
        """Return the ISO code of the country whose people or things are called so (`Chinese`), or None."""
        return self.by_demonym.get(fold_name(word))


@lru_cache(maxsize=1)
def gazetteer() -> Gazetteer:
    """Return the gazetteer, loaded once a process (0.2 s, 20 MB); raises `ModelError` on a wrong file."""
    by_name: dict[str, list[Place]] = {}
    by_demonym: dict[str, str] = {}
    table = gzip.decompress(read_pinned(FILE, SHA256)).decode("utf-8")
    for line in table.split("\n")[:-1]:
        kind, number, name, country, region, population, others, demonyms = line.split("\t")
        place = Place(kind, int(number), name, country or None, region or None, int(population))
        for key in {_key(one) for one in (name, *others.split("|")) if one}:
            by_name.setdefault(key, []).append(place)
        by_demonym.update((key, country) for key in _demonym_keys(demonyms.split("|")))
    return Gazetteer({key: tuple(places) for key, places in by_name.items()}, by_demonym)


def fold_name(name: str) -> str:
    """Return a name as it is compared: without case, marks, commas and "the"; spaces and apostrophes of one kind."""
    if not name.isascii():
        name = name.replace("’", "'").replace("‘", "'")
        name = "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    return _SPACES.sub(" ", name.replace(",", "")).strip().casefold().removeprefix("the ")


def _key(name: str) -> str:
    # US is no "us", LA no "la": what is all capitals is found in capitals only.
    return name if name.isupper() else fold_name(name)


def _demonym_keys(demonyms: Iterable[str]) -> set[str]:
    singulars = {fold_name(one) for one in demonyms if one}
    return singulars | {f"{one}s" for one in singulars if not one.endswith(("s", "sh", "ch", "se"))}
