"""From the bytes of a slice to its inputs, and from each input to a page, a finished article or a reject."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol, TypeAlias

from schemas.article import Article
from schemas.errors import InputRejected
from schemas.feed_item import FeedDocument, FeedItem
from schemas.input_slice import InputSlice
from schemas.instants import Instant, instant_of
from schemas.page import Page
from schemas.reject import Reject
from transforms.functions.articles import Origin, article_from_record
from transforms.functions.feed_inputs import FeedInput, article_from_item, feed_inputs, payload_of_item
from transforms.functions.file_slices import MAX_FILE_BYTES
from transforms.functions.full_content import full_content
from transforms.functions.kinds import HEAD_BYTES, kind_of
from transforms.functions.records import Record, hints_of, read_record
from transforms.functions.rejects import reject_input, source_of_line

STAGE: Final = "read"

_EARLIEST_SIGHT: Final = instant_of(datetime(1600, 1, 1, tzinfo=UTC))
"""The first newspaper is of 1605; what is earlier is a placeholder (0001-01-01)."""

_CLOCKS_DIFFER: Final = 86_400 * 1_000_000
"""Microseconds that a record may be ahead of this machine: own choice, a day. One that says 9999 would make a partition
that is the latest for ever, and all that looks at the latest days would see it alone."""

InputRow: TypeAlias = Page | Article | Reject


class InputIndex(Protocol):
    """What has to be remembered of earlier inputs. Keepers differ by engine; answers must not."""

    def knows_input(self, input_id: str) -> bool:
        """Whether an input with this digest (hex) has had its outcome."""

    def remember_input(self, input_id: str) -> None:
        """Note that this input has its outcome (in this cycle)."""

    def inputs_of_slice(self, digest: str) -> int | None:
        """Return how many inputs a slice with this digest held; None where it was not read before."""

    def remember_slice(self, digest: str, inputs: int) -> None:
        """Note that all inputs of this slice have their outcome."""


class ForgetfulIndex:
    """`InputIndex` that remembers nothing: on engines, what comes again is told from the rows that it becomes."""

    def knows_input(self, input_id: str) -> bool:
        """No."""
        return False

    def remember_input(self, input_id: str) -> None:
        """Not at all."""

    def inputs_of_slice(self, digest: str) -> int | None:
        """None that is known."""

    def remember_slice(self, digest: str, inputs: int) -> None:
        """Not at all."""


@dataclass
class SliceReader:
    """Gives each input of a slice its row, unless its bytes were seen before, and counts both."""

    index: InputIndex
    run_id: str
    read_at: Instant
    inputs: int = 0
    already_seen: int = 0

    def rows_of(self, piece: InputSlice, data: bytes, failure: InputRejected | None) -> Iterator[InputRow]:
        """Yield the rows of a slice's new inputs.

        Args:
            data: the slice's bytes, decompressed, as far as they could be read.
            failure: why there are no more of them; it becomes one more input, a reject, so that a file that breaks off
                is seen in the account while the lines before the break are kept.
        """
        kind = self._kind_of(piece, data, failure)
        if isinstance(kind, InputRejected):
            yield from self._rejected(piece.path, data, kind)
        elif kind == "jsonl":
            yield from self._lines(piece, data, complete=failure is None)
        elif kind == "feed":
            yield from self._items(piece.path, data)
        elif failure is None:
            page = Page(_digest(data), piece.path, kind, data, self.read_at)
            yield from self._input(page.input_id, lambda: page)
        if failure is not None:
            yield from self._rejected(piece.path, b"", failure)

    def _kind_of(self, piece: InputSlice, data: bytes, failure: InputRejected | None) -> str | InputRejected:
        """Return the kind, or why there is none; `unknown` where nothing could be read, which `failure` tells of."""
        if piece.offset:
            return "jsonl"
        if not data and failure is not None:
            return "unknown"
        if piece.length is None and len(data) > MAX_FILE_BYTES:
            return InputRejected("too_large", f"longer than {MAX_FILE_BYTES:,} bytes, the limit for one input")
        try:
            return kind_of(piece.path, data[:HEAD_BYTES])
        except InputRejected as rejected:
            return rejected if failure is None else "unknown"

    def _lines(self, piece: InputSlice, data: bytes, *, complete: bool) -> Iterator[InputRow]:
        digest = _digest(data)
        if complete and self._knows_slice(digest):
            return
        whole = data.split(b"\n")
        if not complete:
            whole.pop()  # half a line is no input of its own; the file's reject stands for it
        lines = [(number, line) for number, line in enumerate(whole, piece.first_line) if line.strip()]
        for number, line in lines:
            yield from self._input(_digest(line), self._maker_of(piece.path, number, line))
        if complete:
            self.index.remember_slice(digest, len(lines))

    def _items(self, path: str, data: bytes) -> Iterator[InputRow]:
        digest = _digest(data)
        if self._knows_slice(digest):
            return
        try:
            document, inputs = feed_inputs(data)
        except Exception as error:  # whatever a feed provokes is its reject, as with a line
            yield from self._rejected(path, data, InputRejected.of(error))
            return
        for one in inputs:
            yield from self._input(_digest(one.identity), partial(self._row_of_item, path, document, one))
        self.index.remember_slice(digest, len(inputs))

    def _knows_slice(self, digest: str) -> bool:
        """Whether all inputs of a slice had their outcome before; they are counted then."""
        known = self.index.inputs_of_slice(digest)
        self.inputs += known or 0
        self.already_seen += known or 0
        return known is not None

    def _row_of_item(self, path: str, document: FeedDocument, one: FeedInput) -> InputRow:
        source = source_of_line(path, one.number)
        origin = Origin(source, _digest(one.identity), self.read_at, self.run_id)
        try:
            if isinstance(one.content, InputRejected):
                raise one.content
            return article_from_item(one.content, full_content(one.content), document, origin)
        except Exception as error:
            url, payload = None, one.payload
            if isinstance(one.content, FeedItem):
                url, payload = one.content.url, payload_of_item(one.content, document, None)
            return self._reject(source, one.identity, InputRejected.of(error), url=url, payload=payload)

    def _maker_of(self, path: str, number: int, line: bytes) -> Callable[[], InputRow]:
        return lambda: self._row_of_line(source_of_line(path, number), number, line)

    def _row_of_line(self, source: str, number: int, line: bytes) -> InputRow:
        try:
            record = read_record(line)
            seen_at = self._seen_at(record)
            origin = Origin(source, _digest(line), seen_at, self.run_id)
            if record.html is None:
                return article_from_record(record, origin)
        except Exception as error:  # whatever a line provokes is that line's reject, as a page's is in its worker
            return self._reject(source, line, InputRejected.of(error), line_number=number)
        body = record.html.encode("utf-8", "replace")
        url = record.columns.get("url")
        return Page(origin.input_id, source, "html", body, seen_at, url, "utf-8", number, hints_of(record))

    def _seen_at(self, record: Record) -> Instant:
        """Return when a record says that it was first seen, unless nobody can have seen it then; else now."""
        told: Instant = record.columns.get("first_seen_at", self.read_at)
        return told if _EARLIEST_SIGHT <= told <= self.read_at + _CLOCKS_DIFFER else self.read_at

    def _input(self, identity: str, make: Callable[[], InputRow]) -> Iterator[InputRow]:
        """Count one input, and yield its row unless it was seen before."""
        self.inputs += 1
        if self.index.knows_input(identity):
            self.already_seen += 1
            return
        self.index.remember_input(identity)
        yield make()

    def _rejected(self, path: str, data: bytes, rejected: InputRejected) -> Iterator[InputRow]:
        row = self._reject(path, data, rejected)
        return self._input(row.input_id or row.reject_id, lambda: row)

    def _reject(
        self,
        source: str,
        data: bytes,
        rejected: InputRejected,
        line_number: int | None = None,
        url: str | None = None,
        payload: bytes | None = None,
    ) -> Reject:
        return reject_input(
            rejected,
            stage=STAGE,
            source=source,
            first_seen_at=self.read_at,
            run_id=self.run_id,
            # What holds nothing is known by its place: two empty files are two inputs.
            input_id=_digest(data) if data.strip() else None,
            body=payload or data or None,
            line=line_number,
            url=url,
        )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
