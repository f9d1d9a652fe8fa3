"""The rules by which one feed is polled: when, with which validators, and what an answer changes.

Everything follows from (state, answer, random): no clock is read here. The time of a poll is that of its last request.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from hashlib import sha256
from random import Random
from typing import Final, NamedTuple, Protocol, TypeAlias

from schemas.errors import InputRejected
from schemas.feed_state import NEVER, FeedState
from schemas.fetch import Answer, Headers
from schemas.instants import Instant
from transforms.functions.http_hints import DAY, SECOND, fresh_seconds, header
from transforms.functions.named_feeds import LIST, NAMING_KINDS
from transforms.functions.poll_failures import HARD, failure_reason, failure_weight
from transforms.functions.polling_gap import items_lost, new_items_rate, silence_is_odd, was_told_wrong
from transforms.functions.polling_interval import (
    PollingRules,
    delay_after_failures,
    delay_until_next,
    hash_items,
    jittered,
    known_hashes,
    next_interval,
    remember_items,
)
from transforms.functions.skipped_times import after_skipped

CHANGED: Final = "changed"
UNCHANGED: Final = "unchanged"
"""A whole body came, and it was that of the last time."""
NOT_MODIFIED: Final = "not_modified"
FAILED: Final = "failed"
GONE: Final = "gone"

_BARRED_SECONDS: Final = 7 * DAY
"""How long a server that was caught gets no validators: own choice; one that is mended is met again within a week."""


_TRIED_ELSEWHERE_SCORE: Final = 3.0
"""From this score on a feed that has moved is tried at its old address, too: own choice; after three hard failures, or
twelve of a server that cannot be reached, the move itself is in doubt."""


class PolledDocument(Protocol):
    """What the rules need of a parsed feed; the parser's own type has it, and whatever else its caller wants."""

    @property
    def item_ids(self) -> Sequence[str]:
        """Ids of the items in the document's order: guid, id or link."""

    @property
    def update_seconds(self) -> float | None:
        """Seconds that the document asks to leave between polls (`ttl`, `sy:*`); None where it does not ask."""

    @property
    def skips(self) -> int:
        """Hours and days in which the document asks for no poll, as of `skipped_times.skips_of`."""

    @property
    def kind(self) -> str | None:
        """What the document is (`FeedDocument.kind`)."""

    @property
    def oldest_at(self) -> Instant | None:
        """Date of its oldest item, None where no item is dated."""

    @property
    def newest_at(self) -> Instant | None:
        """Date of its newest item, None where no item is dated."""

    @property
    def is_cut_off(self) -> bool:
        """Whether it breaks off, so that items may be missing."""


Parse: TypeAlias = Callable[[Answer], PolledDocument]
"""Reads a feed out of an answer with a body; raises InputRejected for what is none."""


class Polled(NamedTuple):
    """What a poll came to."""

    state: FeedState
    outcome: str
    reason: str | None = None
    """Why it failed, as a fixed word."""
    document: PolledDocument | None = None
    """The parsed feed where a changed one came."""
    new_items: int = 0
    possibly_lost: int = 0
    """Items that may have come and gone since the last poll: not 0 where the document has none that was known."""


def validators(state: FeedState, now: Instant, rules: PollingRules) -> Headers:
    """Return the header fields that make the request conditional: none where a whole body is wanted for once."""
    if _wants_whole_body(state, now, rules):
        return ()
    fields = ((b"if-none-match", state.etag), (b"if-modified-since", state.last_modified))
    return tuple((name, value) for name, value in fields if value)


