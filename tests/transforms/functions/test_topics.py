from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ModelError
from tests.topic_stories import STORIES
from transforms.functions import topic_artifact
from transforms.functions.topic_artifact import Arrays, from_lines, load_arrays, save_arrays, to_lines
from transforms.functions.topic_texts import WORDS, TextReader, terms_of_word
from transforms.functions.topics import (
    LEAST_WORDS,
    MOST_TOPICS,
    SERVED_LANGUAGES,
    TopicModel,
    TopicText,
    topic_model,
)

TOPS = [f"medtop:{number:02d}000000" for number in range(1, 18)]
FILLER = "the council of the town met again on tuesday and said that it would vote next week "

ODD = [
    "", " ", "\n" * 1000, "word", "1234567890 " * 400, "x" * 200_000, "\x00\x01\x02 " * 300, "\ufffd " * 300,
    "مرحبا بالعالم " * 300, "\u202eright to left\u202c " * 200, "東京都で会議が開かれた。" * 400, "é\u0301 " * 500,
    "\ud800 " * 100, "!!! ??? ... " * 200, "A" * 99 + " ", "a-b'c " * 300, "\U0001f600 " * 300,
]  # fmt: skip


def model() -> TopicModel:
    return topic_model()


@pytest.mark.parametrize(("top", "story"), STORIES.items())
def test_a_story_of_each_class(top: str, story: TopicText) -> None:
    [topics] = model().tag([story])
    assert f"medtop:{top}000000" in [topic.id for topic in topics if topic.level == 1]


def test_nearly_every_story_has_its_class_first() -> None:
    first = [topics[0].id[7:9] for topics in model().tag(list(STORIES.values()))]
    assert sum(found == top for found, top in zip(first, STORIES, strict=True)) >= len(STORIES) - 2


@pytest.mark.parametrize("seed", sorted(Path("seeds").glob("*.txt")), ids=lambda path: path.stem)
def test_the_example_input_is_about_economy_then_politics(seed: Path) -> None:
    [topics] = model().tag([TopicText(None, seed.read_text(encoding="utf-8"))])
    assert [topic.id for topic in topics if topic.level == 1] == ["medtop:04000000", "medtop:11000000"]


def test_the_order_of_topics() -> None:
    for topics in model().tag(list(STORIES.values())):
        tops = [topic for topic in topics if topic.level == 1]
        deeper = topics[len(tops) :]
        assert 1 <= len(tops) <= MOST_TOPICS
        assert all(topic.confidence >= 0.37 for topic in tops[1:])
        assert len({topic.id for topic in topics}) == len(topics)
        assert [topic.level in (2, 3) for topic in deeper] in ([], [True])
        for topic in deeper:
            assert model().concepts.path(model().concepts.ids.index(topic.id))[0] == tops[0].id
            assert 0 < topic.confidence < 1
        assert {topic.creator for topic in topics} == {model().creator}


def test_topics_are_ranked_by_probability_and_strength() -> None:
    weights = load_arrays(topic_artifact.SHIPPED)["first_weights"]
    stories = list(STORIES.values())
    ranks = model().probabilities(stories) * weights
    for row, topics in zip(ranks, model().tag(stories), strict=True):
        given = [row[TOPS.index(topic.id)] for topic in topics if topic.level == 1]
        assert given[0] == max(row)
        assert given == sorted(given, reverse=True)


def test_a_short_text_gets_no_topics() -> None:
    words = STORIES["15"].body.split()
    short, enough = " ".join(words[: LEAST_WORDS - 1]), " ".join(words[:LEAST_WORDS])
    none, some = model().tag([TopicText("Cup final", short), TopicText("Cup final", enough)])
    assert none == []
    assert some[0].id == "medtop:15000000"
    assert model().explain(TopicText("Cup final", short)).topics == []
    assert model().tag([]) == []


def test_a_batch_says_the_same_as_one_by_one() -> None:
    texts = [*STORIES.values(), TopicText("Too short", "Nothing."), TopicText(None, FILLER * 20)] * 8
    assert model().tag(texts) == [topics for text in texts for topics in model().tag([text])]


def test_threads_say_the_same() -> None:
    texts = list(STORIES.values())
    alone = model().tag(texts)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(model().tag, [texts] * 8)) == [alone] * 8


def test_only_the_first_words_are_read() -> None:
    body = (STORIES["15"].body + " ") * 12
    cut = " ".join(body.split()[:WORDS])
    assert len(body.split()) > WORDS
    assert model().tag([TopicText(None, cut + " " + STORIES["07"].body * 50)]) == model().tag([TopicText(None, cut)])


def test_letter_case_of_the_headline_does_not_matter() -> None:
    shouted = [text._replace(headline=(text.headline or "").upper()) for text in STORIES.values()]
    assert model().tag(shouted) == model().tag(list(STORIES.values()))


def test_no_headline_is_the_same_as_an_empty_one() -> None:
    body = STORIES["01"].body
    assert model().tag([TopicText(None, body)]) == model().tag([TopicText("", body)])


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_odd_texts_are_taken(text: str) -> None:
    for headline in (None, text):
        for topics in model().tag([TopicText(headline, text), TopicText(headline, text + FILLER * 4)]):
            assert all(0 <= topic.confidence <= 1 for topic in topics)


