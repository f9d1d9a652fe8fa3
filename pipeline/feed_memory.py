"""The keeper of feeds and of what they have named, for local cycles: tables in the lake's memory, in its transaction.

The tables are made by the first cycle that polls; a lake that is only fed from folders has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from pipeline.failure_remedies import ADDRESS_REFUSED
from pipeline.host_memory import HostMemory
from pipeline.memory import Memory
from pipeline.memory_values import checked_rows
from pipeline.page_memory import PageMemory
from schemas.errors import InputRejected
from schemas.feed_state import NEVER, FeedState
from schemas.host_state import HostState
from schemas.instants import Instant
from transforms.functions.clock_jumps import LONGEST_FEED_WAIT, settled_feed, settled_host
from transforms.functions.feed_merging import due_alone
from transforms.functions.host_rules import may_start_at
from transforms.functions.http_hints import DAY, SECOND
from transforms.functions.named_feeds import NAMING_KINDS
from transforms.functions.polling import asked_at_listed_url, asked_whole
from transforms.functions.redirects import host_of

_FEED_COLUMNS: Final = FeedState._fields

_TABLE: Final = (
    f"create table if not exists feed_states ({', '.join(_FEED_COLUMNS)}, is_listed integer not null, "
    "primary key (listed_url)) without rowid"
)
_INDEXES: Final = (
    "create index if not exists feeds_by_time on feed_states (next_poll_at) where is_listed",
    "create index if not exists feeds_by_naming on feed_states (named_by) where named_by is not null",
    "create index if not exists feeds_off_by_time on feed_states (next_poll_at) where is_listed = 0",
)
_UNLISTED, _LISTED, _NAMED = 0, 1, 2
"""Values of `is_listed`: not polled; on the user's list; only named by a sitemap index or a list that is on it."""

_KEPT_DAYS: Final = 30
"""Days for which a feed that is not polled any more is remembered after it would have been due: own choice."""

_DUE: Final = "is_listed and next_poll_at <= ?"
"""The only place that says which feeds are due; one that is gone is so at `NEVER`."""

_AHEAD: Final = f"last_polled_at > ? or (next_poll_at > ? and next_poll_at < {NEVER})"
"""Feeds ahead of the clock: polled after now, or due later than any may be."""

_UNNAME: Final = (
    f"update feed_states set named_by = null, is_listed = case is_listed when {_NAMED} then {_UNLISTED} else is_listed "
    "end where named_by"
)
_STATE: Final = ", ".join(_FEED_COLUMNS)


