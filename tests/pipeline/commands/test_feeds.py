from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.feed_list import read_feed_list
from pipeline.feed_memory import FeedMemory
from pipeline.host_memory import HostMemory
from pipeline.lake import open_or_make_lake
from pipeline.memory import Memory
from pipeline.remote_lists import FeedLists
from pipeline.settings import FeedSettings
from schemas.feed_state import NEVER, FeedState
from schemas.host_state import HostState
from tests.http_server import HttpServer, Reply
from tests.pipeline.test_feeds_run import rss
from transforms.functions.poll_settings import World

NOW = time.time_ns() // 1_000
HOUR = 3_600 * 1_000_000
OK = FeedState(
    "https://a.example/feed", "https://a.example/new", NOW + 2 * HOUR + HOUR // 3, 7_200.0, polls=3, etag=b'"1"',
    last_success_at=NOW, last_full_at=NOW, items_per_hour=0.5,
)  # fmt: skip
FAILING = FeedState(
    "https://b.example/feed", "https://b.example/feed", NOW - 1, 3_600.0, polls=3, failure_score=0.5,
    last_failure="http_503",
)  # fmt: skip
GONE = FeedState("https://c.example/feed", "https://c.example/feed", NEVER, polls=1, gone_at=NOW - HOUR)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    made = open_or_make_lake(str(tmp_path / "lake"))
    memory, hosts = Memory(made.memory), HostMemory(made.hosts)
    feeds = FeedMemory(memory, hosts)
    with memory.cycle():
        feeds.make_tables()
        feeds.take_list([state.listed_url for state in (OK, FAILING, GONE)])
        for state in (OK, FAILING, GONE):
            feeds.keep_feed(state)
    hosts.keep_host(HostState("b.example", blocked_until=NOW + HOUR, blocked_why="retry_after"))
    memory.close()
    hosts.close()
    return made.root


