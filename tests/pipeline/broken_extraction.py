"""A newsbeam that cannot extract some pages: the fault that a later version mends.

In the place of `transforms.extract_articles.printed_article_from_page`; worker processes find it by its name.
"""

from __future__ import annotations

from schemas.errors import InputRejected
from schemas.page import Page
from schemas.printed_article import PrintedArticle
from transforms.functions.printed_articles import printed_article_from_page

HARD = b"<!-- hard -->"
"""What the pages have that are too much for it."""


def extract_easy_pages(page: Page, run_id: str) -> PrintedArticle:
    """Extract a page, unless it is hard."""
    if HARD in page.body:
        raise InputRejected("error", "IndexError: list index out of range", error_class="IndexError")
    return printed_article_from_page(page, run_id)
