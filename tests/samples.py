"""Rows and pages that tests are made of; all names and events in them are invented."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.alias import Alias
from schemas.article import Article
from schemas.copy import Copy
from schemas.entity import Entity
from schemas.instants import Instant
from schemas.page import Page
from schemas.reject import Reject
from schemas.replay import Replay
from schemas.tagged_article import TaggedArticle
from schemas.topic import Topic
from transforms.functions.texts import content_sha256, word_count
from transforms.functions.urls import article_id, copy_id

SEEN_AT: Instant = 1_775_000_000_000_000
"""2026-03-31 in the evening, UTC."""

HOSTILE = (
    "\x1b[31mred\x1b[0m 'quote' \"double\" ; drop table -- \u202eright to left\u200d \U0001f600 e\u0301 漢字 a\nb\tc"
)

_PARTS = (
    "the harbour council/eleven members/retired pilots/the ferry company/a young teacher/the town clerk/two sisters/"
    "local anglers/the night nurse/several bakers/a group of students/the old lighthouse keeper",
    "of Port Alder/from Grauwick/in Tarnmoor/near the quay/behind the station/of the region/by the river/on the island",
    "voted to keep/asked for/have repaired/will pay for/promised/carefully painted/refused to sell/found again/"
    "turned down/want to show/had forgotten/measured",
    "the customs house/fewer coaches/a museum of lamps/the northern bridge/forty charts/their wooden boats/"
    "the winter timetable/a new roof/cheaper tickets/the library garden/an orchestra/seven windows",
    "on Tuesday/after a long debate/before the winter/without much noise/for the third time/despite heavy rain/"
    "until midnight/as everyone expected/at their own cost/since last autumn",
    "and neighbours agreed/while visitors watched/because money was short/but critics waited/so the mayor smiled/"
    "though nobody noticed/as the bells rang/when snow fell",
)


def paragraphs(name: str, count: int = 6) -> list[str]:
    """Sentences of a small news story, each with its number; of two names they share hardly five words in a row."""
    choice = random.Random(name).choice
    stories = [" ".join(choice(part.split("/")) for part in _PARTS) for _ in range(count)]
    return [f"{story[0].upper()}{story[1:]}, said report {name} in part {n}." for n, story in enumerate(stories, 1)]


def text_of(name: str) -> str:
    return "\n\n".join(paragraphs(name))


def article(name: str = "one", **columns: Any) -> Article:
    """An article row; its ids follow from its address and text."""
    columns = {"url_canonical": f"https://ledger.example/{name}", "article_body": text_of(name), **columns}
    body = columns["article_body"]
    made = {
        "article_id": article_id(columns["url_canonical"], columns.get("publisher"), body),
        "content_sha256": content_sha256(body),
        "word_count": word_count(body),
        "source": f"pages/{name}.html",
        "input_id": content_sha256(f"bytes of {name}"),
        "first_seen_at": SEEN_AT,
        "extraction_method": "record",
        "run_id": "run-1",
        "schema_version": 1,
        "in_language": "en",
    }
    return Article(**(made | columns))


def tagged_article(name: str = "one", *, topics: Any = None, entities: Any = None, **columns: Any) -> TaggedArticle:
    """An article with tags: those given, or some of its own."""
    if topics is None:
        topics = [
            Topic("medtop:04000000", "economy, business and finance", 0.75, 1, "model-1"),
            Topic("medtop:20000344", HOSTILE, 0.5, 3, "model-1"),
        ]
    if entities is None:
        entities = [
            Entity("Ada Moss", "Person", 3, 0, ["Ada Moss", "Moss"], None, None, "model-2"),
            Entity("Bern", "Place", 1, 40, ["Bern", HOSTILE], "CH", 2661552, "model-2"),
        ]
    return TaggedArticle(article(name, **columns), topics, "ok", entities, "ok")


def copy(name: str = "one", of: str = "two", **columns: Any) -> Copy:
    row = article(name, **columns)
    return Copy(row, copy_id(row.article_id, row.content_sha256), article(of).article_id, "exact", 1.0)


def alias(name: str = "one", to: str = "two", **columns: Any) -> Alias:
    made = {"decided_at": SEEN_AT, "run_id": "run-1", "schema_version": 1}
    return Alias(article(name).article_id, article(to).article_id, **(made | columns))


def reject(number: int = 1, **columns: Any) -> Reject:
    made = {
        "reject_id": f"{number:032x}",
        "source": f"pages/{number}.html",
        "stage": "extract",
        "reason": "no_article",
        "error_class": "InputRejected",
        "message": "nothing in it reads like an article",
        "retryable": False,
        "first_seen_at": SEEN_AT,
        "run_id": "run-1",
        "schema_version": 1,
    }
    return Reject(**(made | columns))


def replay(number: int = 1, **columns: Any) -> Replay:
    made = {"attempted_at": SEEN_AT + 1, "outcome": "rejected", "run_id": "run-2", "schema_version": 2}
    return Replay(f"{number:032x}", **(made | columns))


def page(name: str = "one", **columns: Any) -> Page:
    body = html_page(name).encode()
    made = {
        "input_id": content_sha256(name),
        "source": f"pages/{name}.html",
        "kind": "html",
        "body": body,
        "first_seen_at": SEEN_AT,
    }
    return Page(**(made | columns))


def html_page(
    name: str, *, url: str | None = None, text: Sequence[str] | None = None, date: str | None = "2026-03-30T08:00:00Z"
) -> str:
    """A saved news page with the usual surroundings."""
    address = url or f"https://ledger.example/news/{name}"
    data = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": f"Customs house of Port Alder to become a museum, says report {name}",
        "author": [{"@type": "Person", "name": "Jonna Pellworth"}],
        "publisher": {"@type": "NewsMediaOrganization", "name": "Northern Ledger"},
        "mainEntityOfPage": address,
    }
    if date:
        data["datePublished"] = date
    body = "\n".join(f"<p>{paragraph}</p>" for paragraph in (text or paragraphs(name)))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{data["headline"]} | Northern Ledger</title>
<link rel="canonical" href="{address}">
<script type="application/ld+json">{json.dumps(data)}</script></head>
<body><nav><a href="/">Northern Ledger</a> <a href="/city">City</a></nav>
<article><h1>{data["headline"]}</h1>
{body}
</article><footer>Northern Ledger, Port Alder</footer></body></html>
"""


def record(name: str, **columns: Any) -> dict[str, Any]:
    """An article as a JSONL file holds it."""
    return {"url": f"https://ledger.example/records/{name}", "article_body": text_of(f"record {name}")} | columns


def write_lines(path: Path, records: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return path
