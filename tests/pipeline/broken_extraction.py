"""A newsbeam that cannot extract some pages: the fault that a later version mends.

In the place of `transforms.extract_articles.ExtractPage`; worker processes find it by its name.
"""

from __future__ import annotations

from schemas.errors import InputRejected
from schemas.page import Page
from schemas.printed_article import PrintedArticle
from transforms.functions.printed_articles import ExtractPage

HARD = b"<!-- hard -->"
"""What the pages have that are too much for it."""


class ExtractEasyPage(ExtractPage):
    """Extracts a page, unless it is hard."""

    def __call__(self, page: Page) -> PrintedArticle:
        if HARD in page.body:
            raise InputRejected("error", "IndexError: list index out of range", error_class="IndexError")
        return super().__call__(page)
