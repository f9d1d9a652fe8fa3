from __future__ import annotations

import pytest

from transforms.functions.name_candidates import UNSEEN, candidates, trim
from transforms.functions.name_classifier import PERSON, PLACE, Named
from transforms.functions.name_reader import name_reader
from transforms.functions.name_repairs import repair
from transforms.functions.text_pieces import MOST_CHARACTERS, PIECE_CHARACTERS, as_read, pieces


@pytest.mark.parametrize(
    ("text", "label", "left"),
    [
        ("the United States’", "GPE", "United States"),
        ("“The Harbour Bank’s", "ORG", "Harbour Bank"),
        ("President Ana Holt", "PERSON", "Ana Holt"),
        ("Treasury Secretary Holt", UNSEEN, "Holt"),
        ("Chinese Vice Premier He Lifeng", "PERSON", "He Lifeng"),
        ("Prime Minister", "PERSON", "Prime Minister"),
        ("Mr. Holt.", "PERSON", "Holt"),
        ("Harbour Inc.", "ORG", "Harbour Inc."),
        ("U.S.", "GPE", "U.S."),
        ("King County", "GPE", "King County"),
        ("Harbour and Tide Office (HTO", "ORG", "Harbour and Tide Office"),
    ],
)
def test_names_are_trimmed_as_people_mark_them(text: str, label: str, left: str) -> None:
    start, end = trim(text, 0, len(text), label)
    assert text[start:end] == left


def test_capitals_that_the_model_passed_over_are_candidates() -> None:
    text = "Harbour chief Zzyrkh Qwvolt said that vrelk Bnorq Tlak left the quay."
    found = [text[one.start : one.end] for read in name_reader().read([text]) for one in candidates(read)]
    assert "Bnorq Tlak" in " ".join(found)


def test_pieces_cover_every_word_and_stay_short() -> None:
    text = "one two\n\n" + "word. " * 2_000 + "\r\n" + "x" * 5_000 + "\u2028end"
    cut = pieces(text)
    assert all(len(piece.text) <= PIECE_CHARACTERS and text.startswith(piece.text, piece.start) for piece in cut)
    assert sum(len(piece.text) for piece in cut) == len(text) - len("\n\n\r\n\u2028")


def test_lines_in_capitals_are_written_as_the_rest_writes_their_words() -> None:
    shouted, normal = "HOLT MEETS EU ENVOYS IN BRUSSELS", "The envoys met Holt in Brussels. McHolt was there."
    assert as_read(f"{shouted}\n{normal}") == f"Holt meets EU envoys in Brussels\n{normal}"
    assert as_read("BBC NEWS\nplain") == "BBC NEWS\nplain"
    assert as_read("STRAßE İ STRASSE ﬁ ŒUVRE MORE WORDS HERE").__len__() == 40
    assert len(as_read("a" * (MOST_CHARACTERS + 5))) == MOST_CHARACTERS


def test_what_is_sure_overrules_the_classifier() -> None:
    text = "Jane Holt met USTR Holt in China, and Vice Premier He Lifeng came."
    marked = ("Jane Holt", "USTR Holt", "China", "Lifeng")
    [read] = name_reader().read([text])
    spans = [(text.index(form), text.index(form) + len(form)) for form in marked]
    found = [candidates(read)[0]._replace(start=start, end=end) for start, end in spans]
    names = [Named(*spans[0], PERSON), Named(*spans[1], "Organization"), Named(*spans[3], PERSON)]
    repaired = [(text[one.start : one.end], one.type) for one in repair(text, found, names)]
    assert repaired == [("Jane Holt", PERSON), ("Holt", PERSON), ("China", PLACE), ("He Lifeng", PERSON)]
