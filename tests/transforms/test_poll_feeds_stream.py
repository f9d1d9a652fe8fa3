from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from apache_beam.testing import test_stream
from apache_beam.transforms.window import TimestampedValue
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.keyed_feeds import KeyedFeedMemory
from schemas.article import Article
from schemas.due_page import DuePage
from schemas.feed_state import FeedState
from schemas.host_state import HostState, RobotsRecord
from schemas.page import Page
from tests.beam_rows import run_stream
from tests.fetch_samples import HOUR, NOW, SECOND, NoJitter
from tests.http_server import HttpServer, Reply
from tests.pipeline.test_feeds_run import full, item, rss
from tests.samples import html_page
from transforms import poll_feeds_stream
from transforms.functions.http_hints import DAY
from transforms.functions.poll_settings import PollSettings, World
from transforms.functions.polling_interval import rules_for
from transforms.poll_feeds_stream import PollFeedsStream, StreamOfFeeds, shard_of_feed

TAGS = ("documents", "rejects", "fetches", "feeds")


class _HourlyClock:
    """Goes on when somebody waits, and between ticks, which are two hours apart, so that every feed is due at each."""

    time = NOW

    def now(self) -> int:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += int(seconds * SECOND)


class _Site:
    """The world of a test: stages run in this process, so functions by name find it here."""

    def __init__(self, server: HttpServer) -> None:
        self.clock = _HourlyClock()
        self.world = World(self.clock, NoJitter(), server.resolve)
        self.feeds: list[str] = []
        self.before_poll: Callable[[], None] = lambda: None


_site: _Site


def _world() -> World:
    return _site.world


def _listed() -> list[str]:
    _site.before_poll()
    return _site.feeds


def _go_on() -> bool:
    return False


@pytest.fixture
def server() -> Iterator[HttpServer]:
    global _site
    poll_feeds_stream._held.clear()
    with HttpServer() as started:
        _site = _Site(started)
        yield started


def _polled(folder: Path, ticks: int, *, at: Callable[[int], int] = lambda tick: NOW + 2 * tick * HOUR) -> Any:
    stream = test_stream.TestStream().with_output_types(int)
    for tick in range(ticks):
        stream = stream.add_elements([TimestampedValue(tick, at(tick) / SECOND)])
    given = StreamOfFeeds(KeyedFeedMemory, _listed, _world, _go_on)
    settings = PollSettings("newsbeam/test", 5.0, 0.0, allow_private=True, rules=rules_for(3_600))
    stage = PollFeedsStream(given, settings, "run", 3_600.0)
    return run_stream(stage, stream.advance_watermark_to_infinity(), folder, *TAGS)


def _serve(server: HttpServer, names: list[str]) -> None:
    page = html_page("linked", url=server.url("/news/linked")).encode()
    server.on("/robots.txt", Reply(404))
    server.on("/news/linked", Reply(200, {"content-type": "text/html; charset=utf-8"}, page))

    def feed(asked: Any) -> Reply:
        items = [*map(full, names), item("linked", server.url("/news/linked"))]
        return Reply(200, {"content-type": "application/rss+xml", "etag": f'"{len(names)}"'}, rss(items))

    server.on("/feed", feed)
    _site.feeds = [server.url("/feed")]


class _Ticks:
    """Lets the clock go on to the next tick's time, and something happen, each time that the list is read."""

    def __init__(self, *events: Callable[[], object]) -> None:
        self._events = list(events)
        self.polls = 0

    def __call__(self) -> None:
        self.polls += 1
        _site.clock.time += 2 * HOUR
        if self._events:
            self._events.pop(0)()


@pytest.mark.parametrize("forgetful", [False, True], ids=["held", "from the state alone"])
def test_each_item_comes_once_and_feeds_are_asked_with_what_the_state_holds(
    server: HttpServer, tmp_path: Path, forgetful: bool
) -> None:
    names = ["one"]
    _serve(server, names)

    def another() -> None:
        names.append(f"n{len(names)}")
        if forgetful:
            poll_feeds_stream._held.clear()

    _site.before_poll = _Ticks(*[another] * 4)
    rows = _polled(tmp_path, 4, at=lambda tick: NOW + 2 * tick * HOUR)
    assert sorted(row.extra for row in rows["documents"] if isinstance(row, Article)) == [
        f'{{"guid": "{name}"}}' for name in ("n1", "n2", "n3", "n4", "one")
    ]
    assert [page.url for page in rows["documents"] if isinstance(page, Page)] == [server.url("/news/linked")]
    assert [request.headers.get("if-none-match") for request in server.asked if request.path == "/feed"] == [
        None, '"2"', '"3"', '"4"',
    ]  # fmt: skip
    assert rows["rejects"] == []
    assert [poll.outcome for poll in rows["feeds"]] == ["changed"] * 4


def test_ticks_that_the_engine_makes_up_for_are_skipped(server: HttpServer, tmp_path: Path) -> None:
    _serve(server, ["one"])
    ticks = _site.before_poll = _Ticks()
    _polled(tmp_path, 5, at=lambda tick: NOW - 3 * HOUR)
    assert ticks.polls == 0
    _polled(tmp_path, 5, at=lambda tick: NOW)
    assert ticks.polls == 1  # by then it is two hours later


def test_a_feed_that_leaves_the_list_is_told_and_not_asked_again(server: HttpServer, tmp_path: Path) -> None:
    _serve(server, ["one"])
    _site.before_poll = _Ticks(lambda: None, _site.feeds.clear)
    rows = _polled(tmp_path, 3)
    assert [poll.outcome for poll in rows["feeds"]] == ["changed", "removed"]
    assert server.paths().count("/feed") == 1