def after_poll(state: FeedState, answer: Answer, parse: Parse, random: Random, rules: PollingRules) -> Polled:
    """Return what an answer makes of a feed. Whatever a server sends raises nothing, if `parse` only rejects inputs.

    Args:
        answer: to a request with `validators(state, ...)`.
        parse: called for a successful body that is not that of the last time.
    """
    state = state._replace(polls=state.polls + 1, last_polled_at=answer.at)
    if answer.failure is None and answer.status == 410:
        return Polled(state._replace(gone_at=answer.at, next_poll_at=NEVER, last_failure="http_410"), GONE, "http_410")
    if answer.failure is None and answer.status == 304 and _was_conditional(answer):
        return _not_modified(state, answer, random, rules)
    if answer.failure is None and answer.status is not None and 200 <= answer.status < 300:
        return _whole_body(state, answer, parse, random, rules)
    return _failed(state, answer, failure_reason(answer), failure_weight(answer), random, rules)


def _wants_whole_body(state: FeedState, now: Instant, rules: PollingRules) -> bool:
    if now < state.validators_barred_until or state.conditional_polls >= rules.unconditional_every - 1:
        return True
    since_full = (now - (state.last_full_at or now)) / SECOND
    # Once a day is what hosts of feeds allow of unconditional requests (rachelbythebay.com/w/feed).
    return since_full >= rules.unconditional_after or (since_full >= DAY and silence_is_odd(state, now))


def _was_conditional(answer: Answer) -> bool:
    return bool(answer.fetches) and answer.fetches[-1].conditional


def _not_modified(state: FeedState, answer: Answer, random: Random, rules: PollingRules) -> Polled:
    state = state._replace(
        etag=header(answer.headers, b"etag") or state.etag,
        last_modified=header(answer.headers, b"last-modified") or state.last_modified,
        conditional_polls=state.conditional_polls + 1,
        not_modified_in_a_row=state.not_modified_in_a_row + 1,
    )
    return Polled(_succeeded(state, answer, 1.0, random, rules), NOT_MODIFIED)


def _whole_body(state: FeedState, answer: Answer, parse: Parse, random: Random, rules: PollingRules) -> Polled:
    digest = sha256(answer.body).digest()
    if digest == state.body_digest:
        return Polled(_succeeded(_after_body(state, answer), answer, 1.0, random, rules), UNCHANGED)
    try:
        document = parse(answer)
    except InputRejected as rejected:
        return _failed(state, answer, rejected.reason, HARD, random, rules)
    return _read_document(state._replace(body_digest=digest), answer, document, random, rules)


def _read_document(
    state: FeedState, answer: Answer, document: PolledDocument, random: Random, rules: PollingRules
) -> Polled:
    hashes = hash_items(document.item_ids)
    known = known_hashes(state.known_items)
    # A list may name more than is remembered of any feed: it is known by all that it names.
    seen = hash_items(["\n".join(sorted(document.item_ids))]) if document.kind == LIST else hashes
    new = sum(one not in known for one in seen)
    names = document.kind in NAMING_KINDS
    lost = 0 if names else items_lost(state, len(hashes), new, document.oldest_at, document.newest_at)
    if new and was_told_wrong(state, new, document.newest_at, conditional=_was_conditional(answer)):
        state = state._replace(validators_barred_until=answer.at + int(_BARRED_SECONDS * SECOND))
    state = state._replace(
        items_per_hour=new_items_rate(state, len(hashes), new, answer.at, document.oldest_at, document.newest_at),
        last_new_at=answer.at if new else state.last_new_at,
        known_items=remember_items(state.known_items, seen),
        items=len(hashes),
        publisher_interval=_asked_seconds(document.update_seconds),
        skips=document.skips,
        kind=document.kind,
    )
    share = (len(hashes) - new) / len(hashes) if hashes else None
    if names and new:  # one new sitemap among many is news enough
        share = 0.0
    state = _succeeded(_after_body(state, answer), answer, share, random, rules)
    if document.is_cut_off:  # the next poll must bring the rest, even if nothing changes
        state = state._replace(etag=None, last_modified=None, body_digest=None)
    return Polled(state, CHANGED, document=document, new_items=new, possibly_lost=lost)


