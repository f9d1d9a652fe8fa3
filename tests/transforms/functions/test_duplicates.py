from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alias import Alias
from schemas.article import Article
from schemas.copy import Copy
from tests.duplicate_worlds import (
    Document,
    Outcome,
    decide,
    lake_of,
    plain_sentence,
    random_worlds,
    sqlite_index,
    stories_of,
    worlds,
    worlds_of_changing_pages,
)
from tests.samples import SEEN_AT, article, paragraphs, text_of
from transforms.functions import duplicates
from transforms.functions.dictionary_index import DictionaryIndex
from transforms.functions.duplicate_index import DuplicateIndex
from transforms.functions.duplicates import Decider
from transforms.functions.fact_guard import Verdict
from transforms.functions.printed_articles import print_article
from transforms.functions.stories import Stories


@contextmanager
def _dictionary() -> Iterator[DuplicateIndex]:
    yield DictionaryIndex()


KEEPERS = pytest.mark.parametrize("keeper", [_dictionary, sqlite_index], ids=["dictionary", "sqlite"])
CUTS = st.lists(st.integers(0, 12), max_size=4)


def _disagreement(documents: list[Document], outcome: Outcome) -> str | None:
    """What is wrong with an outcome, None if nothing is."""
    pages = {document.page for document in documents}
    if len(outcome.rows) != len(pages) or outcome.seen != len(documents) - len(pages):
        return "not one row a page"
    if outcome.stories() != stories_of(documents):
        return "other stories than all pairs make at once"
    if outcome.canonicals() != len(outcome.stories()):
        return "not one canonical row a story"
    return None


@KEEPERS
@settings(max_examples=150, deadline=None)
@given(documents=worlds(), cuts=CUTS)
def test_the_stories_are_those_of_all_pairs_at_once_in_any_order_and_any_cycles(
    keeper: type[contextmanager[DuplicateIndex]], documents: list[Document], cuts: list[int]
) -> None:
    with keeper() as index:
        outcome = decide(documents, index, [cut for cut in cuts if cut < len(documents)])
    assert _disagreement(documents, outcome) is None


@settings(max_examples=100, deadline=None)
@given(documents=worlds(), cuts=CUTS)
def test_both_keepers_give_the_same_rows_and_aliases(documents: list[Document], cuts: list[int]) -> None:
    cuts = [cut for cut in cuts if cut < len(documents)]
    with sqlite_index() as index:
        assert decide(documents, index, cuts) == decide(documents, DictionaryIndex(), cuts)


@KEEPERS
@settings(max_examples=200, deadline=None)
@given(documents=worlds_of_changing_pages(), cuts=CUTS)
def test_of_pages_that_change_each_wording_has_one_row_and_each_story_one_canonical_row(
    keeper: type[contextmanager[DuplicateIndex]], documents: list[Document], cuts: list[int]
) -> None:
    with keeper() as index:
        outcome = decide(documents, index, [cut for cut in cuts if cut < len(documents)])
    articles = [document.article() for document in documents]
    assert len(outcome.rows) == len({(row.article_id, row.content_sha256) for row in articles})
    shown = outcome.story_of_row().values()
    assert sorted(story for story, is_canonical in shown if is_canonical) == sorted({story for story, _ in shown})


@settings(max_examples=50, deadline=None)
@given(documents=worlds(), cuts=CUTS)
def test_an_index_rebuilt_from_its_journal_goes_on_as_if_nothing_had_been(
    documents: list[Document], cuts: list[int]
) -> None:
    journal: list[tuple[object, ...]] = []
    half = len(documents) // 2
    first = DictionaryIndex(journal.append)
    decide(documents[:half], first)
    rebuilt = DictionaryIndex()
    for change in journal:
        rebuilt.apply(change)
    assert decide(documents[half:], rebuilt) == decide(documents[half:], first)


def _first_disagreement(count: int = 400) -> str | None:
    found = (_disagreement(world, decide(world, DictionaryIndex())) for world in random_worlds(count))
    return next(filter(None, found), None)


def test_the_search_for_disagreements_finds_none_in_the_code_as_it_is() -> None:
    assert _first_disagreement() is None


