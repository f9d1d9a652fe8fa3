"""The keeper of feeds and of pages that are due, for local cycles: tables in the lake's memory, in its transaction.

The tables are made by the first cycle that polls; a lake that is only fed from folders has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pipeline.host_memory import HostMemory
from pipeline.memory import Memory
from schemas.due_page import DuePage
from schemas.errors import InputRejected
from schemas.feed_state import FeedState
from schemas.host_state import HostState
from schemas.instants import Instant
from transforms.functions.host_rules import may_start_at
from transforms.functions.redirects import host_of

_FEED_COLUMNS: Final = FeedState._fields
_PAGE_COLUMNS: Final = DuePage._fields

_TABLES: Final = (
    f"create table if not exists feed_states ({', '.join(_FEED_COLUMNS)}, is_listed integer not null, "
    "primary key (listed_url)) without rowid",
    "create index if not exists feeds_by_time on feed_states (next_poll_at) where is_listed",
    f"create table if not exists due_pages ({', '.join(_PAGE_COLUMNS)}, primary key (url)) without rowid",
    "create index if not exists pages_by_time on due_pages (due_at)",
)
_STATE: Final = ", ".join(_FEED_COLUMNS)
_PAGE: Final = ", ".join(_PAGE_COLUMNS)


class FeedMemory:
    """`FeedIndex` over a lake's memory and the memory of hosts."""

    def __init__(self, memory: Memory, hosts: HostMemory) -> None:
        self._memory = memory
        self._hosts = hosts

    def make_tables(self) -> None:
        """Make, within a cycle, the tables and columns that are not there yet."""
        for statement in _TABLES:
            self._memory.do(statement)
        present = {row[1] for row in self._memory.rows("pragma table_info(feed_states)")}
        for name in _FEED_COLUMNS:
            if name not in present:
                default = FeedState._field_defaults[name]
                literal = "null" if default is None else f"x'{default.hex()}'" if default == b"" else repr(default)
                self._memory.do(f"alter table feed_states add column {name} default {literal}")

    def take_list(self, urls: Iterable[str]) -> tuple[list[FeedState], list[FeedState]]:
        """Note, within a cycle, which feeds are listed now: new ones are due at once; others are not polled any more.

        Returns:
            the feeds that are new on the list, and those that are no longer on it.
        """
        listed = dict.fromkeys(urls)
        before = self.listed()
        added = [FeedState(url, url) for url in listed if url not in before]
        removed = {}
        if before.difference(listed):
            removed = {state.listed_url: state for state in self.feeds() if state.listed_url not in listed}
        for state in added:
            marks = ", ".join("?" * len(_FEED_COLUMNS))
            statement = f"insert into feed_states ({_STATE}, is_listed) values ({marks}, 1)"
            self._memory.do(f"{statement} on conflict do update set is_listed = 1", *state)
        for state in removed.values():
            self._memory.do("update feed_states set is_listed = 0 where listed_url = ?", state.listed_url)
        for state in self.feeds() if removed else ():
            if (polled := removed.get(state.merged_into or "")) is not None:
                self.keep_feed(state._replace(merged_into=None, next_poll_at=polled.next_poll_at))
        return added, list(removed.values())

    def listed(self) -> set[str]:
        """Return the addresses of all listed feeds."""
        return {row[0] for row in self._memory.rows("select listed_url from feed_states where is_listed")}

    def due_feeds(self, now: Instant) -> list[FeedState]:
        """Return the listed feeds that may be polled now."""
        return self._states("is_listed and gone_at is null and next_poll_at <= ?", now)

    def feeds(self) -> list[FeedState]:
        """Return all listed feeds."""
        return self._states("is_listed")

    def keep_feed(self, state: FeedState) -> None:
        """Note what is known of a feed from now on."""
        changes = ", ".join(f"{name} = ?" for name in _FEED_COLUMNS)
        self._memory.do(f"update feed_states set {changes} where listed_url = ?", *state, state.listed_url)

    def due_pages(self, now: Instant, most: int) -> list[DuePage]:
        """Return pages that may be asked for now, of all hosts in turn."""
        query = (
            f"select {_PAGE} from (select {_PAGE}, row_number() over (partition by host order by due_at, url) as place "
            "from due_pages where due_at <= ?) order by place, due_at, url limit ?"
        )
        return [DuePage(*row) for row in self._memory.rows(query, now, most)]

    def add_page(self, page: DuePage) -> bool:
        """Note a page that is to be fetched; returns False where its address waits already."""
        if self._memory.row("select 1 from due_pages where url = ?", page.url) is not None:
            return False
        self._memory.do(f"insert into due_pages ({_PAGE}) values (?, ?, ?, ?, ?, ?, ?)", *page)
        return True

    def keep_page(self, page: DuePage) -> None:
        """Note what is known of a waiting page from now on."""
        values = (page.due_at, page.attempts, page.url)
        self._memory.do("update due_pages set due_at = ?, attempts = ? where url = ?", *values)

    def drop_page(self, url: str) -> None:
        """Forget a page."""
        self._memory.do("delete from due_pages where url = ?", url)

    def knows_input(self, input_id: str) -> bool:
        """Whether an input with this digest (hex) has had its outcome, or waits for it."""
        return self._memory.knows_input(input_id)

    def remember_input(self, input_id: str) -> None:
        """Note that this input has its outcome, or waits for it."""
        self._memory.remember_input(input_id)

    def host(self, name: str) -> HostState | None:
        """Return what is known of a host."""
        return self._hosts.host(name)

    def keep_host(self, state: HostState) -> None:
        """Note, at once and for good, what is known of a host."""
        self._hosts.keep_host(state)

    # What the loop of cycles and the commands ask

    def next_due_at(self) -> Instant | None:
        """Return when the next feed or page is due; None where there is none."""
        feeds = "select min(next_poll_at) as at from feed_states where is_listed and gone_at is null"
        row = self._memory.row(f"select min(at) from ({feeds} union all select min(due_at) from due_pages)")
        return None if row[0] is None else int(row[0])

    def has_work(self, now: Instant, until: Instant) -> bool:
        """Whether a feed or page is due now whose host may be asked until then: else a cycle would do nothing."""
        feeds = "select url from feed_states where is_listed and gone_at is null and next_poll_at <= ?"
        hosts = (self._host_of_feed(url) for (url,) in self._memory.rows(feeds, now))
        pages = self._memory.rows("select distinct host from due_pages where due_at <= ?", now)
        return any(self._may_start(host, until) for host in (*dict.fromkeys(hosts), *(host for (host,) in pages)))

    def _may_start(self, host: str, until: Instant) -> bool:
        state = self.host(host)
        return state is None or may_start_at(state) <= until

    def _host_of_feed(self, url: str) -> str:
        try:
            return host_of(url)
        except InputRejected:  # the cycle will tell
            return ""

    def pages_waiting(self) -> int:
        """Return how many pages are to be fetched, now or later."""
        return int(self._memory.row("select count(*) from due_pages")[0])

    def is_there(self) -> bool:
        """Whether the lake has ever polled."""
        return self._memory.row("select 1 from sqlite_master where name = 'feed_states'") is not None

    def _states(self, condition: str, *values: Any) -> list[FeedState]:
        query = f"select {_STATE} from feed_states where {condition} order by next_poll_at, listed_url"
        return [FeedState(*row) for row in self._memory.rows(query, *values)]
