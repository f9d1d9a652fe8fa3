"""What a worker process does for `TagTopics` and `TagEntities`: texts in, tags and why they are as they are out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

from schemas.article import Article
from schemas.entity import Entity
from schemas.errors import ModelError
from schemas.tagged_article import CUT, TAGGED, TOO_SHORT
from schemas.topic import Topic
from transforms.functions import entities, topics

Model = TypeVar("Model")

BATCH_ARTICLES: Final = 16
"""Texts of one batch: the entity model is as fast with 8 as with 32, and 128 take three times the memory (lab of
2026-11)."""

BATCH_CHARACTERS: Final = 60_000
"""A batch ends at this, too: a second of work, so that no process is left alone with a long one at the end."""


class Text(NamedTuple):
    """What the models need of an article in a language that they serve."""

    headline: str | None
    body: str

    @classmethod
    def of(cls, article: Article) -> Text:
        """Return an article's text, no more of it than is read (and one character, which tells that there is more).

        A headline that is only the first sentence once more is left out.
        """
        headline = None if article.headline_source == "lead" else article.headline
        return cls(headline, article.article_body[: entities.MOST_CHARACTERS + 1])


def topics_of(texts: Sequence[Text]) -> list[tuple[list[Topic], str]]:
    """Return the topics of each text and their state.

    Raises:
        ModelError: the model of this installation cannot be loaded.
    """
    found = loaded(topics.topic_model).tag([topics.TopicText(text.headline, text.body) for text in texts])
    return [(tags, TAGGED if tags else TOO_SHORT) for tags in found]


def entities_of(texts: Sequence[Text]) -> list[tuple[list[Entity], str]]:
    """Return the entities of each text and their state.

    Raises:
        ModelError: a model of this installation cannot be loaded.
    """
    found = loaded(entities.entity_tagger).entities([text.body for text in texts])
    is_cut = [len(text.body) > entities.MOST_CHARACTERS for text in texts]
    return [(tags, CUT if cut else TAGGED) for tags, cut in zip(found, is_cut, strict=True)]


def loaded(load: Callable[[], Model]) -> Model:
    """Return what a loader gives.

    Raises:
        ModelError: it raised whatever. That is the installation's fault, never a text's.
    """
    try:
        return load()
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"a model cannot be loaded ({type(error).__name__}: {error}): install newsbeam again"
        ) from error
