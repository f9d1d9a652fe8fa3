"""The keeper of pages that feeds have named and that are to be fetched: a table in the lake's memory."""

from __future__ import annotations

import hashlib
from typing import Final

from pipeline.memory import Memory
from pipeline.memory_values import checked_rows
from pipeline.tombstone_memory import tombstones_of
from schemas.due_page import DuePage
from schemas.instants import Instant
from transforms.functions.clock_jumps import LONGEST_PAGE_WAIT

_PAGE: Final = ", ".join(DuePage._fields)

_TABLES: Final = (
    f"create table if not exists due_pages ({_PAGE}, primary key (url)) without rowid",
    "create index if not exists pages_by_time on due_pages (due_at)",
    "create index if not exists pages_by_feed on due_pages (feed_url, first_seen_at)",
)
_DUE: Final = "due_at <= ?"
"""The only place that says which pages are due."""

_PAGES_AHEAD: Final = "first_seen_at > ? or due_at > ?"
"""What lies ahead of the clock: noted after now, or due later than anything may be."""


def page_key(url: str) -> bytes:
    """Return what a page that had its outcome is known by in `settled_pages`."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()[:16]


class PageMemory:
    """The part of `FeedIndex` that is about pages, over a lake's memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._tombstones = tombstones_of(memory)

    def make_tables(self) -> None:
        """Make, within a cycle, what is not there yet."""
        for statement in _TABLES:
            self._memory.do(statement)

    def due_pages(self, now: Instant, most: int) -> list[DuePage]:
        """Return pages that may be asked for now, of all hosts in turn, and of each host those of all feeds in turn.

        So no feed holds up another one's pages on a host by naming many of them. Of each feed, what a replay asks for
        and what it has named take turns, the newest of each first: neither may ever end, and neither waits for the
        other.
        """
        again = self._asked_again()
        of_feed = f"row_number() over (partition by host, feed_url, {again} order by first_seen_at desc, url)"
        place = f"row_number() over (partition by host order by of_feed, {again} desc, first_seen_at desc, url)"
        query = (
            f"select {_PAGE} from (select {_PAGE}, {place} as place from (select {_PAGE}, {of_feed} as of_feed "
            f"from due_pages where {_DUE})) order by place, due_at, url limit ?"
        )
        return checked_rows(self._memory, DuePage, query, now, most)

    def add_page(self, page: DuePage) -> bool:
        """Note a page that is to be fetched; returns False where its address waits already, or was taken down."""
        if self._tombstones.cover_address(page.url):
            return False
        if self._memory.row("select 1 from due_pages where url = ?", page.url) is not None:
            return False
        self._memory.do(f"insert into due_pages ({_PAGE}) values (?, ?, ?, ?, ?, ?, ?)", *page)
        return True

    def is_settled(self, url: str) -> bool:
        """Whether a page had its outcome before the memory was made anew, which knows no more of which item."""
        return self._memory.row("select 1 from settled_pages where id = ?", page_key(url)) is not None

    def trim_pages(self, feed_url: str, most: int) -> int:
        """Forget, of the waiting pages that a feed has named, the oldest beyond so many; returns how many.

        Pages that a replay asks for stay, and are not counted: its user named them, and not the feed. So they take no
        place from what the feed names.
        """
        named = f"select url from due_pages where feed_url = ? and not {self._asked_again()}"
        beyond = self._memory.rows(f"{named} order by first_seen_at desc, url limit -1 offset ?", feed_url, most)
        for (url,) in beyond:
            self.drop_page(url)
        return len(beyond)

    def _asked_again(self) -> str:
        """Return, in SQL, whether a page waits since a replay asks for it."""
        # A lake in which nothing was replayed has no such table.
        is_there = self._memory.row("select 1 from sqlite_master where name = 'replay_queue'") is not None
        return "(url in (select url from replay_queue where is_tried))" if is_there else "(0)"

    def keep_page(self, page: DuePage) -> None:
        """Note what is known of a waiting page from now on."""
        values = (page.due_at, page.attempts, page.url)
        self._memory.do("update due_pages set due_at = ?, attempts = ? where url = ?", *values)

    def drop_page(self, url: str) -> None:
        """Forget a page."""
        self._memory.do("delete from due_pages where url = ?", url)

    def next_page_at(self) -> Instant | None:
        """Return when the next page is due; None where none waits."""
        at = self._memory.row("select min(due_at) from due_pages")[0]
        return None if at is None else int(at)

    def hosts_of_due_pages(self, now: Instant) -> list[str]:
        """Return the hosts of pages that may be asked for now."""
        return [host for (host,) in self._memory.rows(f"select distinct host from due_pages where {_DUE}", now)]

    def pages_waiting(self) -> int:
        """Return how many pages are to be fetched, now or later."""
        return int(self._memory.row("select count(*) from due_pages")[0])

    def _forget_settled(self, now: Instant) -> None:
        self._memory.do("delete from settled_pages where until < ?", now)

    def _settle_page_times(self, now: Instant) -> None:
        self._memory.do(
            "update due_pages set due_at = max(?1, due_at - first_seen_at + ?1), first_seen_at = ?1 "
            "where first_seen_at > ?1",
            now,
        )
        self._memory.do("update due_pages set due_at = ? where due_at > ?", now, now + LONGEST_PAGE_WAIT)

    def _has_pages_ahead(self, now: Instant) -> bool:
        ahead = self._memory.row(f"select 1 from due_pages where {_PAGES_AHEAD}", now, now + LONGEST_PAGE_WAIT)
        return ahead is not None
