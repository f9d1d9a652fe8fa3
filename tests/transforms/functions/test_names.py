from __future__ import annotations

import time

import pytest

from transforms.functions.names import MAX_AUTHORS, clean_authors


@pytest.mark.parametrize(
    ("stated", "names"),
    [
        ("By Ann Other, ann@desk.example and Bo Lee", ("Ann Other", "Bo Lee")),
        ("ann.other@desk.example Ann Other", ("Ann Other",)),
        ("Ann Other @annother", ("Ann Other",)),
        ("Ann Other (x@y@desk.example)", ("Ann Other",)),
        ("www.desk.example", ()),
    ],
)
def test_addresses_are_no_names(stated: str, names: tuple[str, ...]) -> None:
    assert clean_authors([stated]) == names


@pytest.mark.parametrize("unit", ["@", "a@", "@.", "a@b.", "www.", "by ", ", ", " ", "\n", "J" + " " * 990 + "x"])
def test_what_is_stated_takes_no_time_by_its_square_however_often_it_is_stated(unit: str) -> None:
    began = time.process_time()
    clean_authors([unit * 1_000] * 10_000)
    assert time.process_time() - began < 1


def test_names_behind_many_that_are_none_are_still_read() -> None:
    assert clean_authors(["admin"] * 50 + [f"Ann {letter}. Other" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXY"])[0] == (
        "Ann A. Other"
    )
    assert len(clean_authors(f"Ann {letter}. Other" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXY")) == MAX_AUTHORS
