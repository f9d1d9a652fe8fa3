from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.keyed_feeds import KeyedFeedMemory, listed_feeds
from pipeline.settings import FeedSettings
from schemas.due_page import DuePage
from schemas.errors import UsageError
from schemas.host_state import HostState, RobotsRecord
from tests.pipeline.test_feed_memory import FULL

PAGE = DuePage("https://a.example/1", "a.example", FULL.listed_url, '{"guid": "1"}', 5, 6, 7)
HOST = HostState(
    "a.example", next_start_at=5, robots=(RobotsRecord("https://a.example", "rules", "Disallow: /", 1, 2),)
)
INPUT = "0123456789abcdef" * 4


def _filled() -> KeyedFeedMemory:
    keeper = KeyedFeedMemory()
    with keeper.cycle():
        keeper.take_list([FULL.listed_url])
        keeper.keep_feed(FULL)
        keeper.add_page(PAGE)
        keeper.keep_host(HOST)
        keeper.remember_input(INPUT)
    return keeper


def test_a_keeper_made_from_anothers_changes_knows_what_it_does() -> None:
    keeper, again = _filled(), KeyedFeedMemory()
    changes = list(keeper.changes())
    with again.cycle():
        again.apply(changes)
    assert again.feeds() == [FULL]
    assert again.due_pages(10, 9) == [PAGE]
    assert again.host("a.example") == HOST
    assert again.knows_input(INPUT)
    assert list(again.changes()) == []  # what is applied is no change of its own
    assert list(keeper.changes()) == []  # each is told once


def test_what_is_gone_is_a_change_too() -> None:
    keeper, again = _filled(), KeyedFeedMemory()
    with again.cycle():
        again.apply(keeper.changes())
    with keeper.cycle():
        keeper.drop_page(PAGE.url)
    with again.cycle():
        again.apply(keeper.changes())
    assert again.due_pages(10, 9) == []


def test_a_forgotten_host_is_a_change_too() -> None:
    keeper, again = _filled(), KeyedFeedMemory()
    with again.cycle():
        again.apply(keeper.changes())
    with keeper.cycle():
        keeper.forget_old(10**15)
    with again.cycle():
        again.apply(keeper.changes())
    assert again.host(HOST.host) is None
    assert [table for table, _, row in again.records([("robots", HOST.host), ("hosts", HOST.host)]) if row] == []


def test_a_feed_that_is_named_in_the_cycle_that_has_polled_it_is_noted_once() -> None:
    keeper = _filled()
    with keeper.cycle():
        keeper.take_list([FULL.listed_url, "https://a.example/list"])
        keeper.keep_feed(FULL._replace(polls=9))
        keeper.take_named("https://a.example/list", [FULL.listed_url], complete=True)
    assert [key for table, key, _ in keeper.changes() if table == "feed_states"].count(FULL.listed_url) == 1


def test_items_of_what_is_named_no_more_are_kept_where_inputs_are_not() -> None:
    keeper, named = _filled(), FULL._replace(listed_url="https://a.example/1", next_poll_at=5, last_success_at=1)
    with keeper.cycle():
        keeper.take_named(FULL.listed_url, [named.listed_url], complete=True)
        keeper.keep_feed(named)
        keeper.take_named(FULL.listed_url, [], complete=True)
        ((again,), _) = keeper.take_named(FULL.listed_url, [named.listed_url], complete=True)
    assert again.known_items == named.known_items


def test_a_cycle_that_breaks_off_changes_nothing_but_hosts() -> None:
    keeper = _filled()
    list(keeper.changes())
    with suppress(ZeroDivisionError), keeper.cycle():
        keeper.drop_page(PAGE.url)
        keeper.keep_host(HOST._replace(next_start_at=9))
        _ = 1 / 0
    assert [table for table, _, _ in keeper.changes()] == ["hosts"]
    assert keeper.due_pages(10, 9) == [PAGE]


def test_rows_of_an_older_and_of_a_newer_version_are_read() -> None:
    keeper = KeyedFeedMemory()
    (change,) = [one for one in _filled().changes() if one[0] == "feed_states"]
    table, key, row = change
    assert row is not None
    newer = dict(row) | {"of_a_later_version": 1}
    with keeper.cycle():
        keeper.apply([(table, key, newer)])
    assert keeper.feeds() == [FULL]


def test_a_list_that_cannot_be_read_any_more_leaves_the_feeds_of_before(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("https://a.example/feed\n")
    polling = FeedSettings((str(path),), None, 60.0, 5.0, None, allow_private=False)
    assert listed_feeds(polling) == ["https://a.example/feed"]
    path.unlink()
    assert listed_feeds(polling) == ["https://a.example/feed"]
    path.write_text("https://a.example/feed\nhttps://b.example/feed\n")
    assert len(listed_feeds(polling)) == 2


def test_a_list_that_could_never_be_read_is_refused(tmp_path: Path) -> None:
    polling = FeedSettings((str(tmp_path / "none.txt"),), None, 60.0, 5.0, None, allow_private=False)
    with pytest.raises(UsageError):
        listed_feeds(polling)
