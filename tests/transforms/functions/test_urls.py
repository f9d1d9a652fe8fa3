from random import Random
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.functions.urls import MAX_URL_CHARACTERS, article_id, canonical_url, copy_id, source_domain

SAME = [
    ("HTTP://News.Example:80/a/b/", "https://news.example/a/b"),
    ("https://news.example", "https://news.example/"),
    ("https://news.example/a?utm_source=x&id=7&fbclid=y", "https://news.example/a?id=7"),
    ("https://news.example/a?b=2&a=1", "https://news.example/a?a=1&b=2"),
    ("https://news.example/a?x=1&amp;amp;y=2", "https://news.example/a?x=1&y=2"),
    ("https://news.example/a#comments", "https://news.example/a"),
    ("https://news.example/a/./b/../c", "https://news.example/a/c"),
    ("https://news.example/../../a", "https://news.example/a"),
    ("https://news.example/%7ejane/caf%c3%a9", "https://news.example/~jane/caf%C3%A9"),
    ("https://news.example/café 100%", "https://news.example/caf%C3%A9%20100%25"),
    ("https://news.example/a;jsessionid=0A1B?x=1", "https://news.example/a?x=1"),
    ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
    ("https://user:secret@news.example/a", "https://news.example/a"),
    (" \nhttps://news.example/a\t", "https://news.example/a"),
    ("//news.example/a", "https://news.example/a"),
    ("http://news.example:8080/a", "http://news.example:8080/a"),
    ("https://news.example/a?source=rss", "https://news.example/a"),
    ("https://[2001:DB8::1]/a", "https://[2001:db8::1]/a"),
]

DIFFERENT = [
    ("https://news.example/?p=123", "https://news.example/?p=124"),
    ("https://news.example/spip.php?article8517", "https://news.example/spip.php?article8522"),
    ("https://news.example/a?cid=1", "https://news.example/a?cid=2"),
    ("https://news.example/a?eid=1", "https://news.example/a?eid=2"),
    ("https://news.example/a?source=4711", "https://news.example/a?source=4712"),
    ("https://news.example/a?page=1", "https://news.example/a?page=2"),
    ("https://news.example/#!/story/1", "https://news.example/#!/story/2"),
    ("https://news.example/#/story/1", "https://news.example/#/story/2"),
    ("https://news.example/A", "https://news.example/a"),
    ("https://news.example/a%2Fb", "https://news.example/a/b"),
    ("https://news.example/a?q=1%262", "https://news.example/a?q=1&2"),
    ("https://straße.example/", "https://strasse.example/"),
    ("https://news.example/a?x=1&x=2", "https://news.example/a?x=2&x=1"),
]

NO_ADDRESS = [
    "",
    "news.example/a",
    "/a/b",
    "mailto:desk@news.example",
    "ftp://news.example/a",
    "javascript:void(0)",
    "https://",
    "https:///a",
    "https://news.example:port/a",
    "https://news.example:99999/a",
    "https://[::1/a",
    "https://a b.example/",
    "https://a..example/",
    "https://news.example/" + "a" * MAX_URL_CHARACTERS,
]


@pytest.mark.parametrize(("url", "expected"), SAME)
def test_spellings_of_one_address_become_one(url: str, expected: str) -> None:
    assert canonical_url(url) == expected


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_addresses_that_may_be_two_articles_stay_two(one: str, other: str) -> None:
    assert canonical_url(one) is not None
    assert canonical_url(one) != canonical_url(other)


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_what_is_no_web_address_gives_none(url: str) -> None:
    assert canonical_url(url) is None
    assert source_domain(url) is None


def test_relative_addresses_need_their_page() -> None:
    assert canonical_url("../b?id=1", base="https://news.example/x/a") == "https://news.example/b?id=1"
    assert canonical_url("https://other.example/c", base="https://news.example/") == "https://other.example/c"
    assert canonical_url("b", base="no address") is None