@given(st.one_of(st.none(), st.text()), st.text(), st.integers(0, 60))
@settings(max_examples=60)
def test_any_text_is_taken(headline: str | None, body: str, words: int) -> None:
    text = TopicText(headline, body + " word" * words)
    [topics] = model().tag([text])
    probabilities = model().probabilities([text])
    assert np.isfinite(probabilities).all()
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert bool(topics) == (len(text.body.split()) >= LEAST_WORDS)
    assert sum(topic.level == 1 for topic in topics) <= MOST_TOPICS
    assert [spoken.topic for spoken in model().explain(text).topics] == [topic for topic in topics if topic.level == 1]


@pytest.mark.parametrize(
    "body", [FILLER * 60_000, "x" * 5_000_000, "東" * 1_500_000, "- " * 2_500_000, "é" * 2_500_000]
)
def test_a_large_text_takes_no_longer_than_others(body: str) -> None:
    model()
    started = time.process_time()
    model().tag([TopicText(None, body), TopicText(body, FILLER * 5)])
    assert time.process_time() - started < 1


def test_the_evidence_of_a_story() -> None:
    evidence = model().explain(STORIES["15"])
    [topics] = model().tag([STORIES["15"]])
    assert evidence.words == len(STORIES["15"].body.split())
    assert evidence.deeper == next((topic for topic in topics if topic.level > 1), None)
    [sport, *_] = evidence.topics
    assert 0 < len(sport.terms) <= 8
    added = [value for _, value in sport.terms]
    assert added == sorted(added, reverse=True)
    assert min(added) > 0
    text = f"{STORIES['15'].headline} {STORIES['15'].body}"
    assert {term for term, _ in sport.terms} <= {term for word in text.split() for term in terms_of_word(word)}
    similarities = [similarity for *_, similarity in evidence.nearest]
    assert len(similarities) == 5
    assert similarities == sorted(similarities, reverse=True)
    assert {model().concepts.path(model().concepts.ids.index(id))[0] for id, *_ in evidence.nearest} == {sport.topic.id}


def test_english_is_served() -> None:
    assert frozenset({"en"}) == SERVED_LANGUAGES


# The concepts


def test_the_concepts_are_a_forest_under_17_tops() -> None:
    concepts = model().concepts
    columns = (concepts.ids, concepts.labels, concepts.levels, concepts.parents, concepts.wikidata)
    assert {len(column) for column in columns} == {1099}
    assert [concepts.ids[place] for place in concepts.tops] == TOPS
    assert len(set(concepts.ids)) == len(concepts.ids)
    for place, id in enumerate(concepts.ids):
        path = concepts.path(place)
        assert path[-1] == id
        assert path[0] == concepts.ids[concepts.branches[place]]
        assert len(path) == concepts.levels[place]
    assert all(concepts.labels)
    assert all(one is None or one[0] == "Q" for one in concepts.wikidata)


# The file


def test_the_file_holds_plain_numbers_and_no_definitions() -> None:
    arrays = load_arrays(topic_artifact.SHIPPED)
    assert all(array.dtype.kind in "iuf" for array in arrays.values())
    assert not any("definition" in name for name in arrays)
    assert arrays["piece_rows"].dtype == np.int8
    assert len(arrays["piece_rows"]) == len(to_lines(arrays["pieces"])) == len(arrays["piece_scales"])
    assert len(arrays["term_weights"]) == len(to_lines(arrays["terms"])) == len(arrays["term_rarity"])
    assert topic_artifact.SHIPPED.stat().st_size <= 12_000_000


def test_a_damaged_file_is_not_loaded(tmp_path: Path) -> None:
    copy = tmp_path / "topics.npz"
    digest = topic_artifact.SHIPPED.with_name("topics.npz.sha256")
    shutil.copy(digest, tmp_path)
    data = bytearray(topic_artifact.SHIPPED.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    with pytest.raises(ModelError, match=digest.read_text().split()[0]):
        TopicModel.load(copy)


def test_the_same_arrays_give_the_same_file(tmp_path: Path) -> None:
    arrays: Arrays = {"lines": from_lines(["one", "", "three é"]), "numbers": np.arange(3)}
    digests = {save_arrays(tmp_path / name / "m.npz", arrays) for name in ("a", "b")}
    assert len(digests) == 1
    kept = load_arrays(tmp_path / "a" / "m.npz")
    assert to_lines(kept["lines"]) == ["one", "", "three é"]


# Reading


@pytest.mark.parametrize(
    ("word", "terms"),
    [("Harbour's", ["harbour's"]), ("well-known,", ["well-known"]), ("U.S.", []), ("I", []), ("don’t", ["don't"]),
     ("2,000-year-old", ["year-old"]), ("(BBC)/(ITV)", ["bbc", "itv"]), ("naïve", []), ("東京", [])],
)  # fmt: skip
def test_terms_of_a_word(word: str, terms: list[str]) -> None:
    assert terms_of_word(word) == terms


def test_a_text_of_unknown_words_has_no_direction() -> None:
    from transforms.functions.wordpieces import WordPieces

    reader = TextReader(WordPieces(["sea"]), np.ones((1, 4), np.int8), np.ones(1, np.float32), ["sea"])
    unknown, known = reader.read(TopicText(None, "land land")), reader.read(TopicText("Land", "sea sea"))
    assert unknown.vector.tolist() == [0, 0, 0, 0]
    assert len(unknown.terms) == 0
    assert known.vector.tolist() == pytest.approx([0.5] * 4)
    assert (known.terms.tolist(), known.counts.tolist(), known.words) == ([0], [2], 2)
