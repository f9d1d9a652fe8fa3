from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.feed_memory import FeedMemory
from pipeline.host_memory import HostMemory
from pipeline.memory import Memory
from schemas.errors import LakeError
from schemas.feed_state import NEVER, FeedState
from schemas.host_state import HostState, RobotsRecord
from tests.pipeline.test_page_memory import due_page

FULL = FeedState(
    "https://a.example/feed", "https://b.example/feed", 7, 600.5, 1.0, 1, 2, 3, 4, 5, b'"\xff"', b"", b"\0" * 32, 6, 7,
    8, 0.25, "http_503", "m", "r", None, None, b"12345678", 9, 0.1, 1 << 30, "rss",
)  # fmt: skip


@pytest.fixture
def feeds(memory: Memory, tmp_path: Path) -> Iterator[FeedMemory]:
    hosts = HostMemory(tmp_path / "hosts.sqlite")
    made = FeedMemory(memory, hosts)
    with memory.cycle():
        made.make_tables()
    yield made
    hosts.close()


def test_a_state_comes_back_as_it_was(memory: Memory, feeds: FeedMemory) -> None:
    with memory.cycle():
        feeds.take_list([FULL.listed_url])
        assert feeds.due_feeds(0) == [FeedState(FULL.listed_url, FULL.listed_url)]
        feeds.keep_feed(FULL)
    assert feeds.feeds() == [FULL]
    assert [type(value) for value in feeds.feeds()[0]] == [type(value) for value in FULL]


def test_a_cycle_that_is_given_up_leaves_nothing(memory: Memory, feeds: FeedMemory) -> None:
    with suppress(ZeroDivisionError), memory.cycle():
        feeds.take_list([FULL.listed_url])
        feeds.add_page(due_page(1))
        feeds.keep_host(HostState("a.example", next_start_at=5))
        _ = 1 / 0
    assert feeds.feeds() == []
    assert feeds.pages_waiting() == 0
    assert feeds.host("a.example") == HostState("a.example", next_start_at=5)


def test_feeds_are_due_at_their_time_and_those_that_are_gone_never(memory: Memory, feeds: FeedMemory) -> None:
    urls = [f"https://a.example/{number}" for number in range(3)]
    with memory.cycle():
        feeds.take_list(urls)
        feeds.keep_feed(FeedState(urls[0], urls[0], next_poll_at=10))
        feeds.keep_feed(FeedState(urls[1], urls[1], next_poll_at=20))
        feeds.keep_feed(FeedState(urls[2], urls[2], next_poll_at=NEVER, gone_at=1))
    assert [state.listed_url for state in feeds.due_feeds(10)] == urls[:1]
    assert feeds.due_feeds(9) == []
    assert feeds.next_due_at() == 10


def test_a_feed_that_is_listed_again_is_not_due_early(memory: Memory, feeds: FeedMemory) -> None:
    with memory.cycle():
        feeds.take_list([FULL.listed_url])
        feeds.keep_feed(FULL._replace(next_poll_at=50))
        _, removed = feeds.take_list(["https://c.example/"])
        assert [state.listed_url for state in removed] == [FULL.listed_url]
        assert [state.listed_url for state in feeds.due_feeds(99)] == ["https://c.example/"]
        feeds.take_list([FULL.listed_url])
    assert feeds.due_feeds(49) == []
    (again,) = feeds.due_feeds(50)
    assert (again.polls, again.known_items, again.failure_score) == (FULL.polls, FULL.known_items, FULL.failure_score)


def test_a_feed_that_is_listed_again_is_asked_at_its_listed_address_and_is_not_gone(
    memory: Memory, feeds: FeedMemory
) -> None:
    with memory.cycle():
        feeds.take_list([FULL.listed_url])
        feeds.keep_feed(FULL._replace(next_poll_at=NEVER, gone_at=9))
        feeds.take_list([])
        feeds.take_list([FULL.listed_url])
    (again,) = feeds.due_feeds(5)
    assert (again.url, again.moved_to, again.gone_at) == (FULL.listed_url, None, None)
    assert (again.etag, again.known_items) == (None, FULL.known_items)


