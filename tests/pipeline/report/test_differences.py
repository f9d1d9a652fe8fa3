"""What two versions of a text share, and what only one of them has."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.differences import MOST_CHARACTERS, Block, Comparison, Piece, compare
from transforms.functions.sentences import folded_words, split_words

ONE = "The council met on Tuesday evening. Eleven members voted for the bridge. It will open in the spring."
WORDS = st.sampled_from(["council", "met", "bridge", "Tuesday", "11", "the", "of", "漢字", "é", "."])
TEXTS = st.lists(WORDS, max_size=60).map(" ".join)


def sides(comparison: Comparison) -> tuple[str, str]:
    """Both texts as a reader has them before the eyes."""

    def side(own: Sequence[Piece], block: Block) -> str:
        return " ".join(block.same) or "".join(words for words, _ in own)

    left = " ".join(side(block.left, block) for block in comparison.blocks)
    return left, " ".join(side(block.right, block) for block in comparison.blocks)


def test_a_text_and_itself_are_one_block() -> None:
    comparison = compare(ONE, ONE)
    [block] = comparison.blocks
    assert list(block.same) == ONE.replace(". ", ".\n").split("\n")
    assert comparison.shared_sentences == 3
    assert not comparison.is_cut


def test_an_added_sentence_stands_against_nothing() -> None:
    before, added, after = compare(ONE, ONE.replace("It will", "The mayor was not there. It will")).blocks
    assert (len(before.same), len(after.same)) == (2, 1)
    assert added.left == []
    assert ("The mayor was not there", True) in added.right


def test_only_the_words_that_differ_in_a_sentence_are_marked() -> None:
    comparison = compare(ONE, ONE.replace("Eleven members voted", "Nine grumpy members voted"))
    [changed] = [block for block in comparison.blocks if not block.same]
    assert [words for words, lacks in changed.left if lacks] == ["Eleven"]
    assert [words for words, lacks in changed.right if lacks] == ["Nine grumpy"]


def test_case_quotes_and_dashes_are_no_difference() -> None:
    assert compare("“Yes,” said the mayor — twice.", '"yes," said the Mayor - twice.').shared_sentences == 1


@given(TEXTS, TEXTS)
def test_no_word_is_lost_and_what_is_not_marked_stands_in_both(left: str, right: str) -> None:
    comparison = compare(left, right)
    for text, shown in zip((left, right), sides(comparison), strict=True):
        assert folded_words(shown) == folded_words(text)
    known = set(folded_words(right))
    for block in comparison.blocks:
        for words, lacks in block.left:
            assert lacks or set(folded_words(words)) <= known or not split_words(words)


@pytest.mark.parametrize("unit", ["a. ", "漢字", "word ", "\n", "x", "Same sentence here. "])
def test_texts_made_to_be_slow_are_cut_and_take_no_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    mixed = "".join(random.Random(1).choices(["a. ", "b. ", "c. "], k=300_000))
    started = time.process_time()
    assert compare(text, mixed).is_cut
    assert time.process_time() - started < 3
    assert sum(len("".join(block.same)) for block in compare(text, text).blocks) <= MOST_CHARACTERS
