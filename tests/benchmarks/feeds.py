"""Read thousands of feeds that test suites consist of; compare with what they should give, and with plain feedparser.

    python tests/benchmarks/feeds.py DATA [--cache DIR] [--show N]

DATA is the folder of development data: its `feeds/*.tar.xz` are unpacked into DIR, or a temporary folder. Every file is
read in a worker process with a time limit, by `read_feed` and by `feedparser.parse` as it comes. `--show` prints that
many disagreements.

gofeed's files have the expected parse beside them, in three dialects; feedparser's have an expectation at their head,
of which plain comparisons of title, link, id and date with a literal are taken. Titles are compared as plain text,
times by the second, the rest as it is; an item's date is the one of publication or, where there is none, of change.
A value that the expectation leaves out is not compared.

Exit code 1 if a file crashes or hangs, or if we agree with gofeed less often than plain feedparser in any format.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import tarfile
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as OutOfTime
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import feedparser
from common import Floors, heading, parser, say, table, working_folder
from pebble import ProcessPool

from schemas.errors import InputRejected
from schemas.instants import datetime_of, instant_of
from transforms.functions.dates import parse_date
from transforms.functions.feed_documents import read_feed
from transforms.functions.feed_values import plain_title
from transforms.functions.full_content import is_full_content

TIME_LIMIT = 10.0
"""Seconds for one file of a few kB: a thousand times what it takes, so only what hangs is over it."""

ITEMS_OF_MADE_FEED = 50
"""Items of the feed that speeds are taken on beside the samples, which hold one or none: a news site's usual feed."""

FIELDS = ("title", "link", "guid", "date")


class Reading(NamedTuple):
    """What one reader made of one file: the feed's and each item's fields, in the form in which they are compared."""

    outcome: str
    """`read`, `refused: <reason>`, `crash: <error>` or `over the time limit`."""
    seconds: float = 0.0
    feed: Mapping[str, str] = {}
    items: Sequence[Mapping[str, str]] = ()


# The two readers


class Task(NamedTuple):
    """One file to read, with the headers that its test gives it."""

    reader: str
    body: bytes
    url: str | None
    content_type: str | None


def run(task: Task) -> Reading:
    """Read one file; the time is that of this process's processor."""
    began = time.process_time()
    try:
        feed, items = READERS[task.reader](task)
    except InputRejected as refused:
        return Reading(f"refused: {refused.reason}", time.process_time() - began)
    except Exception as error:
        return Reading(f"crash: {type(error).__name__}", time.process_time() - began)
    return Reading("read", time.process_time() - began, feed, items)


def read_ours(task: Task) -> tuple[dict[str, str], list[dict[str, str]]]:
    document = read_feed(task.body, url=task.url, content_type=task.content_type)
    items = [
        compared(item.title, item.url, item.guid, date=item.date_published or item.date_modified)
        for item in document.items
    ]
    return compared(document.title, document.url), items


def read_plain(task: Task) -> tuple[dict[str, str], list[dict[str, str]]]:
    headers = {"content-location": task.url, "content-type": task.content_type}
    given = {name: value for name, value in headers.items() if value}
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        result = feedparser.parse(BytesIO(task.body), response_headers=given)
        items = [
            compared(e.get("title"), e.get("link"), e.get("id"), date=instant(plain_date(e))) for e in result.entries
        ]
        return compared(result.feed.get("title"), result.feed.get("link")), items


READERS: dict[str, Callable[[Task], tuple[dict[str, str], list[dict[str, str]]]]] = {
    "newsbeam": read_ours,
    "plain feedparser": read_plain,
}


def plain_date(entry: Any) -> Any:
    return entry.get("published_parsed") or entry.get("updated_parsed") or entry.get("created_parsed")


def instant(parsed: Any) -> int | None:
    try:
        return instant_of(datetime(*parsed[:6], tzinfo=UTC)) if parsed else None
    except (ValueError, TypeError):
        return None


def compared(title: Any, link: Any, guid: Any = None, *, date: int | None = None) -> dict[str, str]:
    """Return the fields that are there, in the form in which they are compared."""
    fields = {"title": plain_title(title), "link": folded(link), "guid": folded(guid)}
    fields["date"] = f"{datetime_of(date):%Y-%m-%dT%H:%M:%S}" if date is not None else None
    return {name: value for name, value in fields.items() if value}


