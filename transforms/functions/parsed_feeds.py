"""The adapter between the parser of feeds and the rules of polling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from schemas.errors import InputRejected
from schemas.feed_item import FeedDocument
from schemas.fetch import Answer
from schemas.instants import Instant
from transforms.functions.feed_documents import read_feed
from transforms.functions.http_hints import header


@dataclass(frozen=True)
class ParsedFeed:
    """A feed document as `polling.PolledDocument` wants it."""

    document: FeedDocument

    @cached_property
    def item_ids(self) -> Sequence[str]:
        """Ids of its items."""
        return [item.guid for item in self.document.items]

    @property
    def update_seconds(self) -> float | None:
        """The larger of both wishes that a feed can have."""
        wishes = [one for one in (self.document.time_to_live, self.document.update_interval) if one is not None]
        return max(wishes, default=None)

    @cached_property
    def _dates(self) -> list[Instant]:
        return [item.date_published for item in self.document.items if item.date_published is not None]

    @property
    def oldest_at(self) -> Instant | None:
        """Date of its oldest item."""
        return min(self._dates, default=None)

    @property
    def newest_at(self) -> Instant | None:
        """Date of its newest item."""
        return max(self._dates, default=None)

    @property
    def is_cut_off(self) -> bool:
        """Whether it breaks off."""
        return self.document.is_cut_off


class FeedParser:
    """Parses answers, and keeps why the last one is no feed."""

    def __init__(self) -> None:
        self.rejected: InputRejected | None = None

    def __call__(self, answer: Answer) -> ParsedFeed:
        """Read a feed out of an answer.

        Raises:
            InputRejected: it is none.
        """
        self.rejected = None
        try:
            return ParsedFeed(_read(answer))
        except Exception as error:  # whatever a document provokes is that feed's failure, and ends no cycle
            self.rejected = InputRejected.of(error)
        raise self.rejected


def _read(answer: Answer) -> FeedDocument:
    content_type = (header(answer.headers, b"content-type") or b"").decode("latin-1")
    document = read_feed(answer.body, url=answer.url, content_type=content_type)
    if document.sitemaps and not document.items:
        message = f"an index of {len(document.sitemaps):,} sitemaps; list those, the first is {document.sitemaps[0]}"
        raise InputRejected("sitemap_index", message)
    return document