SITES = st.sampled_from(["http", "https", "HTTPS"]).flatmap(
    lambda scheme: st.tuples(
        st.just(scheme + "://"),
        st.sampled_from(["news.example", "News.Example:443", "münchen.example", "[::1]", "ß.example", "a_b.example."]),
    ).map("".join)
)
TAILS = st.text(
    alphabet=st.one_of(st.sampled_from("/.%?&=#!;:@+ ~aZ0é漢\ud800\u200d\t[]"), st.characters()), max_size=60
)
LIKELY = st.tuples(SITES, TAILS).map("".join)


@given(st.one_of(st.text(), LIKELY), st.one_of(st.none(), st.text(), LIKELY))
def test_any_str_is_taken_and_twice_is_once(url: str, base: str | None) -> None:
    address = canonical_url(url, base)
    if address is not None:
        assert address.isascii()
        assert canonical_url(address) == address
        assert urlsplit(address).scheme in ("http", "https")


FIELDS = st.lists(
    st.tuples(st.sampled_from(["id", "page", "p", "x", "tag"]), st.from_regex("[a-z0-9]{1,5}", fullmatch=True))
)
MARKS = st.lists(
    st.sampled_from(["utm_source=a", "utm_id=1", "fbclid=x", "gclid=1", "mc_cid=9", "at_medium=RSS", "ref=twitter"])
)


@given(FIELDS, MARKS, st.from_regex("[a-z0-9=&]{0,9}", fullmatch=True), st.randoms())
def test_tracking_order_and_fragment_change_nothing(
    fields: list[tuple[str, str]], marks: list[str], fragment: str, chance: Random
) -> None:
    plain = [f"{name}={value}" for name, value in dict(fields).items()]
    mixed = [*plain, *marks]
    chance.shuffle(mixed)
    address = canonical_url("https://news.example/a?" + "&".join(plain))
    assert canonical_url("https://news.example/a?" + "&".join(mixed) + "#" + fragment) == address


@given(FIELDS, FIELDS)
def test_other_fields_make_another_address(one: list[tuple[str, str]], other: list[tuple[str, str]]) -> None:
    spelled = [canonical_url("https://news.example/a?" + "&".join(map("=".join, fields))) for fields in (one, other)]
    by_name = [sorted(fields, key=lambda field: field[0]) for fields in (one, other)]
    assert (spelled[0] == spelled[1]) == (by_name[0] == by_name[1])


def test_source_domain_is_the_host_without_www() -> None:
    assert source_domain("https://www.News.example:8443/a") == "news.example"
    assert source_domain("https://live.news.example/a") == "live.news.example"
    assert source_domain("https://www.example") == "example"


def test_article_id_follows_the_address_alone() -> None:
    known = article_id("https://news.example/a", "One", "text")
    assert known == article_id("https://news.example/a", None, "another text")
    assert known != article_id("https://news.example/b", "One", "text")
    # Pinned: lakes written before must find their articles again.
    assert known == "95bbca1f9b4bae7d73e89dc2c1be3dbe"


def test_article_id_without_address_follows_publisher_and_text() -> None:
    known = article_id(None, "One", "Some text\nin lines.")
    assert known == article_id("", "One", " Some  text in\r\n\r\nlines. ")
    assert known != article_id(None, "Two", "Some text in lines.")
    assert article_id(None, "a", "b c") != article_id(None, "a b", "c")
    assert article_id(None, None, "b") != article_id(None, "", "b")
    assert len(known) == 32
    assert int(known, 16) >= 0


@given(st.one_of(st.none(), st.text()), st.text())
def test_article_id_takes_any_str(publisher: str | None, text: str) -> None:
    assert len(article_id(None, publisher, text)) == 32


def test_copy_id_follows_article_and_text() -> None:
    assert copy_id("a" * 32, "b" * 64) == copy_id("a" * 32, "b" * 64)
    assert len({copy_id("a" * 32, "b" * 64), copy_id("a" * 32, "c" * 64), copy_id("b" * 32, "b" * 64)}) == 3
    assert len(copy_id("a" * 32, "b" * 64)) == 32


def test_an_address_that_escapes_make_too_long_is_none() -> None:
    assert canonical_url("https://a.example/" + "<" * 2_700) is not None
    assert canonical_url("https://a.example/" + "<" * 2_800) is None
    assert canonical_url("https://a.example/" + "漢" * 1_000) is None
