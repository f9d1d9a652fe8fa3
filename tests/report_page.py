"""Pages of `newsbeam report` as a browser reads them, and what must never be on one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree, html

from pipeline import cli
from pipeline.lake import Lake
from schemas.feed_poll import FeedPoll
from schemas.fetch import Fetch
from tests.samples import SEEN_AT

MINUTE = 60_000_000


def select(element: Any, path: str) -> list[Any]:
    """Return what a path finds: XPath, or names, `.class` and `#id` of elements below each other."""
    if "/" not in path:
        steps = [re.fullmatch(r"(\w*)([.#]?)([\w-]*)", step) for step in path.split()]
        tests = {"": "", "#": "[@id='{}']", ".": "[contains(concat(' ', @class, ' '), ' {} ')]"}
        path = "." + "".join(f"//{step[1] or '*'}{tests[step[2]].format(step[3])}" for step in steps if step)
    found: list[Any] = element.xpath(path)
    return found


@dataclass
class Page:
    """A page as a browser reads it."""

    source: str

    def __post_init__(self) -> None:
        self.tree = html.document_fromstring(self.source)

    def all(self, path: str) -> list[Any]:
        return select(self.tree, path)

    def text(self, path: str = "//main") -> str:
        return " ".join(" ".join(self.all(path)[0].itertext()).split())

    def rows(self, caption: str) -> list[list[str]]:
        [table] = [
            one for one in self.all("//table") if " ".join(one.find("caption").text_content().split()) == caption
        ]
        return [[" ".join(" ".join(cell.itertext()).split()) for cell in row] for row in table.xpath("tbody/tr")]


def page_maker(lake: Lake, folder: Path) -> Callable[..., Page]:
    """Return a function that makes the page of a lake with the flags that it is given."""

    def make(*flags: str) -> Page:
        output = folder / "pages" / "report.html"
        assert cli.main(["report", str(lake.root), "--output", str(output), *flags]) == 0
        return Page(output.read_text("utf-8"))

    return make


def assert_is_harmless(made: Page) -> None:
    """No element, attribute or address through which a page does something; and one style sheet, its own."""
    allowed = re.compile(r"https?://[^/?#\s]+.*|#[a-z0-9-]+")
    for element in made.tree.iter(etree.Element):
        assert element.tag not in ("script", "iframe", "object", "embed", "img", "form", "base", "image", "use"), (
            element
        )
        assert not [name for name in element.attrib if name.startswith("on") or name in ("style", "src", "srcdoc")]
        if element.tag == "a":
            assert allowed.fullmatch(element.get("href")), element.get("href")
            if not element.get("href").startswith("#"):
                assert {"noopener", "noreferrer", "nofollow"} <= set(element.get("rel").split())
    assert len(made.all("//style")) == 1
    assert len(made.all("//link")) == 1
    assert not re.search(r"@import|url\(", made.all("//style")[0].text)
    ids = [one.get("id") for one in made.all("//*[@id]")]
    assert len(ids) == len(set(ids))
    named = {one for value in made.all("//@aria-labelledby") for one in value.split()}
    assert named <= set(ids)
    assert {one[1:] for one in made.all("//a/@href") if one.startswith("#")} <= set(ids)


def poll(feed: str, **columns: Any) -> FeedPoll:
    made = FeedPoll(feed, feed, SEEN_AT, "changed", "ok", 0.0, 600.0, 0.0, 1, 10, 2, 0, "run-1", 1)
    return made._replace(**columns)


def fetch(number: int, **columns: Any) -> Fetch:
    url = "https://a.example/feed"
    made = Fetch(f"{number:032x}", url, "a.example", "feed", SEEN_AT + number * MINUTE, 0.5, "run-1", 1, status=200)
    return made._replace(**columns)
