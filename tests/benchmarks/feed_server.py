"""A server of made-up feeds on all loopback addresses, in a process of its own: its time is nobody else's.

    python tests/benchmarks/feed_server.py DATA

Prints its port, then serves until its standard input ends. `/ITEMS/PADDING/N.xml` is feed N: so many items, each a
whole article, and a comment of so many characters; even ones are RSS, odd ones Atom. `/turn/T` starts turn T, in which
each feed has T - 1 new items at its head, and answers how often each status was sent since the turn before. Answers are
conditional (`ETag`; not in a turn started by `/turn/T/whole`) and gzipped for who asks for it, as those of news sites.

An item is a real text of DATA with its words in another order, another one for each item of a text.
"""

from __future__ import annotations

import asyncio
import gzip
import html
import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

LEAST_WORDS = 200
"""Of a text that is taken: safely more than `full_content` asks for."""

PARAGRAPH = 60
"""Words."""

MOST_NEW = 2
"""New items that a feed gets at most, over all turns."""

START = datetime(2026, 11, 1, tzinfo=UTC)

_ELLIPSES = ("..", "…")
"""A paragraph that ends with one is taken for the beginning of an article, whose page would be asked for."""

_RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>Outlet {number}</title><link>https://www.outlet{number}.example/</link>
<description>All of outlet {number}</description><language>en</language>
{items}</channel></rss>"""
_RSS_ITEM = """<item><title>{title}</title><link>{url}</link><guid isPermaLink="false">{url}</guid>
<pubDate>{at}</pubDate><dc:creator>{author}</dc:creator><category>News</category><description>{lead}</description>
<content:encoded><![CDATA[{content}]]></content:encoded></item>
"""
_ATOM = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>Outlet {number}</title>
<link href="https://www.outlet{number}.example/"/><id>https://www.outlet{number}.example/</id>
<updated>2026-11-01T00:00:00Z</updated>
{items}</feed>"""
_ATOM_ITEM = """<entry><title>{title}</title><link href="{url}"/><id>{url}</id><published>{at}</published>
<updated>{at}</updated><author><name>{author}</name></author><category term="News"/><summary>{lead}</summary>
<content type="html">{content}</content></entry>
"""


class Feeds:
    """Writes feeds."""

    def __init__(self, texts: Sequence[str]) -> None:
        split = ([word for word in text.split() if not word.endswith(_ELLIPSES)] for text in texts)
        self._texts = [words for words in split if len(words) >= LEAST_WORDS]

    def feed(self, number: int, items: int, padding: int, turn: int) -> str:
        """Return a feed as it is in a turn, its newest item first."""
        written = "".join(self._item(number, place, items) for place in reversed(range(turn - 1, turn - 1 + items)))
        comment = f"<!--{'padding ' * (padding // 8)}-->\n" if padding else ""
        return (_ATOM if number % 2 else _RSS).format(number=number, items=comment + written)

    def _item(self, number: int, place: int, items: int) -> str:
        words = self._words(number * (items + MOST_NEW) + place)
        paragraphs = [" ".join(words[at : at + PARAGRAPH]) for at in range(0, len(words), PARAGRAPH)]
        url = f"https://www.outlet{number}.example/2026/story-{place}.html"
        at = START + timedelta(hours=place, seconds=number)
        content = "".join(f"<p>{html.escape(paragraph, quote=False)}.</p>\n" for paragraph in paragraphs)
        content += f'<p><a href="{url}#comments">Comments</a> <img src="/{place}.jpg" alt=""> are open today.</p>'
        is_atom = number % 2
        return (_ATOM_ITEM if is_atom else _RSS_ITEM).format(
            title=html.escape(" ".join(words[:9])),
            url=url,
            at=at.strftime("%Y-%m-%dT%H:%M:%SZ") if is_atom else format_datetime(at, usegmt=True),
            author=f"Ann{number} Writer",
            lead=html.escape(paragraphs[0]),
            content=html.escape(content) if is_atom else content,
        )

    def _words(self, item: int) -> list[str]:
        """Return every so many-th word, then those between: for each item of a text another distance."""
        distance, text = divmod(item, len(self._texts))
        words, distance = self._texts[text], distance + 2
        return [word for first in range(distance) for word in words[first::distance]]


