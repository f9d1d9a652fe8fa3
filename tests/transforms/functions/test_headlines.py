from __future__ import annotations

from transforms.functions.headlines import choose_headline


def _of_title(title: str, *sites: str) -> str | None:
    found = choose_headline(json_ld=None, meta=None, title=title, h1=(), site_names=sites)
    return found.text if found else None


def test_a_sites_name_goes_from_the_end_of_a_title_however_often_it_stands_there() -> None:
    assert _of_title("Strike over | Ledger", "Ledger") == "Strike over"
    assert _of_title("Strike over | News | Ledger | Ledger", "Ledger", "News") == "Strike over"
    assert _of_title("Strike over" + "|Ledger" * 5_000, "Ledger") == "Strike over"


def test_a_title_that_is_nothing_but_names_of_the_site_is_no_headline() -> None:
    assert _of_title("|".join(["Ledger"] * 5_000), "Ledger") is None
