"""Lines of a JSONL file: an article in our column names, or a page as `url` and `html`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from schemas.errors import InputRejected
from schemas.instants import Instant, datetime_of, instant_of
from transforms.functions.dates import without_leap_second
from transforms.functions.texts import clean_line, without_surrogates
from transforms.functions.urls import stored_address

MAX_LINE_BYTES: Final = 8_000_000
"""A line longer than this is rejected unread. The longest article of the development sets is under 200 kB; a page
carried as `html` may have 2 MB and grows by escaping."""

_TEXT_COLUMNS: Final = (
    "publisher", "headline", "headline_source", "description", "in_language", "byline", "dateline", "article_section",
    "date_published_source",
)  # fmt: skip
_ADDRESS_COLUMNS: Final = ("url", "feed_url", "image_url")
ACCESS_STATES: Final = ("ok", "paywall", "consent_wall", "bot_wall", "truncated")
_LIST_COLUMNS: Final = ("authors", "keywords")
_TIME_COLUMNS: Final = ("date_published", "date_modified", "first_seen_at")
_COMPUTED_COLUMNS: Final = frozenset({
    "article_id", "url_canonical", "source_domain", "word_count", "content_sha256", "extraction_method", "source",
    "input_id", "run_id", "schema_version", "date", "copy_id", "duplicate_of", "similarity", "relation",
    "topics_state", "entities_state",
})  # fmt: skip
"""Columns that newsbeam makes itself: in a record (an exported lake, say) they are read over."""

_OWN_TAGS: Final = {"topics": "creator", "entities": "extractor"}
"""Tag columns, and what each of newsbeam's own tags has: others' keys of these names are kept in `extra`."""


@dataclass(frozen=True)
class Record:
    """What one line holds: `article_body` or `html`, never both, and the columns beside it."""

    article_body: str | None
    html: str | None
    columns: Mapping[str, Any]
    """Values by column name, of the column's type (times as `Instant`); only those that the line gives."""
    extra: str | None
    """JSON object of the keys that are no column or whose value does not fit its column."""


def read_record(line: bytes) -> Record:
    """Read one line.

    Only what makes an article impossible rejects the line; a value of the wrong type moves to `extra`, under its key.

    Raises:
        InputRejected: `too_large`, `bad_json` (no JSON, or not an object), `bad_record` (neither `article_body` nor
            `html`, or not a text).
    """
    if len(line) > MAX_LINE_BYTES:
        raise InputRejected("too_large", f"the line has {len(line):,} bytes, the limit is {MAX_LINE_BYTES:,}")
    fields = _read_object(line)
    html, body = fields.pop("html", None), fields.pop("article_body", None)
    if (html is None) == (body is None):
        raise InputRejected("bad_record", "a line needs `article_body` (an article) or `html` (a page), and not both")
    text = html if body is None else body
    if not isinstance(text, str) or not text.strip():
        name = "html" if body is None else "article_body"
        what = "is empty" if isinstance(text, str) else f"must be a text, not {type(text).__name__}"
        raise InputRejected("bad_record", f"`{name}` {what}")
    columns, extra = _sort_fields(fields)
    return Record(body, html, columns, extra)


def hints_of(record: Record) -> str | None:
    """Return the record's columns as the JSON object that `Page.hints` carries beside its html; None for none."""
    hints = {name: value for name, value in record.columns.items() if name not in ("url", "first_seen_at")}
    if record.extra:
        hints["extra"] = record.extra
    return json.dumps(hints, ensure_ascii=False) if hints else None


def _read_object(line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(line.decode("utf-8-sig"), parse_constant=_no_number, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise InputRejected("bad_json", f"not UTF-8: byte {error.start} of the line") from error
    except RecursionError as error:
        raise InputRejected("bad_json", "nested too deeply to be read") from error
    except ValueError as error:
        raise InputRejected("bad_json", f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise InputRejected("bad_json", f"a line must be a JSON object, this is a {type(fields).__name__}")
    return fields


def _no_number(name: str) -> None:
    """NaN and Infinity, which Python writes and JSON does not know, become null."""


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _sort_fields(fields: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    columns: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in fields.items():
        if name in _COMPUTED_COLUMNS or value is None or _is_own_tags(name, value):
            continue
        fitting = _fit(name, value)
        if fitting is None:
            extra[name] = value
        else:
            columns[name] = fitting
    for name in ("headline", "date_published"):
        if name in columns:
            columns.setdefault(f"{name}_source", "record")
    _unpack_extra(extra)
    return columns, _dump(extra) if extra else None


def _is_own_tags(name: str, value: Any) -> bool:
    mark = _OWN_TAGS.get(name)
    return mark is not None and isinstance(value, list) and all(isinstance(one, dict) and mark in one for one in value)


def _unpack_extra(extra: dict[str, Any]) -> None:
    """An exported row carries its `extra` as text: put its keys back where they were, so nothing nests deeper."""
    packed = extra.get("extra")
    if isinstance(packed, str):
        try:
            inner = json.loads(packed)
        except (ValueError, RecursionError):
            return
        if isinstance(inner, dict):
            del extra["extra"]
            extra.update(inner)


def _dump(extra: Mapping[str, Any]) -> str:
    """Return the keys as JSON that every reader takes: lone surrogates, which Python alone writes, become U+FFFD."""
    try:
        return without_surrogates(json.dumps(extra, ensure_ascii=False, sort_keys=True))
    except RecursionError as error:
        raise InputRejected("bad_json", "nested too deeply to be kept") from error


def _fit(name: str, value: Any) -> str | Sequence[str] | Instant | None:
    """Return the value as the column holds it, None where it does not fit or there is no such column."""
    if name == "access_state":
        return value if value in ACCESS_STATES else None
    if name in _ADDRESS_COLUMNS:
        return stored_address(value)
    if name in _TEXT_COLUMNS:
        return clean_line(value)
    if name in _LIST_COLUMNS:
        return _texts(value)
    if name in _TIME_COLUMNS:
        return _instant(value)
    return None


def _texts(value: Any) -> Sequence[str] | None:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        return None
    return [cleaned for one in values if (cleaned := clean_line(one))]


def _instant(value: Any) -> Instant | None:
    if not isinstance(value, str):
        return None  # a bare number does not say its unit
    try:
        instant = instant_of(datetime.fromisoformat(without_leap_second(value.strip())))
        datetime_of(instant)  # an offset can carry a time over the ends of the calendar, where no day can be told
    except (ValueError, OverflowError):
        return None
    return instant
