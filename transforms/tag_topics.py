"""From articles to articles with topics."""

from __future__ import annotations

from dataclasses import dataclass

import apache_beam as beam

from schemas.tagged_article import TaggedArticle
from transforms.functions.tagging import topics_of
from transforms.functions.topics import SERVED_LANGUAGES
from transforms.tag_in_workers import TagInWorkers


@dataclass
class TagTopics(beam.PTransform):
    """TaggedArticle -> TaggedArticle with `topics` and `topics_state`, one for one.

    The work runs in `processes` worker processes of this machine, as `ExtractArticles`; an article whose batch of one
    takes longer than `time_limit` seconds comes without topics. A runner that brings its own parallelism wants
    `processes=1`.
    """

    processes: int
    time_limit: float

    def expand(self, articles: beam.PCollection) -> beam.PCollection:
        """Chain the one step."""
        tag = TagInWorkers(TagTopics, "topics", topics_of, SERVED_LANGUAGES, self.processes, self.time_limit)
        return articles | "TagTopicsInWorkers" >> beam.ParDo(tag).with_output_types(TaggedArticle)
