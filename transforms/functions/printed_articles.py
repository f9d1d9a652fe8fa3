"""Articles with their prints: made where the cores are (in the worker processes), used where the one decision is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.article import Article
from schemas.page import Page
from schemas.printed_article import PrintedArticle
from transforms.functions.articles import article_from_page
from transforms.functions.outlet_window import SeenText
from transforms.functions.text_print import SplitText, TextPrint


def print_article(article: Article) -> PrintedArticle:
    """Print an article's text; 1.8 ms for a text of 1,000 words."""
    split = SplitText.of(article.article_body)
    keys, text = split.print(article.in_language)
    seen = SeenText.of(split, keys)
    return PrintedArticle(
        article,
        np.array(keys, dtype="<i8").tobytes(),
        text.shingles.astype("<u4").tobytes(),
        text.packed_text,
        np.array(seen.sentences, dtype="<u4").tobytes(),
    )


@dataclass(frozen=True)
class ExtractPage:
    """Extracts pages for a run: what worker processes are told to do, equal to another that does the same."""

    run_id: str

    def __call__(self, page: Page) -> PrintedArticle:
        """Extract a page into an article and print it.

        Raises:
            InputRejected: there is no article in it.
        """
        return print_article(article_from_page(page, self.run_id))


def keys_of_printed(printed: PrintedArticle) -> list[int]:
    """Return the keys that the text is found by; none where it is too short to be compared."""
    keys: list[int] = np.frombuffer(printed.keys, dtype="<i8").tolist()
    return keys


def print_of_printed(printed: PrintedArticle) -> TextPrint:
    """Return what is remembered of the text."""
    return TextPrint.stored(printed.shingles, printed.packed_text)


def seen_of_printed(printed: PrintedArticle) -> SeenText:
    """Return what the outlet's window keeps of the text."""
    sentences = np.frombuffer(printed.sentences, dtype="<u4").tolist()
    return SeenText.kept(sentences, keys_of_printed(printed))