def _after_body(state: FeedState, answer: Answer) -> FeedState:
    """Take the validators of a whole body, byte for byte: those it comes without are not carried over."""
    first = state.last_full_at is None
    conditional = _was_conditional(answer)
    return state._replace(
        etag=header(answer.headers, b"etag"),
        last_modified=header(answer.headers, b"last-modified"),
        last_full_at=answer.at,
        # Feeds met together must not all be asked without validators together: each starts elsewhere in its hundred.
        conditional_polls=_place(state.listed_url) if first else state.conditional_polls + 1 if conditional else 0,
        not_modified_in_a_row=0,
    )


def _place(url: str) -> int:
    return sha256(url.encode("utf-8", "surrogatepass")).digest()[0] % 90


def _succeeded(
    state: FeedState, answer: Answer, known_share: float | None, random: Random, rules: PollingRules
) -> FeedState:
    late = answer.at - state.next_poll_at > state.interval * SECOND
    interval = next_interval(state.interval, known_share, late=late, rules=rules)
    asked = max(state.publisher_interval, fresh_seconds(answer.headers, answer.at))
    delay = max(delay_until_next(interval, asked, random, rules), answer.retry_after or 0.0)
    state = _moved(state, answer)._replace(
        interval=interval, last_success_at=answer.at, failure_score=0.0, last_failure=None
    )
    state = _still_merged(state, answer)
    if state.merged_into is not None:
        delay = jittered(rules.retry_longest, random, rules.jitter)
    return state._replace(resolved_url=answer.url, next_poll_at=_next_poll_at(state, answer, delay))


def _next_poll_at(state: FeedState, answer: Answer, delay: float) -> Instant:
    return after_skipped(answer.at + math.ceil(delay * SECOND), state.skips)


def _still_merged(state: FeedState, answer: Answer) -> FeedState:
    """A feed that no longer resolves to where the other one does is polled on its own again."""
    return state if answer.url == state.resolved_url else state._replace(merged_into=None)


def _moved(state: FeedState, answer: Answer) -> FeedState:
    """Follow a permanent redirect the second time in a row that it led to a feed: some are made by mistake."""
    if answer.permanent_url is not None and answer.permanent_url == state.moved_to:
        return state._replace(url=answer.permanent_url, moved_to=None)
    return state._replace(moved_to=answer.permanent_url)


def _failed(
    state: FeedState, answer: Answer, reason: str, weight: float, random: Random, rules: PollingRules
) -> Polled:
    score = state.failure_score + weight
    delay = max(delay_after_failures(state.interval, score, random, rules), answer.retry_after or 0.0)
    next_poll_at = _next_poll_at(state, answer, delay)
    state = state._replace(failure_score=score, last_failure=reason, next_poll_at=next_poll_at)
    return Polled(_tried_elsewhere(state) if score >= _TRIED_ELSEWHERE_SCORE else state, FAILED, reason)


def _tried_elsewhere(state: FeedState) -> FeedState:
    """Where a feed has moved and fails, try the listed address and the one that it has moved to in turn.

    The move may have been a mistake, or the new address may have died; and so may the listed one have after the move.
    """
    if state.url != state.listed_url:
        return asked_at_listed_url(state)._replace(moved_to=state.url)
    if state.moved_to is not None:
        return asked_at_listed_url(state)._replace(url=state.moved_to)
    return state


def asked_at_listed_url(state: FeedState) -> FeedState:
    """Return the state of a feed whose move is forgotten: validators are those of the address that gave them."""
    return asked_whole(state)._replace(url=state.listed_url, moved_to=None)


def asked_whole(state: FeedState) -> FeedState:
    """Return the state of a feed that must bring its whole document, and have it read."""
    return state._replace(etag=None, last_modified=None, body_digest=None, not_modified_in_a_row=0)


def _asked_seconds(update_seconds: float | None) -> float:
    """Sites say `0.1 hourly` and `5 per minute`, and infinity: a wish is between 0 and a day."""
    return min(update_seconds, DAY) if update_seconds is not None and update_seconds > 0 else 0.0
