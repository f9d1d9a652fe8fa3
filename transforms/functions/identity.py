"""Whether an article is new, a copy, an update, or was seen before: the exact part of the duplicate decision."""

from __future__ import annotations

from typing import Protocol

from schemas.article import Article
from schemas.copy import Copy
from transforms.functions.urls import copy_id


class IdentityIndex(Protocol):
    """What has to be remembered of earlier articles. Keepers differ by engine; answers must not."""

    def article_of_page(self, article_id: str) -> str | None:
        """Return the canonical article that the page with this id belongs to; None for an unknown page."""

    def article_of_text(self, content_sha256: str) -> str | None:
        """Return the canonical article that has, or folded, exactly this text."""

    def has_copy(self, copy_id: str) -> bool:
        """Whether a row (article or copy) of this page with this text was written before."""

    def remember_page(self, article_id: str, canonical_id: str) -> None:
        """Note that the page belongs to that canonical article (to itself, where it is one)."""

    def remember_text(self, content_sha256: str, canonical_id: str) -> None:
        """Note that this text belongs to that canonical article."""

    def remember_copy(self, copy_id: str) -> None:
        """Note that the row of this page with this text has been written."""


def decide_identity(article: Article, index: IdentityIndex) -> Article | Copy | None:
    """Decide what an article is, and remember it.

    Returns:
        the article itself where both its page and its text are new; a `Copy` where another page had the same text
        (`exact`) or the same page had another text (`update`); None where page and text were seen together before.

    The decision depends on what the index holds, so callers bring articles in a fixed order.
    """
    text_owner = index.article_of_text(article.content_sha256)
    page_owner = index.article_of_page(article.article_id)
    if text_owner is None and page_owner is None:
        index.remember_page(article.article_id, article.article_id)
        index.remember_text(article.content_sha256, article.article_id)
        # Known as a pair like a copy: a copy may bring the article a text that its own page shows only later.
        index.remember_copy(copy_id(article.article_id, article.content_sha256))
        return article
    return _fold(article, text_owner, page_owner, index)


def _fold(article: Article, text_owner: str | None, page_owner: str | None, index: IdentityIndex) -> Copy | None:
    identifier = copy_id(article.article_id, article.content_sha256)
    if index.has_copy(identifier):
        return None
    # A text that is known wins over a page that is known: an article moved back to an older wording, or to another
    # outlet's, is a copy of that text.
    owner = text_owner or page_owner or article.article_id
    relation = "exact" if text_owner is not None and page_owner != text_owner else "update"
    index.remember_copy(identifier)
    if page_owner is None:
        index.remember_page(article.article_id, owner)
    if text_owner is None:
        index.remember_text(article.content_sha256, owner)
    return Copy(article, identifier, owner, relation, similarity=1.0 if relation == "exact" else None)
