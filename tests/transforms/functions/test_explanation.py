from __future__ import annotations

import time
from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.article import Article
from schemas.copy import Copy
from tests.samples import SEEN_AT, article, paragraphs
from transforms.functions.dictionary_index import DictionaryIndex
from transforms.functions.duplicate_index import WINDOW
from transforms.functions.duplicates import Decider
from transforms.functions.explanation import (
    COPIES,
    HOUR,
    Explanation,
    decision,
    explain,
    share_text,
)
from transforms.functions.printed_articles import print_article
from transforms.functions.shared_passages import Passage, shared_passages
from transforms.functions.shingles import WIDTH
from transforms.functions.text_print import SplitText

WORDS = (
    "The",
    "ferry",
    "FERRY",
    "don’t",
    "1,234.5",
    "U.S",
    "J",
    "straße",
    "港口罢工结束",
    "港口",
    "การประท้วง",
    "ประท",
    "ကခဂ။ဃငစ",
)
SEPARATORS = (" ", " ", " ", ". ", ", ", ".\n", " | ", "—", "", " ### ")

texts = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(SEPARATORS)), max_size=40).map(
    lambda parts: "".join(chain.from_iterable(parts))
)
sentences = st.lists(st.sampled_from([*paragraphs("p", 12), *paragraphs("q", 12)]), max_size=14, unique=True)


def words_of(text: str) -> list[str]:
    return [word for words in SplitText.of(text).words for word in words]


def mirrored(passage: Passage) -> Passage:
    return Passage(passage.words, passage.b_at, passage.a_at, passage.b_text, passage.a_text)


def turned(found: Explanation) -> Explanation:
    example = found.facts.example
    return replace(
        found,
        a=found.b,
        b=found.a,
        passages=list(map(mirrored, found.passages)),
        facts=found.facts._replace(example=example and (example[1], example[0])),
    )


@settings(max_examples=300)
@given(texts, texts)
def test_every_passage_stands_word_for_word_in_both_texts(a: str, b: str) -> None:
    a_words, b_words = words_of(a), words_of(b)
    for passage in shared_passages(a, b):
        run = a_words[passage.a_at - 1 : passage.a_at - 1 + passage.words]
        assert len(run) == passage.words >= WIDTH
        assert b_words[passage.b_at - 1 : passage.b_at - 1 + passage.words] == run
        assert passage.a_text in a
        assert passage.b_text in b
        assert words_of(passage.a_text) == words_of(passage.b_text) == run


@settings(max_examples=300)
@given(texts, texts)
def test_no_passage_can_be_made_longer_and_none_is_missing(a: str, b: str) -> None:
    a_words, b_words = words_of(a), words_of(b)
    passages = shared_passages(a, b)
    for one in passages:
        assert one.a_at == 1 or one.b_at == 1 or a_words[one.a_at - 2] != b_words[one.b_at - 2]
        a_end, b_end = one.a_at - 1 + one.words, one.b_at - 1 + one.words
        assert a_words[a_end : a_end + 1] != b_words[b_end : b_end + 1] or a_end == len(a_words)
    shown = {tuple(run[at : at + WIDTH]) for p in passages for run in [words_of(p.a_text)] for at in range(len(run))}
    in_a, in_b = ({tuple(w[at : at + WIDTH]) for at in range(len(w) - WIDTH + 1)} for w in (a_words, b_words))
    assert in_a & in_b <= shown
    assert [one.words for one in passages] == sorted((one.words for one in passages), reverse=True)
    assert len(set(passages)) == len(passages)


@settings(max_examples=200)
@given(texts, texts)
def test_swapping_the_texts_swaps_the_answer(a: str, b: str) -> None:
    assert explain(b, "de", a, "en") == turned(explain(a, "en", b, "de"))
    assert explain(b, "en", a, "en") == turned(explain(a, "en", b, "en"))


@settings(max_examples=100, deadline=None)
@given(sentences, sentences, st.sampled_from(["en", None]), st.sampled_from([0, WINDOW, WINDOW + 1]))
def test_a_run_over_the_two_texts_decides_the_same(
    a: list[str], b: list[str], language: str | None, apart: int
) -> None:
    one = article("a", article_body="\n".join(a), in_language="en")
    other = article("b", article_body="\n".join(b), in_language=language, first_seen_at=SEEN_AT + apart)
    found = explain(one.article_body, "en", other.article_body, language, apart=apart)
    rows = list(Decider(DictionaryIndex(), SEEN_AT, "run-1").decide_all([print_article(one), print_article(other)]))
    assert isinstance(rows[0], Article)
    assert isinstance(rows[1], Copy) is (found.outcome in COPIES)
    if isinstance(rows[1], Copy):
        assert rows[1].similarity == (1.0 if found.outcome == "exact" else found.by_length[0].share)