class Connection(asyncio.Protocol):
    """One connection; `state` is what all of them share."""

    state: ClassVar[dict[str, Any]] = {"turn": 1, "whole": False, "sent": Counter()}
    feeds: Feeds

    def connection_made(self, transport: Any) -> None:
        self._transport, self._read = transport, b""
        if not transport.get_extra_info("peername")[0].startswith("127."):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head, self._read = self._read[:end].decode("latin-1"), self._read[end + 4 :]
            self._transport.write(self._answer(head))

    def _answer(self, head: str) -> bytes:
        request, *lines = head.split("\r\n")
        asked = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        parts = request.split(" ")[1].removesuffix(".xml").strip("/").split("/")
        if parts[0] == "turn":
            return self._start_turn(int(parts[1]), whole=parts[2:] == ["whole"])
        if len(parts) != 3 or not all(map(str.isdigit, parts)):
            return self._send(404, {}, b"")
        return self._feed(*map(int, parts), asked)

    def _feed(self, items: int, padding: int, number: int, asked: dict[str, str]) -> bytes:
        turn = self.state["turn"]
        etag = f'"{number}-{turn}"'
        changed = format_datetime(START + timedelta(hours=turn), usegmt=True)
        headers = {"Cache-Control": "max-age=300", "Vary": "Accept-Encoding"}
        if not self.state["whole"]:
            headers |= {"ETag": etag, "Last-Modified": changed}
            if asked.get("if-none-match") == etag:
                return self._send(304, headers, b"")
        headers["Content-Type"] = f"application/{'atom' if number % 2 else 'rss'}+xml; charset=utf-8"
        body = self.feeds.feed(number, items, padding, turn).encode()
        if "gzip" in asked.get("accept-encoding", ""):
            headers["Content-Encoding"], body = "gzip", gzip.compress(body, 1)
        return self._send(200, headers, body)

    def _start_turn(self, turn: int, *, whole: bool) -> bytes:
        sent = self.state["sent"]
        self.state.update(turn=turn, whole=whole, sent=Counter())
        answer = self._send(200, {"Content-Type": "application/json"}, json.dumps(sent).encode())
        self.state["sent"].clear()
        return answer

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> bytes:
        self.state["sent"][str(status)] += 1
        date = format_datetime(datetime.now(UTC), usegmt=True)
        length = {} if status == 304 else {"Content-Length": str(len(body))}
        fields = {"Server": "benchmark", "Date": date, **headers, **length}
        lines = [f"HTTP/1.1 {status} OK", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1") + body


def texts_of(data: Path) -> list[str]:
    """Return the English texts of the development data."""
    with gzip.open(data / "tags/topics_pool.jsonl.gz", "rt") as packed:
        lines = [*packed, *(data / "tags/topics_train.jsonl").read_text().splitlines()]
    return [json.loads(line)["article_body"] for line in lines]


async def serve() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    # All of 127.0.0.0/8 is one machine's own on Linux; who comes from elsewhere is not answered.
    server = await loop.create_server(Connection, "0.0.0.0", 0, backlog=1024)  # noqa: S104
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


# What the benchmark calls


class FeedServer:
    """The running server, as the benchmark sees it."""

    def __init__(self, port: int) -> None:
        self._port = port

    @classmethod
    def at(cls, url: str) -> FeedServer:
        """Return the server of a feed."""
        return cls(urlsplit(url).port or 80)

    def urls(self, feeds: int, items: int, padding: int = 0) -> list[str]:
        """Return the addresses of feeds, each on a host of its own."""
        return [f"http://{_address(n)}:{self._port}/{items}/{padding}/{n}.xml" for n in range(feeds)]

    def start_turn(self, turn: str) -> dict[str, int]:
        """Start a turn (`2`, `2/whole`); returns how often each status was sent since the one before."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/turn/{turn}", timeout=60) as answer:
            sent: dict[str, int] = json.load(answer)
        return sent


def _address(host: int) -> str:
    return f"127.{1 + host // 62_500}.{host // 250 % 250}.{1 + host % 250}"


@contextmanager
def serving(data: Path) -> Iterator[FeedServer]:
    """Run the server while the block runs."""
    command = [sys.executable, __file__, str(data)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield FeedServer(int(process.stdout.readline()))
        finally:
            process.stdin.close()


if __name__ == "__main__":
    Connection.feeds = Feeds(texts_of(Path(sys.argv[1])))
    asyncio.run(serve())
