"""Rejects that are done again without their file: from the bytes, or the JSON object, that their row has kept.

What feeds brought has no file to be read again, and files go. A page that failed is looked at again where its row has
kept it whole, and so is a small file, or a line; an item, where nothing of its JSON object had to be left out. What
only names a page is fetched again.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from schemas.article import Article
from schemas.due_page import DuePage
from schemas.errors import InputRejected
from schemas.feed_item import FeedDocument, FeedItem
from schemas.input_slice import InputSlice
from schemas.instants import Instant
from schemas.page import Page
from schemas.reject import Reject
from transforms.functions import feed_items
from transforms.functions.articles import Origin
from transforms.functions.feed_inputs import article_from_item
from transforms.functions.folder_inputs import ForgetfulIndex, SliceReader
from transforms.functions.kinds import kind_of
from transforms.functions.redirects import host_of

FILE: Final = "file"
KEPT: Final = "kept"
PAGE: Final = "page"
OF_FEED: Final = "of_feed"
KEPT_TOO_LITTLE: Final = "not_kept"

WAYS: Final = (FILE, KEPT, PAGE, KEPT_TOO_LITTLE, OF_FEED)
"""How a reject is done again: its file is read; what its row has kept is; its page is fetched; not at all, since too
little was kept; not by a replay, since it is of a feed as a whole, which is polled again anyway."""

_NOT_FETCHED: Final = "not_fetched"
_NOT_HINTS: Final = ("url", "first_seen_at", "attempts", "left_out")


def is_address(source: str) -> bool:
    """Whether a reject's source is an address that a feed has named, in any spelling, and no path."""
    return source[:8].lower().startswith(("http://", "https://"))


def may_need_payload(reject: Reject) -> bool:
    """Whether `way_of` looks into the payload: else it need not be read."""
    return reject.stage == feed_items.STAGE or reject.reason == _NOT_FETCHED or is_address(reject.source)


def way_of(reject: Reject) -> str:
    """Return how a reject is done again: one of `WAYS`."""
    if reject.stage != feed_items.STAGE and not is_address(reject.source):
        item = _item_of(reject) if reject.reason == _NOT_FETCHED else None
        return PAGE if item is not None and item.url is not None else FILE
    if reject.stage != feed_items.STAGE:
        return KEPT if _is_whole_page(reject) else PAGE
    if given_up(reject.source, reject.input_id, reject.payload) is not None:
        return PAGE
    item = _item_of(reject)
    if item is None:
        return KEPT_TOO_LITTLE if "feed_kind" in _fields_of(reject) else OF_FEED
    if "left_out" in _fields_of(reject):
        return PAGE if item.url is not None else KEPT_TOO_LITTLE
    return PAGE if feed_items.given_by(item).url is not None else KEPT


def due_page_of(reject: Reject, now: Instant) -> DuePage:
    """Return the page of a reject whose way is `PAGE`, as it waits to be fetched, due now.

    Raises:
        InputRejected: its address cannot be asked.
    """
    known = given_up(reject.source, reject.input_id, reject.payload)
    if known is not None:
        hints = {name: value for name, value in known.items() if name not in _NOT_HINTS}
        text = json.dumps(hints, ensure_ascii=False) if hints else None
        # As it was first seen: a page that is given up once more is the same reject.
        return DuePage(reject.source, host_of(reject.source), known["feed_url"], text, known["first_seen_at"], now)
    item = _item_of(reject)
    if item is not None and item.url is not None:
        document = _document_of(reject)
        return feed_items.due_page(item.url, document.self_url or "", document, item, now)
    return DuePage(reject.source, host_of(reject.source), "", None, reject.first_seen_at, now)


def is_whole_file(reject: Reject) -> bool:
    """Whether the payload is all that was read of a file, or a line, so that nothing is lost with the file."""
    return reject.payload is not None and hashlib.sha256(reject.payload).hexdigest() == reject.input_id


