from __future__ import annotations

import apache_beam as beam
from apache_beam.testing.test_pipeline import TestPipeline as BeamPipeline
from apache_beam.testing.util import assert_that, equal_to

from schemas.printed_article import PrintedArticle
from schemas.reject import Reject
from tests.samples import article, reject
from transforms.drop_erased import DropErased
from transforms.functions.tombstones import Tombstones, tombstone_of


def test_what_was_taken_down_is_counted_and_goes_nowhere() -> None:
    tombstones = Tombstones((tombstone_of("url", "https://ledger.example/one", 1), tombstone_of("match", "zebra", 1)))
    printed = [PrintedArticle(article(name), b"", b"", b"", b"") for name in ("one", "two")]
    rejects = [reject(1), reject(2, payload=b"a Zebra crossing")]
    with BeamPipeline() as pipeline:
        articles = pipeline | "Articles" >> beam.Create(printed) | "Drop" >> DropErased(tombstones, PrintedArticle)
        kept = pipeline | "Rejects" >> beam.Create(rejects) | "DropRejects" >> DropErased(tombstones, Reject)
        assert_that(articles, equal_to(printed[1:]), "articles")
        assert_that(kept, equal_to(rejects[:1]), "rejects")
    named = beam.metrics.MetricsFilter().with_name("already_seen")
    assert sum(counter.result for counter in pipeline.result.metrics().query(named)["counters"]) == 2
