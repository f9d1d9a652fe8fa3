"""The entity tagger as a whole; all people and events are invented but for those of the two seeds."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.entity import Entity
from tests.samples import HOSTILE, text_of
from transforms.functions import name_reader
from transforms.functions.entities import MOST_CHARACTERS, EntityTagger, Mention, entity_tagger

SEEDS = sorted((Path(__file__).parents[3] / "seeds").glob("*.txt"))

STORY = (
    "GENEVA (Reuters) - Ana Holt, the minister, said on Monday that Norway would open talks with the United States.\n"
    "Holt told reporters in Oslo that the U.S. and China had agreed. “Holt’s plan is good,” Chinese officials said.\n"
    "The International Monetary Fund (IMF) was not asked. The IMF had no comment. President Ana Holt left later."
)


@pytest.fixture(scope="module")
def tagger() -> EntityTagger:
    return entity_tagger()


def by_name(entities: list[Entity]) -> dict[str, Entity]:
    return {entity.name: entity for entity in entities}


def check(text: str, mentions: list[Mention]) -> None:
    for one in mentions:
        assert 0 <= one.start < one.end <= min(len(text), MOST_CHARACTERS)
        assert text[one.start : one.end] == one.text
        assert one.type in ("Person", "Organization", "Place")
        assert one.name
        assert not set("\n\r\x0b\x0c\x85\u2028\u2029") & set(one.text)
    for one, behind in pairwise(mentions):
        assert one.end <= behind.start


def test_seeds_name_the_same_people_and_places() -> None:
    assert len(SEEDS) == 2
    both = [by_name(found) for found in entity_tagger().entities([seed.read_text("utf-8") for seed in SEEDS])]
    for found in both:
        assert found["Scott Bessent"].type == found["Donald Trump"].type == "Person"
        assert set(found["Scott Bessent"].surface_forms) == {"Scott Bessent", "Bessent"}
        assert set(found["Donald Trump"].surface_forms) == {"Donald Trump", "Trump"}
        assert (found["China"].country, found["China"].geonames_id) == ("CN", 1814991)
        assert (found["United States"].country, found["United States"].geonames_id) == ("US", 6252001)
        assert {"US", "United States", "U.S."} == set(found["United States"].surface_forms)
        assert (found["Switzerland"].country, found["Switzerland"].geonames_id) == ("CH", 2658434)
        assert (found["Washington"].country, found["Washington"].geonames_id) == ("US", 4140963)
        assert not found.keys() & {"Bessent", "Trump", "US", "U.S.", "the United States", "Chinese", "American"}
    assert both[0]["Scott Bessent"].mentions == 5
    assert both[0]["Donald Trump"].mentions == 5
    assert (both[1]["Geneva"].country, both[1]["Geneva"].geonames_id) == ("CH", 2660646)
    assert both[1]["Geneva"].mentions == 4
    assert both[1]["Jamieson Greer"].mentions == 3
    assert both[1]["He Lifeng"].type == "Person"


def test_a_story_has_each_name_once() -> None:
    [found] = entity_tagger().entities([STORY])
    entities = by_name(found)
    assert set(entities["Ana Holt"].surface_forms) == {"Ana Holt", "Holt"}
    assert entities["Ana Holt"].mentions == 4
    assert entities["International Monetary Fund"].surface_forms == ["International Monetary Fund", "IMF"]
    assert entities["International Monetary Fund"].mentions == 3
    assert entities["United States"].mentions == 2
    assert entities["Geneva"].surface_forms == ["GENEVA"]
    assert entities["Geneva"].country == "CH"
    assert entities["Oslo"].country == "NO"
    assert "Chinese" not in entities
    order = [(-entity.mentions, entity.first_offset) for entity in found]
    assert order == sorted(order)
    for entity in found:
        assert STORY.startswith(entity.surface_forms[0], entity.first_offset)
        assert entity.extractor == EntityTagger.extractor == "en_core_web_sm-3.8.0+newsbeam-1"


def test_explanations_say_what_entities_say(tagger: EntityTagger) -> None:
    [explained], [entities], [mentions] = (ask([STORY]) for ask in (tagger.explain, tagger.entities, tagger.mentions))
    assert [one.entity for one in explained] == entities
    assert sorted(mention for one in explained for mention in one.mentions) == mentions
    geneva = next(one for one in explained if one.entity.name == "Geneva")
    assert [place.country for place in geneva.considered] == ["CH", "US"]
    assert geneva.why


def test_headlines_in_capitals_are_read_as_the_text_writes_their_words(tagger: EntityTagger) -> None:
    text = "LAURA BROWN OPENS TALKS WITH NORWAY\nLaura Brown, the minister, said that talks with Norway would be open."
    found = by_name(tagger.entities([text])[0])
    assert found["Laura Brown"].surface_forms == ["LAURA BROWN", "Laura Brown"]
    assert found["Norway"].surface_forms == ["NORWAY", "Norway"]


def test_no_name_crosses_a_line_end(tagger: EntityTagger) -> None:
    text = "Talks in Norway\nLaura Brown said so\r\nUnited\u2028States officials left Oslo\x0bLaura Brown did not"
    [mentions] = tagger.mentions([text])
    check(text, mentions)
    assert {"Norway", "Laura Brown", "Oslo"} <= {one.text for one in mentions}


@pytest.mark.parametrize(
    "text",
    ["", " ", "\n\n", "word", "Oslo", "12345 67,8", "...", "THE END", "He Lifeng", "'s", "the", "US", HOSTILE,
     "Ѐлена Ivanova in מוסקבה and 北京 met Ana\u0301 Holt 😀 in São Paulo\u200d.", "\x00\x01 Ana Holt \x7f",
     "@anaholt #Oslo",
     "İSTANBUL ŞEHİR STRASSE ŒUVRE ǅ ﬁ ANA HOLT SAID", "A" * 5_000, "Ana Holt " * 500],
)  # fmt: skip
def test_offsets_hold_in_odd_texts(tagger: EntityTagger, text: str) -> None:
    [mentions] = tagger.mentions([text])
    check(text, mentions)
    assert tagger.mentions([text, "x", text]) == [mentions, tagger.mentions(["x"])[0], mentions]


WORDS = st.sampled_from(
    ["Ana", "Holt", "ANA", "Holt's", "the", "U.S.", "US", "Oslo,", "(IMF)", "said", "President", "Georgia", "\n", "  ",
     "Washington", "“Norway”", "é\u0301", "漢字", "\u202eabc", "😀", "Inc.", "1,200", "He", "Lifeng", "-", "’s", "\t"]
)  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(WORDS | st.text(max_size=8), max_size=30).map(" ".join), min_size=1, max_size=4))
def test_offsets_hold_and_batches_change_nothing(texts: list[str]) -> None:
    tagger = entity_tagger()
    together = tagger.mentions(texts)
    for text, mentions in zip(texts, together, strict=True):
        check(text, mentions)
    assert together == [tagger.mentions([text])[0] for text in texts]


def test_a_text_of_five_megabytes_takes_bounded_time(tagger: EntityTagger) -> None:
    text = ("Ana Holt of Norway met nobody in Oslo on Monday and left for Geneva. " * 75_000)[:5_000_000]
    began = time.process_time()
    [mentions] = tagger.mentions([text])
    assert time.process_time() - began < 30  # 3 s on the machine that this was written on
    check(text, mentions)
    assert mentions[-1].end > MOST_CHARACTERS - 1_000


def test_new_words_do_not_stay_in_a_full_vocabulary(tagger: EntityTagger, monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join(f"Qzx{number}v said Vrk{number}x" for number in range(500))
    monkeypatch.setattr(name_reader, "MOST_STRINGS", 0)
    vocabulary = name_reader.name_reader()._language.vocab
    tagger.mentions([text_of("first")])
    before = len(vocabulary.strings), sum(1 for _ in vocabulary)
    in_zone = tagger.mentions([text])
    assert (len(vocabulary.strings), sum(1 for _ in vocabulary)) == before
    monkeypatch.undo()
    assert tagger.mentions([text]) == in_zone
