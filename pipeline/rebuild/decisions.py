"""The duplicate decision's part of a memory, made anew: what is for good from the rows, the rest by deciding again.

What is remembered for good (pages, later rows, known texts, aliases) is told by the rows. What the decision compares
with (texts, groups, outlets) is not: so the texts of the window are decided once more, cycle by cycle, with the code
that decided them, over the memory as it was then. The rows have the last word: where a text is decided otherwise now
than it was written, the memory is made to say what was written, and it is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from pipeline.batches import batches
from pipeline.duplicate_memory import DuplicateMemory
from pipeline.memory import Memory
from pipeline.rebuild.rows import ToldRows, ToldText
from schemas.alias import Alias
from schemas.article import Article
from schemas.copy import Copy
from schemas.printed_article import PrintedArticle
from schemas.tables import SCHEMA_VERSION
from transforms.functions.duplicates import TEXT_ID_CHARACTERS, Decider, Row
from transforms.functions.outlet_window import OutletWindow, SeenText
from transforms.functions.printed_articles import print_article
from transforms.functions.text_print import SplitText
from transforms.functions.urls import copy_id

_TEXTS_AT_ONCE: Final = 2_000
"""Texts of a cycle that are decided at once; a cycle of a run seldom has more."""

Follow = Callable[[int], None]
"""Called with how many more texts are done."""


@dataclass
class Redecided:
    """What came of deciding again."""

    texts: int = 0
    older_stories: int = 0
    """Texts of stories whose own texts are older than all that is remembered: they were decided by those."""
    differences: list[str] = field(default_factory=list)
    """Rows that are decided otherwise now than they were written, the first of them in words."""
    different: int = 0

    def note(self, told: ToldText, what: str) -> None:
        """Note a difference."""
        self.different += 1
        if len(self.differences) < 5:
            self.differences.append(f"{told.copy_id or told.article_id} ({told.source}): {what}")


def note_what_is_for_good(memory: Memory, rows: ToldRows) -> None:
    """Note pages, later rows, texts and aliases from before the texts that are decided again."""
    _insert(memory, "insert or replace into pages values (?, ?)", map(_blobs, rows.pages()))
    _insert(memory, "insert or ignore into written_rows values (?)", map(_blobs, rows.later_rows()))
    _insert(memory, "insert into known_texts values (?, ?, ?, null)", map(_blobs, rows.known_texts()))
    with memory.cycle():
        memory.do("create temp table told_aliases (old_id blob primary key, new_id blob, decided_at) without rowid")
    told = ((*_blobs(ids), decided_at) for *ids, decided_at in rows.aliases())
    _insert(memory, "insert into told_aliases values (?, ?, ?)", told)


def note_outlets(memory: Memory, rows: ToldRows, follow: Follow) -> None:
    """Note what the outlets repeated before the texts that are decided again."""
    for name, texts in groupby(rows.latest_of_outlets(), key=lambda text: text[0].casefold()):
        window = OutletWindow()
        for _, body, language in texts:
            split = SplitText.of(body)
            window.add(SeenText.of(split, split.print(language)[0]))
            follow(1)
        window.trim()
        _insert(memory, "insert or replace into outlets values (?, ?)", [(name, window.to_bytes())])


def decide_again(memory: Memory, rows: ToldRows, follow: Follow) -> Redecided:
    """Decide the texts of the window again, and hold what is decided against what was written."""
    _insert(memory, "insert into aliases select * from told_aliases where decided_at < ?", [(_start(rows),)])
    redecided = Redecided()
    cycle = -1
    for batch in _batches(rows.arrivals()):
        with memory.cycle():
            index = DuplicateMemory(memory, batch[0].started_at)
            if batch[0].cycle != cycle:
                index.forget()
                cycle = batch[0].cycle
            decider = Decider(index, batch[0].started_at, batch[0].run_id)
            decided = list(decider.decide_all([_printed(told) for told in batch]))
            for told, row in zip(batch, decided, strict=False):  # aliases come behind
                _hold_against(memory, index, told, row, redecided)
        redecided.texts += len(batch)
        follow(len(batch))
    _take_told_aliases(memory)
    return redecided


def _start(rows: ToldRows) -> int:
    query = f"select coalesce(min(started_at), 0) from starts where cycle >= {rows.from_cycle}"
    return int(rows.connection.execute(query).fetchall()[0][0])


def _batches(arrivals: Iterator[ToldText]) -> Iterator[Sequence[ToldText]]:
    for _, of_cycle in groupby(arrivals, key=lambda told: told.cycle):
        yield from batches(of_cycle, _TEXTS_AT_ONCE)


def _printed(told: ToldText) -> PrintedArticle:
    return print_article(
        Article(
            told.article_id, told.source, "", told.body, 0, told.content_sha256, told.seen_at, "", told.run_id,
            SCHEMA_VERSION, source_domain=told.source_domain, publisher=told.publisher, in_language=told.language,
            date_published=told.published_at,
        )
    )  # fmt: skip


def _hold_against(
    memory: Memory, index: DuplicateMemory, told: ToldText, row: Row | None, redecided: Redecided
) -> None:
    """Compare what is decided now with what was written, and have the latter hold."""
    if row is None or isinstance(row, Alias):
        redecided.note(told, "is in the tables twice")
        return
    _put_page_right(memory, index, told)
    story = row.duplicate_of if isinstance(row, Copy) else row.article_id
    if _resolved(memory, story) == told.story:
        if isinstance(row, Copy) and told.relation is not None and row.relation != told.relation:
            redecided.note(told, f"{row.relation}, written as {told.relation}")
        return
    if told.is_of_older:
        redecided.older_stories += 1
    else:
        redecided.note(told, f"of story {story}, written under {told.story}")
    _put_into_story(memory, index, told)


def _put_page_right(memory: Memory, index: DuplicateMemory, told: ToldText) -> None:
    """Have a page be known by its first row, and by no later one: that may be all that an erasure has left of it."""
    text_id = told.content_sha256[:TEXT_ID_CHARACTERS]
    row_id = copy_id(told.article_id, told.content_sha256)
    if told.is_first:
        index.note_page(told.article_id, text_id)
        memory.do("delete from written_rows where id = ?", _blob(row_id))
    elif not index.has_row(row_id):
        index.note_row(row_id)
        memory.do("delete from pages where id = ? and text_id = ?", _blob(told.article_id), _blob(text_id))


def _put_into_story(memory: Memory, index: DuplicateMemory, told: ToldText) -> None:
    text_id = told.content_sha256[:TEXT_ID_CHARACTERS]
    index.note_text(text_id, index.known_as(text_id) or text_id, told.story)
    if told.copy_id is None:
        memory.do("delete from strays where article_id = ? and text_id = ?", _blob(told.article_id), _blob(text_id))
    number = index.number_of(text_id)
    group = None if number is None else index.group(index.text(number).group)
    if group is None:
        return
    articles = {(at, one) for at, one in group.articles if _resolved(memory, one) == told.story}
    if told.copy_id is None:
        articles.add((told.seen_at, told.article_id))
    # As a text that comes back: the story is older than all that is remembered.
    index.save_group(group._replace(story=told.story, articles=tuple(sorted(articles or {(0, told.story)}))))


def _resolved(memory: Memory, story: str) -> str:
    row = memory.row("select new_id from told_aliases where old_id = ?", _blob(story))
    return story if row is None else str(row[0].hex())


def _take_told_aliases(memory: Memory) -> None:
    """Have the aliases of the table hold, as they are in force."""
    with memory.cycle():
        memory.do("delete from aliases")
        memory.do("insert into aliases select * from told_aliases")
        moved = "select new_id from told_aliases where old_id = groups.story and new_id <> old_id"
        memory.do(f"update groups set story = ({moved}) where exists ({moved})")


def _insert(memory: Memory, statement: str, rows: Iterable[Sequence[object]]) -> None:
    with memory.cycle(), memory.noting() as connection:
        connection.executemany(statement, rows)


def _blobs(ids: Sequence[str]) -> Sequence[bytes]:
    return [_blob(one) for one in ids]


def _blob(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal)