class FeedMemory(PageMemory):
    """`FeedIndex` over a lake's memory and the memory of hosts."""

    _inputs_are_kept: ClassVar = True
    """Whether inputs are remembered for good, so that feeds that come back may have forgotten their items."""

    def __init__(self, memory: Memory, hosts: HostMemory) -> None:
        super().__init__(memory)
        self._hosts = hosts
        self._is_current = False

    def make_tables(self) -> None:
        """Make, within a cycle, the tables and columns that are not there yet."""
        super().make_tables()
        self._memory.do(_TABLE)
        for name in self._missing_columns():
            self._memory.do(f"alter table feed_states add column {name} default {_literal(name)}")
        for statement in _INDEXES:
            self._memory.do(statement)

    def take_list(self, urls: Iterable[str]) -> tuple[list[FeedState], list[FeedState]]:
        """Note, within a cycle, which feeds are listed now: new ones are due at once; others are not polled any more.

        Returns:
            the feeds that are new on the list, with what is known of them, and those that are polled no longer: what
            was on it, and what the indexes and lists among them named.
        """
        listed, before = dict.fromkeys(urls), self.listed()
        added = [self._put_on_list(url) for url in listed if url not in before]
        gone = before.difference(listed)
        if not gone:
            return added, []
        polled = {state.listed_url: state for state in self.feeds()}
        for url in gone:
            level = f"case when named_by is null then {_UNLISTED} else {_NAMED} end"
            self._memory.do(f"update feed_states set is_listed = {level} where listed_url = ?", url)
        self._memory.do(f"{_UNNAME} in (select listed_url from feed_states where is_listed <> {_LISTED})")
        return added, self._removed(polled)

    def take_named(
        self, naming: str, urls: Iterable[str], *, complete: bool
    ) -> tuple[list[FeedState], list[FeedState]]:
        """Note, within a cycle, what a listed sitemap index, or list of feeds, names now.

        What is named twice is polled as long as the first that named it does so. What was not known is due from the
        poll on that named it: not ahead of the feeds of its host that have waited.

        Returns:
            the feeds that are polled from now on, and those that are no longer.
        """
        named = dict.fromkeys(urls)
        before = {state.listed_url: state for state in self._states("named_by = ?", naming)}
        added = [url for url in named if url not in before and not self._is_polled(url)]
        level = f"case is_listed when {_UNLISTED} then {_NAMED} else is_listed end"
        change = f"named_by = coalesce(named_by, excluded.named_by), is_listed = {level}"
        (named_at,) = self._memory.row("select last_polled_at from feed_states where listed_url = ?", naming) or (None,)
        for url in named:
            if url not in before:
                self._insert(FeedState(url, url, named_at or 0, named_by=naming), _NAMED, change)
        gone = [state for url, state in before.items() if url not in named and complete]
        for state in gone:
            self._memory.do(f"{_UNNAME} = ? and listed_url = ?", naming, state.listed_url)
        states = [state for url in added for state in self._states("listed_url = ?", url)]
        return states, self._removed({state.listed_url: state for state in gone})

    def _put_on_list(self, url: str) -> FeedState:
        """Note that a feed is on the list now, and return what is known of it."""
        state = FeedState(url, url)
        for known in self._states("listed_url = ?", url):
            state = _listed_again(known)
            self.keep_feed(state)
        self._insert(state, _LISTED, f"is_listed = {_LISTED}")
        return state

    def put_feed(self, state: FeedState, level: int) -> None:
        """Note a feed as another memory of the lake knew it, within a cycle.

        Args:
            level: `is_listed`: 0 for one that is not polled, 1 for one of the user's list, 2 for one that others name.
        """
        self._insert(state, level, f"is_listed = {level}")

    def _insert(self, state: FeedState, level: int, change: str) -> None:
        marks = ", ".join("?" * len(_FEED_COLUMNS))
        statement = f"insert into feed_states ({_STATE}, is_listed) values ({marks}, {level})"
        self._memory.do(f"{statement} on conflict do update set {change}", *state)

    def _is_polled(self, url: str) -> bool:
        return self._memory.row("select 1 from feed_states where is_listed and listed_url = ?", url) is not None

    def _removed(self, polled: Mapping[str, FeedState]) -> list[FeedState]:
        """Return those that are not polled any more; what was merged into one of them is polled on its own again."""
        removed = {url: state for url, state in polled.items() if not self._is_polled(url)}
        for state in removed.values():
            if state.named_by is not None:
                self._forget_named(state)
        for state in self.feeds() if removed else ():
            if (merged := removed.get(state.merged_into or "")) is not None:
                self.keep_feed(state._replace(merged_into=None, next_poll_at=due_alone(state, [merged])))
        return list(removed.values())

    def _forget_named(self, state: FeedState) -> None:
        """Keep little of a feed that is named no more, since names cost their publisher nothing: only what was seen is
        kept, and no items, which have their own memory, if that keeps them for good.
        """
        statement = f"delete from feed_states where is_listed = {_UNLISTED} and last_success_at is null"
        self._memory.do(f"{statement} and listed_url = ?", state.listed_url)
        if self._inputs_are_kept:
            self.keep_feed(asked_whole(state)._replace(known_items=b""))

    def listed(self) -> set[str]:
        """Return the addresses of all feeds of the user's list, without those that these name."""
        return {row[0] for row in self._memory.rows(f"select listed_url from feed_states where is_listed = {_LISTED}")}

    def due_feeds(self, now: Instant) -> list[FeedState]:
        """Return the feeds that may be polled now."""
        return self._states(_DUE, now)

    def feeds(self) -> list[FeedState]:
        """Return all listed feeds, and those that they name."""
        return self._states("is_listed")

    def ask_refused_again(self) -> None:
        """Make feeds due, within a cycle, whose hosts newsbeam itself refused to ask: nothing was sent to any."""
        due = "update feed_states set next_poll_at = 0 where is_listed and merged_into is null and next_poll_at < ?"
        self._memory.do(f"{due} and last_failure = ?", NEVER, ADDRESS_REFUSED)

    def keep_feed(self, state: FeedState) -> None:
        """Note what is known of a feed from now on, but for what `take_named` and `take_list` note."""
        kept = state._asdict()
        del kept["named_by"]  # it may have changed since the poll began
        changes = ", ".join(f"{name} = ?" for name in kept)
        self._memory.do(f"update feed_states set {changes} where listed_url = ?", *kept.values(), state.listed_url)

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

    def settle_times(self, now: Instant) -> None:
        """Count from now on, within a cycle, what lies ahead of the clock since that has gone back."""
        for state in self._states(_AHEAD, now, now + LONGEST_FEED_WAIT):
            self.keep_feed(settled_feed(state, now))
        self._settle_page_times(now)

    def _has_times_ahead(self, now: Instant) -> bool:
        feeds = self._memory.row(f"select 1 from feed_states where {_AHEAD}", now, now + LONGEST_FEED_WAIT)
        return feeds is not None or self._has_pages_ahead(now)

    def forget_old(self, now: Instant) -> None:
        """Forget feeds that are listed and named no more, a month after they would have been due, and hosts of which
        nothing is due any more.
        """
        before = now - _KEPT_DAYS * int(DAY * SECOND)
        self._memory.do(f"delete from feed_states where is_listed = {_UNLISTED} and next_poll_at < ?", before)
        self._forget_settled(now)
        self._hosts.forget_hosts(now)

    # What the loop of cycles and the commands ask

    def next_due_at(self) -> Instant | None:
        """Return when the next feed or page is due; None where there is none."""
        query = "select min(next_poll_at) from feed_states where is_listed and next_poll_at < ?"
        found = (self._memory.row(query, NEVER)[0], self.next_page_at())
        return min((int(at) for at in found if at is not None), default=None)

    def has_work(self, now: Instant, until: Instant) -> bool:
        """Whether a feed or page is due now whose host may be asked until then, or the clock has gone back since the
        last cycle: else one would do nothing.
        """
        if self._has_times_ahead(now):
            return True
        feeds = self._memory.rows(f"select url from feed_states where {_DUE}", now)
        hosts = dict.fromkeys(self._host_of_feed(url) for (url,) in feeds)
        return any(self._may_start(host, now, until) for host in (*hosts, *self.hosts_of_due_pages(now)))

    def _may_start(self, host: str, now: Instant, until: Instant) -> bool:
        state = self.host(host)
        return state is None or may_start_at(settled_host(state, now)) <= until

    def _host_of_feed(self, url: str) -> str:
        try:
            return host_of(url)
        except InputRejected:  # the cycle will tell
            return ""

    def is_there(self) -> bool:
        """Whether the lake has ever polled."""
        return self._memory.row("select 1 from sqlite_master where name = 'feed_states'") is not None

    def _states(self, condition: str, *values: Any) -> list[FeedState]:
        query = f"select {self._select()} from feed_states where {condition} order by next_poll_at, listed_url"
        return checked_rows(self._memory, FeedState, query, *values)

    def _select(self) -> str:
        """Return the columns of a state, also for a lake whose next run will add some of them."""
        if not self._is_current:
            missing = self._missing_columns()
            self._is_current = not missing
            return ", ".join(_literal(name) if name in missing else name for name in _FEED_COLUMNS)
        return _STATE

    def _missing_columns(self) -> list[str]:
        present = {row[1] for row in self._memory.rows("pragma table_info(feed_states)")}
        return [name for name in _FEED_COLUMNS if name not in present]


def _listed_again(state: FeedState) -> FeedState:
    """Return a feed that is on the list anew as its user means it: at the address as given, and not gone."""
    if state.gone_at is not None:
        state = state._replace(gone_at=None, next_poll_at=0)
    # What an index or list names has been forgotten since it was listed the last time: it must bring it whole.
    if state.url != state.listed_url or state.kind in NAMING_KINDS:
        state = asked_at_listed_url(state)
    return state


def _literal(name: str) -> str:
    """Return a column's default in SQL."""
    default = FeedState._field_defaults[name]
    return "null" if default is None else f"x'{default.hex()}'" if default == b"" else repr(default)
