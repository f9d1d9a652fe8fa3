from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.functions.fact_guard import MOST_SENTENCES, compare_facts, mask, mask_all

EARNINGS = "After the bell {} of Grauwick reported earnings of {} million crowns for the quarter."
OUTLOOK = "For the year the company expects that {} will sell {} boats in all of its markets."


def _report(name: str, numbers: tuple[int, int], *more: str) -> list[str]:
    return [EARNINGS.format(name, numbers[0]), OUTLOOK.format(name, numbers[1]), *more]


def test_a_sentence_is_taken_apart_into_frame_and_facts() -> None:
    masked = mask("The mayor of Port Alder, Jonna Pellworth, paid 1,200 crowns.")
    assert masked.facts == {"port", "alder", "jonna", "pellworth", "1,200"}
    assert masked.words == {"the", "mayor", "of", "paid", "crowns"}
    assert mask("The mayor of Grauwick paid 7 crowns.").frame == masked.frame  # a run of names is one place


def test_the_same_report_with_other_facts_is_a_template() -> None:
    one, other = mask_all(_report("Merrow Boats", (12, 300))), mask_all(_report("Tarn Sails", (7, 90)))
    verdict = compare_facts(one, other)
    assert (verdict.aligned, verdict.swapped, verdict.is_template) == (2, 2, True)
    assert verdict.example is not None


def test_a_correction_of_one_number_is_none() -> None:
    one = mask_all(_report("Merrow Boats", (12, 300)))
    assert not compare_facts(one, mask_all(_report("Merrow Boats", (13, 300)))).is_template


def test_sentences_without_facts_do_not_speak_for_a_copy() -> None:
    advice = [
        f"Whoever goes out in a {kind} should follow the advice of the guard." for kind in ("boat", "storm", "fog")
    ]
    one, other = (mask_all([*_report(*facts), *advice]) for facts in (("Merrow", (12, 3)), ("Tarn", (7, 9))))
    assert compare_facts(one, other).is_template


def test_facts_that_only_one_text_adds_are_no_swap() -> None:
    one = mask_all([EARNINGS.format("the firm", "some"), OUTLOOK.format("it", "many")])
    assert compare_facts(one, mask_all(_report("Merrow Boats", (12, 300)))).swapped == 0


_WORDS = st.sampled_from(["the", "boats", "of", "sold", "Alder", "Brook", "Corrin", "12", "7", "crowns", "were", "in"])
_TEXTS = st.lists(st.lists(_WORDS, min_size=4, max_size=9).map(" ".join), max_size=6)


@given(_TEXTS, _TEXTS)
def test_the_verdict_is_the_same_whichever_text_comes_first(one: list[str], other: list[str]) -> None:
    first, second = mask_all(one), mask_all(other)
    assert compare_facts(first, second)[:2] == compare_facts(second, first)[:2]


@given(_TEXTS)
def test_a_text_is_no_template_of_itself(text: list[str]) -> None:
    assert compare_facts(mask_all(text), mask_all(text)).swapped == 0


@pytest.mark.parametrize("count", [MOST_SENTENCES - 1, MOST_SENTENCES, 5 * MOST_SENTENCES])
def test_no_more_sentences_are_compared_than_the_bound(count: int) -> None:
    assert len(mask_all(["The boats of Alder were sold."] * count)) == min(count, MOST_SENTENCES)
