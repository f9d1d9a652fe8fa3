"""What is mutated: fixtures of this project, and, where a folder of development data is given, real pages and feeds."""

from __future__ import annotations

import json
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.samples import html_page, record, text_of
from tests.transforms.functions.test_feed_limits import SEEDS

DATA = "NEWSBEAM_DATA"
"""Names the folder of development data (pages/*.tar.xz, feeds/*.tar.xz); nothing of it is kept."""

_PAGES = Path(__file__).parents[1] / "fixtures/pages"
_BLOCK = re.compile(rb"<script type=\"application/ld\+json\">(.*?)</script>", re.DOTALL)
_MOST_REAL = 400
"""Real documents taken of each archive: own choice."""
_LONGEST_REAL = {"pages": 60_000, "feeds": 30_000}
"""Bytes: half of all real pages are shorter; cases of long ones are few a second."""

_RECORDS = [
    record(
        "one", headline="A \u202e line", authors=["Ada Moss", "B. Fell"], date_published="2026-03-30T07:00:00+02:00"
    ),
    record("two", keywords=["a", "b"], extra='{"desk": "night"}', first_seen_at="2026-03-01T00:00:00Z", topics=[1]),
    {"url": "https://ledger.example/three", "html": html_page("three"), "publisher": "Ledger"},
    {"article_body": "Short.", "url": "x"},
]
_LISTS = [
    b'<?xml version="1.0"?><opml version="2.0"><head><title>x</title></head><body><outline text="a">'
    b'<outline type="rss" xmlUrl="https://a.example/feed"/></outline></body></opml>',
    b"# feeds\nhttps://a.example/feed # one\nfeed:https://b.example/x#y\n\nhttp://c.example/\n",
]


def samples(seed: int) -> dict[str, list[bytes]]:
    """Return what is mutated for each target, by its name."""
    pages = [path.read_bytes() for path in sorted(_PAGES.glob("*.html"))]
    dates = ("2026-03-30T08:00:00Z", None, "9999-12-31T23:59:59-12:00")
    pages += [html_page(f"page {number}", date=date).encode() for number, date in enumerate(dates)]
    feeds = [*SEEDS, _whole_feed()]
    if folder := os.environ.get(DATA):
        pages += _real(Path(folder, "pages"), (".html", ".htm"), seed, _LONGEST_REAL["pages"])
        feeds += _real(Path(folder, "feeds"), (".xml", ".json", ".rss", ".atom"), seed, _LONGEST_REAL["feeds"])
    blocks = [found[1] for page in pages for found in _BLOCK.finditer(page) if len(found[1]) < 20_000]
    lines = [json.dumps(one).encode() + b"\n" for one in _RECORDS]
    texts = [text_of(name).encode() for name in ("three", "four")]
    texts += [path.read_bytes() for path in sorted(Path(__file__).parents[2].glob("seeds/*.txt"))]
    return {
        "pages": pages,
        "feeds": feeds,
        "JSON-LD": blocks,
        "records": [*lines, b"".join(lines)],
        "plain texts": texts,
        "lists of feeds": _LISTS,
    }


def _whole_feed() -> bytes:
    items = "".join(
        f"<item><title>T {n}</title><link>https://a.example/{n}</link>"
        f"<pubDate>Tue, 03 Mar 2026 12:00:0{n} GMT</pubDate>"
        f"<dc:creator>Ada Moss</dc:creator><description>{'Word ' * 30}</description>"
        f"<content:encoded><![CDATA[<p>{text_of(f'feed {n}')}</p>]]></content:encoded></item>"
        for n in range(3)
    )
    spaces = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    return f'<?xml version="1.0"?><rss version="2.0" {spaces}><channel><title>L</title>{items}</channel></rss>'.encode()


def _real(folder: Path, endings: tuple[str, ...], seed: int, longest: int) -> Iterator[bytes]:
    for archive in sorted(folder.glob("*.tar.xz")):
        found: list[bytes] = []
        with tarfile.open(archive) as stored:
            for member in stored:
                if member.isfile() and member.name.endswith(endings) and 200 < member.size <= longest:
                    file = stored.extractfile(member)
                    found.append(file.read() if file else b"")
        yield from Random(f"{seed} {archive.name}").sample(found, min(_MOST_REAL, len(found)))
