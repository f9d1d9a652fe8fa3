from __future__ import annotations

import random
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from schemas.printed_article import PrintedArticle
from tests.engines.pipelines import grouped, hold_and_group
from tests.samples import SEEN_AT, article
from transforms.functions.printed_articles import print_article

START = SEEN_AT // 1_000_000


@pytest.fixture(scope="module")
def rows() -> list[PrintedArticle]:
    made = [
        print_article(
            article(f"story-{n}", source_domain=f"outlet-{n % 7}.example", in_language=("en", "de", "fr")[n % 3])
        )
        for n in range(90)
    ]
    random.Random(7).shuffle(made)
    return made


def _run(rows: list[PrintedArticle], folder: Path, flags: list[str]) -> dict[str, list[PrintedArticle]]:
    pipeline = beam.Pipeline(options=PipelineOptions(flags))
    hold_and_group(pipeline, rows, START, folder)
    result = pipeline.run()
    assert result.wait_until_finish() == "DONE"
    return grouped(folder)


def _expected(rows: list[PrintedArticle]) -> dict[str, list[PrintedArticle]]:
    by_id = sorted(rows, key=lambda row: row.article.article_id)
    return {language: [row for row in by_id if row.article.in_language == language] for language in ("en", "de", "fr")}


def test_rows_come_through_state_timers_and_groups_on_the_local_runner(
    rows: list[PrintedArticle], tmp_path: Path
) -> None:
    assert _run(rows, tmp_path, ["--runner=FnApiRunner"]) == _expected(rows)


def test_rows_come_through_state_timers_and_groups_on_prism(
    rows: list[PrintedArticle], tmp_path: Path, prism_options: list[str]
) -> None:
    assert _run(rows, tmp_path, prism_options) == _expected(rows)


def test_rows_come_through_state_timers_and_groups_on_flink(
    rows: list[PrintedArticle], tmp_path: Path, flink_options: list[str]
) -> None:
    assert _run(rows, tmp_path, flink_options) == _expected(rows)
