"""What a lake's memory knows of rows that are erased: forgotten, within one cycle, with the texts themselves.

A story whose article goes, and of which other outlets' rows stay, goes on under the earliest of those: aliases say so,
as they do when a run finds a story's rows to belong elsewhere.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.duplicate_memory import duplicate_memory_at
from pipeline.erasure_heirs import Heir, Left, aliased_to, aliases_to_forget, dead_stories, text_id_of
from pipeline.erasure_rows import ErasedRows
from pipeline.memory import Memory
from pipeline.replay_memory import drop_queued, queued
from schemas.alias import Alias
from schemas.instants import Instant
from schemas.tables import SCHEMA_VERSION
from transforms.functions.tombstones import Tombstones

_ARTICLE: Final = struct.Struct("<q16s")
"""As `DuplicateMemory` packs the articles of a group."""


@dataclass
class Forgetting:
    """One pass over a memory. Everything is done within the cycle that the caller has opened."""

    memory: Memory
    erased: ErasedRows
    left: Left
    decided_at: Instant
    run_id: str
    counts: Counter[str] = field(default_factory=Counter)
    """Rows of the memory that went, by what they were."""
    dead: frozenset[str] = frozenset()

    def forget(self, tombstones: Tombstones) -> list[Alias]:
        """Forget; returns the rows that `aliases` gets."""
        rows = [*self.erased.articles, *self.erased.copies]
        gone_texts = {text_id_of(row) for row in rows} - self.left.text_ids
        self.dead = frozenset(dead_stories(self.memory, self.erased))
        self._forget_pages(rows)
        self._forget_texts(gone_texts)
        aliases = self._hand_over()
        self._forget_articles_of_groups()
        self._forget_feeds(tombstones)
        self._forget_queued(tombstones)
        return aliases

    # Pages and texts

    def _forget_pages(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            page, text_id = _blob(row["article_id"]), _blob(text_id_of(row))
            self._delete("pages", "id = ? and text_id = ?", page, text_id)
        for row in self.erased.copies:
            self._delete("written_rows", "id = ?", _blob(row["copy_id"]))
            self._delete("strays", "copy_id = ?", _blob(row["copy_id"]))

    def _forget_texts(self, text_ids: Collection[str]) -> None:
        numbers = []
        for text_id in map(_blob, sorted(text_ids)):
            numbers += self.memory.rows("select number from known_texts where id = ?", text_id)
            # A later text of a page counts as the first one, which is gone: from now on it counts as itself.
            self.memory.do("update known_texts set known_as = id where known_as = ? and id <> known_as", text_id)
            self._delete("known_texts", "id = ?", text_id)
            self._delete("strays", "text_id = ?", text_id)
        self._forget_numbers([number for (number,) in numbers if number is not None])

    def _forget_numbers(self, numbers: Collection[int]) -> None:
        groups = set()
        for number in numbers:
            row = self.memory.row("select group_number from texts where number = ?", number)
            if row is not None:
                groups.add(row[0] or number)
                self._delete("texts", "number = ?", number)
        self._forget_postings(numbers)
        for group in groups:
            others = "select 1 from texts where group_number = ? or (number = ? and group_number is null)"
            if self.memory.row(others, group, group) is None:
                # What points to it stays, as where a group is forgotten for its age: what was decided then stays, too.
                self._delete("groups", "number = ?", group)
                self._delete("attachments", "source = ?", group)
                self._delete("strays", "group_number = ?", group)

    def _forget_postings(self, numbers: Collection[int]) -> None:
        """Look through all postings: they are kept by key, and a text's keys are hashes of its words."""
        if not numbers:
            return
        self.memory.do("create temp table if not exists gone_numbers (number integer primary key)")
        self.memory.do("delete from gone_numbers")
        for number in numbers:
            self.memory.do("insert or ignore into gone_numbers values (?)", number)
        of_part = "select part, count(*) from postings where number in (select number from gone_numbers) group by part"
        for part, count in self.memory.rows(of_part):
            self._delete("postings", "part = ? and number in (select number from gone_numbers)", part)
            self.memory.do("update posting_parts set row_count = row_count - ? where part = ?", count, part)

    # Stories

    def _hand_over(self) -> list[Alias]:
        """Have each story whose article goes follow its heir; forget the aliases of what is gone."""
        for old in aliases_to_forget(self.memory, self.erased, self.left):
            self._delete("aliases", "old_id = ?", _blob(old))
        aliases: list[Alias] = []
        for story, heir in sorted(self.left.heirs.items()):
            old_ids = dict.fromkeys([story, *aliased_to(self.memory, story)])
            if heir.copy_id is not None:
                old_ids[heir.copy_id] = None
                self._make_article_of_group(heir)
            aliases += [self._alias(old, heir.article_id) for old in old_ids]
            self.memory.do("update groups set story = ? where story = ?", _blob(heir.article_id), _blob(story))
        return aliases

    def _alias(self, old: str, new: str) -> Alias:
        row = self.memory.row("select decided_at from aliases where old_id = ?", _blob(old))
        decided_at = max(self.decided_at, row[0] + 1 if row else 0)
        self.memory.do("insert or replace into aliases values (?, ?, ?)", _blob(old), _blob(new), decided_at)
        return Alias(old, new, decided_at, self.run_id, SCHEMA_VERSION)

    def _make_article_of_group(self, heir: Heir) -> None:
        """Note the heir as an article of its text's group, where that is still compared with."""
        index = duplicate_memory_at(str(self.memory.path), self.decided_at)
        number = index.number_of(heir.text_id)
        group = None if number is None else index.group(index.text(number).group)
        if group is not None:
            articles = sorted({*group.articles, (heir.first_seen_at, heir.article_id)})
            index.save_group(group._replace(articles=tuple(articles)))

    def _forget_articles_of_groups(self) -> None:
        gone = {_blob(row["article_id"]) for row in self.erased.articles} | {_blob(one) for one in self.dead}
        for number, packed in self.memory.rows("select number, articles from groups") if gone else ():
            kept = [one for one in _ARTICLE.iter_unpack(packed) if one[1] not in gone]
            if len(kept) * _ARTICLE.size != len(packed):
                articles = b"".join(_ARTICLE.pack(*one) for one in kept)
                self.memory.do("update groups set articles = ? where number = ?", articles, number)

    # Feeds

    def _forget_feeds(self, tombstones: Tombstones) -> None:
        """Pages that wait are not fetched any more; feeds that are no longer listed are forgotten, as is the outlet."""
        for (name,) in self.memory.rows("select name from outlets"):
            if tombstones.cover_address(f"https://{name}/"):
                self._delete("outlets", "name = ?", name)
        if self.memory.row("select 1 from sqlite_master where name = 'feed_states'") is None:
            return
        for url, hints in self.memory.rows("select url, hints from due_pages"):
            if tombstones.cover_address(url) or tombstones.cover_text(hints):
                self._delete("due_pages", "url = ?", url)
        for (url,) in self.memory.rows("select listed_url from feed_states where not is_listed"):
            if tombstones.cover_address(url):
                self._delete("feed_states", "listed_url = ?", url)

    def _forget_queued(self, tombstones: Tombstones) -> None:
        """Rejects that go, and those of an address that is not asked any more, are waited for no longer."""
        gone = [
            one.reject_id
            for one in queued(self.memory)
            if one.reject_id in self.erased.rejects or tombstones.cover_address(one.url)
        ]
        drop_queued(self.memory, gone)
        self.counts["replay_queue"] += len(gone)

    def _delete(self, table: str, condition: str, *values: Any) -> None:
        with self.memory.noting() as connection:
            self.counts[table] += connection.execute(f"delete from {table} where {condition}", values).rowcount


def _blob(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal)