def test_a_feed_is_polled_on_its_own_where_the_one_it_was_merged_into_is_taken_off_the_list(
    memory: Memory, feeds: FeedMemory
) -> None:
    kept, other = "https://a.example/", "http://a.example/"
    with memory.cycle():
        feeds.take_list([kept, other])
        feeds.keep_feed(FeedState(kept, kept, next_poll_at=30))
        feeds.keep_feed(FeedState(other, other, next_poll_at=10**15, merged_into=kept))
        feeds.take_list([other])
    assert feeds.due_feeds(30) == [FeedState(other, other, next_poll_at=30)]


def test_the_other_of_two_merged_feeds_is_not_silent_where_the_dead_one_is_taken_off(
    memory: Memory, feeds: FeedMemory
) -> None:
    dead, other = "https://a.example/", "http://a.example/"
    known = FeedState(other, other, next_poll_at=10**15, merged_into=dead, interval=3_600.0, last_polled_at=7)
    with memory.cycle():
        feeds.take_list([dead, other])
        feeds.keep_feed(FeedState(dead, dead, next_poll_at=10**14, failure_score=12.0))
        feeds.keep_feed(known)
        feeds.take_list([other])
    assert feeds.next_due_at() == 7 + 3_600_000_000


def test_there_is_no_work_while_hosts_want_to_be_left_alone(memory: Memory, feeds: FeedMemory) -> None:
    assert not feeds.has_work(0, 100)
    with memory.cycle():
        feeds.take_list(["https://a.example/feed"])
        feeds.add_page(due_page(1, "b.example", due_at=5))
    feeds.keep_host(HostState("a.example", blocked_until=60))
    feeds.keep_host(HostState("b.example", next_start_at=50))
    assert feeds.has_work(0, 60)
    assert not feeds.has_work(0, 59)
    assert feeds.has_work(5, 50)
    assert not feeds.has_work(5, 49)


def test_hosts_come_back_as_they_were(tmp_path: Path) -> None:
    robots = (RobotsRecord("https://a.example", "rules", "User-agent: *", 1, 2),)
    state = HostState("a.example", 1, 2, "retry_after", 60.0, 3, 0.5, 10.0, robots)
    first = HostMemory(tmp_path / "hosts.sqlite")
    first.keep_host(state)
    second = HostMemory(tmp_path / "hosts.sqlite")  # the first one is still open: it was committed at once
    assert second.host("a.example") == state
    assert second.host("b.example") is None
    second.keep_host(state._replace(robots=()))
    assert HostMemory(tmp_path / "hosts.sqlite").host("a.example") == state._replace(robots=())


def test_hosts_left_alone_for_more_than_a_month_are_forgotten(tmp_path: Path) -> None:
    now, day = 1_775_000_000_000_000, 86_400_000_000
    rules = RobotsRecord("https://a.example", "rules", "User-agent: *", now - 9 * day, now - 8 * day)
    fresh = rules._replace(expires_at=now)
    states = [
        HostState("old.example", last_start_at=now - 36 * day, robots=(fresh,)),
        HostState("blocked.example", last_start_at=now - 36 * day, blocked_until=now + day),
        HostState("dead-feed.example", last_start_at=now - 33 * day),
        HostState("mixed.example", last_start_at=now, robots=(rules, fresh)),
        HostState("expired.example", last_start_at=now, robots=(rules,)),
    ]
    hosts = HostMemory(tmp_path / "hosts.sqlite")
    for state in states:
        hosts.keep_host(state)
    hosts.forget_hosts(now)
    assert [hosts.host(state.host) for state in states] == [
        None, states[1], states[2], states[3], states[4]._replace(robots=()),
    ]  # fmt: skip
    hosts.keep_host(states[0])
    hosts.forget_hosts(now + day - 1)  # once a day is enough
    assert hosts.host("old.example") == states[0]
    hosts.forget_hosts(now + day)
    assert hosts.host("old.example") is None


def test_columns_that_a_later_version_adds_are_made(memory: Memory, tmp_path: Path) -> None:
    feeds = FeedMemory(memory, HostMemory(tmp_path / "hosts.sqlite"))
    with memory.cycle():
        memory.do(
            "create table feed_states (listed_url, url, next_poll_at, gone_at, is_listed, primary key (listed_url))"
        )
        memory.do("insert into feed_states values ('a', 'b', 7, null, 1)")
        feeds.make_tables()
    assert feeds.feeds() == [FeedState("a", "b", 7)]


