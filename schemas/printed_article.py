"""The row between the extraction and the duplicate decision."""

from __future__ import annotations

from typing import NamedTuple

from schemas.article import Article


class PrintedArticle(NamedTuple):
    """An article with what the duplicate decision needs of its text, its outlet's furniture still in it.

    Numbers travel as bytes (little-endian): a coder that writes them one by one takes longer than making them.
    """

    article: Article
    keys: bytes
    """int64: what the text is found by; none where it is too short to be compared."""
    shingles: bytes
    """uint32, ascending: its distinct shingles."""
    packed_text: bytes
    """Its sentences, compressed."""
    sentences: bytes
    """uint32: a hash of each sentence by its position; 0 for one too short to be furniture."""
