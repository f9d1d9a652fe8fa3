from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from pipeline import cli, feed_run
from pipeline.commands.query import connect
from pipeline.settings import FeedSettings
from schemas.errors import UsageError
from tests.fetch_samples import DAY, HOUR, NOW, SECOND, JumpingClock, NoJitter
from tests.http_server import HttpServer, Reply
from tests.samples import html_page, paragraphs
from transforms.functions import feed_poller
from transforms.functions.poll_settings import World
from transforms.functions.worker_pool import close_shared_pools

Rows = Callable[..., list[tuple[Any, ...]]]
HOST = "outlet.example"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def _ended_pools() -> Iterator[None]:
    yield
    close_shared_pools()


class Site:
    """A server that plays outlets, a clock under control, and the lake that runs fill."""

    def __init__(self, server: HttpServer, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.server = server
        self.clock = JumpingClock()
        self.lake = folder / "lake"
        self.list = folder / "feeds.txt"
        self.said = ""
        self._capfd = capfd
        for path in ("/robots.txt", "/robots.txt"):
            server.on(path, Reply(404))

    def feed(self, path: str, items: Sequence[str], host: str = HOST, **headers: str) -> str:
        self.server.on(path, Reply(200, {"content-type": "application/rss+xml", **headers}, rss(items)), host)
        return self.url(path, host)

    def page(self, name: str, host: str = HOST, date: str | None = None) -> str:
        url = self.url(f"/news/{name}", host)
        body = html_page(name, url=url, date=date).encode()
        self.server.on(f"/news/{name}", Reply(200, {"content-type": "text/html; charset=utf-8"}, body), host)
        return url

    def url(self, path: str, host: str = HOST) -> str:
        return self.server.url(path, host)

    def list_feeds(self, *urls: str) -> None:
        self.list.write_text("# feeds of this test\n" + "\n".join(urls) + "\n")

    def run(self, *flags: str, code: int = 0) -> dict[str, Any]:
        self._capfd.readouterr()
        command = ["run", "--feeds", str(self.list), "--output", str(self.lake), "--processes", "1", "--tags", "none"]
        polite = ["--host-gap", "0", "--allow-private", "--json", "--contact", "desk@reader.example"]
        assert cli.main([*command, *polite, *flags]) == code
        out, self.said = self._capfd.readouterr()
        (line,) = out.splitlines()
        account: dict[str, Any] = json.loads(line)
        outcomes = account["articles"] + account["copies"] + account["rejects"] + account["already_seen"]
        assert account["inputs"] == outcomes
        return account

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return connect(str(self.lake)).execute(query, values).fetchall()


@pytest.fixture
def site(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with HttpServer() as server:
        made = Site(server, tmp_path, capfd)
        monkeypatch.setattr(feed_run, "_world", World(made.clock, NoJitter(), server.resolve))
        yield made


def item(name: str, link: str | None = None, content: str | None = None, date: str = "30 Mar 2026 07:00:00 GMT") -> str:
    parts = [f"<title>Feed title of {name}</title>", f"<guid isPermaLink='false'>{name}</guid>"]
    parts += [f"<pubDate>Mon, {date}</pubDate>", "<dc:creator>Ada Feedwright</dc:creator>"]
    if link:
        parts.append(f"<link>{escape(link)}</link>")
    if content:
        parts.append(f"<content:encoded>{escape(content)}</content:encoded>")
    return f"<item>{''.join(parts)}</item>"


def full(name: str) -> str:
    """An item that carries its article whole: 150 words are needed."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs(name, 14))
    return item(name, f"https://elsewhere.example/{name}", body)


def rss(items: Sequence[str]) -> bytes:
    spaces = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    return (
        f'<?xml version="1.0"?><rss version="2.0" {spaces}><channel><title>Northern Ledger</title>'
        f"<link>https://outlet.example/</link>{''.join(items)}</channel></rss>"
    ).encode()


def figures(account: dict[str, Any]) -> list[Any]:
    names = ("feeds_polled", "not_modified", "items_new", "pages_fetched", "pages_waiting")
    return [account["feeds"][name] for name in names]


def test_items_become_articles_with_what_the_feed_says_of_them(site: Site) -> None:
    feed = site.feed("/feed", [full("whole"), item("linked", site.page("linked"))])
    site.list_feeds(feed)
    account = site.run()
    assert figures(account) == [1, 0, 2, 1, 0]
    assert [account[name] for name in ("inputs", "articles", "rejects")] == [2, 2, 0]
    query = "select extraction_method, feed_url, json_extract_string(extra, '$.guid') from articles order by 3"
    (linked, whole) = site.ask(query)
    assert whole == ("feed", feed, "whole")
    assert linked[0] != "feed"
    assert linked[1:] == (feed, "linked")
    dates = site.ask("select date_published_source, date_published::varchar, count(*) from articles group by all")
    assert dates == [("feed", "2026-03-30 07:00:00+00", 2)]
    assert site.ask("select distinct purpose, status from fetches order by 1") == [
        ("feed", 200), ("page", 200), ("robots", 404),
    ]  # fmt: skip
    assert site.ask("select items, items_new from fetches where purpose = 'feed'") == [(2, 2)]
    assert site.ask("select outcome, health, items, items_new, changes[1] from feed_health") == [
        ("changed", "ok", 2, 2, "first_poll")
    ]
    assert "desk@reader.example" in site.server.asked[0].headers["user-agent"]


def test_a_second_run_polls_nothing_before_its_time_and_then_conditionally(site: Site) -> None:
    site.list_feeds(site.feed("/feed", [full("a")], etag='"v1"'))
    site.run()
    asked = len(site.server.asked)
    account = site.run()
    assert figures(account) == [0, 0, 0, 0, 0]
    assert account["cycles"] == 0
    assert len(site.server.asked) == asked
    site.clock.time += 2 * HOUR
    site.server.on("/feed", Reply(304), HOST)
    account = site.run()
    assert figures(account) == [1, 1, 0, 0, 0]
    (request,) = site.server.asked[asked:]
    assert request.headers["if-none-match"] == '"v1"'
    assert account["inputs"] == 0
    assert site.ask("select outcome, next_poll_at > polled_at from feeds order by polled_at") == [
        ("changed", True), ("not_modified", True),
    ]  # fmt: skip
    (share,) = site.ask("select share_conditional from politeness where host = 'outlet.example'")
    assert share == (0.5,)


def test_a_new_item_is_found_once(site: Site) -> None:
    site.list_feeds(site.feed("/feed", [item("old", site.page("old"))]))
    site.run()
    site.clock.time += 2 * HOUR
    site.feed("/feed", [item("new", site.page("new")), item("old", site.page("old"))])
    assert figures(site.run()) == [1, 0, 1, 1, 0]
    site.clock.time += 2 * DAY
    assert figures(site.run()) == [1, 0, 0, 0, 0]
    assert site.server.paths().count("/news/old") == site.server.paths().count("/news/new") == 1
    assert site.ask("select count(*) from articles") == [(2,)]


def test_a_feed_that_names_many_pages_of_a_host_does_not_hold_up_another_ones(site: Site) -> None:
    flood = [item(f"a{number:02}", site.page(f"a{number:02}")) for number in range(20)]
    site.list_feeds(site.feed("/a-flood", flood), site.feed("/b-news", [item(name, site.page(name)) for name in "xy"]))
    site.run("--host-gap", "5")  # so that the flood has waited longer
    pages = [path for path in site.server.paths() if path.startswith("/news/")]
    assert len(pages) == 22
    assert {"/news/x", "/news/y"} <= set(pages[:4])


def test_what_robots_txt_holds_counts_towards_a_full_cycle(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_poller, "MOST_BODIES", 150_000)
    hosts = [f"h{number}.example" for number in range(8)]
    rules = ("User-agent: *\n" + "".join(f"Disallow: /private/{number}\n" for number in range(3_000))).encode()
    for host in hosts:
        site.server.on("/robots.txt", Reply(200, {"content-type": "text/plain"}, rules), host)
    site.list_feeds(site.feed("/feed", [item(host, site.page(host, host)) for host in hosts]))
    account = site.run()
    assert figures(account) == [1, 0, 8, 8, 0]
    assert account["cycles"] > 1


def test_an_item_of_two_feeds_is_fetched_once(site: Site) -> None:
    shared = item("shared", site.page("shared"))
    site.list_feeds(site.feed("/one", [shared]), site.feed("/two", [shared]))
    account = site.run()
    assert figures(account) == [2, 0, 2, 1, 0]
    assert [account[name] for name in ("inputs", "articles", "already_seen")] == [2, 1, 1]


def test_feeds_that_lead_to_one_are_polled_as_one(site: Site) -> None:
    site.feed("/real", [full("a")])
    for path in ("/a", "/b"):
        site.server.on(path, Reply(302, {"location": "/real"}), HOST)
    site.list_feeds(site.url("/a"), site.url("/b"))
    account = site.run()
    assert [account[name] for name in ("inputs", "articles", "already_seen")] == [2, 1, 1]
    query = "select health, merged_into from feed_health order by feed_url"
    site.clock.time += 2 * HOUR
    assert figures(site.run())[0] == 1
    assert [path for path in site.server.paths() if path != "/real"] == ["/a", "/b", "/a"]
    assert site.ask(query) == [("ok", None), ("merged", site.url("/a"))]


def test_where_the_polled_one_of_two_feeds_fails_the_other_one_takes_over(site: Site) -> None:
    site.feed("/real", [full("a")])
    for path in ("/a", "/b"):
        site.server.on(path, Reply(302, {"location": "/real"}), HOST)
    site.list_feeds(site.url("/a"), site.url("/b"))
    site.run()
    site.server.on("/a", Reply(403), HOST)
    for _ in range(2):
        site.clock.time += 2 * HOUR
        site.run()
    assert [path for path in site.server.paths() if path != "/real"] == ["/a", "/b", "/a", "/b"]
    query = "select health, merged_into from feed_health order by feed_url"
    assert site.ask(query) == [("merged", site.url("/b")), ("ok", None)]


def test_a_page_whose_server_is_overloaded_comes_later(site: Site) -> None:
    link = site.page("late")
    good = site.server._scripts[HOST, "/news/late"]
    site.server.on("/news/late", Reply(503, {"retry-after": "1800"}), HOST)
    site.list_feeds(site.feed("/feed", [item("late", link)]))
    account = site.run()
    assert figures(account) == [1, 0, 1, 0, 1]
    assert account["inputs"] == 0
    asked = len(site.server.asked)
    site.clock.time += 1_700 * SECOND
    site.run()
    assert len(site.server.asked) == asked
    site.clock.time += 300 * SECOND
    site.server.on("/news/late", good, HOST)
    account = site.run()
    assert figures(account)[3:] == [1, 0]
    assert account["articles"] == 1
    assert site.ask("select retry_after_asked, retry_after_broken from politeness") == [(1, 0)]


def test_pages_that_are_not_to_be_had_are_rejects(site: Site) -> None:
    site.server.on("/robots.txt", Reply(body=b"User-agent: *\nDisallow: /secret/"), HOST)
    site.server.on("/gone", Reply(410), HOST)
    links = [site.url("/secret/a"), site.url("/gone"), site.url("/missing")]
    site.list_feeds(site.feed("/feed", [item(str(number), link) for number, link in enumerate(links)]))
    account = site.run()
    assert figures(account) == [1, 0, 3, 0, 1]
    found = site.ask("select reason, stage, retryable, url from rejects order by reason")
    assert found == [
        ("http_410", "fetch", False, links[1]), ("robots_disallowed", "fetch", False, links[0]),
    ]  # fmt: skip
    assert "/secret/a" not in site.server.paths()
    for _ in range(3):
        site.clock.time += HOUR
        site.run()
    assert site.server.paths().count("/missing") == 3
    assert site.ask("select reason, retryable from rejects where url like '%missing'") == [("http_404", True)]


def test_a_feed_that_is_gone_or_none_is_told(site: Site) -> None:
    site.server.on("/gone", Reply(410), HOST)
    site.server.on("/page", Reply(body=html_page("a").encode()), HOST)
    site.list_feeds(site.url("/gone"), site.url("/page"))
    account = site.run()
    assert [account["inputs"], account["rejects"]] == [1, 1]
    assert site.ask("select feed_url, health, reason, next_poll_at is null from feed_health order by 1") == [
        (site.url("/gone"), "gone", "http_410", True), (site.url("/page"), "failing", "not_a_feed", False),
    ]  # fmt: skip
    assert site.ask("select source, reason from rejects") == [(site.url("/page"), "not_a_feed")]
    site.clock.time += 60 * DAY
    account = site.run()
    assert site.server.paths().count("/gone") == 1
    assert site.server.paths().count("/page") == 2
    assert account["rejects"] == 0


def test_an_edited_list_is_taken_up(site: Site) -> None:
    one, two = site.feed("/one", [full("a")]), site.feed("/two", [full("b")])
    site.list_feeds(one)
    site.run()
    site.list_feeds(two)
    site.clock.time += SECOND
    assert figures(site.run())[:3] == [1, 0, 1]
    site.clock.time += 2 * DAY
    site.run()
    assert site.server.paths("outlet.example").count("/one") == 1
    assert site.ask("select health from feed_health where feed_url like '%one'") == [("removed",)]
    site.list_feeds(one, two)
    assert figures(site.run())[:3] == [1, 0, 0]
    assert site.ask("select health, outcome from feed_health where feed_url like '%one'") == [("ok", "unchanged")]


def test_a_feed_that_is_back_on_the_list_is_shown_as_it_is_before_it_is_due(site: Site) -> None:
    one, two, failing = site.feed("/one", [full("a")]), site.feed("/two", [full("b")]), site.url("/missing")
    site.list_feeds(one, failing)
    site.run()
    site.list_feeds(two)
    site.clock.time += SECOND
    site.run()
    assert site.ask("select distinct health from feed_health where feed_url <> ?", two) == [("removed",)]
    site.list_feeds(one, two, failing)
    site.clock.time += SECOND
    site.run()
    assert site.server.paths().count("/one") == site.server.paths().count("/missing") == 1
    query = "select health, outcome, next_poll_at > polled_at from feed_health where feed_url <> ? order by health"
    assert site.ask(query, two) == [("failing", "listed", True), ("ok", "listed", True)]
    site.clock.time += SECOND
    site.run()
    assert site.ask("select count(*) from feeds where outcome = 'listed'") == [(2,)]


def test_a_feed_that_is_late_is_not_polled_in_an_hour_that_its_publisher_skips(site: Site) -> None:
    skipping = rss([full("a")]).replace(b"</link>", b"</link><skipHours><hour>2</hour></skipHours>", 1)
    site.server.on("/feed", Reply(body=skipping), HOST)
    site.list_feeds(site.url("/feed"))
    site.run()
    site.clock.time = NOW - NOW % DAY + DAY + 2 * HOUR + 600 * SECOND
    assert figures(site.run())[0] == 0
    site.clock.time += HOUR
    assert figures(site.run())[0] == 1


def test_a_list_on_a_server_is_read_once_an_hour(site: Site) -> None:
    feed = site.feed("/feed", [full("a")])
    site.list_feeds("https://unused.example/")
    outline = f"<opml><body><outline xmlUrl='{feed}'/></body></opml>"
    site.server.on("/lists/feeds.opml", Reply(301, {"location": "/moved.opml"}), HOST)
    site.server.on("/moved.opml", Reply(body=outline.encode()), HOST)
    lists = feed_run.feed_lists(FeedSettings((site.url("/lists/feeds.opml"), feed), None, 1.0, 0.0, None, True))
    assert lists.read() == [feed]
    assert lists.read() == [feed]
    assert site.server.paths() == ["/lists/feeds.opml", "/moved.opml"]


def test_a_list_on_a_server_that_fails_is_left_alone_and_its_feeds_of_before_hold(
    site: Site, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    feed, more, mine = site.url("/feed"), site.url("/more"), tmp_path / "mine"
    outline = f"<opml><body><outline xmlUrl='{feed}'/></body></opml>"
    replies = [
        Reply(body=outline.encode()),
        Reply(429, {"retry-after": str(9 * 3_600)}),
        Reply(404),
        Reply(body=b"<html>"),
    ]
    site.server.on("/feeds.opml", replies, HOST)
    mine.write_text(feed)
    lists = feed_run.feed_lists(FeedSettings((site.url("/feeds.opml"), str(mine)), None, 1.0, 0.0, None, True))
    assert lists.read() == [feed]
    mine.write_text(more)
    asked = []
    for _ in range(13):
        site.clock.time += HOUR
        assert lists.read() == lists.read() == [feed, more]
        asked.append(len(site.server.asked))
    assert asked == [2] * 9 + [3, 4, 5, 6]
    said = capfd.readouterr().err
    assert "http_429" in said
    assert "http_404" in said


def test_a_list_on_a_server_that_never_came_is_told_and_asked_for_once_an_hour(site: Site) -> None:
    lists = feed_run.feed_lists(FeedSettings((site.url("/feeds.opml"),), None, 1.0, 0.0, None, True))
    for _ in range(3):
        with pytest.raises(UsageError, match="http_404"):
            lists.read()
    assert site.server.paths() == ["/feeds.opml"]


def test_an_address_that_brings_a_list_is_taken_for_one(site: Site) -> None:
    one, two = site.feed("/one", [full("a")]), site.feed("/two", [full("b")])
    feeds = Reply(200, {"content-type": "text/plain", "etag": '"1"'}, f"# mine\n{one}\n".encode())
    site.server.on("/mine", feeds, HOST)
    site.list_feeds(site.url("/mine"))
    assert figures(site.run())[:3] == [2, 0, 1]
    outlines = f"<opml><body><outline xmlUrl='{one}'/><outline xmlUrl='{two}'/></body></opml>".encode()
    site.server.on("/mine", Reply(body=outlines), HOST)
    site.clock.time += 2 * HOUR
    assert figures(site.run())[2] == 1
    health = site.ask("select feed_url, health, named_by from feed_health order by feed_url")
    assert health == [
        (site.url("/mine"), "ok", None), (one, "ok", site.url("/mine")), (two, "ok", site.url("/mine")),
    ]  # fmt: skip
    site.list_feeds(two)
    site.clock.time += DAY
    site.run()
    assert site.ask("select feed_url from feed_health where health = 'removed' order by 1") == [
        (site.url("/mine"),), (one,),
    ]  # fmt: skip


def test_a_feed_that_turns_into_a_list_names_nothing(site: Site) -> None:
    feed = site.feed("/feed", [full("a")])
    site.list_feeds(feed)
    site.run()
    outline = f"<opml><body><outline xmlUrl='{site.url('/other')}'/></body></opml>".encode()
    site.server.on("/feed", Reply(body=outline), HOST)
    site.clock.time += 2 * HOUR
    site.run()
    assert site.ask("select reason, health from feed_health") == [("list", "failing")]
    assert "/other" not in site.server.paths()


def test_a_feed_by_the_name_of_a_list_is_polled_as_one(site: Site) -> None:
    feed = site.feed("/feed.opml", [full("a")])
    lists = feed_run.feed_lists(FeedSettings((feed,), None, 1.0, 0.0, None, True))
    assert lists.read() == lists.read() == [feed]
    site.clock.time += 9 * DAY
    assert lists.read() == [feed]
    assert site.server.paths() == ["/feed.opml"]


SITEMAPS = "http://www.sitemaps.org/schemas/sitemap/0.9"


def index(*entries: tuple[str, str]) -> Reply:
    parts = (f"<sitemap><loc>{url}</loc><lastmod>{changed}</lastmod></sitemap>" for url, changed in entries)
    return Reply(body=f"<sitemapindex xmlns='{SITEMAPS}'>{''.join(parts)}</sitemapindex>".encode())


def sitemap(*urls: str) -> Reply:
    parts = (f"<url><loc>{escape(url)}</loc></url>" for url in urls)
    return Reply(body=f"<urlset xmlns='{SITEMAPS}'>{''.join(parts)}</urlset>".encode())


def test_a_sitemap_index_leads_to_its_sitemaps(site: Site) -> None:
    one, two, old = (site.url(f"/{name}.xml") for name in ("one", "two", "old"))
    site.server.on("/one.xml", sitemap(site.page("a"), "not absolute"), HOST)
    site.server.on("/two.xml", sitemap(site.page("b")), HOST)
    site.server.on("/index.xml", index((one, "2026-03-31T20:00:00Z"), (old, "2020-01-01")), HOST)
    site.list_feeds(site.url("/index.xml"))
    account = site.run()
    assert figures(account) == [2, 0, 2, 1, 0]
    assert [account[name] for name in ("inputs", "articles", "rejects")] == [2, 1, 1]
    (reject,) = site.ask("select reason, payload from rejects")
    assert reject[0] == "no_address"
    assert json.loads(reject[1]) == {"feed_url": one, "feed_kind": "sitemap", "guid": "not absolute"}
    assert site.ask("select feed_url from articles") == [(one,)]
    assert "/old.xml" not in site.server.paths()
    site.server.on("/index.xml", index((two, "2026-04-01T07:00:00Z")), HOST)
    site.clock.time += 12 * HOUR
    assert figures(site.run())[2:4] == [1, 1]
    assert site.ask("select feed_url, health, named_by from feed_health order by 1") == [
        (named_by := site.url("/index.xml"), "ok", None), (one, "removed", named_by), (two, "ok", named_by),
    ]  # fmt: skip
    asked = site.server.paths().count("/one.xml")
    site.clock.time += 20 * DAY
    site.run()
    assert site.server.paths().count("/one.xml") == asked
    assert site.ask("select count(*) from rejects where reason <> 'no_address'") == [(0,)]


def test_an_index_in_an_index_is_not_followed(site: Site) -> None:
    inner = site.url("/inner.xml")
    site.server.on("/index.xml", index((inner, "2026-03-31")), HOST)
    site.server.on("/inner.xml", index((site.url("/deep.xml"), "2026-03-31")), HOST)
    site.list_feeds(site.url("/index.xml"))
    site.run()
    assert site.ask("select source, reason from rejects") == [(inner, "sitemap_index")]
    assert "/deep.xml" not in site.server.paths()


def test_what_an_index_names_too_much_is_told(site: Site) -> None:
    site.server.on("*", sitemap())
    many = [(site.url(f"/{number}.xml"), "2026-03-31") for number in range(60)]
    site.server.on("/index.xml", index(*many), HOST)
    site.list_feeds(site.url("/index.xml"))
    assert figures(site.run("--poll-budget", "1h"))[0] == 51
    (message,) = site.ask("select message from rejects")[0]
    assert message.startswith("names 10 more than the 50 that are polled")


def test_a_page_that_is_refused_is_asked_for_again_later_and_not_for_ever(site: Site) -> None:
    site.server.on("/wall", Reply(403), HOST)
    site.list_feeds(site.feed("/feed", [item("wall", site.url("/wall"))]))
    for _ in range(40):
        site.run()
        site.clock.time += 3 * HOUR
    assert site.server.paths().count("/wall") == 3
    ((reason, payload),) = site.ask("select reason, payload from rejects")
    assert reason == "http_403"
    said = json.loads(payload)
    assert (said["url"], said["headline"], said["attempts"]) == (site.url("/wall"), "Feed title of wall", 2)


def test_files_and_feeds_in_one_run(site: Site, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "a.html").write_text(html_page("a", url="https://folder.example/a"))
    (pages / "b.html").write_text(html_page("b", url="https://folder.example/b"))
    site.list_feeds(site.feed("/feed", [full("c"), item("b", site.page("b"))]))
    account = site.run("--input", str(pages))
    assert [account[name] for name in ("inputs", "articles", "copies", "rejects")] == [4, 3, 1, 0]
    assert figures(account) == [1, 0, 2, 1, 0]
    assert site.ask("select source_domain from copies") == [("outlet.example",)]
    assert site.ask("select count(distinct run_id), sum(inputs)::int from runs") == [(1, 4)]
    account = site.run("--input", str(pages))
    assert [account["inputs"], account["already_seen"]] == [2, 2]


def test_a_run_without_a_list_polls_the_lakes_own(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    command = ["run", "--feeds", "--output", str(site.lake), "--tags", "none", "--processes", "1", "--host-gap", "0"]
    command += ["--allow-private", "--json"]
    assert cli.main(command) == 2
    assert "newsbeam feeds import" in capfd.readouterr().err
    site.list_feeds(site.feed("/feed", [full("a")]))
    assert cli.main(["feeds", "import", str(site.list), "--lake", str(site.lake)]) == 0
    capfd.readouterr()
    assert cli.main(command) == 0
    assert json.loads(capfd.readouterr().out)["articles"] == 1


def test_round_follows_round_until_a_signal_comes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = site.feed("/feed", [full("a")])
    site.list_feeds(feed)

    def answer(asked: Any) -> Reply:
        polls = site.server.paths().count("/feed")
        if polls == 2:
            site.list_feeds(feed, site.feed("/added", [full("b")]))
        if polls == 5:
            feed_run_stop[0].set()
        return Reply(body=rss([full(f"n{number}") for number in range(polls)]))

    feed_run_stop: list[Any] = []
    real = feed_run.FeedRun.__init__

    def keep_stop(self: Any, *arguments: Any) -> None:
        real(self, *arguments)
        feed_run_stop.append(self.stop)

    monkeypatch.setattr(feed_run.FeedRun, "__init__", keep_stop)
    site.server.on("/feed", answer, HOST)
    account = site.run("--every", "10m")
    assert site.server.paths().count("/feed") == 5
    assert site.server.paths().count("/added") >= 1
    assert account["articles"] == 6
    (gap,) = site.ask(
        "select min(gap) >= interval 10 minutes from (select polled_at - lag(polled_at) over (partition by feed_url "
        "order by polled_at) as gap from feeds)"
    )
    assert gap == (True,)
    assert site.clock.now() - NOW < 3 * DAY


def test_what_a_budget_leaves_over_stays_due(site: Site) -> None:
    site.list_feeds(*(site.feed(f"/{number}", [full(f"f{number}")]) for number in range(6)))
    # Half of ten seconds is for feeds, two seconds apart: three of them.
    account = site.run("--poll-budget", "10s", "--host-gap", "2")
    assert figures(account)[0] == 3
    assert figures(site.run("--poll-budget", "1h", "--host-gap", "2"))[0] == 3
    assert sorted(site.server.paths()) == [f"/{number}" for number in range(6)]


def test_a_run_over_folders_loads_neither_http_client_nor_duckdb() -> None:
    code = "import sys, pipeline.cli, pipeline.commands.run; sys.exit(bool({'httpx', 'duckdb'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--input", "x", "--every", "10m"], "--every goes with --feeds"),
        (["--feeds", "https://a.example/", "--every", "10"], "with its unit"),
        (["--feeds", "https://a.example/", "--host-gap", "0"], "only with --allow-private"),
        (["--feeds", "https://a.example/", "--contact", "(me)"], "contact"),
        (["--feeds", "no/such/list"], "no such file"),
    ],
)
def test_flags_that_do_not_fit_are_told(capfd: pytest.CaptureFixture[str], flags: list[str], said: str) -> None:
    assert cli.main(["run", *flags]) == 2
    assert said in capfd.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://a.example/feed\nnot an address\n", "line 2: 'not an address'"),
        ("<opml><body>\n<outline xmlUrl='ftp://a.example'/></body></opml>", "line 2: 'ftp://a.example'"),
        ("<opml><body>", "no well-formed OPML"),
        ("<rss></rss>", "not <opml>"),
        ("# nothing\n", "no address in it"),
    ],
)
def test_a_bad_list_is_one_clear_line(tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, said: str) -> None:
    path = tmp_path / "list"
    path.write_text(text)
    assert cli.main(["run", "--feeds", str(path), "--output", str(tmp_path / "lake"), "--contact", "a@b.example"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert said in line
    assert not (tmp_path / "lake").exists()


def test_a_first_run_whose_feeds_all_fail_does_not_look_like_a_success(
    site: Site, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    site.list_feeds(*(site.feed(f"/{number}", [], f"outlet{number}.example") for number in range(3)))
    command = ["run", "--feeds", str(site.list), "--output", str(site.lake), "--processes", "1", "--tags", "none"]
    assert cli.main(command) == 0
    table, lines = capfd.readouterr()
    assert "3 feeds polled (0 not modified; 3 failed: address_refused 3), 0 items new" in lines
    assert len(re.findall("address_refused: .*--allow-private", lines)) == 1
    (row,) = (line for line in table.splitlines() if "failed" in line)
    assert re.search(r"3 of 3 +. address_refused 3; see newsbeam feeds list", row)


def test_feeds_that_were_refused_are_asked_as_soon_as_they_may_be(site: Site) -> None:
    missing = site.url("/missing")
    site.list_feeds(site.feed("/feed", [full("a")]), missing)
    without = ["run", "--feeds", str(site.list), "--output", str(site.lake), "--processes", "1", "--tags", "none"]
    assert cli.main(without) == 0
    assert not site.server.paths()
    assert site.run()["articles"] == 1
    assert site.ask("select feed_url from feed_health where reason = 'http_404'") == [(missing,)]
    asked = len(site.server.paths())
    assert site.run()["inputs"] == 0
    assert len(site.server.paths()) == asked


def test_failed_polls_are_counted_by_reason(site: Site) -> None:
    site.server.on("/missing", Reply(404))
    site.server.on("/page", Reply(200, {"content-type": "text/html"}, b"<html><body>no feed</body></html>"))
    site.list_feeds(site.url("/missing", "a.example"), site.url("/missing", "b.example"), site.url("/page"))
    account = site.run()
    assert account["feeds"]["failed"] == 3
    assert list(account["failed_polls_by_reason"].items()) == [("http_404", 2), ("not_a_feed", 1)]
    site.list_feeds(site.feed("/feed", [full("whole")]))
    account = site.run()
    assert (account["feeds"]["failed"], account["failed_polls_by_reason"]) == (0, {})


def test_reasons_beyond_those_shown_are_counted(site: Site) -> None:
    for status in range(400, 408):
        site.server.on("/feed", Reply(status), f"outlet{status}.example")
    site.list_feeds(*(site.url("/feed", f"outlet{status}.example") for status in range(400, 408)))
    site.run("--log-format", "text")
    assert " and 2 more), 0 items new" in site.said


def test_a_page_that_two_feeds_name_is_rejected_once(site: Site) -> None:
    page = site.url("/wall")
    site.server.on("/wall", Reply(200, {"content-type": "text/html"}, b"<html><form>Sign in</form></html>"), HOST)
    first = site.feed("/first", [item("one", page)])
    site.list_feeds(first)
    assert site.run()["rejects"] == 1
    site.list_feeds(first, site.feed("/second", [item("two", page)]))
    site.clock.time += 2 * HOUR
    account = site.run()
    assert [account[name] for name in ("inputs", "rejects", "already_seen")] == [1, 0, 1]
    assert site.ask("select count(*), count(distinct reject_id) from rejects") == [(1, 1)]


def test_a_longest_interval_beyond_what_a_right_clock_gives_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feeds = tmp_path / "feeds.txt"
    feeds.write_text("https://outlet.example/feed\n")
    command = ["run", "--feeds", str(feeds), "--output", str(tmp_path / "lake"), "--longest-interval", "31d"]
    assert cli.main(command) == 2
    assert "give 30d or less" in capsys.readouterr().err
