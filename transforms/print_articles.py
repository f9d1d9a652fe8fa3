"""From articles to printed articles: for those that came as records, which no worker process has seen."""

from __future__ import annotations

from dataclasses import dataclass

import apache_beam as beam

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.printed_article import PrintedArticle
from transforms.functions.printed_articles import print_article


@dataclass
class PrintArticles(beam.PTransform):
    """Article -> PrintedArticle, one for one."""

    def expand(self, articles: beam.PCollection) -> beam.PCollection:
        """Chain the one step."""
        return articles | "PrintTexts" >> beam.Map(print_article).with_output_types(PrintedArticle)
