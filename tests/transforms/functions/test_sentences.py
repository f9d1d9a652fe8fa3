from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.functions.sentences import fold_words, split_sentences, split_words


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One came. Two went! Who? “All.” Then none", ["One came.", "Two went!", "Who?", "“All.", "Then none"]),
        ("The U. S. President met J. Smith. It rained.", ["The U. S. President met J. Smith.", "It rained."]),
        ("A line\nanother line\n\n  a third ", ["A line", "another line", "a third"]),
        ("First block ### second block | third • fourth", ["First block", "second block", "third", "fourth"]),
        ("港は静かだ。船が来た！誰が？", ["港は静かだ。", "船が来た！", "誰が？"]),
        ("यह भवन खाली है। छत टूटी है।", ["यह भवन खाली है।", "छत टूटी है।"]),
        ("Prices rose 1.5 percent. Well-known --- end", ["Prices rose 1.5 percent.", "Well-known", "end"]),
        ("", []),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("Don’t pay 1,234.5 now, he said!", ["Don’t", "pay", "1,234.5", "now", "he", "said"]),
        ("the U.S. and well-known_names", ["the", "U.S", "and", "well", "known", "names"]),
        ("東京都で", ["東京", "京都", "都で"]),
        ("港", ["港"]),
        ("ABC東京2020年", ["ABC", "東京", "2020", "年"]),
        ("กรุงเทพ", ["กรุง", "รุงเ", "ุงเท", "งเทพ"]),
        ("서울 시장은", ["서울", "시장은"]),
        ("…!?", []),
    ],
)
def test_words(sentence: str, words: list[str]) -> None:
    assert split_words(sentence) == words


def test_words_are_compared_without_case_and_with_one_apostrophe() -> None:
    assert fold_words(["Don’t", "STRASSE", "Straße"]) == ["don't", "strasse", "strasse"]


@given(st.text())
def test_no_word_is_lost_between_sentences(text: str) -> None:
    words = [word for sentence in split_sentences(text) for word in split_words(sentence)]
    assert all(any(map(str.isalnum, word)) or word for word in words)
    letters = {letter for letter in text if letter.isalnum()}
    assert letters <= set("".join(words))


@pytest.mark.parametrize(
    "text",
    [" " * 200_000, "a" * 200_000, "a." * 100_000, "- " * 100_000, "\n" * 200_000, "A. " * 70_000, "#" * 200_000,
     "1" * 200_000,
     "東" * 200_000, "\u0301" * 200_000, "a b c d. " * 22_000, "|" * 200_000, "” " * 100_000, ".\"" * 100_000],
)  # fmt: skip
def test_odd_texts_take_no_longer_than_others(text: str) -> None:
    started = time.process_time()
    for sentence in split_sentences(text):
        split_words(sentence)
    assert time.process_time() - started < 5  # a quadratic search takes minutes