def test_a_file_that_is_no_memory_of_hosts_is_told(tmp_path: Path) -> None:
    (tmp_path / "hosts.sqlite").write_bytes(b"no database, but long enough to be looked at " * 100)
    with pytest.raises(LakeError, match="knows when hosts"):
        HostMemory(tmp_path / "hosts.sqlite")
    newer = sqlite3.connect(tmp_path / "newer.sqlite")
    newer.execute("pragma user_version = 9")
    with pytest.raises(LakeError, match="newer newsbeam"):
        HostMemory(tmp_path / "newer.sqlite")


INDEX, LIST = "https://a.example/index.xml", "https://a.example/list"


def _polled(feeds: FeedMemory) -> set[str]:
    return {state.listed_url for state in feeds.feeds()}


def test_what_an_index_names_is_polled_as_long_as_both_stand(memory: Memory, feeds: FeedMemory) -> None:
    with memory.cycle():
        feeds.take_list([INDEX])
        added, removed = feeds.take_named(INDEX, ["https://a.example/1", "https://a.example/2"], complete=True)
        assert [state.named_by for state in added] == [INDEX, INDEX]
        assert removed == []
        feeds.take_list([INDEX])
    assert _polled(feeds) == {INDEX, "https://a.example/1", "https://a.example/2"}
    assert feeds.listed() == {INDEX}
    with memory.cycle():
        known = FeedState("https://a.example/1", "https://a.example/1", next_poll_at=70, polls=3, last_success_at=1)
        feeds.keep_feed(known)
        added, removed = feeds.take_named(INDEX, ["https://a.example/2", "https://a.example/3"], complete=True)
    assert ([one.listed_url for one in added], [one.listed_url for one in removed]) == (
        ["https://a.example/3"], ["https://a.example/1"],
    )  # fmt: skip
    with memory.cycle():  # it comes back with what is known of it
        added, _ = feeds.take_named(INDEX, ["https://a.example/1"], complete=False)
    assert [(one.polls, one.next_poll_at) for one in added] == [(3, 70)]
    assert len(_polled(feeds)) == 4
    with memory.cycle():
        _, removed = feeds.take_list(["https://b.example/"])
    assert len(removed) == 4
    assert _polled(feeds) == {"https://b.example/"}


def test_what_is_named_no_more_is_kept_for_a_month_without_its_items(memory: Memory, feeds: FeedMemory) -> None:
    named, day = "https://a.example/1", 86_400_000_000
    with memory.cycle():
        feeds.take_list([INDEX, "https://b.example/"])
        feeds.keep_feed(FeedState(INDEX, INDEX, kind="sitemap_index"))
        feeds.take_named(INDEX, [named], complete=True)
        feeds.keep_feed(FeedState(named, named, 5, etag=b"1", last_success_at=1, polls=3, known_items=b"12345678"))
        feeds.take_named(INDEX, [], complete=True)
        kept = memory.row("select known_items, etag, polls from feed_states where listed_url = ?", named)
        assert kept == (b"", None, 3)
        feeds.forget_old(5 + 30 * day)
        assert memory.row("select count(*) from feed_states") == (3,)
        feeds.forget_old(6 + 30 * day)
    assert memory.row("select count(*) from feed_states") == (2,)
    assert _polled(feeds) == {INDEX, "https://b.example/"}


def test_what_is_named_is_due_from_the_poll_on_that_named_it(memory: Memory, feeds: FeedMemory) -> None:
    with memory.cycle():
        feeds.take_list([INDEX])
        feeds.keep_feed(FeedState(INDEX, INDEX, next_poll_at=900, last_polled_at=70))
        ((named,), _) = feeds.take_named(INDEX, ["https://a.example/1"], complete=True)
    assert named.next_poll_at == 70


