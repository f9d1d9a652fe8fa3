"""The row of the `articles` table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from schemas.article import Article
from schemas.entity import Entity
from schemas.topic import Topic

TAGGED: Final = "ok"
OFF: Final = "off"
NO_MODEL: Final = "no_model"
TOO_SHORT: Final = "too_short"
CUT: Final = "cut"
NOT_DONE: Final = "not_done"
"""Why tags are as they are; `schemas.tables` says what each means."""


class TaggedArticle(NamedTuple):
    """An article with its topics and entities. Only articles have them: a copy has those of its story."""

    article: Article
    topics: Sequence[Topic] = ()
    """The surest first: top concepts, then a deeper one where it is sure."""
    topics_state: str = OFF
    entities: Sequence[Entity] = ()
    """The one with most mentions first."""
    entities_state: str = OFF
