"""What mutated inputs are given to, and what must hold of each answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.article import Article
from schemas.errors import InputRejected, UsageError
from schemas.input_slice import InputSlice
from schemas.instants import datetime_of
from schemas.page import Page
from schemas.reject import Reject
from tests.faults import mutation
from tests.samples import SEEN_AT
from transforms.functions.articles import Origin, article_from_page
from transforms.functions.feed_documents import read_feed
from transforms.functions.feed_inputs import article_from_item
from transforms.functions.feed_lists import feeds_of_data
from transforms.functions.folder_inputs import ForgetfulIndex, SliceReader
from transforms.functions.full_content import full_content
from transforms.functions.rejects import reject_page
from transforms.functions.structured_data import read_structured_data
from transforms.functions.texts import LINE_LIMIT
from transforms.functions.urls import MAX_URL_CHARACTERS

_CONTROL: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_ADDRESSES: Final = ("url", "url_canonical", "feed_url", "image_url")
_LINES: Final = ("headline", "description", "publisher", "byline", "dateline", "article_section")


@dataclass(frozen=True)
class Target:
    """Something that inputs are given to."""

    name: str
    check: Callable[[bytes], str | None]
    """Gives it an input, and returns what does not hold; raises what it raised and should not have."""
    tokens: Sequence[bytes]
    seconds: float
    """Of the processor for one case: own choice, a hundred times what a usual one takes, or more."""


def _extract(body: bytes) -> str | None:
    page = Page("0" * 64, "a.html", "html", body, SEEN_AT)
    try:
        return wrong_row(article_from_page(page, "run"))
    except InputRejected as rejected:
        return wrong_reject(reject_page(rejected, page, stage="extract", run_id="run"))


def _text(body: bytes) -> str | None:
    page = Page("0" * 64, "a.txt", "text", body, SEEN_AT)
    try:
        return wrong_row(article_from_page(page, "run"))
    except InputRejected as rejected:
        return wrong_reject(reject_page(rejected, page, stage="extract", run_id="run"))


def _feed(body: bytes) -> str | None:
    try:
        document = read_feed(body, url="https://a.example/feed")
    except InputRejected as rejected:
        return None if rejected.reason != "error" else f"rejected as {rejected}"
    json.dumps(document, ensure_ascii=False).encode()
    for number, item in enumerate(document.items):
        try:
            origin = Origin(f"a.xml#{number}", "0" * 64, SEEN_AT, "run")
            if what := wrong_row(article_from_item(item, full_content(item), document, origin)):
                return what
        except InputRejected as rejected:
            if rejected.reason == "error":
                return f"an item is rejected as {rejected}"
    return None


def _structured_data(body: bytes) -> str | None:
    found = read_structured_data([body.decode("utf-8", "replace")])
    for moment in (found.date_published, found.date_modified):
        if moment is not None and moment.tzinfo is None:
            return f"a date without a zone: {moment}"
    return None


def _records(body: bytes) -> str | None:
    reader = SliceReader(ForgetfulIndex(), "run", SEEN_AT)
    rows = list(reader.rows_of(InputSlice("a.jsonl", 1, len(body), 2), body, None))
    lines = sum(bool(line.strip()) for line in body.split(b"\n"))
    if reader.inputs != lines or len(rows) != lines:
        return f"{lines} lines, {reader.inputs} inputs, {len(rows)} rows"
    for row in rows:
        what = wrong_row(row) if isinstance(row, Article) else wrong_reject(row) if isinstance(row, Reject) else None
        if what:
            return what
    return None


def _list(body: bytes) -> str | None:
    try:
        feeds_of_data(body, "a list")
    except UsageError:
        return None
    return None


def wrong_reject(row: Reject) -> str | None:
    """Return what is wrong with a reject: an error that nobody meant, above all."""
    if row.reason == "error":
        return f"rejected as {row.message}"
    return f"a message that no row can hold: {row.message!r}" if _CONTROL.search(row.message) else None


def wrong_row(row: Article) -> str | None:
    """Return what is wrong with an article's row, if anything is."""
    return next(_faults_of(row), None)


def _faults_of(row: Article) -> Iterator[str]:
    for name, value in row._asdict().items():
        texts = value if isinstance(value, list) else [value]
        for text in texts:
            if isinstance(text, str) and name != "extra" and _CONTROL.search(text.replace("\n", "")):
                yield f"{name} holds control characters: {_CONTROL.findall(text)[:5]!r}"
            if isinstance(text, str) and name == "extra":
                text.encode()
    for name in _ADDRESSES:
        url = getattr(row, name)
        if url is not None and (len(url) > MAX_URL_CHARACTERS or not url.lower().startswith(("http://", "https://"))):
            yield f"{name} is no address: {url[:100]!r}"
    for name in _LINES:
        if len(getattr(row, name) or "") > LINE_LIMIT or "\n" in (getattr(row, name) or ""):
            yield f"{name} is no line"
    yield from _faults_of_dates(row)


def _faults_of_dates(row: Article) -> Iterator[str]:
    read_in = datetime_of(SEEN_AT).year
    for name in ("date_published", "date_modified", "first_seen_at"):
        instant = getattr(row, name)
        year = None if instant is None else datetime_of(instant).year
        if year is not None and row.extraction_method != "record" and not 1990 <= year <= read_in + 1:
            yield f"{name} is in {year}"
        if year is not None and name == "first_seen_at" and not 1600 <= year <= read_in:
            yield f"seen in {year}"


TARGETS: Final = (
    Target("JSON-LD", _structured_data, mutation.JSON, 2.0),
    Target("lists of feeds", _list, mutation.FEED, 2.0),
    Target("records", _records, mutation.JSON, 2.0),
    Target("plain texts", _text, mutation.PROSE, 2.0),
    Target("feeds", _feed, mutation.FEED, 2.0),
    Target("pages", _extract, mutation.MARKUP, 4.0),
)
"""The cheapest first."""