def test_a_feed_that_is_listed_and_named_stays_with_either(memory: Memory, feeds: FeedMemory) -> None:
    feed = "https://a.example/1"
    with memory.cycle():
        feeds.take_list([INDEX, feed])
        assert feeds.take_named(INDEX, [feed], complete=True) == ([], [])
        assert feeds.take_list([INDEX]) == ([], [])
        assert _polled(feeds) == {INDEX, feed}
        feeds.take_list([INDEX, feed])
        assert feeds.take_named(INDEX, [], complete=True) == ([], [])
        assert feeds.listed() == {INDEX, feed}


def test_an_index_of_a_list_goes_with_the_list_and_takes_its_sitemaps_along(memory: Memory, feeds: FeedMemory) -> None:
    sitemap = "https://a.example/1"
    with memory.cycle():
        feeds.take_list([LIST, INDEX])
        feeds.take_named(LIST, [INDEX], complete=True)
        feeds.take_named(INDEX, [sitemap], complete=True)
        feeds.take_list([LIST])  # named only, it may not name in turn
        assert _polled(feeds) == {LIST, INDEX}


def test_an_index_that_is_listed_again_is_asked_for_whole(memory: Memory, feeds: FeedMemory) -> None:
    with memory.cycle():
        feeds.take_list([INDEX])
        feeds.keep_feed(FeedState(INDEX, INDEX, next_poll_at=9, etag=b"1", body_digest=b"2", kind="sitemap_index"))
        feeds.take_list([LIST])
        feeds.take_list([LIST, INDEX])
    (state,) = feeds.due_feeds(9)[-1:]
    assert (state.listed_url, state.next_poll_at, state.etag, state.body_digest) == (INDEX, 9, None, None)


def test_a_poll_that_was_under_way_does_not_bring_back_who_named_the_feed(memory: Memory, feeds: FeedMemory) -> None:
    with memory.cycle():
        feeds.take_list([INDEX])
        ((state,), _) = feeds.take_named(INDEX, ["https://a.example/1"], complete=True)
        feeds.take_named(INDEX, [], complete=True)
        feeds.keep_feed(state._replace(polls=1))
    assert _polled(feeds) == {INDEX}
    assert memory.row("select count(*) from feed_states") == (1,)  # what was never seen is forgotten


def test_a_lake_without_the_latest_columns_can_be_read(memory: Memory, feeds: FeedMemory) -> None:
    with memory.cycle():
        feeds.take_list([INDEX])
        memory.do("drop index feeds_by_naming")
        for name in ("skips", "kind", "named_by"):
            memory.do(f"alter table feed_states drop column {name}")
    with HostMemory(memory.path.parent / "hosts.sqlite").using():
        assert FeedMemory(memory, feeds._hosts).feeds() == [FeedState(INDEX, INDEX)]


def test_what_was_noted_by_a_clock_that_was_ahead_waits_from_now_on(memory: Memory, feeds: FeedMemory) -> None:
    now, hour = 1_775_000_000_000_000, 3_600_000_000
    urls = [f"https://a.example/{number}" for number in range(3)]
    with memory.cycle():
        feeds.take_list(urls)
        feeds.keep_feed(FeedState(urls[0], urls[0], now + 21 * hour, last_polled_at=now + 20 * hour))
        feeds.keep_feed(FeedState(urls[1], urls[1], NEVER, gone_at=now))
        feeds.keep_feed(FeedState(urls[2], urls[2], now + 3 * hour, last_polled_at=now - hour))
        feeds.add_page(due_page(1)._replace(first_seen_at=now + 20 * hour, due_at=now + 22 * hour))
        feeds.add_page(due_page(2, due_at=now + 900_000 * hour))
        feeds.add_page(due_page(3, due_at=now + hour))
    assert feeds.has_work(now, now)
    with memory.cycle():
        feeds.settle_times(now)
    assert [state.next_poll_at for state in sorted(feeds.feeds())] == [now + hour, NEVER, now + 3 * hour]
    assert feeds.due_pages(now, 9) == [due_page(2, due_at=now)]
    assert {page.due_at for page in feeds.due_pages(now + 2 * hour, 9)} == {now, now + hour, now + 2 * hour}
    with memory.cycle():
        feeds.drop_page(due_page(2).url)
    assert not feeds.has_work(now, now)
