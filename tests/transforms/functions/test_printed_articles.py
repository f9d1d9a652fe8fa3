from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from tests.samples import article
from transforms.functions.outlet_window import SeenText
from transforms.functions.printed_articles import keys_of_printed, print_article, print_of_printed, seen_of_printed
from transforms.functions.sentences import fold_words, folded_words, split_words
from transforms.functions.text_print import SplitText


@given(st.lists(st.text() | st.sampled_from(["The ferry of Port Alder sails again today.", "漢字" * 20]), max_size=12))
def test_a_printed_article_brings_what_its_text_gives(sentences: list[str]) -> None:
    row = article("a", article_body="\n".join(sentences), in_language="en")
    split = SplitText.of(row.article_body)
    keys, text = split.print("en")
    printed = print_article(row)
    assert printed.article == row
    assert keys_of_printed(printed) == keys
    assert seen_of_printed(printed) == SeenText.of(split, keys)
    assert print_of_printed(printed).sentences == text.sentences
    assert print_of_printed(printed).shingles.tolist() == text.shingles.tolist()


@given(st.text())
def test_folding_at_once_is_folding_word_by_word(sentence: str) -> None:
    assert folded_words(sentence) == fold_words(split_words(sentence))


def test_folding_at_once_moves_no_border_of_a_word() -> None:
    changed = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).casefold() != chr(code)]
    assert len(changed) > 1000
    for letter in changed:
        sentence = f"Don’t {letter} a{letter}b.{letter}"
        assert folded_words(sentence) == fold_words(split_words(sentence))
