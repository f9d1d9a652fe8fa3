from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest

from schemas.tagged_article import TaggedArticle
from tests.beam_rows import run_stage
from tests.samples import article
from tests.transforms.tag_tasks import tag
from transforms.functions.tagging import BATCH_ARTICLES, BATCH_CHARACTERS
from transforms.functions.worker_pool import close_shared_pools
from transforms.tag_in_workers import TagInWorkers
from transforms.tag_topics import TagTopics


@pytest.fixture(autouse=True, scope="module")
def _ended_pools() -> Iterator[None]:
    yield
    close_shared_pools()


def _tagged(rows: list[TaggedArticle], folder: Path, time_limit: float = 30.0) -> dict[str, Any]:
    stage = beam.ParDo(TagInWorkers(TagTopics, "topics", tag, {"en"}, 2, time_limit))
    done = run_stage(stage, rows, folder, stamps={row: 1000.0 + at for at, row in enumerate(rows)})
    return {
        "rows": sorted((row.article.article_body, row.topics_state, len(row.topics)) for row, _ in done[""]),
        "stamps": {row.article.article_body: stamp for row, stamp in done[""]},
        "topics": {row.article.article_body: row.topics[0].id for row, _ in done[""] if row.topics},
        "sizes": {row.topics[0].name for row, _ in done[""] if row.topics},
        "failed": done["counters"].get("failed", 0),
    }


def _rows(*bodies: str) -> list[TaggedArticle]:
    return [
        TaggedArticle(article(str(at), article_body=body, authors=(), keywords=())) for at, body in enumerate(bodies)
    ]


def test_each_article_comes_once_with_its_own_tags_and_timestamp(tmp_path: Path) -> None:
    bodies = [f"text {n}" for n in range(3 * BATCH_ARTICLES + 5)]
    done = _tagged(_rows(*bodies), tmp_path)
    assert done["rows"] == sorted((body, "ok", 1) for body in bodies)
    assert done["stamps"] == {body: 1000.0 + at for at, body in enumerate(bodies)}
    assert done["topics"] == {body: body for body in bodies}
    assert done["failed"] == 0


def test_a_long_text_ends_its_batch(tmp_path: Path) -> None:
    bodies = [f"{n} {'x' * BATCH_CHARACTERS}" for n in range(3)]
    done = _tagged(_rows(*bodies), tmp_path)
    assert [state for _, state, _ in done["rows"]] == ["ok"] * 3
    assert done["sizes"] == {"of 1"}


def test_a_language_without_a_model_is_not_sent_anywhere(tmp_path: Path) -> None:
    row = TaggedArticle(article("1", article_body="hang", in_language="de", authors=(), keywords=()))
    assert _tagged([row], tmp_path)["rows"] == [("hang", "no_model", 0)]


@pytest.mark.parametrize("trouble", ["hang", "die", "raise"])
def test_a_text_that_fails_comes_without_tags_and_costs_the_others_nothing(tmp_path: Path, trouble: str) -> None:
    bodies = ["one", "two", trouble, "four"]
    done = _tagged(_rows(*bodies), tmp_path, time_limit=2.0)
    assert done["rows"] == sorted((body, "not_done" if body == trouble else "ok", body != trouble) for body in bodies)
    assert done["stamps"] == {body: 1000.0 + at for at, body in enumerate(bodies)}
    assert done["failed"] == 1


def test_a_model_that_cannot_be_loaded_ends_the_run_instead_of_all_tags(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="install newsbeam again"):
        _tagged(_rows("one", "model"), tmp_path)
