"""Erasing among stories of all shapes, and going on deciding: what the memory forgets must leave it whole."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.commands.query import connect
from pipeline.duplicate_memory import duplicate_memory_at
from pipeline.erasure import erase
from pipeline.lake import Lake, open_or_make_lake
from pipeline.memory import Memory, opened_memory
from schemas.alias import Alias
from schemas.article import Article
from schemas.copy import Copy
from schemas.tagged_article import TaggedArticle
from tests.duplicate_worlds import HOUR, PARTS, Document
from tests.pipeline.small_lakes import write_cycle
from tests.samples import SEEN_AT
from transforms.functions.duplicates import Decider
from transforms.functions.printed_articles import print_article
from transforms.functions.tombstones import Tombstones, tombstone_of


def _cycle(lake: Lake, memory: Memory, articles: Sequence[Article], now: int) -> None:
    """Decide and write, as a cycle does."""
    with memory.cycle():
        index = duplicate_memory_at(str(memory.path), now)
        index.forget()
        ordered = sorted(articles, key=lambda one: (one.first_seen_at, one.article_id, one.content_sha256))
        decided = [
            row for row in Decider(index, now, "run").decide_all([*map(print_article, ordered)]) if row is not None
        ]
        rows = {
            "articles": [TaggedArticle(row) for row in decided if isinstance(row, Article)],
            "copies": [row for row in decided if isinstance(row, Copy)],
            "aliases": [row for row in decided if isinstance(row, Alias)],
        }
    write_cycle(lake, memory, rows)


def _check(lake: Lake, memory: Memory, gone: set[str]) -> None:
    connection = connect(str(lake.root))

    def ask(query: str) -> list[tuple[str, ...]]:
        return connection.execute(query).fetchall()

    assert not gone & {
        url for (url,) in ask("select url_canonical from articles union all select url_canonical from copies")
    }
    # An update of a page whose first text is gone has no story; every other row has one, once.
    orphans = "select relation from copies c anti join articles a on a.article_id = c.duplicate_of"
    assert {relation for (relation,) in ask(orphans)} <= {"update", "exact"}
    assert ask("select article_id from articles group by all having count(*) > 1") == []
    unknown = "select count(*) from postings where number not in (select number from texts)"
    assert memory.row(unknown) == (0,)
    parts = "select part, count(*) from postings group by part"
    counted = dict(memory.rows("select part, row_count from posting_parts where row_count > 0"))
    assert dict(memory.rows(parts)) == counted
    assert memory.row(
        "select count(*) from texts where coalesce(group_number, number) not in (select number from groups)"
    ) == (0,)
    assert memory.row("select count(*) from pages where text_id not in (select id from known_texts)") == (0,)


@pytest.mark.parametrize("seed", range(12))
def test_erasing_leaves_a_memory_that_decides_on(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    texts = [tuple(draw.sample(range(len(PARTS)), draw.randint(2, 7))) for _ in range(8)]
    texts += [(*text[:-1], draw.randrange(len(PARTS))) for text in texts]  # near copies
    lake = open_or_make_lake(str(tmp_path / "lake"))
    gone: set[str] = set()
    with opened_memory(lake.memory) as memory:
        for hour in range(0, 120, 15):
            pages = [Document(draw.randrange(24), draw.choice(texts), hour).article() for _ in range(6)]
            tombstones = Tombstones(tuple(tombstone_of("url", url, 1) for url in gone))
            arrived = [page for page in pages if not tombstones.cover_row("articles", page._asdict())]
            _cycle(lake, memory, arrived, SEEN_AT + hour * HOUR)
            _check(lake, memory, gone)
            new = {f"https://ledger.example/page-{draw.randrange(24)}" for _ in range(draw.randint(0, 2))}
            gone |= new
            if new:
                erase(lake, memory, [tombstone_of("url", url, 1) for url in new])
                _check(lake, memory, gone)


def test_a_text_that_joins_what_goes_on_with_another_story_makes_them_one(tmp_path: Path) -> None:
    """The heir is an article of its group from then on, and the erased one is none: both are asked when groups join."""
    lake = open_or_make_lake(str(tmp_path / "lake"))
    first, same, other = Document(1, (0, 1, 2, 3), 0), Document(2, (0, 1, 2, 3), 1), Document(3, (4, 5, 6, 7), 2)
    bridge = Document(4, (0, 1, 2, 4, 5, 6), 3)
    with opened_memory(lake.memory) as memory:
        for document in (first, same, other):
            _cycle(lake, memory, [document.article()], SEEN_AT + document.hour * HOUR)
        erase(lake, memory, [tombstone_of("url", "https://ledger.example/page-1", 1)])
        _check(lake, memory, {"https://ledger.example/page-1"})
        _cycle(lake, memory, [bridge.article()], SEEN_AT + 3 * HOUR)
    connection = connect(str(lake.root))
    assert connection.execute("select url_canonical from articles").fetchall() == [("https://ledger.example/page-2",)]
    copies = connection.execute("select right(url_canonical, 6) from copies order by 1").fetchall()
    assert copies == [("page-3",), ("page-4",)]
