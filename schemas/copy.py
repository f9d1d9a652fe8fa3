"""The row of the `copies` table."""

from __future__ import annotations

from typing import NamedTuple

from schemas.article import Article


class Copy(NamedTuple):
    """A text that is folded into another row's article: the text's own columns, and what it is a copy of."""

    article: Article
    """The copy itself, whole. Its `article_id` is that of its own address, never the canonical article's."""
    copy_id: str
    """Hex; a function of the copy's `article_id` and text, so the same copy has the same id in every run."""
    duplicate_of: str
    """`article_id` of the canonical article at the time of writing."""
    relation: str
    """`exact`, `same_copy`, `version` or `update`; `schemas.tables` says what each means."""
    similarity: float | None = None
    """0 to 1: how much of the shorter of two texts stands in the longer; 1.0 for `exact`; None where not measured."""