def test_the_feeds_of_a_site_are_polled_by_one_shard() -> None:
    for shards in (1, 2, 7):
        found = {shard_of_feed(f"https://{host}.outlet.co.uk/feed", shards) for host in ("www", "feeds", "rss")}
        assert len(found) == 1
    assert len({shard_of_feed(f"https://outlet{n}.example/feed", 4) for n in range(40)}) == 4


# The state: what is written can be read, whatever changes


class _Bag:
    def __init__(self) -> None:
        self.entries: list[Any] = []

    def add(self, entry: Any) -> None:
        self.entries.append(entry)

    def read(self) -> list[Any]:
        return random.sample(self.entries, len(self.entries))  # bags have no order

    def clear(self) -> None:
        self.entries.clear()


def _input_id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _random_changes(keeper: KeyedFeedMemory, draw: random.Random) -> None:
    urls = [f"https://h{n}.example/feed" for n in draw.sample(range(30), 10)]
    keeper.take_list(urls)
    for url in draw.sample(urls, 4):
        keeper.keep_feed(FeedState(url, url, next_poll_at=draw.randrange(100), known_items=draw.randbytes(16)))
    for _ in range(6):
        page = DuePage(f"https://p/{draw.randrange(20)}", "p", urls[0], None, 0, draw.randrange(9))
        if not keeper.add_page(page):
            draw.choice((keeper.keep_page, lambda one: keeper.drop_page(one.url)))(page)
    robots = (RobotsRecord("https://h", "rules", "Disallow: /", 1, 2),) if draw.random() < 0.5 else ()
    keeper.keep_host(HostState(f"h{draw.randrange(5)}", next_start_at=draw.randrange(100), robots=robots))
    keeper.remember_input(_input_id(draw.randrange(40)))


def _all(keeper: KeyedFeedMemory) -> Any:
    hosts = [keeper.host(f"h{n}") for n in range(5)]
    inputs = [keeper.knows_input(_input_id(n)) for n in range(40)]
    return keeper.feeds(), keeper.listed(), keeper.due_pages(10**18, 1_000), hosts, inputs


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), polls=st.integers(1, 30))
def test_a_keeper_made_from_the_state_knows_what_the_one_held_does(seed: int, polls: int) -> None:
    draw = random.Random(seed)
    bags = [_Bag() for _ in range(poll_feeds_stream._CELLS + poll_feeds_stream._DAYS)]
    head = poll_feeds_stream._Head()
    held = poll_feeds_stream._rebuilt(KeyedFeedMemory(), head, bags)
    for _ in range(polls):
        with held.keeper.cycle():
            _random_changes(held.keeper, draw)  # type: ignore[arg-type]
        head = poll_feeds_stream._write(head, held, bags, NOW)
        if draw.random() < 0.3:
            held = poll_feeds_stream._rebuilt(KeyedFeedMemory(), head, bags)
    again = poll_feeds_stream._rebuilt(KeyedFeedMemory(), head, bags)
    assert _all(again.keeper) == _all(held.keeper)  # type: ignore[arg-type]
    assert again.keys == held.keys


def test_bags_do_not_grow_with_the_number_of_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_feeds_stream, "_FEW", 8)
    draw = random.Random(7)
    bags = [_Bag() for _ in range(poll_feeds_stream._CELLS + poll_feeds_stream._DAYS)]
    head = poll_feeds_stream._Head()
    held = poll_feeds_stream._rebuilt(KeyedFeedMemory(), head, bags)
    for _ in range(300):
        with held.keeper.cycle():
            _random_changes(held.keeper, draw)  # type: ignore[arg-type]
        head = poll_feeds_stream._write(head, held, bags, NOW)
    records = sum(len(changes) for bag in bags[: poll_feeds_stream._CELLS] for _, changes in bag.entries)
    assert records < 2 * (30 + 20 + 5 + 5) + 16 * (8 + 10)


def test_items_are_forgotten_after_their_days() -> None:
    bags = [_Bag() for _ in range(poll_feeds_stream._CELLS + poll_feeds_stream._DAYS)]
    head = poll_feeds_stream._Head()
    known = []
    for day in range(10):
        held = poll_feeds_stream._rebuilt(KeyedFeedMemory(), head, bags)
        known.append([number for number in range(day) if held.keeper.knows_input(_input_id(number))])
        with held.keeper.cycle():
            held.keeper.remember_input(_input_id(day))
        head = poll_feeds_stream._write(head, held, bags, int(NOW + day * DAY * SECOND))
    assert known[7] == list(range(7))
    assert known[9] == list(range(1, 9))


def test_nothing_is_polled_right_after_a_restart(server: HttpServer, tmp_path: Path) -> None:
    """What was asked since the checkpoint is not known: one gap between requests has to go by."""
    _serve(server, ["one"])
    keeper = KeyedFeedMemory()
    bags = [_Bag() for _ in range(poll_feeds_stream._CELLS + poll_feeds_stream._DAYS)]
    stage = PollFeedsStream(
        StreamOfFeeds(partial(KeyedFeedMemory), _listed, _world, _go_on), PollSettings("n", 5.0, 60.0), "run", 10.0
    )
    do_fn = poll_feeds_stream._PollShard(stage)
    head = poll_feeds_stream._write(
        poll_feeds_stream._Head(), poll_feeds_stream._rebuilt(keeper, poll_feeds_stream._Head(), bags), bags, NOW
    )
    assert do_fn._take_held(0, head, bags, NOW).not_before == NOW + 60 * SECOND
    assert do_fn._take_held(1, poll_feeds_stream._Head(), [_Bag() for _ in bags], NOW).not_before == NOW
