from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InputRejected
from tests.fetch_samples import fetch
from transforms.functions.redirects import Chain, after_step, checked_url, host_of, redirect_target

START = "https://a.example/feed"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        (b"/new", "https://a.example/new"),
        (b"new?x=1#top", "https://a.example/new?x=1"),
        (b"//b.example", "https://b.example"),
        (b"http://B.example:80/x", "http://b.example/x"),
        ("/caf\u00e9".encode(), "https://a.example/caf%C3%A9"),
        ("https://b\u00fccher.example/".encode(), "https://xn--bcher-kva.example/"),
    ],
)
def test_where_a_redirect_leads(location: bytes, target: str) -> None:
    found = redirect_target(START, 302, location)
    assert found is not None
    assert str(checked_url(found)).rstrip("/") == str(checked_url(target)).rstrip("/")


@pytest.mark.parametrize(
    "location",
    [None, b"", b"ftp://b.example/", b"file:///etc/passwd", b"gopher://b.example", b"javascript:alert(1)",
     b"http://user:secret@b.example/", b"http://[::1", b"http://b.example:99999/", b"/" + b"x" * 9000],
)  # fmt: skip
def test_redirects_to_what_is_not_asked_for_are_refused(location: bytes | None) -> None:
    with pytest.raises(InputRejected) as rejected:
        redirect_target(START, 301, location)
    assert rejected.value.reason == "bad_redirect"


@pytest.mark.parametrize("status", [None, 200, 300, 304, 404])
def test_other_answers_do_not_redirect(status: int | None) -> None:
    assert redirect_target(START, status, b"/new") is None


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_whatever_stands_in_a_location_is_an_address_or_refused(location: bytes) -> None:
    try:
        target = redirect_target(START, 302, location)
    except InputRejected:
        return
    assert target is not None
    assert host_of(target)


def test_hosts_are_keyed_in_one_spelling() -> None:
    assert host_of("HTTPS://News.Example.:443/") == "news.example"
    assert host_of("http://b\u00fccher.example") == "xn--bcher-kva.example"


def follow(*steps: tuple[int, str]) -> Chain:
    chain = Chain.starting_at(START)
    for status, target in steps:
        assert not chain.ended
        chain = after_step(chain, fetch(status, redirect_to=target))
    return chain


def test_a_redirect_loop_is_found() -> None:
    chain = follow((302, "https://b.example/"), (302, START))
    assert chain.ended
    assert chain.fetches[-1].failure == "redirect_loop"


def test_five_redirects_are_followed_and_no_more() -> None:
    five = [(302, f"https://a.example/{number}") for number in range(5)]
    assert not follow(*five).ended
    chain = follow(*five, (302, "https://a.example/x"))
    assert chain.fetches[-1].failure == "too_many_redirects"
    assert len(chain.fetches) == 6


def test_only_permanent_redirects_from_the_first_on_move_a_feed() -> None:
    assert follow((301, "https://b.example/"), (308, "https://c.example/")).permanent_url == "https://c.example/"
    assert follow((301, "https://b.example/"), (302, "https://c.example/")).permanent_url == "https://b.example/"
    assert follow((302, "https://b.example/"), (301, "https://c.example/")).permanent_url is None
    assert follow((307, "https://b.example/")).permanent_url is None
