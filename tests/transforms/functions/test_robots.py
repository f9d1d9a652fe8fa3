from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protego import Protego

from schemas.host_state import HostState
from tests.fetch_samples import HOUR, NOW, fetch
from transforms.functions.robots import AGENT, MOST_KEPT, after_robots, origin_of, record_for, robots_url, verdict

PAGE = "https://news.example/a/story?x=1"
HOST = HostState("news.example")


def said(body: bytes, status: int | None = 200, failure: str | None = None, url: str = PAGE) -> str:
    record = record_for(after_robots(HOST, url, fetch(status, failure=failure), body), url, NOW)
    assert record is not None
    return verdict(record, url)


def test_rules_are_obeyed() -> None:
    assert said(b"User-agent: *\nDisallow: /a/") == "disallowed"
    assert said(b"User-agent: *\nDisallow: /a/\nAllow: /a/story") == "allowed"
    assert said(b"User-agent: newsbeam\nDisallow: /\n\nUser-agent: *\nDisallow:") == "disallowed"
    assert said(b"User-agent: other\nDisallow: /") == "allowed"


@pytest.mark.parametrize("status", [401, 403, 404, 410, 301])
def test_4xx_allows(status: int) -> None:
    assert said(b"User-agent: *\nDisallow: /", status) == "allowed"


@pytest.mark.parametrize("status", [500, 503, 429])
def test_5xx_means_not_now(status: int) -> None:
    assert said(b"", status) == "not_now"


def test_unreachable_means_not_now() -> None:
    assert said(b"", None, "connect_timeout") == "not_now"


def test_redirects_that_lead_nowhere_allow() -> None:
    assert said(b"", 301, "redirect_loop") == "allowed"


def test_kept_for_six_hours_and_errors_for_one() -> None:
    good = after_robots(HOST, PAGE, fetch(), b"")
    assert record_for(good, PAGE, NOW + 6 * HOUR - 1) is not None
    assert record_for(good, PAGE, NOW + 6 * HOUR) is None
    bad = after_robots(HOST, PAGE, fetch(500), b"")
    assert record_for(bad, PAGE, NOW + HOUR) is None


def test_crawl_delay_is_taken_over_and_given_up_again() -> None:
    host = after_robots(HOST, PAGE, fetch(), b"User-agent: *\nCrawl-delay: 17")
    assert host.crawl_delay == 17
    assert after_robots(host, PAGE, fetch(500), b"").crawl_delay == 17
    assert after_robots(host, PAGE, fetch(), b"User-agent: *\nAllow: /").crawl_delay is None
    assert after_robots(HOST, PAGE, fetch(), b"User-agent: *\nCrawl-delay: 99999999").crawl_delay == 86_400


def test_a_robots_txt_speaks_for_its_own_origin_only() -> None:
    host = after_robots(HOST, PAGE, fetch(), b"User-agent: *\nDisallow: /")
    assert record_for(host, "http://news.example/a", NOW) is None
    assert record_for(host, "https://news.example:8443/a", NOW) is None
    assert robots_url("https://News.example:443/a?b#c") == "https://news.example/robots.txt"
    assert origin_of("http://news.example:8080/") == "http://news.example:8080"


def test_few_origins_of_a_host_are_remembered() -> None:
    host = HOST
    for port in range(8000, 8100):
        host = after_robots(host, f"http://news.example:{port}/", fetch(), b"x" * 100)
    assert len(host.robots) == 4


@settings(deadline=None)
@given(st.binary(max_size=500))
def test_whatever_stands_in_it_gives_a_verdict(body: bytes) -> None:
    assert said(body) in ("allowed", "disallowed")


def test_a_hostile_robots_txt_costs_little() -> None:
    body = b"User-agent: *\n" + b"Disallow: /*a*b*c*d*e$\n" * 50_000
    started = time.perf_counter()
    assert said(body, url="https://news.example/" + "abcd" * 500) == "allowed"
    assert time.perf_counter() - started < 5
    assert len(after_robots(HOST, PAGE, fetch(), body).robots[0].text) <= MOST_KEPT


def kept(text: str) -> str:
    return after_robots(HOST, PAGE, fetch(), text.encode()).robots[0].text


def test_only_the_rules_for_us_are_kept() -> None:
    others = "".join(f"User-agent: bot{number}\nDisallow: /{number}\n\n" for number in range(9_000))
    ours = "User-agent: *\nUser-agent: newsbeam\nCrawl-delay: 7\nDisallow: /a/  # all of it\n"
    assert kept(others + ours + others) == ours.replace("  # all of it", "").strip()


def test_of_too_many_rules_the_shortest_are_kept() -> None:
    long = "".join(f"Disallow: /story/{'x' * 100}{number}\n" for number in range(3_000))
    text = "User-agent: *\n" + long + "Disallow: /a/\n"
    assert said(text.encode()) == "disallowed"
    assert 60_000 < len(kept(text)) <= MOST_KEPT


LINES = st.sampled_from((
    "User-agent: *", "user-agent: newsbeam", "User agent other", "useragent: NEWS*", "User-agent:", "user  agent: x",
    "User-agent:other", "Disallow: /a", "Disallow /a/story", "allow: /a/s", "Allow:", "dissalow: /", "Crawl-delay: 3",
    "Sitemap: https://a.example/s", "Sitemap https://a.example/s", "Host: a", "host b: c", "junk", "junk: 1", "a:b", "",
    "# x", "Crawl-delay: 9", "User-agent: newsbeam # us", "Disallow: /*x=1$", "Noindex: /a", "User-agent other:x",
))  # fmt: skip


@settings(deadline=None, max_examples=1_000)
@given(st.lists(LINES, max_size=14))
def test_what_is_left_out_makes_no_difference(lines: list[str]) -> None:
    text = "\n".join(lines)
    whole, ours = Protego.parse(text), Protego.parse(kept(text))
    assert ours.crawl_delay(AGENT) == whole.crawl_delay(AGENT)
    for url in (PAGE, "https://news.example/a", "https://news.example/b?x=1"):
        assert ours.can_fetch(url, AGENT) == whole.can_fetch(url, AGENT)
