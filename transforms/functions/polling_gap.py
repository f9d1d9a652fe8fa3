"""What a feed should have brought: items lost between two polls, and silence that its server may have made up.

Estimates from the rate at which the feed brings items; they raise suspicion, they prove nothing.
"""

from __future__ import annotations

from typing import Final

from schemas.feed_state import FeedState
from schemas.instants import Instant
from transforms.functions.http_hints import SECOND

_HOUR: Final = 3600 * SECOND
_SMOOTHING: Final = 0.3
"""Weight of the latest observation of a rate: half of what is remembered is of the last two."""

_MOST_LOST: Final = 100_000.0
"""No estimate is more: the liveliest feeds of news bring some thousand items a day, polled once a day at least."""

_ODD_SILENCE: Final = 5.0
"""New items that should have come by now: at a steady rate the chance that none did is e^-5, less than 1 %."""

_LEAST_NOT_MODIFIED: Final = 3
"""`Not modified` so often in a row before new items look odd; a lively feed hardly gets there, a slow one is checked so
seldom that being wrong costs it a week of whole bodies a few times a year."""


def items_lost(state: FeedState, items: int, new: int, oldest_at: Instant | None, newest_at: Instant | None) -> int:
    """Return how many items may have come and gone unseen since the last poll; 0 where some item was known.

    Where items are dated: as many as the document's own pace puts between the last success and its oldest item. Else,
    or where they are dated later than the poll, by the feed's usual pace. At least one: no overlap means that the last
    poll's end was not seen; at most `_MOST_LOST`, since dates and paces may be anything.
    """
    if not state.known_items or not items or new < items or state.last_success_at is None:
        return 0
    since = state.last_success_at
    polled_at = state.last_polled_at or since
    if oldest_at is not None and newest_at is not None and since < oldest_at <= polled_at and newest_at > oldest_at:
        return _within_reason((items - 1) * (oldest_at - since) / (newest_at - oldest_at))
    return _within_reason(state.items_per_hour * (polled_at - since) / _HOUR - items)


def _within_reason(lost: float) -> int:
    return round(min(max(lost, 1.0), _MOST_LOST))


def new_items_rate(
    state: FeedState, items: int, new: int, now: Instant, oldest_at: Instant | None, newest_at: Instant | None
) -> float:
    """Return the new items an hour, smoothed, after a document with `new` of its `items` new.

    A first document tells its pace by the dates of its items, if they have any.
    """
    if state.last_new_at is None:
        dated = oldest_at is not None and newest_at is not None and newest_at > oldest_at
        return (items - 1) * _HOUR / (newest_at - oldest_at) if dated and newest_at and oldest_at is not None else 0.0
    if not new or now <= state.last_new_at:
        return state.items_per_hour
    observed = new * _HOUR / (now - state.last_new_at)
    return observed if not state.items_per_hour else state.items_per_hour * (1 - _SMOOTHING) + observed * _SMOOTHING


def silence_is_odd(state: FeedState, now: Instant) -> bool:
    """Whether the feed, by its usual pace, should long have brought something new.

    Where no pace is known, since nothing new has come yet and items are not dated, it is odd until a whole body was
    read a second time.
    """
    if state.last_new_at is None:
        return False
    if not state.items_per_hour:
        return state.last_full_at == state.last_new_at
    return state.items_per_hour * (now - state.last_new_at) / _HOUR >= _ODD_SILENCE


def was_told_wrong(state: FeedState, new: int, newest_at: Instant | None, *, conditional: bool) -> bool:
    """Whether new items, found by asking without validators, show that `not modified` was not true before.

    One item that is younger than the last poll shows nothing.

    Args:
        state: as it was before the poll, but for `last_polled_at`, which is not looked at.
    """
    if conditional or state.not_modified_in_a_row < _LEAST_NOT_MODIFIED:
        return False
    return not (new == 1 and newest_at is not None and newest_at >= (state.last_success_at or 0))
