from __future__ import annotations

import json

import pytest

from schemas.due_page import DuePage
from schemas.errors import InputRejected
from schemas.fetch import Answer
from tests.fetch_samples import DAY, HOUR, NOW, SECOND, NoJitter, answer
from transforms.functions.due_pages import MOST_ATTEMPTS, after_no_robots, next_attempt, page_of, payload_of_page

DUE = DuePage("https://a.example/1", "a.example", "https://a.example/feed", '{"headline": "x"}', NOW, NOW)


def _rejected(got: Answer) -> InputRejected:
    with pytest.raises(InputRejected) as caught:
        page_of(DUE, got, NOW)
    return caught.value


def test_a_page_has_what_its_feed_and_its_server_say() -> None:
    headers = ((b"content-type", b"text/html; charset=ISO-8859-1"),)
    page = page_of(DUE, answer(body=b"<p>text", headers=headers, url="https://a.example/moved"), NOW + 5)
    assert (page.kind, page.charset_hint, page.url) == ("html", "ISO-8859-1", "https://a.example/moved")
    assert (page.source, page.hints, page.first_seen_at) == (DUE.url, DUE.hints, NOW + 5)
    other = page_of(DUE._replace(url="https://a.example/2"), answer(body=b"<p>text"), NOW)
    assert other.input_id != page.input_id


@pytest.mark.parametrize(
    ("got", "reason", "retryable"),
    [
        (answer(404), "http_404", True),
        (answer(410), "http_410", False),
        (answer(403), "http_403", True),
        (answer(503), "http_503", True),
        (answer(None, failure="disconnected"), "disconnected", True),
        (answer(None, failure="robots_disallowed"), "robots_disallowed", False),
        (answer(body=b" "), "empty", False),
        (answer(headers=((b"content-type", b"image/png"),)), "not_a_page", False),
    ],
)
def test_what_is_no_page_says_why(got: Answer, reason: str, retryable: bool) -> None:
    rejected = _rejected(got)
    assert (rejected.reason, rejected.retryable) == (reason, retryable)
    assert (next_attempt(DUE, got, rejected, NoJitter()) is not None) == retryable


def test_attempts_are_ever_further_apart_and_end() -> None:
    got, due, pauses = answer(503), DUE, []
    while (again := next_attempt(due, got, _rejected(got), NoJitter())) is not None:
        pauses.append((again.due_at - got.at) // SECOND)
        due = again
    assert pauses == [600, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400]
    assert due.attempts == MOST_ATTEMPTS - 1


def test_a_retry_after_is_waited_for() -> None:
    got = answer(503, retry_after=7_200.0)
    again = next_attempt(DUE, got, _rejected(got), NoJitter())
    assert again is not None
    assert again.due_at == NOW + 2 * HOUR


def test_a_robots_txt_that_cannot_be_read_is_waited_for_two_weeks() -> None:
    again = after_no_robots(DUE, NOW + DAY)
    assert again == DUE._replace(due_at=NOW + DAY + HOUR)
    assert after_no_robots(DUE, NOW + 15 * DAY) is None


def test_a_page_that_is_refused_is_asked_for_twice_more_hours_apart() -> None:
    got, due, pauses = answer(403), DUE, []
    while (again := next_attempt(due, got, _rejected(got), NoJitter())) is not None:
        pauses.append((again.due_at - got.at) // HOUR)
        due = again
    assert pauses == [4, 8]


def test_a_page_that_is_given_up_leaves_what_it_can_be_asked_for_again_from() -> None:
    said = json.loads(payload_of_page(DUE._replace(attempts=2)))
    assert said == {"headline": "x", "url": DUE.url, "feed_url": DUE.feed_url, "first_seen_at": NOW, "attempts": 2}