def folded(value: Any) -> str:
    return " ".join(str(value).split()) if value is not None else ""


# Samples and what they should give


@dataclass
class Sample:
    """A file, where it is from, and the values that it should give."""

    path: Path
    suite: str
    format: str
    feed: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    url: str | None = None
    content_type: str | None = None

    def task(self, reader: str) -> Task:
        return Task(reader, self.path.read_bytes(), self.url, self.content_type)


def unpack(data: Path, cache: Path) -> None:
    """Unpack the feed archives of the data folder into `cache`, once."""
    for archive in sorted((data / "feeds").glob("*.tar.xz")):
        target = cache / archive.name.removesuffix(".tar.xz")
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=cache) as scratch, tarfile.open(archive) as packed:
                packed.extractall(Path(scratch, "set"), filter="data")
                Path(scratch, "set").rename(target)


def samples(cache: Path) -> list[Sample]:
    """Return all files to read, sorted by path."""
    gofeed = [sample for path in sorted(cache.glob("gofeed*/**/*")) if (sample := gofeed_sample(path))]
    headed = [feedparser_sample(path) for path in sorted(cache.glob("feedparser*/**/*")) if path.is_file()]
    if not gofeed or not headed:
        raise SystemExit(f"no feeds below {cache}: is DATA the folder that holds feeds/*.tar.xz?")
    return gofeed + headed


def format_of(body: bytes) -> str:
    head = re.sub(rb"<!--.*?-->", b"", body[:20_000], flags=re.DOTALL).lower()
    if body.lstrip()[:1] in (b"{", b"["):
        return "json"
    found = re.search(rb"<(?:[\w.-]+:)?(rss|rdf|feed)[\s>]", head)
    return {b"feed": "atom"}.get(found[1], found[1].decode()) if found else "other"


def gofeed_sample(path: Path) -> Sample | None:
    """Return the sample that a file of gofeed's is; None for an expectation."""
    if not path.is_file() or path.stem.endswith("_expected"):
        return None
    beside = path.with_name(f"{path.stem}_expected.json") if path.suffix == ".json" else path.with_suffix(".json")
    if path.suffix == ".json" and path.with_suffix(".xml").exists():
        return None
    expected = json.loads(beside.read_text()) if beside.exists() else {}
    entries = expected.get("items") or expected.get("entries") or []
    feed = compared(expected.get("title"), expected_link(expected))
    items = {number: expected_item(entry) for number, entry in enumerate(entries)}
    return Sample(path, "gofeed", format_of(path.read_bytes()), feed, items)


def expected_item(entry: Mapping[str, Any]) -> dict[str, str]:
    guid = entry.get("guid", entry.get("id"))
    stated = (entry.get(name) for name in ("publishedParsed", "pubDateParsed", "date_published", "updatedParsed"))
    moment = next((parse_date(text) for text in stated if text), None)
    return compared(
        entry.get("title"),
        expected_link(entry),
        guid.get("value") if isinstance(guid, dict) else guid,
        date=instant_of(moment) if moment else None,
    )


def expected_link(entry: Mapping[str, Any]) -> str | None:
    """Return the link in gofeed's three dialects: a string, JSON Feed's names, or Atom's list of links."""
    links = [link for link in entry.get("links") or () if isinstance(link, dict)]
    alternate = next((link["href"] for link in links if link.get("rel") == "alternate" and link.get("href")), None)
    return entry.get("link") or entry.get("url") or entry.get("home_page_url") or alternate


def feedparser_sample(path: Path) -> Sample:
    """Return a sample of feedparser's, with the comparisons of its expectation that are plain."""
    body = path.read_bytes()
    head = body[:6_000].replace(b"\0", b"").decode("latin-1")
    sample = Sample(path, "feedparser", format_of(body.replace(b"\0", b"")))
    for name, value in re.findall(r"^Header:\s*([\w-]+):\s*(.+?)\s*$", head, re.MULTILINE):
        if name.lower() == "content-location":
            sample.url = value
        elif name.lower() == "content-type":
            sample.content_type = value
    stated = re.search(r"^\s*Expect:\s*(.+?)\s*-->", head, re.MULTILINE | re.DOTALL)
    sample.feed, sample.items = expectation(stated[1]) if stated else ({}, {})
    return sample


