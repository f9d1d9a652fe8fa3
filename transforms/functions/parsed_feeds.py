"""The adapter between the parser of feeds and the rules of polling."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from schemas.errors import InputRejected, UsageError
from schemas.feed_item import FeedDocument, NamedFeed
from schemas.fetch import Answer
from schemas.instants import Instant
from transforms.functions.feed_documents import read_feed
from transforms.functions.feed_lists import feeds_of_data, is_list
from transforms.functions.http_hints import header
from transforms.functions.named_feeds import LIST, NAMING_KINDS, SITEMAP_INDEX
from transforms.functions.skipped_times import skips_of


@dataclass(frozen=True)
class ParsedFeed:
    """A feed document as `polling.PolledDocument` wants it."""

    document: FeedDocument

    @cached_property
    def item_ids(self) -> Sequence[str]:
        """Ids of its items, or of what it names: a sitemap that has changed is a new one."""
        if self.document.kind in NAMING_KINDS:
            return [f"{one.url} {one.changed_at or ''}" for one in self.document.named]
        return [item.guid for item in self.document.items]

    @property
    def update_seconds(self) -> float | None:
        """The larger of both wishes that a feed can have."""
        wishes = [one for one in (self.document.time_to_live, self.document.update_interval) if one is not None]
        return max(wishes, default=None)

    @property
    def skips(self) -> int:
        """When it asks for no poll."""
        return skips_of(self.document.skip_hours, self.document.skip_days)

    @property
    def kind(self) -> str:
        """What it is."""
        return self.document.kind

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
    """Parses answers, and keeps why the last one is no feed.

    Args:
        naming: which of `NAMING_KINDS` the document may be. What an index or a list names may not name more in turn.
    """

    def __init__(self, naming: Collection[str] = ()) -> None:
        self._naming = naming
        self.rejected: InputRejected | None = None

    def __call__(self, answer: Answer) -> ParsedFeed:
        """Read a feed out of an answer.

        Raises:
            InputRejected: it is none.
        """
        self.rejected = None
        try:
            return ParsedFeed(_read(answer, self._naming))
        except Exception as error:  # whatever a document provokes is that feed's failure, and ends no cycle
            self.rejected = InputRejected.of(error)
        raise self.rejected


def _read(answer: Answer, naming: Collection[str]) -> FeedDocument:
    content_type = (header(answer.headers, b"content-type") or b"").decode("latin-1")
    if is_list(answer.body, content_type):
        document = _read_list(answer)
    else:
        document = read_feed(answer.body, url=answer.url, content_type=content_type)
    if document.kind in NAMING_KINDS and document.kind not in naming:
        what = "an index" if document.kind == SITEMAP_INDEX else "a list"
        message = f"{what} of {len(document.named):,} {'sitemaps' if document.kind == SITEMAP_INDEX else 'feeds'}"
        raise InputRejected(document.kind, f"{message} where a feed was expected; put it on your list itself")
    return document


def _read_list(answer: Answer) -> FeedDocument:
    try:
        feeds = feeds_of_data(answer.body, answer.url)
    except UsageError as error:
        raise InputRejected("bad_list", str(error)) from error
    return FeedDocument(LIST, "", named=tuple(map(NamedFeed, feeds)))
