"""Who and what an article names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Entity(NamedTuple):
    """A person, an organisation or a place that an article names, with all its mentions."""

    name: str
    """The canonical name: a person's longest form in the article, a country's or a city's name in GeoNames."""
    type: str
    """`Person`, `Organization` or `Place`, as in schema.org."""
    mentions: int
    """How often the text names it."""
    first_offset: int
    """Where it is named first: characters (code points) from the beginning of `article_body`."""
    surface_forms: Sequence[str]
    """Every way in which the text writes it, the first one first."""
    country: str | None
    """ISO 3166-1 alpha-2 code of a country, or of the country that a city lies in."""
    geonames_id: int | None
    """The place in GeoNames."""
    extractor: str
    """What found it: the name of the model and its version."""
