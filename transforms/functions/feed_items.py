"""New items of a polled feed: those that carry their article become it, the others' pages are due."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import urldefrag

from schemas.article import Article
from schemas.due_page import DuePage
from schemas.errors import InputRejected
from schemas.feed_item import FeedDocument, FeedItem
from schemas.feed_state import FeedState
from schemas.instants import Instant, utc_date_of
from schemas.reject import Reject
from transforms.functions.articles import Origin
from transforms.functions.feed_index import FeedIndex
from transforms.functions.feed_inputs import (
    article_from_item,
    broken_entry,
    columns_of_item,
    failures_of,
    identity_of_item,
    payload_of_item,
)
from transforms.functions.full_content import full_content
from transforms.functions.polling_interval import hash_items, known_hashes
from transforms.functions.records import Record, hints_of
from transforms.functions.redirects import host_of
from transforms.functions.rejects import reject_input, source_of_line

STAGE = "fetch"

MOST_WAITING: Final = 5_000
"""Pages of one feed that wait to be fetched: own choice; two and a half documents of the most that is read of a feed,
7 hours' work at the gap between two requests to a host."""

ItemRow: TypeAlias = Article | Reject


class GivenByItem(NamedTuple):
    """What an item gives: its article, or the page to fetch; or how looking at it failed."""

    input_id: str
    url: str | None = None
    content: str | None = None
    failure: Exception | None = None


@dataclass
class ItemReader:
    """Gives each new item its row, or notes its page as due, and counts.

    An item is known by its feed's memory of ids, and over all feeds by what it says: several feeds of an outlet carry
    the same one. Counted as inputs are items that have their outcome now; one whose page is due is counted when that
    has come or is given up.
    """

    index: FeedIndex
    run_id: str
    read_at: Instant
    counts: Counter[str] = field(default_factory=Counter)

    def rows_of(self, before: FeedState, document: FeedDocument, now: Instant) -> Iterator[ItemRow]:
        """Yield rows of the items that the feed's state before the poll does not know."""
        known = set(known_hashes(before.known_items))
        for number, item in enumerate(document.items, 1):
            (name,) = hash_items([item.guid])
            if name in known:
                continue
            known.add(name)
            self.counts["items_new"] += 1
            yield from self._rows_of_item(before.listed_url, document, item, number, now)
        yield from self._rows_of_the_rest(before.listed_url, document, now)
        yield from self._trimmed(before.listed_url, now)

    def _rows_of_the_rest(self, feed_url: str, document: FeedDocument, now: Instant) -> Iterator[ItemRow]:
        """Reject what is no item: once; and tell of items beyond what is read: once a day, while there are any.

        A document that breaks off is read again with the next poll.
        """
        for entry in document.broken:
            yield from self._reject_once(feed_url, f"broken\n{entry}", broken_entry(document, entry), entry.encode())
        for rejected in failures_of(document._replace(is_cut_off=False)):
            yield from self._reject_once(feed_url, f"{rejected.reason}\n{utc_date_of(now)}", rejected, None)

    def _trimmed(self, feed_url: str, now: Instant) -> Iterator[ItemRow]:
        """Forget the oldest pages of a feed that names more than can be fetched; tell of it once a day."""
        if dropped := self.index.trim_pages(feed_url, MOST_WAITING):
            message = f"{dropped:,} of the pages that it names are not fetched: {MOST_WAITING:,} newer ones wait"
            identity = f"too many pages\n{utc_date_of(now)}"
            yield from self._reject_once(feed_url, identity, InputRejected("too_many_pages", message), None)

    def more_named(self, feed_url: str, followed: int, others: int, now: Instant) -> Iterator[ItemRow]:
        """Tell, once a day, of an index or list that names more than is polled."""
        message = f"names {others:,} more than the {followed:,} that are polled; list those that you want"
        identity = f"more named\n{utc_date_of(now)}"
        yield from self._reject_once(feed_url, identity, InputRejected("too_many_named", message), None)

    def _reject_once(
        self, feed_url: str, identity: str, rejected: InputRejected, payload: bytes | None
    ) -> Iterator[ItemRow]:
        input_id = _digest(f"{feed_url}\n{identity}".encode("utf-8", "surrogatepass"))
        if self.index.knows_input(input_id):
            return
        self.index.remember_input(input_id)
        self.counts["inputs"] += 1
        yield self._reject(rejected, feed_url, input_id, payload, None)

    def _rows_of_item(
        self, feed_url: str, document: FeedDocument, item: FeedItem, number: int, now: Instant
    ) -> Iterator[ItemRow]:
        given = given_by(item)
        is_known = self.index.knows_input(given.input_id)
        self.index.remember_input(given.input_id)
        if is_known or (given.url is not None and self.index.is_settled(given.url)):
            self._count_seen()
            return
        source = source_of_line(feed_url, number)
        found: Article | DuePage | Reject
        try:
            if given.failure is not None:
                raise given.failure
            if given.url is None:
                origin = Origin(source, given.input_id, self.read_at, self.run_id)
                article = article_from_item(item, given.content, document, origin)
                found = article._replace(feed_url=feed_url, extra=extra_of(item))
            else:
                found = due_page(given.url, feed_url, document, item, now)
        except Exception as error:  # whatever an item provokes is that item's reject, and ends no cycle
            payload = payload_of_item(item, document, feed_url)
            found = self._reject(InputRejected.of(error), source, given.input_id, payload, item.url)
        if not isinstance(found, DuePage):
            self.counts["inputs"] += 1
            yield found
        elif not self.index.add_page(found):  # else it is no input before its page has come
            self._count_seen()

    def _reject(
        self, rejected: InputRejected, source: str, input_id: str, payload: bytes | None, url: str | None
    ) -> Reject:
        return reject_input(
            rejected,
            stage=STAGE,
            source=source,
            first_seen_at=self.read_at,
            run_id=self.run_id,
            input_id=input_id,
            body=payload,
            url=url,
        )

    def _count_seen(self) -> None:
        self.counts["inputs"] += 1
        self.counts["already_seen"] += 1


def given_by(item: FeedItem) -> GivenByItem:
    """Return what an item gives."""
    try:
        content = full_content(item)
        if item.url is not None and content is None:
            url = urldefrag(item.url).url
            return GivenByItem(_digest(f"page\n{url}\n{item.guid}".encode("utf-8", "surrogatepass")), url)
    except Exception as error:  # told with the item's reject
        return GivenByItem(_digest(identity_of_item(item)), failure=error)
    return GivenByItem(_digest(identity_of_item(item)), content=content)


def due_page(url: str, feed_url: str, document: FeedDocument, item: FeedItem, now: Instant) -> DuePage:
    """Return the page of an item as it waits to be fetched.

    Raises:
        InputRejected: its address has no host.
    """
    columns = {name: value for name, value in columns_of_item(item, document, None).items() if name != "url"}
    columns["feed_url"] = feed_url
    hints = hints_of(Record(None, None, columns, extra_of(item)))
    return DuePage(url, host_of(url), feed_url, hints, first_seen_at=now, due_at=now)


def extra_of(item: FeedItem) -> str:
    """Return what a row keeps of an item beside its columns."""
    return json.dumps({"guid": item.guid}, ensure_ascii=False)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
