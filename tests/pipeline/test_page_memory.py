from __future__ import annotations

import pytest

from pipeline.memory import Memory
from pipeline.page_memory import PageMemory
from pipeline.replay_memory import Queued, drop_queued, note_queued
from schemas.due_page import DuePage


@pytest.fixture
def pages(memory: Memory) -> PageMemory:
    made = PageMemory(memory)
    with memory.cycle():
        made.make_tables()
    return made


def due_page(number: int, host: str = "a.example", due_at: int = 0) -> DuePage:
    return DuePage(f"https://{host}/{number}", host, "https://a.example/feed", "{}", 0, due_at)


def test_hosts_take_turns(memory: Memory, pages: PageMemory) -> None:
    with memory.cycle():
        for number in range(50):
            assert pages.add_page(due_page(number, "many.example"))
        assert pages.add_page(due_page(0, "few.example", due_at=5))
        assert not pages.add_page(due_page(0, "few.example"))
        assert pages.add_page(due_page(0, "later.example", due_at=6))
        due = pages.due_pages(5, 3)
        assert [page.host for page in due] == ["many.example", "few.example", "many.example"]
        pages.keep_page(due[1]._replace(due_at=9, attempts=2))
        pages.drop_page(due[0].url)
    assert pages.pages_waiting() == 51
    assert pages.due_pages(9, 99)[0]._replace(host="") != due[0]
    assert due[1]._replace(due_at=9, attempts=2) in pages.due_pages(9, 99)


def test_of_a_host_the_feeds_take_turns_and_of_a_feed_the_newest_goes_first(memory: Memory, pages: PageMemory) -> None:
    many, few = "https://many.example/feed", "https://victim.example/feed"
    with memory.cycle():
        for number in range(30):
            pages.add_page(due_page(number, "victim.example")._replace(feed_url=many))
        for number, at in ((90, 5), (91, 7)):
            pages.add_page(due_page(number, "victim.example", 7)._replace(feed_url=few, first_seen_at=at))
        due = pages.due_pages(7, 5)
    assert [page.feed_url for page in due] == [few, many, few, many, many]
    assert [page.url[-2:] for page in due if page.feed_url == few] == ["91", "90"]


def test_of_a_feed_the_oldest_waiting_pages_are_forgotten(memory: Memory, pages: PageMemory) -> None:
    with memory.cycle():
        for number in range(9):
            pages.add_page(due_page(number)._replace(first_seen_at=number))
        pages.add_page(due_page(9, "b.example")._replace(feed_url="https://b.example/feed"))
        assert pages.trim_pages("https://a.example/feed", 9) == 0
        assert pages.trim_pages("https://a.example/feed", 4) == 5
    assert {page.url[-1] for page in pages.due_pages(0, 99)} == set("56789")


def test_pages_that_a_replay_asks_for_are_not_forgotten_for_newer_ones_and_wait_for_none(
    memory: Memory, pages: PageMemory
) -> None:
    with memory.cycle():
        for number in range(9):
            pages.add_page(due_page(number)._replace(first_seen_at=number))
        asked = [Queued("tried", due_page(2).url, True), Queued("other of its address", due_page(2).url, False)]
        note_queued(memory, [*asked, Queued("not tried", due_page(3).url, False)])
        assert [page.url[-1] for page in pages.due_pages(0, 3)] == list("287")
        assert pages.trim_pages("https://a.example/feed", 8) == 0
        assert pages.trim_pages("https://a.example/feed", 4) == 4
        assert {page.url[-1] for page in pages.due_pages(0, 99)} == set("25678")
        drop_queued(memory, [one.reject_id for one in asked])
        assert pages.trim_pages("https://a.example/feed", 4) == 1
    assert {page.url[-1] for page in pages.due_pages(0, 99)} == set("5678")


def test_replayed_pages_of_a_feed_and_its_new_ones_take_turns_however_many_are_replayed(
    memory: Memory, pages: PageMemory
) -> None:
    with memory.cycle():
        for number in range(100, 200):
            pages.add_page(due_page(number)._replace(first_seen_at=0))
        note_queued(memory, [Queued(str(number), due_page(number).url, True) for number in range(100, 200)])
        for number in range(9):
            pages.add_page(due_page(number)._replace(first_seen_at=number + 1))
        pages.add_page(due_page(0, "a.example")._replace(url="https://a.example/x", feed_url="https://b.example/feed"))
        order = [page.url.rpartition("/")[2] for page in pages.due_pages(0, 7)]
    assert order == ["100", "8", "x", "101", "7", "102", "6"]


def test_replayed_pages_take_no_place_from_the_new_ones_that_may_wait(memory: Memory, pages: PageMemory) -> None:
    with memory.cycle():
        for number in range(100, 200):
            pages.add_page(due_page(number)._replace(first_seen_at=number))  # also newer than what the feed has named
        note_queued(memory, [Queued(str(number), due_page(number).url, True) for number in range(100, 200)])
        for number in range(9):
            pages.add_page(due_page(number)._replace(first_seen_at=number))
        assert pages.trim_pages("https://a.example/feed", 9) == 0
        assert pages.trim_pages("https://a.example/feed", 4) == 5
    left = {page.url.rpartition("/")[2] for page in pages.due_pages(0, 999)}
    assert left == {*"5678", *map(str, range(100, 200))}
