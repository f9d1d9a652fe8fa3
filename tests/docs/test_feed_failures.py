"""docs/feeds.md has every word that a poll or a request can fail with, and the lengths that hold."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from pipeline.failure_remedies import REMEDIES
from transforms.functions import (
    address_guard,
    due_pages,
    feed_documents,
    feed_items,
    feed_parser,
    feed_poller,
    feed_xml,
    full_content,
    http_bodies,
    http_failures,
    json_feeds,
    parsed_feeds,
    redirects,
    sitemaps,
)

PAGE = (Path(__file__).parents[2] / "docs" / "feeds.md").read_text()
MODULES = (
    address_guard, due_pages, feed_documents, feed_items, feed_parser, feed_poller, feed_xml, http_bodies, json_feeds,
    parsed_feeds, redirects, sitemaps,
)  # fmt: skip


def _words() -> list[str]:
    table = [line.split("|")[1] for line in (http_failures.__doc__ or "").splitlines() if line.startswith("| `")]
    named = [word for cell in table for word in re.findall(r"`(\w+)`", cell)]
    raised = [
        word for module in MODULES for word in re.findall(r'InputRejected\(\s*"(\w+)"', inspect.getsource(module))
    ]
    return sorted({*named, *raised, *REMEDIES})


def test_the_words_are_found_in_the_code() -> None:
    assert {"address_refused", "no_such_name", "not_a_feed", "robots_unreadable"} <= set(_words())


@pytest.mark.parametrize("word", _words())
def test_a_word_has_its_line(word: str) -> None:
    assert re.search(rf"^\| .*`{word}`.* \|$", PAGE, re.MULTILINE)


def test_the_lengths_are_those_that_hold() -> None:
    assert f"{full_content.MIN_CONTENT_WORDS} words or more; where" in PAGE
    assert f"`summary`), {full_content.MIN_SUMMARY_WORDS} words or more" in PAGE
