from __future__ import annotations

import pytest

from schemas.errors import InputRejected
from schemas.feed_state import NEVER, FeedState
from schemas.fetch import Answer
from tests.fetch_samples import NOW, RULES, URL, NoJitter, answer, feed_body, parse
from transforms.functions.feed_rows import MERGED, REMOVED, change_row, health_of, poll_row
from transforms.functions.parsed_feeds import FeedParser
from transforms.functions.polling import after_poll

NEW = FeedState(URL, URL)
RSS = """<?xml version="1.0"?><rss version="2.0" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel>
<title>T</title><ttl>30</ttl><sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>1</sy:updateFrequency>
<item><guid>b</guid><title>x</title><pubDate>Tue, 31 Mar 2026 10:00:00 GMT</pubDate></item>
<item><guid>a</guid><title>y</title><pubDate>Mon, 30 Mar 2026 10:00:00 GMT</pubDate></item></channel></rss>"""
INDEX = """<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<sitemap><loc>https://news.example/one.xml</loc></sitemap></sitemapindex>"""


def _polled(state: FeedState, got: Answer) -> tuple[FeedState, list[str]]:
    polled = after_poll(state, got, parse, NoJitter(), RULES)
    return polled.state, list(poll_row(state, polled, "run").changes)


def test_a_row_says_what_a_poll_changed() -> None:
    state, changes = _polled(NEW, answer(body=feed_body(0, 10)))
    assert changes == ["first_poll"]
    state, changes = _polled(state, answer(503, at=state.next_poll_at))
    assert changes == ["failing"]
    state, changes = _polled(state, answer(body=feed_body(90, 100), at=state.next_poll_at))
    assert changes == ["interval", "recovered", "gap"]
    state, changes = _polled(state, answer(410, at=state.next_poll_at))
    assert changes == ["gone"]


def test_a_row_has_the_overlap_with_the_poll_before() -> None:
    state = after_poll(NEW, answer(body=feed_body(0, 10)), parse, NoJitter(), RULES).state
    polled = after_poll(state, answer(body=feed_body(5, 15), at=state.next_poll_at), parse, NoJitter(), RULES)
    row = poll_row(state, polled, "run")
    assert (row.items, row.items_new, row.overlap, row.possibly_lost) == (10, 5, 0.5, 0)
    assert row.next_poll_at == polled.state.next_poll_at


@pytest.mark.parametrize(
    ("state", "health"),
    [
        (NEW, "ok"),
        (NEW._replace(failure_score=0.25), "failing"),
        (NEW._replace(failure_score=10.0), "dead"),
        (NEW._replace(merged_into="x", failure_score=1.0), "merged"),
        (NEW._replace(gone_at=NOW, next_poll_at=NEVER), "gone"),
    ],
)
def test_health_in_a_word(state: FeedState, health: str) -> None:
    assert health_of(state) == health
    assert (change_row(state, MERGED, NOW, "run").next_poll_at is None) == (health == "gone")
    assert change_row(state, REMOVED, NOW, "run").health == "removed"


def test_a_document_as_the_rules_see_it() -> None:
    feed = FeedParser()(answer(body=RSS.encode()))
    assert list(feed.item_ids) == ["b", "a"]
    assert feed.update_seconds == 3_600
    assert feed.oldest_at is not None
    assert feed.newest_at == feed.oldest_at + 24 * 3_600 * 1_000_000
    assert not feed.is_cut_off


def test_why_a_document_is_no_feed_is_kept() -> None:
    parser = FeedParser()
    with pytest.raises(InputRejected, match="an index of 1 sitemaps"):
        parser(answer(body=INDEX.encode()))
    assert parser.rejected is not None
    assert parser.rejected.reason == "sitemap_index"
    with pytest.raises(InputRejected):
        parser(answer(body=b"<html></html>"))
    assert parser.rejected.reason == "not_a_feed"
    parser(answer(body=RSS.encode()))
    assert parser.rejected is None