def expectation(source: str) -> tuple[dict[str, str], dict[int, dict[str, str]]]:
    """Return the values that an expectation compares fields with: Python that is read, never run."""
    feed: dict[str, str] = {}
    items: dict[int, dict[str, str]] = defaultdict(dict)
    try:
        tree = ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return {}, {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
            steps, value = path_of(node.left), literal(node.comparators[0])
            if steps and len(steps) == 2 and steps[0] == "feed" and value:
                feed.update(field_of(steps[1], value))
            elif steps and len(steps) == 3 and steps[0] == "entries" and isinstance(steps[1], int) and value:
                items[steps[1]].update(field_of(steps[2], value))
    return {name: value for name, value in feed.items() if name in ("title", "link")}, dict(items)


def path_of(node: ast.expr) -> list[Any] | None:
    """Return `entries[0]['title']` or `entries[0].title` as its steps."""
    if isinstance(node, ast.Name):
        return [node.id]
    inner = path_of(node.value) if isinstance(node, ast.Subscript | ast.Attribute) else None
    if inner is None:
        return None
    return [*inner, node.attr if isinstance(node, ast.Attribute) else literal(node.slice)]  # type: ignore[attr-defined]


def literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def field_of(name: Any, value: Any) -> dict[str, str]:
    if name in ("published_parsed", "date_parsed", "issued_parsed") and isinstance(value, tuple):
        return compared(None, None, date=instant(value))
    if not isinstance(value, str):
        return {}
    return compared(*(value if name in names else None for names in (("title",), ("link",), ("id", "guid"))))


# Scores


@dataclass
class Score:
    """How often one reader agreed, by format and field, and what its reading came to."""

    agreed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    asked: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: float = 0.0
    disagreements: list[str] = field(default_factory=list)

    def add(self, sample: Sample, reading: Reading) -> None:
        self.outcomes[sample.suite, reading.outcome] += 1
        self.seconds += reading.seconds
        self._compare(sample, "feed", sample.feed, reading.feed)
        for number, expected in sample.items.items():
            got = reading.items[number] if number < len(reading.items) else {}
            self._compare(sample, f"item {number}", expected, got)

    def _compare(self, sample: Sample, where: str, expected: Mapping[str, str], got: Mapping[str, str]) -> None:
        for name, value in expected.items():
            key = (sample.suite, sample.format, name)
            self.asked[key] += 1
            self.agreed[key] += got.get(name) == value
            if got.get(name) != value:
                self.disagreements.append(
                    f"{sample.path.parent.name}/{sample.path.name} {where} {name}: {value!r}, got {got.get(name)!r}"
                )

    def share(self, suite: str, form: str) -> float:
        """Return the share of all fields of a format that agree."""
        keys = [key for key in self.asked if key[:2] == (suite, form)]
        return sum(self.agreed[key] for key in keys) / max(1, sum(self.asked[key] for key in keys))

    def cell(self, suite: str, form: str, name: str) -> str:
        key = (suite, form, name)
        return f"{self.agreed[key]}/{self.asked[key]}" if self.asked[key] else ""


def read_all(tasks: Sequence[Task]) -> Iterator[Reading]:
    """Read each file in a worker process that is ended when it takes too long."""
    with ProcessPool(max_workers=1) as pool:
        results = pool.map(run, tasks, timeout=TIME_LIMIT).result()
        for _ in tasks:
            try:
                yield next(results)
            except OutOfTime:
                yield Reading("over the time limit", TIME_LIMIT)
            except Exception as error:
                yield Reading(f"crash: {type(error).__name__}")


def score_of(reader: str, all_samples: Sequence[Sample]) -> Score:
    score = Score()
    tasks = [sample.task(reader) for sample in all_samples]
    for sample, reading in zip(all_samples, read_all(tasks), strict=True):
        score.add(sample, reading)
    return score


# Speed


def made_feed() -> bytes:
    """Return an RSS feed such as news sites have, 50 items with their articles of 400 words."""
    sentence = 'Nobody wrote <a href="https://ledger.example/who">these words</a> about <em>anything</em> at all. '
    picture = '<figure class="wide"><img src="https://ledger.example/a.jpg" alt="Nothing"/></figure>'
    body = "".join(f'<p class="text">{sentence * 10}</p>{picture}' for _ in range(4))
    items = "".join(
        f"<item><title>Story {n} &amp; more</title><link>https://ledger.example/{n}</link><guid>{n}</guid>"
        f"<pubDate>Tue, 03 Nov 2026 {n % 24:02}:15:00 GMT</pubDate><dc:creator>A. Muster</dc:creator>"
        f"<category>news</category><description>Teaser {n}</description>"
        f"<content:encoded><![CDATA[{body}]]></content:encoded></item>"
        for n in range(ITEMS_OF_MADE_FEED)
    )
    names = 'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    return f'<?xml version="1.0"?><rss version="2.0" {names}><channel>{items}</channel></rss>'.encode()


def feeds_per_second(reader: str, rounds: int = 10) -> float:
    """Return the best of so many rounds: others use this machine too."""
    task = Task(reader, made_feed(), None, None)
    return 1 / min(run(task).seconds for _ in range(rounds))


def full_contents_per_second() -> float:
    items = read_feed(made_feed()).items
    began = time.process_time()
    if not all(map(is_full_content, items)):
        raise SystemExit("the made feed carries its articles, but they are not taken for whole")
    return len(items) / (time.process_time() - began)


# Report


def agreement_rows(scores: Mapping[str, Score], suite: str) -> list[dict[str, object]]:
    first = next(iter(scores.values()))
    forms = sorted({key[1] for key in first.asked if key[0] == suite})
    return [
        {"format": form, "reader": reader}
        | {name: score.cell(suite, form, name) for name in FIELDS}
        | {"share": f"{score.share(suite, form):.4f}"}
        for form in forms
        for reader, score in scores.items()
    ]


def outcome_rows(scores: Mapping[str, Score]) -> list[dict[str, object]]:
    keys = sorted({key for score in scores.values() for key in score.outcomes})
    return [
        {"suite": suite, "outcome": outcome} | {name: s.outcomes[suite, outcome] for name, s in scores.items()}
        for suite, outcome in keys
    ]


def speed_rows(scores: Mapping[str, Score], count: int) -> list[dict[str, object]]:
    return [
        {
            "reader": reader,
            "samples/s": f"{count / score.seconds:,.0f}",
            f"feeds/s of {ITEMS_OF_MADE_FEED} whole articles": f"{feeds_per_second(reader):,.0f}",
        }
        for reader, score in scores.items()
    ]


def check(scores: Mapping[str, Score], floors: Floors) -> None:
    ours, plain = scores["newsbeam"], scores["plain feedparser"]
    failed = sum(n for (_, what), n in ours.outcomes.items() if what.startswith(("crash", "over")))
    print(f"\ncrashes and hangs: {floors.at_most('crashes and hangs', failed, 0)}")
    for form in sorted({key[1] for key in ours.asked if key[0] == "gofeed"}):
        floor = plain.share("gofeed", form)
        print(f"agreement with gofeed, {form}: {floors.at_least(form, ours.share('gofeed', form), floor)}")


def main() -> int:
    """Read all samples with both readers; print the tables; return the exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--cache", type=Path)
    arguments.add_argument("--show", type=int, default=0)
    options = arguments.parse_args()
    print(heading("Feeds", options))
    with working_folder(options.cache) as cache:
        unpack(options.data, cache)
        all_samples = samples(cache)
        scores = {}
        for reader in READERS:
            say(f"{len(all_samples)} files, {reader}")
            scores[reader] = score_of(reader, all_samples)
    for line in scores["newsbeam"].disagreements[: options.show]:
        print(line)
    for title, rows in (
        ("agreement with gofeed", agreement_rows(scores, "gofeed")),
        ("agreement with feedparser's own expectations", agreement_rows(scores, "feedparser")),
        ("outcomes", outcome_rows(scores)),
        ("speed, one process", speed_rows(scores, len(all_samples))),
    ):
        print(f"\n{title}\n\n{table(rows)}")
    print(f"\n`is_full_content` takes {full_contents_per_second():,.0f} items/s")
    floors = Floors()
    check(scores, floors)
    return floors.code()


if __name__ == "__main__":
    sys.exit(main())
