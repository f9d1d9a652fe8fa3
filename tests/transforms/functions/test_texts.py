import hashlib
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transforms.functions.texts import (
    LINE_LIMIT,
    clean_line,
    clip,
    content_sha256,
    identity_text,
    normalise_text,
    unescape,
    word_count,
)

ANY_TEXT = st.text(
    alphabet=st.one_of(st.sampled_from("\r\n\t \x00\x85\u2028\ufeff\xad\ud83d\ude00é\u0301a漢"), st.characters())
)


@given(ANY_TEXT)
@example("\ud83d\ude00 \ud83d")
@example("a\u0301\xad\u0323")
@example(" \u0301\n\n\n\u3000\n\n")
def test_normalised_text_is_storable_and_stays_as_it_is(text: str) -> None:
    stored = normalise_text(text)
    stored.encode("utf-8")
    assert normalise_text(stored) == stored
    assert stored == stored.strip()
    assert "\n\n\n" not in stored
    assert all(unicodedata.category(sign) != "Cc" or sign == "\n" for sign in stored)
    assert unicodedata.is_normalized("NFC", stored)


def test_what_normalising_changes() -> None:
    assert normalise_text("\ufeffOne \r\ntwo\rthree\u2028four\x0cfive") == "One\ntwo\nthree\nfour\nfive"
    assert normalise_text("a\n \t\n\n\n\nb  ") == "a\n\nb"
    assert normalise_text("Cafe\u0301 so\xadft\x00") == "Café soft"
    assert normalise_text("\ud83d\ude00 and \ud83d") == "😀 and \ufffd"
    # Zero-width non-joiner: a letter of Persian spelling.
    assert normalise_text("می\u200cخواهم") == "می\u200cخواهم"


@given(ANY_TEXT)
def test_the_digest_is_that_of_the_stored_text(text: str) -> None:
    assert content_sha256(text) == content_sha256(normalise_text(text))
    assert content_sha256(text) == hashlib.sha256(identity_text(text).encode()).hexdigest()


def test_the_digest_sees_words_not_layout() -> None:
    assert content_sha256("One two.\nThree") == content_sha256("  One\ttwo.\r\n\r\nThree ")
    assert len({content_sha256(text) for text in ("one two", "One two", "onetwo", "one two.", "")}) == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        (" \n – … ", 0),
        ("The strike is over.", 4),
        ("It cost $1,200.50 - a third", 5),
        ("tariffs—some over 100%—on goods", 6),
        ("don't re-open", 2),
        ("नई दिल्ली में बैठक", 4),
        ("서울에서 열린 회의", 3),
        ("港口罢工结束", 6),
        ("東京で会議", 5),
        ("Apple在北京开会", 6),
        ("การประชุมที่กรุงเทพ", 4),
    ],
)
def test_words_are_counted_in_any_script(text: str, words: int) -> None:
    assert word_count(text) == words


@given(ANY_TEXT, ANY_TEXT)
def test_word_counts_add_up_over_lines(one: str, other: str) -> None:
    # The estimate for scripts without spaces rounds up once for each part.
    assert 0 <= word_count(one) + word_count(other) - word_count(one + "\n" + other) <= 1


@given(st.one_of(ANY_TEXT, st.none(), st.integers(), st.lists(st.text())), st.integers(min_value=2, max_value=60))
def test_a_line_is_one_clean_line_or_none(value: object, limit: int) -> None:
    line = clean_line(value, limit)
    if line is not None:
        assert 0 < len(line) <= limit
        assert line == " ".join(line.split())
        assert clean_line(line, limit) == line
        line.encode("utf-8")


def test_what_cleaning_a_line_does() -> None:
    assert clean_line("  Strike\n\tends \x00 ") == "Strike ends"
    assert clean_line(" \n ") is None
    assert clean_line(None) is None
    assert clean_line(7) is None
    assert len(clean_line("word " * 1000) or "") <= LINE_LIMIT


def test_clipping_ends_at_a_word_where_there_is_one() -> None:
    assert clip("The boats are back", 18) == "The boats are back"
    assert clip("The boats are back", 15) == "The boats are…"
    assert clip("The boats, really", 14) == "The boats…"
    assert clip("港口罢工结束渡轮恢复航行", 8) == "港口罢工结束渡…"
    assert clip("a " + "b" * 50, 20) == "a " + "b" * 17 + "…"


def test_long_texts_take_time_in_proportion() -> None:
    def spent(text: str) -> float:
        began = time.perf_counter()
        normalise_text(text)
        word_count(text)
        return time.perf_counter() - began

    for unit in ("\n", " ", "a \n \n", "\ud800", "漢", "\t\r"):
        small, large = (min(spent(unit * size) for _ in range(3)) for size in (20_000, 200_000))
        assert large < 60 * small + 0.05, repr(unit)


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [("&amp;#8217;", "&#8217;"), ("&#65;&#x42", "AB"), ("&#0000000065;", "A"), ("&#99999999;", "\ufffd")]
    + [(f"a&#{digit * 5_000}{end}b", "a\ufffdb") for digit in "05" for end in ("", ";")]
    + [("&#x" + "5" * 5_000 + ";", "\ufffd")],
)
def test_any_character_reference_is_read(escaped: str, plain: str) -> None:
    assert unescape(escaped) == plain
