"""Who and what a text names: the people, organisations and places in it, each once, with all their mentions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from schemas.entity import Entity
from transforms.functions import text_pieces
from transforms.functions.entity_names import entity_names
from transforms.functions.gazetteer import Place, gazetteer
from transforms.functions.name_candidates import Candidate, candidates
from transforms.functions.name_classifier import PLACE, NameClassifier, Named, name_classifier
from transforms.functions.name_reader import NAME, name_reader
from transforms.functions.name_repairs import repair
from transforms.functions.place_links import Link, link_places
from transforms.functions.text_pieces import as_read

SERVED_LANGUAGES: Final = frozenset({"en"})
"""Languages that entities are found in: the others have no model here, and an English one would guess."""

MOST_CHARACTERS: Final = text_pieces.MOST_CHARACTERS
"""Characters of a text that are read; what stands behind them is not looked at."""

EXTRACTOR: Final = f"{NAME}+newsbeam-1"
"""The number behind newsbeam counts up whenever classifier, gazetteer or rules change what is found."""

_NO_LINK: Final = Link(None, (), "the forms of one name")


class Mention(NamedTuple):
    """Where a text names an entity."""

    start: int
    end: int
    """Characters (code points) of the text: `text[start:end]` is what the mention's `text` says."""
    text: str
    type: str
    """`Person`, `Organization` or `Place`."""
    name: str
    """The canonical name of its entity."""


class ExplainedEntity(NamedTuple):
    """An entity and why it is called so."""

    entity: Entity
    mentions: tuple[Mention, ...]
    why: str
    """For a place, why this one was taken."""
    considered: tuple[Place, ...]
    """For a place, all places of this name in the gazetteer, the likeliest first."""


@dataclass(frozen=True)
class EntityTagger:
    """Finds entities; made once a process by `entity_tagger`. Safe to call from threads."""

    classifier: NameClassifier
    extractor: str = EXTRACTOR

    def mentions(self, texts: Sequence[str]) -> list[list[Mention]]:
        """Return for each text its mentions by start, none overlapping; a text's do not depend on the other texts."""
        return [[mention for mention, _ in linked] for linked in self._linked(texts)]

    def entities(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Return for each text its entities: the most mentioned first, of equally often named ones the first named."""
        return [[explained.entity for explained in found] for found in self.explain(texts)]

    def explain(self, texts: Sequence[str]) -> list[list[ExplainedEntity]]:
        """Return what `entities` returns, each with its mentions and the reason for its name."""
        return [_explained(linked) for linked in self._linked(texts)]

    def _linked(self, texts: Sequence[str]) -> list[list[tuple[Mention, Link]]]:
        shown = [as_read(text) for text in texts]
        found: list[list[Candidate]] = [[] for _ in texts]
        for read in name_reader().read(shown):
            found[read.text_number] += candidates(read)
        return [
            _mentions(text, as_seen, repair(as_seen, own, self.classifier.classify(as_seen, own)))
            for text, as_seen, own in zip(texts, shown, found, strict=True)
        ]


@lru_cache(maxsize=1)
def entity_tagger() -> EntityTagger:
    """Return the tagger with model, classifier and gazetteer loaded, once a process (1.5 s, 170 MB).

    Raises `ModelError` where a file of the package is not the one that this version was made with.
    """
    name_reader()
    gazetteer()
    return EntityTagger(name_classifier())


def _mentions(text: str, as_seen: str, names: Sequence[Named]) -> list[tuple[Mention, Link]]:
    links = link_places(as_seen, names)
    mentions: list[tuple[Mention, Link]] = []
    for one, name in zip(names, entity_names(as_seen, names), strict=True):
        link = links[as_seen[one.start : one.end]] if one.type == PLACE else _NO_LINK
        called = link.place.name if link.place else name
        mentions.append((Mention(one.start, one.end, text[one.start : one.end], one.type, called), link))
    return mentions


def _explained(mentions: Sequence[tuple[Mention, Link]]) -> list[ExplainedEntity]:
    grouped: dict[tuple[str, str | int], list[tuple[Mention, Link]]] = {}
    for mention, link in mentions:
        own = link.place.geonames_id if link.place else mention.name
        grouped.setdefault((mention.type, own), []).append((mention, link))
    explained = [_entity(group) for group in grouped.values()]
    return sorted(explained, key=lambda one: (-one.entity.mentions, one.entity.first_offset))


def _entity(group: Sequence[tuple[Mention, Link]]) -> ExplainedEntity:
    first, link = group[0]
    mentions = tuple(mention for mention, _ in group)
    forms = list(dict.fromkeys(mention.text for mention in mentions))
    place = link.place
    entity = Entity(
        name=first.name,
        type=first.type,
        mentions=len(mentions),
        first_offset=first.start,
        surface_forms=forms,
        country=place.country if place else None,
        geonames_id=place.geonames_id if place else None,
        extractor=EXTRACTOR,
    )
    return ExplainedEntity(entity, mentions, link.why, link.considered)
