"""Hostile pages end fast, in an article or a rejection. Bounds are generous: the machine may be busy."""

from __future__ import annotations

import time

import pytest

from schemas.errors import InputRejected
from transforms.functions.page_limits import MAX_PAGE_BYTES, check_size
from transforms.functions.pages import extract_page

SECONDS = 5.0
LINES = [
    f"The council of town number {i} voted to rebuild the old bridge over the river, the mayor said on Tuesday."
    for i in range(8)
]
ARTICLE = "".join(f"<p>{line}</p>" for line in LINES)


def page(body: str = "", head: str = "") -> str:
    start = f"<html><head><title>Bridge</title>{head}</head><body>"
    return f"{start}<h1>Bridge</h1><article>{ARTICLE}</article>{body}</body></html>"


REFUSED = {
    "100,000 links": (page('<a href="/x">y</a>' * 100_000), "too_many_elements"),
    "200,000 nested boxes": (page("<div>" * 200_000), "too_many_elements"),
    "10 MB of text": (page("<p>" + "word " * 2_000_000), "too_large"),
    "brackets": (page("<" * 1_900_000), "too_many_elements"),
}

READ = {
    "50,000 attributes": page("<div " + " ".join(f'a{i}="x"' for i in range(50_000)) + ">x</div>"),
    "50,000 attributes with brackets": page("<div " + " ".join(f'a{i}="x>y"' for i in range(50_000)) + ">x</div>"),
    "3,000 boxes around it": f"<html><body>{'<div>' * 3_000}{ARTICLE}{'</div>' * 3_000}</body></html>",
    "300 boxes around it": f"<html><body>{'<div>' * 300}{ARTICLE}{'</div>' * 300}</body></html>",
    "3,000 headings around it": f"<html><body>{'<h1>x' * 3_000}{ARTICLE}{'</h1>' * 3_000}</body></html>",
    "300 boxes of its own around it": f"<html><body>{'<x-box>' * 300}{ARTICLE}{'</x-box>' * 300}</body></html>",
    "35 kB of open JSON-LD": page(
        head='<script type="application/ld+json">{"@type":"NewsArticle","headline":"' + "x " * 17_500
    ),
    "deep JSON-LD": page(head='<script type="application/ld+json">' + '{"a":[' * 20_000 + "</script>"),
    "open scripts": page(head="<script " * 100_000),
    "an open script before empty lines": page(head="<script>" + "\n" * 300_000 + "x"),
    "open comments": page("<!-- " * 20_000),
    "15 MB of script": page(head="<script>" + "var x=1;" * 2_000_000 + "</script>"),
    "8 MB of inline image": page('<img src="data:image/png;base64,' + "A" * 8_000_000 + '">'),
    "long class": page('<div class="' + "related-x " * 50_000 + '">x</div>'),
    "long author": page('<span class="author">' + "a," * 100_000 + "</span>"),
    "long title": page(head="<title>" + "a - " * 100_000 + "</title>"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_page_beyond_the_limits_is_refused_fast(name: str) -> None:
    html, reason = REFUSED[name]
    start = time.process_time()
    with pytest.raises(InputRejected) as caught:
        extract_page(html.encode())
    assert caught.value.reason == reason
    assert not caught.value.retryable
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("name", READ)
def test_article_in_a_hostile_page_is_read_fast(name: str) -> None:
    start = time.process_time()
    text = extract_page(READ[name].encode()).text
    assert time.process_time() - start < SECONDS
    assert all(line in text for line in LINES)


@pytest.mark.parametrize("body", [b"", b" \n\t " * 10_000])
def test_empty_page(body: bytes) -> None:
    with pytest.raises(InputRejected) as caught:
        extract_page(body)
    assert caught.value.reason == "empty"


def test_page_too_large_to_look_at() -> None:
    with pytest.raises(InputRejected) as caught:
        check_size(b"x" * (MAX_PAGE_BYTES + 1))
    assert caught.value.reason == "too_large"
