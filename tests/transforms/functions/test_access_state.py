from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.functions.access_state import count_words, find_access_state, is_bot_wall

SENTENCE = "The council of the town voted on Tuesday to rebuild the old bridge over the river. "
LONG = SENTENCE * 40
TEASER = SENTENCE * 4


def state(text: str, page_text: str | None = None, **stated: bool) -> str:
    return find_access_state(text, page_text=page_text or text, **stated)


@pytest.mark.parametrize(
    "phrase",
    [
        "Subscribe to continue reading.",
        "Already a subscriber? Log in.",
        "Diesen Artikel lesen Sie mit einem Abo.",
        "Cet article est réservé aux abonnés.",
        "Contenido exclusivo para suscriptores.",
        "Articolo riservato agli abbonati.",
        "Dostęp tylko dla subskrybentów.",
    ],
)
def test_teaser_before_a_wall_is_paywall(phrase: str) -> None:
    assert state(TEASER + phrase) == "paywall"
    assert state(TEASER, f"{TEASER} {phrase} Imprint") == "paywall"


@pytest.mark.parametrize("phrase", ["Subscribe to continue reading.", "We value your privacy.", "Verify you are human"])
def test_long_article_is_ok_whatever_stands_in_it(phrase: str) -> None:
    assert state(f"{LONG} {phrase} {LONG}") == "ok"


def test_stated_lock_counts_for_short_texts_only() -> None:
    assert state(TEASER, is_free=False) == "paywall"
    assert state(TEASER, is_locked=True) == "paywall"
    assert state(LONG, is_free=False) == "ok"
    assert state(TEASER, is_free=True) == "ok"


@pytest.mark.parametrize(
    "text",
    ["We value your privacy. We and our 120 partners store cookies.", "Mit Werbung weiterlesen oder werbefrei lesen"],
)
def test_consent_wall(text: str) -> None:
    assert state(text) == "consent_wall"


@pytest.mark.parametrize(
    "text",
    ["Checking your browser before accessing courier.example", "Please verify you are a human", "Bist du ein Mensch?"],
)
def test_bot_wall(text: str) -> None:
    assert is_bot_wall(text, count_words(text))
    assert state(text) == "bot_wall"


def test_cut_text_is_truncated() -> None:
    assert state(TEASER + "The mayor then […]") == "truncated"
    assert state(TEASER + "The mayor then ...") == "truncated"
    assert state(TEASER) == "ok"


def test_words_of_scripts_without_spaces_are_counted() -> None:
    assert count_words("北浜市は火曜日") == 3
    assert count_words("one two, three") == 3


@given(st.text(), st.text(), st.none() | st.booleans(), st.booleans())
def test_state_is_always_one_of_five(text: str, page: str, is_free: bool | None, is_locked: bool) -> None:
    found = find_access_state(text, page_text=page, is_free=is_free, is_locked=is_locked)
    assert found in {"ok", "paywall", "consent_wall", "bot_wall", "truncated"}
