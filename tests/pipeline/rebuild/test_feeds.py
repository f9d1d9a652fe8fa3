"""A memory lost between two rounds of polling and made anew: no item becomes two rows, no host is asked early."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline import feed_run
from pipeline.lake import Lake
from pipeline.rebuild.memory import Rebuilt, rebuild
from tests.fetch_samples import HOUR, SECOND, NoJitter
from tests.http_server import HttpServer, Reply
from tests.pipeline.test_feeds_run import HOST, Site, figures, full, item
from tests.pipeline.test_memory_faults import PAGE, _root_page
from transforms.functions.poll_settings import World
from transforms.functions.worker_pool import close_shared_pools


@pytest.fixture(scope="module", autouse=True)
def _ended_pools() -> Iterator[None]:
    yield
    close_shared_pools()


@pytest.fixture
def site(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with HttpServer() as server:
        made = Site(server, tmp_path, capfd)
        monkeypatch.setattr(feed_run, "_world", World(made.clock, NoJitter(), server.resolve))
        yield made


def _lost_and_made(site: Site, *, damage: bool = False) -> Rebuilt:
    lake = Lake(site.lake)
    if damage:
        page = _root_page(lake.memory, "slices")
        with lake.memory.open("r+b") as file:
            file.seek(page * PAGE)
            file.write(bytes(PAGE))
    else:
        for path in lake.private.glob("memory.sqlite*"):
            path.unlink()
    return rebuild(lake, lambda *_: None)


def _items(site: Site) -> list[str]:
    """A whole item, a page, a page that is no article, and one whose page is not there yet."""
    site.server.on("/news/wall", Reply(200, {"content-type": "text/html"}, b"<html>Sign in</html>"), HOST)
    site.server.on("/news/late", Reply(503), HOST)
    links = [item(name, site.url(f"/news/{name}")) for name in ("wall", "late")]
    return [full("whole"), item("page", site.page("page")), *links]


@pytest.mark.parametrize("damage", [False, True])
def test_no_item_becomes_two_rows(site: Site, damage: bool) -> None:
    items = _items(site)
    site.list_feeds(site.feed("/feed", items, etag='"v1"'))
    account = site.run()
    assert figures(account) == [1, 0, 4, 2, 1]
    made = _lost_and_made(site, damage=damage)
    assert (made.feeds.feeds, made.feeds.from_tables, made.feeds.asked_whole) == (1, int(not damage), True)
    assert made.feeds.pages == int(damage)
    asked = len(site.server.asked)
    assert figures(site.run())[:1] == [0]  # it is not due
    assert len(site.server.asked) == asked
    site.clock.time += 2 * HOUR
    site.page("late")
    site.feed("/feed", [*items, item("new", site.page("new"))], etag='"v2"')
    account = site.run()
    assert [account[name] for name in ("articles", "copies", "rejects")] == [2, 0, 0]
    later = site.server.asked[asked:]
    assert "if-none-match" not in next(one.headers for one in later if one.path == "/feed")
    assert sorted(one.path for one in later if one.path.startswith("/news")) == ["/news/late", "/news/new"]
    assert site.ask("select count(*), count(distinct article_id) from articles") == [(4, 4)]
    assert site.ask("select count(*), count(distinct reject_id) from rejects") == [(1, 1)]
    assert site.ask("select sum(possibly_lost) from feeds") == [(0,)]


def test_a_memory_that_was_healthy_keeps_all_that_it_knew_of_feeds(site: Site) -> None:
    site.list_feeds(site.feed("/feed", _items(site), etag='"v1"'))
    site.run()
    lake = Lake(site.lake)
    made = rebuild(lake, lambda *_: None, force=True)
    assert (made.feeds.feeds, made.feeds.asked_whole, made.feeds.pages) == (1, False, 1)
    site.clock.time += 2 * HOUR
    site.server.on("/feed", Reply(304), HOST)
    site.page("late")
    assert figures(site.run()) == [1, 1, 0, 1, 0]


def test_hosts_whose_memory_is_damaged_are_not_asked_early(
    site: Site, newsbeam: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    site.clock.time = round(time.time() * SECOND)  # a rebuilding goes by the calendar
    site.server.on("/feed", Reply(429, {"retry-after": "7200"}), HOST)
    site.list_feeds(site.url("/feed"), site.url("/other"))
    site.run()
    asked = len(site.server.asked)
    lake = Lake(site.lake)
    lake.hosts.write_bytes(bytes(4_096))
    done = newsbeam("run", "--feeds", site.list, "--output", site.lake)
    assert (done.returncode, done.stdout) == (1, "")
    assert "memory rebuild" in done.stderr
    made = rebuild(lake, lambda *_: None)
    assert (made.wrong, made.hosts) == ([], 1)
    assert [Path(one).name.partition("-")[0] for one in made.moved] == ["hosts.sqlite.damaged"]
    site.clock.time += HOUR
    site.run()
    assert len(site.server.asked) == asked
    site.clock.time += 2 * HOUR
    site.run()
    assert len(site.server.asked) > asked
