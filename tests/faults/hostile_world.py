"""Files, records and feeds in which all that has a name bears a hostile one, and the lake that runs make of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from html import escape
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.faults.terminals import Said, on_terminal, piped
from tests.http_server import HttpServer, Reply
from tests.samples import html_page, paragraphs, text_of

NAMES: Final = (
    # Paths, partitions, SQL.
    "../../../escaped", "..\\..\\escaped", "/etc/escaped", "a/../../b", "date=2020-01-01", "date=2020-01-01/x", "a=b=c",
    "nul\x00byte", "%2e%2e%2f%00", "'; drop table articles; --", "\" or 1=1 --",
    "'||(select 1)||'", "$given {0} %s %(x)s",
    # Markup and templates.
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</title><script>document.title='owned'</script>",
    "{{ 7 * 7 }} {% raw %}", "<!-- ]]> -->", "[bold]rich[/bold] [link=x]y[/link]",
    # Orders to terminals: colours, titles, links, sounds, and marks that turn a line round.
    "\x1b[31;5mred\x1b[0m", "\x1b]0;owned\x07", "\x9b31;5mC1", "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1bP$q\x1b\\", "bell\x07 back\x08\x08\x08", "cr\rreturn", "\u202egnp.exe", "\u2066isolate\u2069 \u2067rtl\u2069",
    "\u200bzero\u200d\ufeffwidth", "line\nbreak\u2028other\u2029end", "half \ud800 a pair \udfff", "a\x7fb",
    "e\u0301" * 20,
    # Spreadsheets, devices of other systems, look-alikes, lengths.
    "=cmd|' /C calc'!A0", "+1+1", "@sum(1)", "-2+3", "\t=1", "CON", "NUL.html", "aux:stream", "раураl.example", " ",
    "漢字" * 200, "very long " * 400, "𝕏",
)  # fmt: skip
"""What a headline, an outlet or a file may be called by whoever means harm."""

ADDRESSES: Final = (
    "https://ledger.example/a/../../../etc/passwd", "https://ledger.example/date=2020-01-01/x",
    "https://xn--80ak6aa92e.com/a", "https://раураl.example/b", "https://ledger.example/%00%2e%2e%2f",
    "https://ledger.example/'; drop table articles; --", "https://ledger.example/<script>alert(1)</script>",
    "https://ledger.example/\u202egnp", "https://user:pass@ledger.example/c", "javascript:alert(1)", "file:///etc/passwd",
    "https://ledger.example/\x1b]0;owned\x07", "https://[::1/x", "https://ledger.example/?q={{7*7}}",
)  # fmt: skip

_FEEDS_NAMED: Final = 6
"""Each so-manieth name has a feed on the server: one request to a host at a time takes its time."""


class HostileWorld:
    """What is read, and the lake.

    Attributes:
        records: what each record gave, by its address.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.input = folder / "input"
        self.lake = folder / "lake"
        self.records: dict[str, dict[str, Any]] = {}
        self._random = Random(f"names {seed}")
        self.input.mkdir(parents=True)
        self._write_files()
        self._write_records()
        items = "".join(_item(name, f"https://saved.example/{number}") for number, name in enumerate(NAMES))
        (self.input / "saved.xml").write_bytes(_rss(NAMES[0], items))

    def runs(self, tags: str) -> Iterator[Said]:
        """Run over files and feeds, and yield what is said."""
        usual = ["--output", str(self.lake), "--processes", "1"]
        yield on_terminal(["run", "--input", str(self.input), *usual, "--tags", tags])
        with HttpServer() as server:
            polling = ["run", "--feeds", *self._serve(server), *usual, "--allow-private", "--host-gap", "0"]
            yield on_terminal([*polling, "--tags", "none"])
            yield piped([*polling, "--log-format", "json", "--tags", "none"])

    def pages(self) -> list[Path]:
        """The files of pages, by their numbers."""
        return sorted(self.input.glob("0*.html"))

    def _write_files(self) -> None:
        for number, name in enumerate(NAMES):
            text = [escape(f"{one} {self._name()}") for one in paragraphs(f"file {number}")]
            url = ADDRESSES[number] if number < len(ADDRESSES) else f"https://ledger.example/file-{number}"
            body = html_page(f"file-{number}", text=text, url=url)
            body = body.replace("Customs house", escape(name)).replace("Northern Ledger", escape(self._name()))
            path = f"{number:03d} {name}".replace("/", "\u2215").replace("\x00", "")
            file = os.fsencode(self.input) + b"/" + path.encode("utf-8", "surrogatepass")[:200] + b".html"
            with open(file, "wb") as written:
                written.write(body.encode("utf-8", "surrogatepass"))
        (self.input / "date=2020-01-01").mkdir()
        (self.input / "date=2020-01-01" / "page.html").write_text(html_page("in a partition"))

    def _write_records(self) -> None:
        with (self.input / "records.jsonl").open("w") as file:
            for number, name in enumerate(NAMES):
                url = f"https://records.example/{number}"
                self.records[url] = {
                    "url": url, "headline": name, "publisher": self._name(), "authors": [name, self._name()],
                    "byline": name, "article_section": self._name(), "keywords": [name, "plain"], "date": "2020-01-01",
                    "article_id": name, "source": name, "run_id": name, "desk": name, name: name,
                    "article_body": f"{text_of(f'record {number}')}\n\n{name}",
                }  # fmt: skip
                file.write(json.dumps(self.records[url]) + "\n")

    def _name(self) -> str:
        return self._random.choice(NAMES)

    def _serve(self, server: HttpServer) -> list[str]:
        server.on("/robots.txt", Reply(404))
        typed = {"content-type": "application/rss+xml"}
        urls = []
        for number, name in enumerate(NAMES[::_FEEDS_NAMED]):
            items = _item(name, server.url(f"/page-{number}")) + _item(f"{name} whole", None, number)
            server.on(f"/feed-{number}?'<b>", Reply(200, typed, _rss(name, items)))
            body = (
                html_page(f"fetched-{number}").replace("Customs house", escape(name)).encode("utf-8", "surrogatepass")
            )
            server.on(f"/page-{number}", Reply(200, {"content-type": "text/html"}, body))
            urls.append(server.url(f"/feed-{number}?'<b>"))
        server.on("/bad", Reply(200, typed, "\x1b]0;owned\x07 no feed \u202e".encode()))
        return [*urls, server.url("/bad"), server.url("/gone")]


def _item(name: str, link: str | None, whole: int | None = None) -> str:
    said = escape(name)
    parts = [f"<title>{said}</title><category>{said}</category><dc:creator>{said}</dc:creator>"]
    parts.append(f"<guid isPermaLink='false'>{said} {link}</guid>")
    if link:
        parts.append(f"<link>{escape(link)}</link>")
    if whole is not None:
        text = "".join(f"<p>{one}</p>" for one in paragraphs(f"whole {whole}", 14))
        parts.append(f"<content:encoded>{escape(text + said)}</content:encoded>")
    return f"<item>{''.join(parts)}</item>"


def _rss(title: str, items: str) -> bytes:
    spaces = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    channel = f"<channel><title>{escape(title)}</title>{items}</channel>"
    return f'<?xml version="1.0"?><rss version="2.0" {spaces}>{channel}</rss>'.encode("utf-8", "surrogatepass")
