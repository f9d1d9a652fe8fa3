from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transforms.functions.headlines import choose_headline

_PIECES = (
    "Ledger",
    "News",
    "Strike",
    "over",
    " ",
    " ",
    "|",
    " | ",
    " - ",
    " -- ",
    "-",
    "–",
    " – ",
    " : ",
    ":",
    "»",
    "·",
)
_SEPARATORS = " |–—·•»«›‹:-"


def _of_title(title: str, *sites: str) -> str | None:
    found = choose_headline(json_ld=None, meta=None, title=title, h1=(), site_names=sites)
    return found.text if found else None


def test_a_sites_name_goes_from_the_end_of_a_title_however_often_it_stands_there() -> None:
    assert _of_title("Strike over | Ledger", "Ledger") == "Strike over"
    assert _of_title("Strike over | News | Ledger | Ledger", "Ledger", "News") == "Strike over"
    assert _of_title("Strike over" + "|Ledger" * 5_000, "Ledger") == "Strike over"


def test_a_title_that_is_nothing_but_names_of_the_site_is_no_headline() -> None:
    assert _of_title("|".join(["Ledger"] * 5_000), "Ledger") is None


def _cut_one_by_one(title: str, sites: set[str]) -> str:
    """Cut sites' names off either end as one would by hand: look at the last part, cut it, look at the title again."""

    def parts_of(text: str) -> list[str]:
        return re.split(r"\s+(?:[|–—·•»«›‹:]|-{1,2})\s+|\s*[|»›]\s*", text)

    def is_site(part: str) -> bool:
        return " ".join(re.findall(r"\w+", part.casefold())) in sites

    parts = parts_of(title)
    while len(parts) > 1 and is_site(parts[-1]):
        title = title.removesuffix(parts[-1]).rstrip(_SEPARATORS)
        parts = parts_of(title)
    if len(parts) == 1:
        return "" if is_site(title) else title
    return title[title.find(parts[1], len(parts[0])) :] if is_site(parts[0]) else title


@given(st.lists(st.sampled_from(_PIECES), max_size=14).map("".join), st.sets(st.sampled_from(["Ledger", "News"])))
@example("Ledger | Strike - over : News | Ledger", {"Ledger", "News"})
@example("Strike |Ledger - - Ledger", {"Ledger"})
def test_sites_names_go_as_if_they_were_cut_off_one_by_one(title: str, sites: set[str]) -> None:
    wanted = _cut_one_by_one(" ".join(title.split()), {site.casefold() for site in sites})
    # Where a name is followed by separators alone, there may be one more or less of them.
    assert (_of_title(title, *sites) or "").lstrip(_SEPARATORS) == wanted.lstrip(_SEPARATORS)


@pytest.mark.parametrize("separator", [" | ", "|", " - ", " -- ", "»", " : "])
def test_a_title_of_forty_thousand_parts_takes_no_time(separator: str) -> None:
    title = separator.join(["Strike", *["Ledger"] * 40_000])
    start = time.perf_counter()
    assert _of_title(title, "Ledger") == "Strike"
    assert time.perf_counter() - start < 10  # .1 s on two cores; one name at a time would take minutes
