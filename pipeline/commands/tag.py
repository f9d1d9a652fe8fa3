"""`newsbeam tag`: a text's topics and entities, and what speaks for them."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from pipeline.given_texts import find_text, text_as_it_stands
from pipeline.terminal import json_line, safe
from schemas.errors import NewsbeamError, UsageError
from schemas.tagged_article import CUT, NO_MODEL, TAGGED, TOO_SHORT
from transforms.functions import entities, topics
from transforms.functions.entities import ExplainedEntity, entity_tagger
from transforms.functions.languages import language_of
from transforms.functions.plain_text import read_plain_text
from transforms.functions.topics import TopicEvidence, TopicText, topic_model


@dataclass(frozen=True)
class _Given:
    """A text to be tagged: `topic_text` as a run has it, `body` as offsets count in it."""

    given: str
    topic_text: TopicText
    body: str
    language: str | None


@dataclass(frozen=True)
class _Found:
    text: _Given
    topics: TopicEvidence
    topics_state: str
    entities: Sequence[ExplainedEntity]
    entities_state: str


def tag_files(arguments: argparse.Namespace) -> int:
    """Print the topics and entities of each file or row that is named; returns the exit code.

    One that cannot be read is said on standard error, and the others are tagged all the same.
    """
    code = 0
    for given in arguments.files:
        try:
            found = _find(_read(given, arguments))
        except (NewsbeamError, OSError) as error:
            sys.stderr.write(f"newsbeam: {safe(str(error))}\n")
            code = 2 if isinstance(error, UsageError) else 1
            continue
        if arguments.json:
            sys.stdout.write(json_line(_figures(found)))
        else:
            _print(found)
    return code


def _read(given: str, arguments: argparse.Namespace) -> _Given:
    text = text_as_it_stands(given)
    if text is None:
        row = find_text(given, arguments.lake)
        return _Given(given, TopicText(row.headline, row.body), row.body, arguments.language or row.language)
    plain = read_plain_text(text)
    headline = None if plain.headline_source == "lead" else plain.headline
    # Somebody who names a text of a few words wants its tags: only a language that is told for another one stops them.
    language = arguments.language or language_of(text) or "en"
    return _Given(given, TopicText(headline, plain.text), text, language)


def _find(text: _Given) -> _Found:
    is_served = text.language in topics.SERVED_LANGUAGES
    about = topic_model().explain(text.topic_text) if is_served else TopicEvidence(0, [], None, [])
    topics_state = (TAGGED if about.topics else TOO_SHORT) if is_served else NO_MODEL
    if text.language not in entities.SERVED_LANGUAGES:
        return _Found(text, about, topics_state, [], NO_MODEL)
    [named] = entity_tagger().explain([text.body])
    return _Found(text, about, topics_state, named, CUT if len(text.body) > entities.MOST_CHARACTERS else TAGGED)


def _figures(found: _Found) -> dict[str, Any]:
    about = found.topics
    given = [{**one.topic._asdict(), "terms": one.terms} for one in about.topics]
    mentions = sorted(mention for one in found.entities for mention in one.mentions)
    return {
        "given": found.text.given,
        "headline": found.text.topic_text.headline,
        "in_language": found.text.language,
        "topics_state": found.topics_state,
        "topics": [*given, *([about.deeper._asdict()] if about.deeper else [])],
        "nearest": [{"id": id, "name": name, "similarity": similarity} for id, name, similarity in about.nearest],
        "entities_state": found.entities_state,
        "entities": [{**one.entity._asdict(), "why": one.why} for one in found.entities],
        "mentions": [mention._asdict() for mention in mentions],
        "article_body": found.text.body,
    }


def _print(found: _Found) -> None:
    # Where nothing is known of the reader's width, enough for the longest column.
    console = Console(width=shutil.get_terminal_size((120, 24)).columns)
    console.print(safe(found.text.given), style="bold")
    states = f"topics: {found.topics_state}, entities: {found.entities_state}"
    console.print(safe(f"language {found.text.language or 'unknown'}, {len(found.text.body):,} characters, {states}"))
    if found.topics.topics:
        console.print(_topics(found.topics))
        for line in _deeper(found.topics):
            console.print(safe(line))
    if found.entities:
        console.print(_entities(found.entities))


def _topics(about: TopicEvidence) -> Table:
    table = Table("topic", "id", Column("confidence", justify="right"), Column("words for it", overflow="fold"))
    for one in about.topics:
        terms = ", ".join(f"{term} {added:.2f}" for term, added in one.terms)
        table.add_row(one.topic.name, one.topic.id, f"{one.topic.confidence:.2f}", safe(terms))
    if about.deeper:
        table.add_row(about.deeper.name, about.deeper.id, f"{about.deeper.confidence:.2f}", "the nearest concept below")
    return table


def _deeper(about: TopicEvidence) -> Sequence[str]:
    nearest = ", ".join(f"{name} {similarity:.2f}" for _, name, similarity in about.nearest)
    sure = "given" if about.deeper else "none is near enough to be given"
    return [f"nearest concepts below {about.topics[0].topic.name}: {nearest} ({sure})"] if nearest else []


def _entities(found: Sequence[ExplainedEntity]) -> Table:
    number = Column("mentions", justify="right")
    table = Table(
        "entity", "type", number, Column("written as", overflow="fold"), "place", Column("why", overflow="fold")
    )
    for one in found:
        entity = one.entity
        written = safe(", ".join(entity.surface_forms))
        place = f"{entity.country or ''} {entity.geonames_id}" if entity.geonames_id else ""
        table.add_row(safe(entity.name), entity.type, f"{entity.mentions:,}", written, place, safe(one.why))
    return table
