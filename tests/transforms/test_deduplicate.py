from __future__ import annotations

import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline.duplicate_memory import duplicate_memory_at
from pipeline.memory import opened_memory
from schemas.article import Article
from tests.beam_rows import run_stage
from tests.samples import SEEN_AT, article
from transforms.deduplicate import Deduplicate
from transforms.functions.printed_articles import print_article

TEXTS = {letter: f"The text {letter} of some length." for letter in "tuvw"}


def _decide(arrivals: list[Article], folder: Path) -> dict[str, Any]:
    folder.mkdir()
    with opened_memory(folder / "memory.sqlite") as memory, memory.cycle():
        stage = Deduplicate(partial(duplicate_memory_at, str(memory.path), SEEN_AT), "run-1", SEEN_AT)
        done = run_stage(
            stage, [print_article(arrival) for arrival in arrivals], folder, "articles", "copies", "aliases"
        )
    return {
        "articles": sorted((row.article_id, row.content_sha256, row.source) for row, _ in done["articles"]),
        "copies": sorted(
            (row.copy_id, row.duplicate_of, row.relation, row.article.source) for row, _ in done["copies"]
        ),
        "seen": done["counters"].get("already_seen", 0),
    }


def _arrivals(letters: random.Random) -> list[Article]:
    moments = [SEEN_AT, SEEN_AT, SEEN_AT + 5]
    return [
        article(
            letters.choice("PQR"),
            article_body=TEXTS[letters.choice("tuv")],
            first_seen_at=letters.choice(moments),
            date_published=letters.choice([None, SEEN_AT - 9, SEEN_AT - 7]),
            source=f"{number}.html",
        )
        for number in range(10)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_the_outcome_does_not_depend_on_the_order_of_arrival(tmp_path: Path, seed: int) -> None:
    letters = random.Random(seed)
    arrivals = _arrivals(letters)
    outcomes = []
    for number in range(3):
        outcomes.append(_decide(arrivals, tmp_path / str(number)))
        letters.shuffle(arrivals)
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert len(outcomes[0]["articles"]) + len(outcomes[0]["copies"]) + outcomes[0]["seen"] == len(arrivals)


def test_a_page_that_changed_its_language_is_decided_alike_in_any_order(tmp_path: Path) -> None:
    arrivals = [
        article("P", article_body=TEXTS["t"], in_language="en", date_published=SEEN_AT - 9),
        article("P", article_body=TEXTS["u"], in_language="fr", date_published=SEEN_AT - 7),
    ]
    assert _decide(arrivals, tmp_path / "one") == _decide(arrivals[::-1], tmp_path / "other")


def test_of_one_text_read_at_one_moment_the_page_published_first_is_the_article(tmp_path: Path) -> None:
    late = article("P", article_body=TEXTS["t"], date_published=SEEN_AT - 1)
    early = article("Q", article_body=TEXTS["t"], date_published=SEEN_AT - 2)
    undated = article("R", article_body=TEXTS["t"], date_published=None)
    done = _decide([late, undated, early], tmp_path / "work")
    assert [one[0] for one in done["articles"]] == [early.article_id]
    assert {one[1] for one in done["copies"]} == {early.article_id}
    assert len(done["copies"]) == 2
