"""What a worker process does for `TagTopics` and `TagEntities`: texts in, tags and why they are as they are out.

The models are loaded by the first batch of a process and stay in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from schemas.article import Article
from schemas.entity import Entity
from schemas.tagged_article import CUT, NO_MODEL, TAGGED, TOO_SHORT
from schemas.topic import Topic
from transforms.functions import entities, topics

BATCH_ARTICLES: Final = 16
"""Texts of one batch: the entity model is as fast with 8 as with 32, and 128 take three times the memory (lab of
2026-11)."""

BATCH_CHARACTERS: Final = 60_000
"""A batch ends at this, too: a second of work, so that no process is left alone with a long one at the end."""


class Text(NamedTuple):
    """What the models need of an article."""

    headline: str | None
    body: str
    language: str | None

    @classmethod
    def of(cls, article: Article) -> Text:
        """Return an article's text; a headline that is only its first sentence once more is left out."""
        headline = None if article.headline_source == "lead" else article.headline
        return cls(headline, article.article_body, article.in_language)


def topics_of(texts: Sequence[Text]) -> list[tuple[list[Topic], str]]:
    """Return the topics of each text and their state."""
    served = [text for text in texts if text.language in topics.SERVED_LANGUAGES]
    model = topics.topic_model() if served else None
    found = iter(model.tag([topics.TopicText(text.headline, text.body) for text in served]) if model else [])
    return [
        (tags := next(found), TAGGED if tags else TOO_SHORT)
        if text.language in topics.SERVED_LANGUAGES
        else ([], NO_MODEL)
        for text in texts
    ]


def entities_of(texts: Sequence[Text]) -> list[tuple[list[Entity], str]]:
    """Return the entities of each text and their state."""
    served = [text.body for text in texts if text.language in entities.SERVED_LANGUAGES]
    found = iter(entities.entity_tagger().entities(served) if served else [])
    return [
        (next(found), CUT if len(text.body) > entities.MOST_CHARACTERS else TAGGED)
        if text.language in entities.SERVED_LANGUAGES
        else ([], NO_MODEL)
        for text in texts
    ]
