from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.feed_memory import FeedMemory
from pipeline.host_memory import HostMemory
from pipeline.memory import Memory
from schemas.due_page import DuePage
from schemas.errors import LakeError
from schemas.feed_state import NEVER, FeedState
from schemas.host_state import HostState, RobotsRecord

FULL = FeedState(
    "https://a.example/feed", "https://b.example/feed", 7, 600.5, 1.0, 1, 2, 3, 4, 5, b'"\xff"', b"", b"\0" * 32, 6, 7,
    8, 0.25, "http_503", "m", "r", None, None, b"12345678", 9, 0.1, 1 << 30, "rss",
)  # fmt: skip


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    opened = Memory(tmp_path / "memory.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def feeds(memory: Memory, tmp_path: Path) -> Iterator[FeedMemory]:
    hosts = HostMemory(tmp_path / "hosts.sqlite")
    made = FeedMemory(memory, hosts)
    with memory.cycle():
        made.make_tables()
    yield made
    hosts.close()


def _page(number: int, host: str = "a.example", due_at: int = 0) -> DuePage:
    return DuePage(f"https://{host}/{number}", host, "https://a.example/feed", "{}", 0, due_at)


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
        feeds.add_page(_page(1))
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
    assert feeds.due_feeds(50) == [FULL._replace(next_poll_at=50)]


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


def test_hosts_take_turns(memory: Memory, feeds: FeedMemory) -> None:
    with memory.cycle():
        for number in range(50):
            assert feeds.add_page(_page(number, "many.example"))
        assert feeds.add_page(_page(0, "few.example", due_at=5))
        assert not feeds.add_page(_page(0, "few.example"))
        assert feeds.add_page(_page(0, "later.example", due_at=6))
        pages = feeds.due_pages(5, 3)
        assert [page.host for page in pages] == ["many.example", "few.example", "many.example"]
        feeds.keep_page(pages[1]._replace(due_at=9, attempts=2))
        feeds.drop_page(pages[0].url)
    assert feeds.pages_waiting() == 51
    assert feeds.due_pages(9, 99)[0]._replace(host="") != pages[0]
    assert pages[1]._replace(due_at=9, attempts=2) in feeds.due_pages(9, 99)


def test_there_is_no_work_while_hosts_want_to_be_left_alone(memory: Memory, feeds: FeedMemory) -> None:
    assert not feeds.has_work(0, 100)
    with memory.cycle():
        feeds.take_list(["https://a.example/feed"])
        feeds.add_page(_page(1, "b.example", due_at=5))
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