@pytest.fixture
def said(lake: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        assert cli.main(["feeds", *arguments, "--lake", str(lake)]) == 0
        return capfd.readouterr().out

    return run


def test_the_list_has_first_what_needs_a_look(said: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    lines = [line for line in said("list").splitlines() if ".example" in line]
    assert [line.split("│")[2].strip() for line in lines] == ["failing", "gone", "ok"]
    assert "http_503" in lines[0]
    assert "never" in lines[1]
    figures = [json.loads(line) for line in said("list", "--json").splitlines()]
    assert [one["next_poll_at"] is None for one in figures] == [False, True, False]


@pytest.fixture
def keep(lake: Path) -> Callable[[FeedState], None]:
    """Put another state of a feed into the lake."""

    def kept(state: FeedState) -> None:
        memory, hosts = Memory(lake / "_newsbeam" / "memory.sqlite"), HostMemory(lake / "_newsbeam" / "hosts.sqlite")
        with memory.cycle():
            FeedMemory(memory, hosts).keep_feed(state)
        memory.close()
        hosts.close()

    return kept


def test_the_list_fits_80_columns_and_says_why(
    keep: Callable[[FeedState], None], said: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = time.time_ns() // 1_000 + int(13.9 * HOUR / 60)  # `NOW` may be a quarter of an hour old by now
    keep(FAILING._replace(last_failure="network_unreachable", next_poll_at=soon, last_success_at=NOW - HOUR))
    monkeypatch.setenv("COLUMNS", "80")
    lines = said("list").splitlines()
    assert max(map(len, lines)) <= 80
    (failing,) = (line for line in lines if FAILING.listed_url in line)
    address, health, why, due = (cell.strip() for cell in failing.split("│")[1:-1])
    assert (address, health, why) == (FAILING.listed_url, "failing", "network_unreachable")
    assert re.fullmatch(r"in 13\.\d min", due)
    monkeypatch.setenv("COLUMNS", "120")
    lines = said("list").splitlines()
    assert max(map(len, lines)) <= 120
    (ok,) = (line for line in lines if OK.listed_url in line)
    assert "2 h" in ok.split("│")[6]


def test_a_feed_that_newsbeam_refuses_to_ask_names_the_remedy(
    keep: Callable[[FeedState], None], said: Callable[..., str]
) -> None:
    keep(FAILING._replace(last_failure="address_refused", next_poll_at=NOW + HOUR))
    told = said("check", FAILING.url)
    assert "What to do: " in told
    assert "--allow-private" in told


def test_what_the_next_poll_will_be(said: Callable[..., str]) -> None:
    ok = said("check", "https://a.example/feed")
    assert "in 2" in ok
    assert "every 2 h" in ok
    assert "https://a.example/new" in ok
    assert "conditionally (if-none-match)" in ok
    failing = said("check", FAILING.url)
    assert "Next poll now" in failing
    assert "http_503" in failing
    assert "Retry-After" in failing
    assert "410 Gone" in said("check", GONE.url)
    assert "Not on the list" in said("check", "https://d.example/")
    assert json.loads(said("check", OK.url, "--json"))["feed"]["health"] == "ok"


def test_what_is_exported_can_be_read_as_a_list(said: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "feeds.opml"
    path.write_text(said("export"))
    assert read_feed_list([str(path)]) == [FAILING.url, OK.url]


def test_a_lake_that_never_polled_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    open_or_make_lake(str(tmp_path / "lake"))
    assert cli.main(["feeds", "list", "--lake", str(tmp_path / "lake")]) == 2
    assert "never polled" in capfd.readouterr().err


def test_feeds_of_a_site_are_found(capfd: pytest.CaptureFixture[str]) -> None:
    page = """<html><head><base href="/sub/"><link rel="stylesheet" type="text/css" href="x">
    <link rel="alternate" type="application/rss+xml" href="rss?a=1&amp;b=2">
    <link rel="alternate home" type="APPLICATION/ATOM+XML" href="https://b.example/atom">
    <link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">
    <link rel="alternate" hreflang="de" href="/de"></head><body>News</body></html>"""
    with HttpServer() as server:
        server.on("/", Reply(301, {"location": "/home"}))
        server.on("/home", Reply(200, {"content-type": "text/html"}, page.encode()))
        server.on("/feed", Reply(body=rss([])))
        server.on("/bare", Reply(body=b"<html><body>nothing</body></html>"))

        def discover(path: str) -> tuple[int, str, str]:
            code = cli.main(["feeds", "discover", server.url(path), "--allow-private"])
            return code, *capfd.readouterr()

        assert discover("/") == (0, f"{server.url('/sub/rss?a=1&b=2')}\nhttps://b.example/atom\n", "")
        assert discover("/feed")[:2] == (0, server.url("/feed") + "\n")
        code, _, errors = discover("/bare")
        assert code == 1
        assert "names no feed" in errors
        code, _, errors = discover("/missing")
        assert code == 2
        assert "http_404" in errors
    assert cli.main(["feeds", "discover", "http://127.0.0.1:8080/"]) == 2
    said = capfd.readouterr().err
    assert "no public address" in said
    assert "--allow-private" in said


# Import


def _import(lake: Path, *given: str) -> int:
    return cli.main(["feeds", "import", *given, "--lake", str(lake)])


def test_what_is_exported_and_imported_elsewhere_is_exported_again(
    said: Callable[..., str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, other = tmp_path / "feeds.opml", tmp_path / "other"
    path.write_text(said("export"))
    assert _import(other, str(path)) == 0
    out, err = capfd.readouterr()
    assert out.splitlines() == [f"added  {FAILING.url}", f"added  {OK.url}"]
    assert "2 of 2 feeds added" in err
    assert cli.main(["feeds", "export", "--lake", str(other)]) == 0
    assert capfd.readouterr().out == path.read_text()
    assert _import(other, str(path), "--json") == 0
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [row["outcome"] for row in rows] == ["there", "there"]
    assert cli.main(["feeds", "list", "--json", "--lake", str(other)]) == 0
    figures = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(one["feed_url"], one["health"]) for one in figures] == [(OK.url, "new"), (FAILING.url, "new")]


def test_a_feed_that_has_moved_is_imported_as_what_it_is_listed_as(
    lake: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _import(lake, OK.url, "https://new.example/feed") == 0
    out, err = capfd.readouterr()
    assert out.splitlines()[0] == f"added  {OK.url} (listed as {OK.listed_url}, which has moved there)"
    assert "2 feeds that this lake has polled from other lists" in err
    own = (lake / "_newsbeam" / "feeds.txt").read_text().splitlines()
    assert own[2:] == [OK.listed_url, "https://new.example/feed"]


def test_what_was_edited_in_the_list_stays(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert _import(tmp_path / "lake", "https://a.example/feed") == 0
    own = tmp_path / "lake" / "_newsbeam" / "feeds.txt"
    own.write_text("# city\nhttps://b.example/feed # the Ledger")
    assert _import(tmp_path / "lake", "https://a.example/feed", "https://B.example/feed#top") == 0
    assert own.read_text() == "# city\nhttps://b.example/feed # the Ledger\nhttps://a.example/feed\n"


@pytest.mark.parametrize("text", [b"# caf\xe9\n", b"", b"\xef\xbb\xbf# all off\n\n", b"  # \xff\xfe"])
def test_an_own_list_without_feeds_is_empty_and_can_be_added_to(
    text: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _import(tmp_path / "lake", "https://a.example/feed") == 0
    own = tmp_path / "lake" / "_newsbeam" / "feeds.txt"
    own.write_bytes(text)
    polling = FeedSettings((str(own),), None, 0.0, 5.0, None, allow_private=False)
    assert FeedLists(polling, "newsbeam", World).read() == []
    assert _import(tmp_path / "lake", "https://b.example/feed") == 0
    assert "1 of 1 feeds added" in capfd.readouterr().err
    assert FeedLists(polling, "newsbeam", World).read() == ["https://b.example/feed"]


def test_an_own_list_that_is_no_utf_8_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert _import(tmp_path / "lake", "https://a.example/feed") == 0
    (tmp_path / "lake" / "_newsbeam" / "feeds.txt").write_bytes(b"# caf\xe9\nhttps://a.example/feed\n")
    assert _import(tmp_path / "lake", "https://b.example/feed") == 2
    assert "line 1: not UTF-8" in capfd.readouterr().err


def test_nothing_is_imported_of_lists_with_a_bad_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text("https://a.example/feed\n")
    bad.write_text("https://b.example/feed\nnot an address\n")
    assert _import(tmp_path / "lake", str(good), str(bad)) == 2
    assert "bad, line 2" in capfd.readouterr().err
    assert not (tmp_path / "lake").exists()


def test_each_subcommand_has_a_help_that_teaches(capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("list", "check", "discover", "import", "export"):
        with pytest.raises(SystemExit) as ended:
            cli.main(["feeds", name, "--help"])
        assert ended.value.code == 0
        text = capfd.readouterr().out
        assert f"newsbeam feeds {name}" in text.split("example", 1)[1]
        assert "exit codes" in text