@pytest.mark.parametrize("unit", ["a ", "a b ", "a b c d e f g "])
def test_long_texts_that_repeat_themselves_take_no_time(unit: str) -> None:
    words = 20_000
    started = time.perf_counter()
    long, short = unit * (words // len(unit.split())), unit * (words // 2 // len(unit.split()))
    assert len(shared_passages(long, short)) == 1
    assert time.perf_counter() - started < 10  # looking at each pair of places takes minutes


def test_a_passage_is_given_as_each_text_writes_it() -> None:
    a = 'He said: "The ferry — at last — sails\non Friday." Then he left.'
    b = "On the island: THE FERRY AT LAST SAILS! On Friday, too."
    assert shared_passages(a, b) == [
        Passage(7, 3, 4, "The ferry — at last — sails\non Friday", "THE FERRY AT LAST SAILS! On Friday")
    ]


def test_what_a_text_repeats_is_given_once() -> None:
    once = "seven boats sailed from Port Alder today"
    assert [one.words for one in shared_passages(f"{once}. No more. {once}.", f"{once}! Indeed.")] == [7]


ONE = paragraphs("one", 8)
OTHER = paragraphs("other", 8)
MOULD = (
    "Shares of {0} closed {1} higher at {2} on {3} after the company reported earnings of {4} a share for the quarter."
)
FIRST = [("Alder", "3", "41", "Monday", "2.20"), ("Grauwick", "5", "17", "Monday", "1.10")]
SECOND = [("Tarnmoor", "4", "42", "Tuesday", "3.30"), ("Skarrow", "6", "18", "Tuesday", "0.50")]
QUOTES = (
    "Analysts had expected less of the sector as a whole, which has seen a weak year and hopes for a better winter."
)


def _robot(facts: list[tuple[str, ...]]) -> str:
    return "\n".join([*(MOULD.format(*one) for one in facts), QUOTES])


@pytest.mark.parametrize(
    ("a", "b", "outcome", "words"),
    [
        ("\n".join(ONE), " ".join(ONE), "exact", "the same text"),
        ("\n".join(ONE), "\n".join(ONE[:6]), "strong", "Copies (strong): 1 of the shorter"),
        ("\n".join(ONE[:2]), "\n".join(ONE), "weak", "A would be attached to the story of B"),
        ("\n".join(ONE), "\n".join(OTHER), "too_little", ".40 are needed"),
        ("\n".join(ONE), "Two words of nothing much.", "too_short", "16 are needed"),
        ("\n".join(paragraphs("x", 60)), paragraphs("x", 60)[7], "too_unequal", ".05 of these"),
        (_robot(FIRST), _robot(SECOND), "template", "2 of 2 sentences with facts"),
    ],
)
def test_outcomes(a: str, b: str, outcome: str, words: str) -> None:
    found = explain(a, "en", b, "en")
    assert found.outcome == outcome
    assert words in decision(found)
    assert (found.outcome in COPIES) is not decision(found).startswith("Not copies")


def test_outcomes_by_what_is_known_beside_the_texts() -> None:
    a, b = "\n".join(ONE), "\n".join(ONE[:6])
    assert (
        decision(explain(a, "en", b, None)) == "Not copies: texts of two languages (en and unknown) are never compared."
    )
    assert explain(a, "en", b, "en", apart=WINDOW).outcome == "strong"
    late = explain(a, "en", b, "en", apart=WINDOW + HOUR)
    assert late.outcome == "too_far_apart"
    assert "73.0 hours apart; 72 are allowed" in decision(late)
    page = explain(a, "en", "\n".join(OTHER), "de", is_same_page=True)
    assert page.outcome == "update"
    assert "one page" in decision(page)


def test_what_is_never_found_is_said_to_be_so() -> None:
    found = replace(explain("\n".join(ONE), "en", "\n".join(ONE[:6]), "en"), keys_in_common=0)
    assert found.outcome == "not_found"
    assert "sampled" in decision(found)


def test_an_example_of_swapped_facts_gives_each_text_its_sentence() -> None:
    example = explain(_robot(FIRST), "en", _robot(SECOND), "en").facts.example
    assert example is not None
    assert "Alder" in example[0]
    assert "Skarrow" in example[1] or "Tarnmoor" in example[1]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0979, ".097"), (0.4, ".40"), (0.3999, ".399"), (0.29, ".29"), (1.0, "1"), (0.9999, ".999"), (0.0, "0")],
)
def test_shares_are_cut_so_that_none_seems_to_reach_its_threshold(share: float, text: str) -> None:
    assert share_text(share) == text
