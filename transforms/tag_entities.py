"""From articles to articles with entities."""

from __future__ import annotations

from dataclasses import dataclass

import apache_beam as beam

from schemas.tagged_article import TaggedArticle
from transforms.functions.entities import SERVED_LANGUAGES
from transforms.functions.tagging import entities_of
from transforms.tag_in_workers import TagInWorkers


@dataclass
class TagEntities(beam.PTransform):
    """TaggedArticle -> TaggedArticle with `entities` and `entities_state`, one for one.

    The work runs in `processes` worker processes of this machine, as `ExtractArticles`; an article whose batch of one
    takes longer than `time_limit` seconds comes without entities. A runner that brings its own parallelism wants
    `processes=1`.
    """

    processes: int
    time_limit: float

    def expand(self, articles: beam.PCollection) -> beam.PCollection:
        """Chain the one step."""
        tag = TagInWorkers(TagEntities, "entities", entities_of, SERVED_LANGUAGES, self.processes, self.time_limit)
        return articles | "TagEntitiesInWorkers" >> beam.ParDo(tag).with_output_types(TaggedArticle)
