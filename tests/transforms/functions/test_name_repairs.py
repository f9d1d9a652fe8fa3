from __future__ import annotations

from transforms.functions.name_classifier import ORGANIZATION, PERSON, PLACE, Named
from transforms.functions.name_repairs import repair


def test_the_surname_of_a_person_of_the_text_is_the_person_whatever_it_was_taken_for() -> None:
    text = "Ada Mosswick spoke. The hall cheered as Mosswick left."
    start = text.rindex("Mosswick")
    names = [Named(0, 12, PERSON), Named(start, start + 8, ORGANIZATION)]
    assert [one.type for one in repair(text, names, names)] == [PERSON, PERSON]


def test_a_surname_that_is_a_place_too_stays_what_it_was_taken_for() -> None:
    text = "Ada London spoke. She lives in London."
    start = text.rindex("London")
    names = [Named(0, 10, PERSON), Named(start, start + 6, PLACE)]
    assert [one.type for one in repair(text, names, names)] == [PERSON, PLACE]
