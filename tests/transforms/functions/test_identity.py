from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.memory import Memory
from schemas.article import Article
from schemas.copy import Copy
from tests.samples import article
from transforms.functions.identity import decide_identity

ARRIVALS = st.lists(st.tuples(st.sampled_from("PQRS"), st.sampled_from("tuvw")), max_size=12)


@contextmanager
def _memory() -> Iterator[Memory]:
    with TemporaryDirectory() as folder:
        memory = Memory(Path(folder, "memory.sqlite"))
        with memory.cycle():
            yield memory
        memory.close()


def _arrival(page: str, text: str) -> Article:
    return article(page, article_body=f"The text {text} of some length.")


def _decide(arrivals: list[tuple[str, str]]) -> list[Article | Copy | None]:
    with _memory() as memory:
        return [decide_identity(_arrival(*arrival), memory) for arrival in arrivals]


def _model(arrivals: list[tuple[str, str]]) -> list[tuple[str, str] | None]:
    """Brute force: (what it is, the page it belongs to) for each arrival, None for what was seen before."""
    seen: set[tuple[str, str]] = set()
    owner_of_page: dict[str, str] = {}
    owner_of_text: dict[str, str] = {}
    outcomes: list[tuple[str, str] | None] = []
    for page, text in arrivals:
        if (page, text) in seen:
            outcomes.append(None)
            continue
        seen.add((page, text))
        by_page, by_text = owner_of_page.get(page), owner_of_text.get(text)
        owner = by_text or by_page or page
        owner_of_page.setdefault(page, owner)
        owner_of_text.setdefault(text, owner)
        if by_page is None and by_text is None:
            outcomes.append(("article", page))
        else:
            outcomes.append(("exact" if by_text is not None and by_text != by_page else "update", owner))
    return outcomes


@settings(max_examples=60, deadline=None)
@given(ARRIVALS)
@example([("P", "t"), ("Q", "t"), ("Q", "u"), ("P", "u")])
@example([("P", "t"), ("P", "u"), ("P", "t")])
@example([("P", "t"), ("Q", "u"), ("P", "u"), ("Q", "t"), ("Q", "u")])
def test_each_arrival_ends_as_the_model_says(arrivals: list[tuple[str, str]]) -> None:
    got = []
    for row in _decide(arrivals):
        if isinstance(row, Copy):
            got.append((row.relation, row.duplicate_of))
        else:
            got.append(row and ("article", row.article_id))
    assert got == [one and (one[0], _arrival(one[1], "t").article_id) for one in _model(arrivals)]


@settings(max_examples=30, deadline=None)
@given(ARRIVALS)
def test_a_replay_of_everything_gives_nothing_new(arrivals: list[tuple[str, str]]) -> None:
    assert not any(_decide(arrivals + arrivals)[len(arrivals) :])


@settings(max_examples=30, deadline=None)
@given(ARRIVALS)
@example([("P", "t"), ("Q", "t"), ("Q", "u"), ("P", "u")])
def test_one_article_a_text_one_a_page_and_copies_point_at_articles(arrivals: list[tuple[str, str]]) -> None:
    rows = [row for row in _decide(arrivals) if row]
    articles = [row for row in rows if isinstance(row, Article)]
    copies = [row for row in rows if isinstance(row, Copy)]
    ids = {row.article_id for row in articles}
    assert len(ids) == len({row.content_sha256 for row in articles}) == len(articles)
    assert {row.duplicate_of for row in copies} <= ids
    assert len({row.copy_id for row in copies}) == len(copies)
    # Every pair of page and text that arrived stands in one row.
    pairs = [(row.article_id, row.content_sha256) for row in articles]
    pairs += [(row.article.article_id, row.article.content_sha256) for row in copies]
    wanted = {(row.article_id, row.content_sha256) for row in (_arrival(*one) for one in arrivals)}
    assert len(pairs) == len(wanted)
    assert set(pairs) == wanted


def test_the_same_text_elsewhere_is_an_exact_copy_and_another_text_of_the_page_an_update() -> None:
    first, exact, update = _decide([("P", "t"), ("Q", "t"), ("P", "u")])
    assert first == _arrival("P", "t")
    assert isinstance(exact, Copy)
    assert (exact.relation, exact.similarity, exact.duplicate_of) == ("exact", 1.0, first.article_id)
    assert exact.article == _arrival("Q", "t")
    assert isinstance(update, Copy)
    assert (update.relation, update.similarity, update.duplicate_of) == ("update", None, first.article_id)


@pytest.mark.parametrize("times", [2, 5])
def test_a_text_that_changes_to_and_fro_gives_one_row_a_wording(times: int) -> None:
    rows = _decide([("P", "t"), ("P", "u")] * times)
    assert [type(row) for row in rows if row] == [Article, Copy]