def row_again(reject: Reject, read_at: Instant, run_id: str) -> Page | Article | Reject:
    """Return what becomes of a reject whose way is `KEPT`, or whose file is gone and was kept whole: as when it was met
    first, by the code of today.
    """
    if reject.stage != feed_items.STAGE:
        is_page = is_address(reject.source)
        return _page_again(reject, read_at) if is_page else _bytes_again(reject, read_at, run_id)
    item, document = _item_of(reject), _document_of(reject)
    try:
        if item is None:
            raise InputRejected("error", "its item cannot be read")
        given = feed_items.given_by(item)
        if given.failure is not None:
            raise given.failure
        origin = Origin(reject.source, reject.input_id or "", read_at, run_id)
        article = article_from_item(item, given.content, document, origin)
    except Exception as error:  # whatever an item provokes is that item's reject, now as then
        rejected = InputRejected.of(error)
        return reject._replace(
            reason=rejected.reason,
            message=rejected.message,
            error_class=rejected.error_class,
            retryable=rejected.retryable,
        )
    return article._replace(feed_url=document.self_url, extra=feed_items.extra_of(item))


def _bytes_again(reject: Reject, read_at: Instant, run_id: str) -> Page | Article | Reject:
    data = reject.payload or b""
    piece = InputSlice(reject.source)
    if reject.line is not None:  # behind the first byte of a file there are only lines
        piece = InputSlice(reject.source.removesuffix(f"#{reject.line}"), 1, len(data), reject.line)
    rows = list(SliceReader(ForgetfulIndex(), run_id, read_at).rows_of(piece, data, None))
    if len(rows) == 1:
        return rows[0]
    return reject._replace(message=f"its file is gone; what was kept of it is {len(rows)} inputs now")


def _page_again(reject: Reject, read_at: Instant) -> Page:
    """Return a fetched page. What its feed had said of it, and its charset's header, no reject keeps."""
    body = reject.payload or b""
    try:
        kind = kind_of(reject.source, body)
    except InputRejected:  # it was taken for a page when it was fetched
        kind = "html"
    return Page(
        reject.input_id or "", reject.source, "text" if kind == "text" else "html", body, read_at, url=reject.url
    )


def _is_whole_page(reject: Reject) -> bool:
    if reject.payload is None or reject.payload_bytes != len(reject.payload):
        return False
    digest = hashlib.sha256(reject.source.encode("utf-8", "surrogatepass") + b"\n" + reject.payload).hexdigest()
    return digest == reject.input_id


def given_up(source: str, input_id: str | None, payload: bytes | None) -> dict[str, Any] | None:
    """Return what the reject of a page that was given up has kept; None for any other, whatever it looks like.

    Payloads are what publishers send: only what bears the id that newsbeam gave it is believed.
    """
    fields = _object(payload)
    if fields.get("url") != source or not isinstance(fields.get("first_seen_at"), int):
        return None
    identity = f"given up\n{source}\n{fields['first_seen_at']}".encode("utf-8", "surrogatepass")
    is_one = hashlib.sha256(identity).hexdigest() == input_id
    return fields if is_one and isinstance(fields.get("feed_url"), str) else None


def _item_of(reject: Reject) -> FeedItem | None:
    fields = _fields_of(reject)
    if "#" not in reject.source or not isinstance(fields.get("guid"), str) or "feed_kind" not in fields:
        return None
    if not all(isinstance(fields.get(name), str | None) for name in ("url", "feed_kind", "publisher", "feed_url")):
        return None
    known: dict[str, Any] = {name: fields[name] for name in FeedItem._fields if name in fields}
    lists = {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
    return FeedItem(**(known | lists))


def _document_of(reject: Reject) -> FeedDocument:
    fields = _fields_of(reject)
    return FeedDocument(fields.get("feed_kind", ""), "", fields.get("publisher"), self_url=fields.get("feed_url"))


def _fields_of(reject: Reject) -> dict[str, Any]:
    return _object(reject.payload)


def _object(payload: bytes | None) -> dict[str, Any]:
    try:
        fields = json.loads(payload or b"")
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
