"""Pages that feeds have named: what an answer makes of one that was asked for."""

from __future__ import annotations

import hashlib
import json
import math
from random import Random
from typing import Final

from schemas.due_page import DuePage
from schemas.errors import InputRejected
from schemas.fetch import Answer
from schemas.instants import Instant
from schemas.page import Page
from transforms.functions.feed_documents import charset_of
from transforms.functions.http_hints import DAY, SECOND, header
from transforms.functions.poll_failures import HARD, failure_reason, failure_weight
from transforms.functions.rejects import payload_object

MOST_ATTEMPTS: Final = 8
"""A page that fails in a way that may pass is asked for over 21 hours, 10 minutes after the first time, then twice as
long each time: own choice. What an outlet cannot serve for a day is hardly read there any more."""

_FIRST_PAUSE: Final = 600.0
_FEW_ATTEMPTS: Final = 3
"""For 404: feeds name pages before all servers have them, so half an hour is waited and no longer. 403: see below."""

_FORBIDDEN: Final = (401, 403)
_FORBIDDEN_PAUSE: Final = 14_400.0
"""Walls against crawlers refuse for an hour or a day and let the same address pass later, so a page is asked for after
4 hours and 8 more, and then left alone: own choice. Sooner or more often would be what such walls are made against."""

_ROBOTS_PAUSE: Final = 3_600.0
_ROBOTS_PATIENCE: Final = 14 * DAY
"""Seconds for which a page waits for a robots.txt that cannot be read: own choice; RFC 9309 2.3.1.4 lets a crawler
take the rules as missing after 30 days, which is late for news."""

_NO_PAGES: Final = ("image/", "audio/", "video/", "font/", "application/pdf", "application/zip")


def page_of(due: DuePage, answer: Answer, read_at: Instant) -> Page:
    """Return the page that an answer brought.

    Raises:
        InputRejected: `not_a_page`, `empty`; or why there is none, as a fixed word, `retryable` where it may pass.
    """
    if answer.failure is not None or answer.status is None or not 200 <= answer.status < 300:
        reason = failure_reason(answer)
        message = next((row.message for row in reversed(answer.fetches) if row.message), None)
        may_pass = failure_weight(answer) < HARD or _is_forbidden(answer)
        raise InputRejected(reason, message or f"the page was not to be had: {reason}", retryable=may_pass)
    content_type = (header(answer.headers, b"content-type") or b"").decode("latin-1").strip()
    if content_type.lower().startswith(_NO_PAGES):
        raise InputRejected("not_a_page", f"the address holds {content_type[:100]}")
    if not answer.body.strip():
        raise InputRejected("empty", "nothing but whitespace in it")
    return Page(
        input_id=hashlib.sha256(due.url.encode() + b"\n" + answer.body).hexdigest(),
        source=due.url,
        kind="text" if content_type.lower().startswith("text/plain") else "html",
        body=answer.body,
        first_seen_at=read_at,
        url=answer.url,
        charset_hint=charset_of(content_type),
        hints=due.hints,
    )


def next_attempt(due: DuePage, answer: Answer, rejected: InputRejected, random: Random) -> DuePage | None:
    """Return the page as it waits for its next attempt; None where there will be none."""
    attempts = due.attempts + 1
    seldom = _is_forbidden(answer) or (answer.status == 404 and answer.failure is None)
    if not rejected.retryable or attempts >= (_FEW_ATTEMPTS if seldom else MOST_ATTEMPTS):
        return None
    first = _FORBIDDEN_PAUSE if _is_forbidden(answer) else _FIRST_PAUSE
    pause = max(first * 2.0 ** (attempts - 1) * (1 + 0.1 * random.random()), answer.retry_after or 0.0)
    return due._replace(attempts=attempts, due_at=answer.at + math.ceil(pause * SECOND))


def _is_forbidden(answer: Answer) -> bool:
    return answer.failure is None and answer.status in _FORBIDDEN


def payload_of_page(due: DuePage) -> bytes:
    """Return the JSON object from which a page that was given up can be asked for again: its address and its hints."""
    hints = json.loads(due.hints) if due.hints else {}
    known = {"url": due.url, "feed_url": due.feed_url, "first_seen_at": due.first_seen_at, "attempts": due.attempts}
    return payload_object(hints | known)


def after_no_robots(due: DuePage, now: Instant) -> DuePage | None:
    """Return a page whose robots.txt could not be read as it waits; None where it has waited long enough."""
    if now - due.first_seen_at > _ROBOTS_PATIENCE * SECOND:
        return None
    return due._replace(due_at=now + int(_ROBOTS_PAUSE * SECOND))
