from __future__ import annotations

import pickle
from typing import Any

import pytest

from schemas.errors import UsageError
from schemas.tables import TABLES
from schemas.tombstone import DOMAIN, KINDS, MATCH, URL
from tests.samples import article, reject
from transforms.functions.tombstones import ADDRESSES, HOSTS, TEXTS, Tombstones, tombstone_of


def _of(**given: str) -> Tombstones:
    made = Tombstones(tuple(tombstone_of(kind, value, 1) for kind, value in given.items()))
    return pickle.loads(pickle.dumps(made))  # noqa: S301  (as it travels to a stage)


@pytest.mark.parametrize(
    ("address", "covered"),
    [
        ("https://outlet.example/story?id=2", True),
        ("http://OUTLET.example:80/story?utm_source=x&id=2#top", True),
        ("https://user:secret@outlet.example/story/?id=2", True),
        ("https://outlet.example/story?id=3", False),
        ("https://outlet.example/story", False),
        ("https://www.outlet.example/story?id=2", False),
        ("pages/story.html", False),
        (None, False),
    ],
)
def test_an_address_in_any_spelling(address: str | None, covered: bool) -> None:
    assert _of(url="https://outlet.example/story?id=2").cover_address(address) is covered


@pytest.mark.parametrize("given", ["outlet.example", "www.Outlet.example", "https://outlet.example/about"])
@pytest.mark.parametrize(
    ("address", "covered"),
    [
        ("https://outlet.example/a", True),
        ("http://news.outlet.example:8080/a", True),
        ("https://outlet.example.", True),
        ("https://anoutlet.example/", False),
        ("https://outlet.example.org/?from=outlet.example", False),
        ("https://other.example/outlet.example", False),
    ],
)
def test_a_domain_with_all_below_it(given: str, address: str, covered: bool) -> None:
    assert _of(domain=given).cover_address(address) is covered


def test_a_domain_of_other_letters() -> None:
    tombstones = _of(domain="zeitung-münchen.example")
    assert tombstones.cover_address("https://zeitung-münchen.example/a")
    assert tombstones.cover_address("https://xn--zeitung-mnchen-osb.example/a")
    assert not tombstones.cover_address("https://zeitung-munchen.example/a")


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("ADA moss said", True),
        ("told Ada\n  Moss, who", True),
        ("Ada Mossman said", False),
        ("Dada Moss", False),
        (["Jo Reed", "Ada Moss"], True),
        (b'{"author": "Ada Moss"}\xff', True),
        (None, False),
        (7, False),
    ],
)
def test_words_are_found_as_whole_words(text: object, covered: bool) -> None:
    assert _of(match="Ada Moss").cover_text(text) is covered


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert _of(match="Zoe\u0308 Straße").cover_text("ZO\u00cb STRASSE")
    assert _of(match="C++ (a.b)").cover_text("of c++ (A.B) now")


def test_rows_of_tables() -> None:
    row = article("one", source="https://outlet.example/moved", byline="By Ada Moss")._asdict()
    assert _of(domain="outlet.example").cover_row("articles", row)
    assert _of(url="https://ledger.example/one").cover_row("copies", row)
    assert _of(match="ada moss").cover_row("articles", row)
    assert not _of(domain="feeds.example").cover_row("articles", row | {"feed_url": "https://feeds.example/"})
    assert not _of(match="ada moss").cover_row("runs", {"run_id": "ada moss"})
    rejected = reject(payload=b"<p>Ada Moss</p>", url="https://outlet.example/x")._asdict()
    assert _of(match="ada moss").cover_row("rejects", rejected)
    assert _of(url="https://outlet.example/x").cover_row("rejects", rejected)
    assert not _of(url="https://outlet.example/y").cover_row("rejects", rejected)
    assert not Tombstones().cover_row("articles", row)
    assert _of(domain="outlet.example").cover_row("copies", {"url": None, "source_domain": "news.outlet.example"})
    assert not _of(url="https://outlet.example/").cover_row("copies", {"source_domain": "outlet.example"})


def test_the_columns_are_those_of_the_tables() -> None:
    for columns in (ADDRESSES, TEXTS):
        for table, names in columns.items():
            assert set(names) <= set(TABLES[table].names)
    for table, name in HOSTS.items():
        assert name in TABLES[table].names


@pytest.mark.parametrize(
    ("kind", "given"),
    [(URL, "outlet.example/a"), (URL, "ftp://a.example/"), (DOMAIN, "example"), (DOMAIN, ""), (MATCH, " a, b ")],
)
def test_what_stands_for_nothing_or_for_everything_is_refused(kind: str, given: str) -> None:
    with pytest.raises(UsageError, match=f"--{kind}"):
        tombstone_of(kind, given, 1)


def test_kinds_are_the_flags() -> None:
    values: dict[str, Any] = {URL: "https://a.example/", DOMAIN: "a.example", MATCH: "words"}
    assert tuple(values) == KINDS
    assert [tombstone_of(kind, value, 5)[1:] for kind, value in values.items()] == [
        ("https://a.example/", 5),
        ("a.example", 5),
        ("words", 5),
    ]


@pytest.mark.parametrize(
    ("payload", "covered"),
    [
        (b'{"url": "https://rec.example/1", "article_body": "cut o', True),
        (b'{"url" :"https:\\/\\/www.rec.example\\/2"', True),
        (b'{"url": "https://other.example/1", "article_body": "see https://rec.example/1', False),
        (None, False),
    ],
)
def test_a_record_that_broke_off_is_known_by_the_address_in_it(payload: bytes | None, covered: bool) -> None:
    erased = Tombstones((tombstone_of("domain", "rec.example", 0),))
    assert erased.cover_row("rejects", {"url": None, "payload": payload}) is covered
