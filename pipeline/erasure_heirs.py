"""Who goes on with a story whose article is erased, and which texts other rows have, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipeline.erasure_rows import ErasedRows, rows_of_file
from pipeline.lake import Lake
from pipeline.memory import Memory
from pipeline.partitions import partitions_of
from schemas.instants import Instant, instant_of
from transforms.functions.duplicates import TEXT_ID_CHARACTERS


class Heir(NamedTuple):
    """The row that a story goes on with."""

    first_seen_at: Instant
    article_id: str
    text_id: str
    copy_id: str | None
    """None where it is an article that had been found to belong to the story."""
    published_at: Instant | None


@dataclass
class Left:
    """What stays of the stories and texts that erased rows were of."""

    heirs: dict[str, Heir] = field(default_factory=dict)
    """By the story whose article goes."""
    text_ids: set[str] = field(default_factory=set)
    """Texts of erased rows that other rows have, too."""


def text_id_of(row: Mapping[str, Any]) -> str:
    """Return the id by which the memory knows a row's text."""
    return str(row["content_sha256"])[:TEXT_ID_CHARACTERS]


def dead_stories(memory: Memory, erased: ErasedRows) -> set[str]:
    """Return the stories whose own row is to be erased: an article, or a copy that had become one."""
    own = {row["article_id"] for row in erased.articles}
    own |= {row["article_id"] for row in erased.copies if alias_of(memory, row["copy_id"]) == row["article_id"]}
    # One that leads elsewhere is no story any more; what follows it needs the alias.
    return {story for story in own if alias_of(memory, story) in (None, story)}


def aliases_to_forget(memory: Memory, erased: ErasedRows, left: Left) -> set[str]:
    """Return the `old_id`s of aliases that nothing needs any more: of rows that go, and of stories that nobody goes on
    with."""
    gone = {row["copy_id"] for row in erased.copies}
    for story in dead_stories(memory, erased) - left.heirs.keys():
        gone |= {story, *aliased_to(memory, story)}
    return {old for old in gone if alias_of(memory, old) is not None}


def alias_of(memory: Memory, old: str) -> str | None:
    """Return where an alias leads, None where there is none."""
    row = memory.row("select new_id from aliases where old_id = ?", _blob(old))
    return None if row is None else str(row[0].hex())


def aliased_to(memory: Memory, story: str) -> list[str]:
    """Return what is aliased to a story."""
    return [old.hex() for (old,) in memory.rows("select old_id from aliases where new_id = ?", _blob(story))]


def look_what_is_left(lake: Lake, memory: Memory, erased: ErasedRows) -> Left:
    """Return who goes on with the stories whose article is erased, and which texts other rows have, too."""
    left = Left()
    dead = dead_stories(memory, erased)
    texts = {text_id_of(row) for row in (*erased.articles, *erased.copies)}
    if not texts:
        return left
    aliases = {old.hex(): new.hex() for old, new in memory.rows("select old_id, new_id from aliases")}
    known = ("article_id", "content_sha256", "first_seen_at", "date_published")
    columns = (*known, "copy_id", "duplicate_of", "similarity")
    for partition in partitions_of(lake):
        if partition.table not in ("articles", "copies"):
            continue
        for path in partition.files():
            gone = set(erased.places.get(path, ()))
            for number, row in enumerate(rows_of_file(path, columns)):
                if number in gone:
                    continue
                if text_id_of(row) in texts:
                    left.text_ids.add(text_id_of(row))
                story = _story_of(row, aliases)
                if story in dead and (partition.table == "articles" or row["similarity"] is not None):
                    _prefer(left, story, row)
    return left


def _story_of(row: Mapping[str, Any], aliases: Mapping[str, str]) -> str:
    """Return the story that a row belongs to, as the views do: its own alias, then that of the article it follows."""
    if "copy_id" not in row:
        moved = aliases.get(row["article_id"], row["article_id"])
    else:
        moved = aliases.get(row["copy_id"], row["duplicate_of"])
    return aliases.get(moved, moved)


def _prefer(left: Left, story: str, row: Mapping[str, Any]) -> None:
    """Keep the better heir: an article before copies, then in the order in which a run decides."""
    seen_at = instant_of(row["first_seen_at"])
    published = row["date_published"]
    published_at = None if published is None else instant_of(published)
    heir = Heir(seen_at, row["article_id"], text_id_of(row), row.get("copy_id"), published_at)
    known = left.heirs.get(story)
    if known is None or _rank(heir) < _rank(known):
        left.heirs[story] = heir


def _rank(heir: Heir) -> tuple[bool, Instant, bool, Instant, str]:
    published = heir.published_at
    return heir.copy_id is not None, heir.first_seen_at, published is None, published or 0, heir.article_id


def _blob(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal)
