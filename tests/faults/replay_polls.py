"""Pages that were given up, queued by a replay, and a poll that fetches them, which is killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.runs import Forks
from tests.http_server import HttpServer, Reply
from tests.samples import html_page

PAGES: Final = 6
"""Of these every third one is no page, whatever is done."""

FLAGS: Final = ("--quiet", "--processes", "1", "--tags", "none")
_PICTURE: Final = Reply(200, {"content-type": "image/png"}, b"no page")


@dataclass(frozen=True)
class Outlet:
    """A server whose pages were pictures, and have been mended; and a lake whose rejects of them are queued."""

    server: HttpServer
    lake: Path

    def poll(self, lake: Path) -> list[object]:
        """Return the arguments of a run that polls."""
        feed = self.server.url("/feed")
        return ["run", "--feeds", feed, "--allow-private", "--host-gap", "0", "--output", lake, *FLAGS]


@contextmanager
def queued_pages(forks: Forks, folder: Path) -> Iterator[Outlet]:
    """Poll while all pages are pictures, mend them, and queue them."""
    with HttpServer() as server:
        items = [{"id": f"{one}", "url": server.url(f"/{one}"), "title": f"Page {one}"} for one in range(PAGES)]
        feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Outlet", "items": items}
        server.on("/feed", Reply(200, {"content-type": "application/feed+json"}, json.dumps(feed).encode()))
        server.on("*", _PICTURE)
        outlet = Outlet(server, folder / "lake")
        _call(forks, outlet.poll(outlet.lake))
        for one in range(PAGES):
            if one % 3:
                page = html_page(f"page {one}", url=server.url(f"/{one}"))
                server.on(f"/{one}", Reply(200, {"content-type": "text/html"}, page.encode()))
        _call(forks, ["replay", outlet.lake, *FLAGS])
        yield outlet


def _call(forks: Forks, arguments: list[object]) -> None:
    running = forks.start(arguments)
    if code := running.wait(600.0):
        raise RuntimeError(f"{arguments[0]} ended with {code}: {running.said()[-2000:]}")
