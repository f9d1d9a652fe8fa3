"""Lakes whose cycles decide small worlds as runs do, with the tables and the memory that runs leave; no Beam."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline.duplicate_memory import DuplicateMemory
from pipeline.lake import Lake, open_or_make_lake
from pipeline.memory import Memory
from pipeline.rebuild.memory import Rebuilt, rebuild
from schemas.alias import Alias
from schemas.article import Article
from schemas.copy import Copy
from schemas.cycle_report import CycleReport
from schemas.instants import Instant
from schemas.reject import Reject
from schemas.tagged_article import TaggedArticle
from schemas.written_file import WrittenFile
from tests.duplicate_worlds import HOUR, Document
from tests.samples import SEEN_AT
from transforms.deduplicate import _order
from transforms.functions.duplicates import Decider, Row
from transforms.functions.parquet_rows import encode_by_day, flat_row
from transforms.functions.printed_articles import print_article

RUN = "20260331T200000Z-aaaaaa"


def decide_cycle(
    lake: Lake, memory: Memory, articles: Sequence[Article], now: Instant, rejects: Sequence[Reject] = ()
) -> list[Row | None]:
    """Decide, commit and publish a cycle that began at a time; returns what was decided, and the aliases."""
    with memory.cycle() as number:
        index = DuplicateMemory(memory, now)
        index.forget()
        for article in articles:
            memory.remember_input(article.input_id)
        for reject in rejects:
            memory.remember_input(reject.input_id or reject.reject_id)
        arrivals = sorted(map(print_article, articles), key=_order)
        decided = list(Decider(index, now, RUN).decide_all(arrivals))
        found = {kind: [row for row in decided if isinstance(row, kind)] for kind in (Article, Copy, Alias)}
        counts = len(found[Article]), len(found[Copy]), len(rejects)
        inputs = len(articles) + len(rejects)
        report = CycleReport(RUN, number, now, now + 1, inputs, *counts, inputs - sum(counts), 10, "0.1.0", 1)
        tables: dict[str, Sequence[Any]] = {
            "articles": [TaggedArticle(row) for row in found[Article]],
            "copies": found[Copy],
            "aliases": found[Alias],
            "rejects": rejects,
            "runs": [report],
        }
        for table, rows in tables.items():
            for file in encode_by_day(table, map(flat_row, rows), f"c{number:08d}-000.parquet"):
                path = lake.root / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.content)
                memory.note_file(number, WrittenFile(table, file.path, file.rows, len(file.content)))
        memory.note_cycle(number, RUN, now + 1)
    return decided


def articles_of(documents: Iterable[Document], **columns: Any) -> list[Article]:
    """The articles of documents, each an input of its own; of three outlets, which repeat sentences."""
    pages = ((document.article(), document.page) for document in documents)
    made = [one._replace(source_domain=f"outlet{page % 3}.example") for one, page in pages]
    named = ((one, f"{number} {one.source} {one.content_sha256}") for number, one in enumerate(made))
    return [one._replace(input_id=_digest(name), run_id=RUN, **columns) for one, name in named]


def _digest(name: str) -> str:
    import hashlib

    return hashlib.sha256(name.encode()).hexdigest()


def hour(number: int) -> Instant:
    return SEEN_AT + number * HOUR


def told_lake(root: Path, cycles: Iterable[Sequence[Document]], *, own_times: bool = False) -> Lake:
    """A lake of cycles at the hours of their latest documents; the others bear the same time, or their own."""
    lake = open_or_make_lake(str(root))
    memory = Memory(lake.memory)
    for documents in cycles:
        at = hour(max(document.hour for document in documents))
        made = articles_of(documents) if own_times else articles_of(documents, first_seen_at=at)
        decide_cycle(lake, memory, made, at)
    memory.close()
    return lake


def copied(lake: Lake, target: Path) -> Lake:
    """A copy of a lake."""
    shutil.copytree(lake.root, target)
    return Lake(target)


def rebuilt(lake: Lake, **flags: bool) -> Rebuilt:
    """Lose the memory of a lake, and make it anew."""
    for path in lake.private.glob("memory.sqlite*"):
        path.unlink()
    return rebuild(lake, lambda *_: None, **{"accept_lost_erasures": True, **flags})


def known(lake: Lake, *without: str) -> dict[str, list[str]]:
    """All rows of a lake's memory, by table."""
    connection = sqlite3.connect(lake.memory)
    try:
        names = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        return {
            name: sorted(map(repr, connection.execute(f"select * from {name}").fetchall()))
            for name in names
            if name not in ("slices", *without)
        }
    finally:
        connection.close()
