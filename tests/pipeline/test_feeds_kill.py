from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline.lake import Lake
from tests.http_server import Asked, HttpServer, Reply
from tests.pipeline.feeds_kill_runner import GAP, MOMENTS, PLACES
from tests.pipeline.test_feeds_run import full, item, rss
from tests.samples import html_page

ROOT = Path(__file__).parents[2]
Rows = Callable[..., list[tuple[Any, ...]]]
HOSTS = ("127.0.0.1", "localhost")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HttpServer]:
    """Two outlets, each with a feed of one whole article and two pages; a file says when they are being asked."""
    with HttpServer() as running:

        def page(asked: Asked) -> Reply:
            if "1" in asked.path:
                (tmp_path / "pages asked now").touch()
            name = f"{asked.path[1:]}{asked.host[:5]}"
            url = running.url(asked.path, asked.host)
            return Reply(200, {"content-type": "text/html"}, html_page(name, url=url).encode())

        def feed(asked: Asked) -> Reply:
            (tmp_path / "feeds asked now").touch()
            links = [item(f"{n}{asked.host}", running.url(f"/page{n}", asked.host)) for n in range(2)]
            return Reply(pause=0.05, body=rss([full(f"whole {asked.host}"), *links]))

        running.on("/robots.txt", Reply(404))
        running.on("/feed", feed)
        running.on("/overloaded", Reply(503, {"retry-after": "3600"}), "localhost")
        for number in range(2):
            running.on(f"/page{number}", page)
        yield running


@pytest.mark.parametrize("moment", [*PLACES, *MOMENTS])
def test_a_run_that_was_killed_loses_and_doubles_nothing_and_asks_no_host_early(
    tmp_path: Path, server: HttpServer, rows_of: Rows, moment: str
) -> None:
    feeds, lake = tmp_path / "feeds.txt", tmp_path / "lake"
    feeds.write_text("\n".join(server.url("/feed", host) for host in HOSTS))
    command = [sys.executable, "-m", "tests.pipeline.feeds_kill_runner", str(feeds), str(lake), moment]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    articles = rows_of(lake, "articles", "url")
    assert len(articles) == len(set(articles)) == 6
    assert rows_of(lake, "runs", "sum(inputs)::int") == [(6,)]
    assert rows_of(lake, "copies") == rows_of(lake, "rejects") == []
    assert not list(Lake(lake).unpublished.rglob("*.parquet"))
    polls = {"committed": 1}.get(moment, 2)
    assert max(server.paths(host).count("/feed") for host in HOSTS) == polls
    for host in HOSTS:
        starts = [asked.at for asked in server.asked if asked.host == host]
        # The server sees a request a little after its start, later still where the machine is busy.
        assert min(later - earlier for earlier, later in pairwise(starts)) > float(GAP) - 0.35


def test_a_host_that_asked_to_be_left_alone_is_after_a_kill(tmp_path: Path, server: HttpServer) -> None:
    feeds, lake = tmp_path / "feeds.txt", tmp_path / "lake"
    feeds.write_text("\n".join([server.url("/overloaded", "localhost"), server.url("/feed", "127.0.0.1")]))
    command = [sys.executable, "-m", "tests.pipeline.feeds_kill_runner", str(feeds), str(lake), "pages asked"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert server.paths("localhost") == ["/overloaded"]
    assert server.paths("127.0.0.1").count("/feed") == 2
