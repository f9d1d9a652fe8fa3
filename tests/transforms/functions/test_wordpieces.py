from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.functions.wordpieces import LONGEST_WORD, WordPieces

VOCABULARY = [
    "!", "'", "-", ".", "$", "“", "a", "b", "un", "affordable", "##afford", "##able", "##s", "cafe", "harbour", "s",
    "東", "京", "σισυφοσ", "3", "##4", "。", "İ",
]  # fmt: skip
PIECES = WordPieces(VOCABULARY)


def cut(word: str) -> list[str]:
    return [VOCABULARY[number] for number in PIECES.numbers(word)]


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("harbour", ["harbour"]),
        ("HARBOUR", ["harbour"]),
        ("harbours", ["harbour", "##s"]),
        ("unaffordable", ["un", "##afford", "##able"]),
        ("affordable", ["affordable"]),
        ("harbour's.", ["harbour", "'", "s", "."]),
        ("un-affordable!", ["un", "-", "affordable", "!"]),
        ("“Harbour", ["“", "harbour"]),
        ("Café", ["cafe"]),
        ("Cafe\u0301s", ["cafe", "##s"]),
        ("$34", ["$", "3", "##4"]),
        ("harbour東京", ["harbour", "東", "京"]),
        ("東。", ["東", "。"]),
        ("ΣΊΣΥΦΟΣ", ["σισυφοσ"]),
        ("har\u200bbo\u00adur\ufffd", ["harbour"]),
        ("xyz", []),
        ("harbour-xyz-a", ["harbour", "-", "-", "a"]),
        ("affordablex", []),
        ("", []),
    ],
)
def test_pieces_of_a_word(word: str, pieces: list[str]) -> None:
    assert cut(word) == pieces


def test_a_very_long_word_is_unknown_as_a_whole() -> None:
    pieces = WordPieces(["a", "##a"])
    assert pieces.numbers("a" * LONGEST_WORD) == (0, *[1] * (LONGEST_WORD - 1))
    assert pieces.numbers("a" * (LONGEST_WORD + 1)) == ()


@given(st.text())
def test_any_text_gives_known_pieces_and_the_same_ones_again(text: str) -> None:
    numbers = PIECES.numbers(text)
    assert all(0 <= number < len(VOCABULARY) for number in numbers)
    assert PIECES.numbers(text) == numbers


@given(st.text(alphabet="ab", min_size=1, max_size=60))
def test_the_pieces_of_a_cut_word_spell_it(word: str) -> None:
    vocabulary = ["a", "b", "##a", "##b", "##ab", "aba", "##bba"]
    numbers = WordPieces(vocabulary).numbers(word)
    assert "".join(vocabulary[number].removeprefix("##") for number in numbers) == word


@pytest.mark.parametrize("word", ["x" * 1_000_000, "-" * 200_000, "東" * 200_000, "é" * 200_000, "\u0301" * 200_000])
def test_odd_words_take_no_longer_than_others(word: str) -> None:
    started = time.process_time()
    PIECES.numbers(word)
    assert time.process_time() - started < 2
