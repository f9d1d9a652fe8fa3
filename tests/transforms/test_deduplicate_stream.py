from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from apache_beam.testing import test_stream
from apache_beam.transforms.window import TimestampedValue

from schemas.article import Article
from schemas.printed_article import PrintedArticle
from tests.beam_rows import run_stream
from tests.duplicate_worlds import PARTS, Document, Outcome, decide, stories_of
from tests.samples import SEEN_AT
from transforms import deduplicate_stream
from transforms.deduplicate_stream import DeduplicateStream
from transforms.functions.dictionary_index import DictionaryIndex
from transforms.functions.duplicates import Decider
from transforms.functions.printed_articles import print_article

START = SEEN_AT // 1_000_000


def _run(stream: test_stream.TestStream, folder: Path) -> Outcome:
    stage = DeduplicateStream("run-1", lambda: SEEN_AT)
    rows = run_stream(stage, stream.with_output_types(PrintedArticle), folder, "articles", "copies", "aliases")
    return Outcome([*rows["articles"], *rows["copies"]], rows["aliases"], seen=0)  # streams do not add up counters


def _arrive(stream: test_stream.TestStream, documents: Sequence[Document]) -> test_stream.TestStream:
    return stream.add_elements(
        [TimestampedValue(print_article(one.article()), START + one.hour * 3600) for one in documents]
    )


def _world(seed: int, hours: int) -> list[Document]:
    draw = random.Random(seed)
    texts = [tuple(draw.sample(range(len(PARTS)), draw.randint(2, 7))) for _ in range(5)]
    documents = [Document(page, draw.choice(texts), draw.randrange(hours)) for page in range(8)]
    return documents + draw.sample(documents, 2)


@pytest.mark.parametrize("seed", range(12))
def test_a_stream_in_any_order_makes_the_stories_of_all_pairs_at_once(tmp_path: Path, seed: int) -> None:
    documents = _world(seed, hours=60)
    random.Random(seed).shuffle(documents)
    stream = test_stream.TestStream()
    for start in range(0, len(documents), 1 + seed % 3):
        stream = _arrive(stream, documents[start : start + 1 + seed % 3])
    outcome = _run(stream.advance_watermark_to_infinity(), tmp_path)
    assert outcome.stories() == stories_of(documents)
    assert outcome.canonicals() == len(outcome.stories())
    assert len(outcome.rows) == 8


def test_the_keyed_state_decides_as_the_dictionary_does(tmp_path: Path) -> None:
    documents = _world(99, hours=60)
    stream, index, expected = test_stream.TestStream(), DictionaryIndex(), []
    for document in documents:
        stream = _arrive(stream, [document])
        expected += decide([document], index).rows
    outcome = _run(stream.advance_watermark_to_infinity(), tmp_path)
    assert _plain(outcome.rows) == _plain(expected)


def _plain(rows: Sequence[Any]) -> list[Any]:
    """What was decided of each page; the order is the runner's."""
    return sorted(
        (row.source, "article") if isinstance(row, Article) else (row.article.source, *row[1:]) for row in rows
    )


def test_a_late_document_and_a_jump_of_the_watermark_lose_nothing(tmp_path: Path) -> None:
    first, copy, late = Document(1, (0, 1, 2), 0), Document(2, (0, 1, 2, 3), 40), Document(3, (1, 2, 3), 2)
    stream = _arrive(test_stream.TestStream(), [first]).advance_watermark_to(START + 39 * 3600)
    stream = _arrive(stream, [copy]).advance_watermark_to(START + 60 * 3600)
    stream = _arrive(stream, [late]).advance_watermark_to_infinity()
    outcome = _run(stream, tmp_path)
    assert outcome.stories() == frozenset({frozenset("123")})


def test_after_72_hours_of_the_watermark_a_text_is_forgotten_and_not_before(tmp_path: Path) -> None:
    first, near, far = Document(1, (0, 1, 2), 0), Document(2, (0, 1, 2, 3), 71), Document(3, (0, 1, 2, 4), 200)
    stream = _arrive(test_stream.TestStream(), [first]).advance_watermark_to(START + 70 * 3600)
    stream = _arrive(stream, [near]).advance_watermark_to(START + 199 * 3600)
    stream = _arrive(stream, [far, first._replace(hour=200)]).advance_watermark_to_infinity()
    outcome = _run(stream, tmp_path)
    assert frozenset("12") in outcome.stories()
    # The third finds neither, and the first page, delivered again, is new: it was forgotten with its text.
    assert [row.source for row in outcome.rows if isinstance(row, Article)] == ["1", "3"]
    assert len(outcome.rows) == 4


def _with_an_index_ahead(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """As after a failed bundle: the process holds an index that went further than the state."""
    documents = [Document(1, (0, 1, 2), 0), Document(2, (0, 1, 2, 3), 1)]
    ahead = DictionaryIndex()
    decide(documents[1:], ahead)
    monkeypatch.setattr(deduplicate_stream, "_held", {"en": (5, ahead, [])})
    return _run(_arrive(test_stream.TestStream(), documents).advance_watermark_to_infinity(), folder)


def test_an_index_of_another_token_is_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(_with_an_index_ahead(tmp_path, monkeypatch).rows) == 2


def test_without_the_token_a_document_would_be_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deduplicate_stream, "_is_current", lambda token, head: True)
    assert len(_with_an_index_ahead(tmp_path, monkeypatch).rows) == 1


def test_an_update_of_a_page_whose_text_was_forgotten_is_a_row_all_the_same(tmp_path: Path) -> None:
    first, exact, changed = Document(1, (0, 1, 2), 0), Document(2, (0, 1, 2), 70), Document(2, (5, 6, 7), 76)
    stream = _arrive(test_stream.TestStream(), [first]).advance_watermark_to(START + 69 * 3600)
    stream = _arrive(stream, [exact]).advance_watermark_to(START + 75 * 3600)
    outcome = _run(_arrive(stream, [changed]).advance_watermark_to_infinity(), tmp_path)
    assert len(outcome.rows) == 3


_failures: list[int] = []


def _fail_once(decide_all: Any) -> Any:
    def decide_or_fail(self: Decider, arrivals: Sequence[PrintedArticle]) -> Any:
        rows = list(decide_all(self, arrivals))
        if arrivals[0].article.source == "2" and not _failures:
            _failures.append(1)
            raise OSError("a decision broke off")
        return rows

    return decide_or_fail


def test_a_decision_that_breaks_off_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [Document(1, (0, 1, 2), 0), Document(2, (0, 1, 2, 3), 1)]
    monkeypatch.setattr(Decider, "decide_all", _fail_once(Decider.decide_all))
    stream = test_stream.TestStream()
    for document in documents:
        stream = _arrive(stream, [document])
    outcome = _run(stream.advance_watermark_to_infinity(), tmp_path)
    assert _failures
    assert sorted(type(row).__name__ for row in outcome.rows) == ["Article", "Copy"]
