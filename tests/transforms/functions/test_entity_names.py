from __future__ import annotations

import re
import time

import pytest

from transforms.functions.entity_names import entity_names
from transforms.functions.name_classifier import ORGANIZATION, PERSON, Named


def called(kind: str, marked: str) -> list[str]:
    """Name the stretches in square brackets, all of one type."""
    text, spans = "", []
    for part in re.split(r"(\[[^]]*])", marked):
        inside = part.startswith("[")
        spans += [Named(len(text), len(text) + len(part) - 2, kind)] if inside else []
        text += part.strip("[]") if inside else part
    return entity_names(text, spans)


@pytest.mark.parametrize(
    ("marked", "names"),
    [
        ("[Holt] and later [Ana Holt], then [Holt]", ["Ana Holt"] * 3),
        ("[Ana Holt] or [Ana B. Holt]", ["Ana B. Holt"] * 2),
        ("[Ana Holt] and [Ben Holt]: [Holt] left, [Ana] stayed", ["Ana Holt", "Ben Holt", "Ben Holt", "Ana Holt"]),
        ("[Rolf Berg Jr.] and [Berg]", ["Rolf Berg Jr."] * 2),
        ("[Holt] and [Berg]", ["Holt", "Berg"]),
        ("[He Lifeng] and [Lifeng]", ["He Lifeng"] * 2),
    ],
)
def test_people_go_by_their_longest_name(marked: str, names: list[str]) -> None:
    assert called(PERSON, marked) == names


@pytest.mark.parametrize(
    ("marked", "names"),
    [
        ("[Harbour Bank Inc.] and [Harbour Bank]", ["Harbour Bank Inc."] * 2),
        ("[International Tide Fund] ([ITF])", ["International Tide Fund"] * 2),
        ("[Bank of Tarnmoor Lights], the [BTL] or [B.T.L.]", ["Bank of Tarnmoor Lights"] * 3),
        ("[Tide Fund] and the [TF]", ["Tide Fund", "TF"]),
        ("[Tide Fund] ([TF])", ["Tide Fund"] * 2),
        ("[Tide] and [T.]", ["Tide", "T."]),
        ("[US Treasury] and [Treasury]", ["US Treasury"] * 2),
        ("[Harbour Bank] and [Bank]", ["Harbour Bank", "Bank"]),
    ],
)
def test_organisations_go_by_their_longest_name(marked: str, names: list[str]) -> None:
    assert called(ORGANIZATION, marked) == names


def test_thousands_of_names_take_a_moment() -> None:
    people = " ".join(f"[Ana Holt{number}] [Holt{number}] [Ana]" for number in range(3_000))
    firms = " ".join(f"[Tide {number} Bank Inc.] [Tide {number} Bank]" for number in range(3_000))
    began = time.process_time()
    assert called(PERSON, people)[1::3] == [f"Ana Holt{number}" for number in range(3_000)]
    assert len(set(called(ORGANIZATION, firms))) == 3_000
    assert time.process_time() - began < 5  # 0.5 s on the machine that this was written on