MUTANTS = {
    "no fact guard": (duplicates, "compare_facts", lambda one, other: Verdict(0, 0)),
    "no window": (duplicates, "WINDOW", 10**18),
    "no aliases": (Stories, "_alias", lambda self, old, new: None),
    "strays stay where they were": (Stories, "_move_stray", lambda self, stray, story: None),
    "a parent once chosen is kept": (Stories, "_choose_parent", lambda self, number: []),
    "a text seen again is not compared again": (Decider, "_see_again", lambda self, text_id, seen_at: None),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_each_rule_is_needed(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*MUTANTS[mutant])
    assert _first_disagreement() is not None


def _rows(*articles: Article) -> list[Article | Copy | None]:
    decider = Decider(DictionaryIndex(), SEEN_AT, "run-1")
    return list(decider.decide_all([print_article(one) for one in articles]))[: len(articles)]


def test_a_cut_copy_with_a_lede_of_its_own_is_folded_and_says_how_much_it_shares() -> None:
    body = text_of("strike")
    cut = "Readers of this paper will know the quay well, our reporter writes.\n\n" + body[: len(body) * 6 // 10]
    first, copy = _rows(article("a", article_body=body), article("b", article_body=cut, source_domain="other.example"))
    assert isinstance(first, Article)
    assert isinstance(copy, Copy)
    assert (copy.duplicate_of, copy.relation) == (first.article_id, "same_copy")
    assert 0.7 < (copy.similarity or 0) < 1


def test_a_correction_of_the_own_outlet_is_an_update() -> None:
    body = text_of("strike")
    corrected = body.replace("part 2", "part two, corrected")
    rows = _rows(
        article("a", article_body=body, source_domain="ledger.example"),
        article("b", article_body=corrected, source_domain="ledger.example"),
    )
    assert isinstance(rows[1], Copy)
    assert rows[1].relation == "update"
    assert rows[1].similarity is not None


def test_a_page_with_a_new_text_is_an_update_that_joins_no_stories() -> None:
    one, other = text_of("strike"), text_of("museum")
    rows = _rows(
        article("a", article_body=one),
        article("b", article_body=other),
        article("page", article_body=one + "\n\nA line more."),
        article("page", article_body=other + "\n\nA line more."),
    )
    assert [getattr(row, "duplicate_of", None) for row in rows] == [
        None,
        None,
        rows[0].article_id,
        rows[0].article_id,
    ]
    assert (rows[3].relation, rows[3].similarity) == ("update", None)


@pytest.mark.parametrize("language", ["fr", None])
def test_texts_of_two_languages_never_meet(language: str | None) -> None:
    rows = _rows(article("a", in_language="en"), article("b", article_body=text_of("one") + ".", in_language=language))
    assert all(isinstance(row, Article) for row in rows)


def test_a_short_text_is_folded_only_when_it_is_the_same() -> None:
    short = "The ferry to Grauwick does not run today."
    rows = _rows(
        article("a", article_body=short), article("b", article_body=short), article("c", article_body=short + " Or so.")
    )
    assert [type(row) for row in rows] == [Article, Copy, Article]


def test_what_an_outlet_repeats_does_not_make_its_stories_copies() -> None:
    footer = "\n".join(paragraphs("footer", 5))
    articles = [
        article(name, article_body="\n".join(paragraphs(name)) + "\n" + footer, source_domain="portal.example")
        for name in ("a", "b", "c", "d", "e", "f")
    ]
    assert [type(row) for row in _rows(*articles)] == [Article] * 6
    without_outlets = [row._replace(source_domain=None) for row in articles]
    assert Copy in [type(row) for row in _rows(*without_outlets)]


def test_a_stub_published_first_stays_the_story_and_a_better_parent_moves_it() -> None:
    story = [0, 1, 2, 3, 4, 5, 6]
    stub, parent = Document(1, (0, 1), 0), Document(2, (0, *range(7, 13)), 1)
    better = Document(3, tuple(story), 2)
    outcome = decide([stub, parent, better], DictionaryIndex())
    assert outcome.stories() == stories_of([stub, parent, better])
    assert len(outcome.rows) == 3
    assert outcome.canonicals() == len(outcome.stories())


def test_the_same_world_in_every_language_of_writing() -> None:
    bodies = {
        "ja": (
            "港の評議会は火曜日に古い税関を海の博物館として残すことを決めた。賛成は十一人、反対は四人で、議論は真夜中まで続いた。建物は税関が北の埠頭に移"
            "ってから空き家になっている。"
        ),
        "th": (
            "สภาท่าเรือลงมติเมื่อวันอังคารให้เก็บอาคารศุลกากรเก่าไว้เป็นพิพิธภัณฑ์ท"
            "ะเล สมาชิกสิบเอ็ดคนเห็นด้วยและสี่คนคัดค้านหลังการอภิปรายจนดึก อาคารว่า"
            "งมาตั้งแต่เจ้าหน้าที่ย้ายไปท่าเรือใหม่"
        ),
        "ar": (
            "صوت مجلس الميناء يوم الثلاثاء على إبقاء مبنى الجمارك القديم متحفا للبح"
            "ر بعد نقاش طويل. أيد أحد عشر عضوا القرار وعارضه أربعة أعضاء في جلسة اس"
            "تمرت حتى منتصف الليل. بقي المبنى فارغا منذ انتقال الموظفين."
        ),
        "hi": (
            "बंदरगाह परिषद ने मंगलवार को पुराने सीमा शुल्क भवन को समुद्र का संग्रहा"
            "लय बनाए रखने के लिए मतदान किया। ग्यारह सदस्यों ने पक्ष में और चार ने व"
            "िरोध में मत दिया। यह भवन लंबे समय से खाली पड़ा है और छत टूटी है।"
        ),
    }
    for language, body in bodies.items():
        cut = body[: len(body) * 3 // 4]
        rows = _rows(
            article("a", article_body=body, in_language=language), article("b", article_body=cut, in_language=language)
        )
        assert [type(row) for row in rows] == [Article, Copy], language


def test_a_page_that_takes_a_stub_of_another_story_is_shown_once_when_the_stub_moves_to_its_own(tmp_path: Path) -> None:
    def page(name: str, *numbers: int) -> Article:
        return article(name, article_body="\n".join(map(plain_sentence, numbers)))

    arrivals = [
        page("other", 1, 2, *range(40, 48)),
        page("stub", 1, 2, 3, 4),
        page("page", *range(20, 27)),
        page("page", 1, 2, 3, 4),
        page("fuller", *range(20, 27), 1, 2, 3),
    ]
    index, rows = DictionaryIndex(), []
    for number, arrival in enumerate(arrivals):
        rows += Decider(index, SEEN_AT + number, "run-1").decide_all([print_article(arrival)])
    aliases = [row for row in rows if isinstance(row, Alias)]
    outcome = Outcome([row for row in rows if isinstance(row, Article | Copy)], aliases, 0)
    assert aliases
    views = lake_of(outcome, tmp_path)
    shown = views.execute("select article_id from articles").fetchall()
    assert len(shown) == len(set(shown)) == len(outcome.stories())
    assert views.execute("select count(*) from copies").fetchone() == (len(arrivals) - len(shown),)


def test_advice_that_never_changes_does_not_make_two_weather_reports_copies() -> None:
    advice = (
        "Forecasts are made every six hours and whoever goes out should follow the advice of the authorities.\n"
        "Warnings are given in three steps, and in the hills the weather may change within the hour.\n"
        "Hikers are asked to carry warm clothes, enough water and a lamp, and to tell somebody of their way.\n"
        "The tides are published at the harbour offices each morning, and boats should stay in when flags are up."
    )
    reports = [
        f"{town} will start {day} at {low} degrees and reach {high} degrees, with wind from the {wind}.\n{advice}\n"
        f"The sun sets in {town} at {sunset}, and the night will be dry with lows near {low} degrees."
        for town, day, low, high, wind, sunset in (
            ("Tessen", "Tuesday", 14, 21, "Kolm", "20.21"),
            ("Eddis", "Wednesday", 9, 17, "Marsh", "20.17"),
        )
    ]
    rows = _rows(*(article(str(number), article_body=text) for number, text in enumerate(reports)))
    assert all(isinstance(row, Article) for row in rows)
