"""Rows of a lake's files that tombstones cover: finding them, and writing the files without them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.lake import Lake
from pipeline.partitions import Partition, partitions_of, replace_files
from schemas.tables import SORTED_BY, TABLES
from transforms.functions.parquet_rows import open_writer
from transforms.functions.tombstones import ADDRESSES, HOSTS, PAYLOADS, TEXTS, Tombstones

_KEPT: Final[Mapping[str, Sequence[str]]] = {
    "articles": ("article_id", "content_sha256"),
    "copies": ("copy_id", "article_id", "content_sha256"),
    "rejects": ("reject_id",),
}
"""Columns by which the memory, and other tables, know a row."""

_ROWS_AT_A_TIME: Final = 2_000


@dataclass
class ErasedRows:
    """What is to go."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TABLES, 0))
    """Rows, by table."""
    places: dict[Path, list[int]] = field(default_factory=dict)
    """Numbers of the rows of each file."""
    without_row_id: dict[Path, list[int]] = field(default_factory=dict)
    """Rows of `replays` that stay and lose their `row_id`: an `article_id` says, to who has the address, what was
    there."""
    articles: list[Mapping[str, Any]] = field(default_factory=list)
    """Rows of `articles`, as far as the memory knows them: `article_id`, `content_sha256`."""
    copies: list[Mapping[str, Any]] = field(default_factory=list)
    """The same of `copies`, with `copy_id`."""
    rejects: set[str] = field(default_factory=set)
    """The `reject_id`s of `rejects`."""


def find_rows(lake: Lake, tombstones: Tombstones) -> ErasedRows:
    """Return the rows that tombstones cover. Texts are read only where a tombstone is of words."""
    found = ErasedRows()
    for partition in partitions_of(lake):
        if partition.table in ADDRESSES:
            for path in partition.files():
                _look_through(partition.table, path, tombstones, found)
    return found


def find_aliases(lake: Lake, old_ids: Collection[str], found: ErasedRows) -> None:
    """Add the rows of `aliases` with these ids."""
    for path in _files_of(lake, "aliases") if old_ids else ():
        for number, row in enumerate(rows_of_file(path, ("old_id",))):
            if row["old_id"] in old_ids:
                found.places.setdefault(path, []).append(number)
                found.counts["aliases"] += 1


def find_replays(lake: Lake, found: ErasedRows) -> None:
    """Add the attempts at rejects that go, or that went before this was cut off. Those at rejects that stay, stay, but
    not the id of a row that they have become, where that goes, or went."""
    attempts = list(_files_of(lake, "replays"))
    if not attempts:
        return
    kept = set(_ids(lake, "rejects", "reject_id")) - found.rejects
    gone = _rows_that_go(lake, attempts, kept, found)
    for path in attempts:
        there = set(found.places.get(path, ()))
        for number, row in enumerate(rows_of_file(path, ("reject_id", "row_id"))):
            if number in there:
                continue
            if row["reject_id"] not in kept:
                found.places.setdefault(path, []).append(number)
                found.counts["replays"] += 1
            elif row["row_id"] in gone:
                found.without_row_id.setdefault(path, []).append(number)


def _rows_that_go(lake: Lake, attempts: Sequence[Path], rejects: Collection[str], found: ErasedRows) -> set[str]:
    """Return the ids that attempts name and that no row has, once what was found is gone.

    Few rows were ever rejects: those that are named are looked for, rather than all ids of the lake kept.
    """
    named = {row["row_id"] for path in attempts for row in rows_of_file(path, ("row_id",))}
    named -= {None, *named.intersection(rejects)}
    for table, rows in (("articles", found.articles), ("copies", found.copies)):
        name = _KEPT[table][0]
        going = named.intersection(row[name] for row in rows)
        left = named - going
        for row_id in _ids(lake, table, name) if left else ():
            left.discard(row_id)
            if not left:
                break
        named = going | left
    return named


def _ids(lake: Lake, table: str, name: str) -> Iterator[str]:
    return (row[name] for path in _files_of(lake, table) for row in rows_of_file(path, (name,)))


def old_ids_of_aliases(lake: Lake) -> set[str]:
    """Return the ids that the table of aliases speaks of."""
    return {row["old_id"] for path in _files_of(lake, "aliases") for row in rows_of_file(path, ("old_id",))}


def _files_of(lake: Lake, table: str) -> Iterator[Path]:
    return (path for one in partitions_of(lake) if one.table == table for path in one.files())


def _look_through(table: str, path: Path, tombstones: Tombstones, found: ErasedRows) -> None:
    kept = _KEPT.get(table, ())
    texts = TEXTS.get(table, ()) if tombstones.look_into_texts else ()
    others = [of[table] for of in (HOSTS, PAYLOADS) if table in of]
    columns = tuple(dict.fromkeys((*kept, *ADDRESSES[table], *others, *texts)))
    for number, row in enumerate(rows_of_file(path, columns)):
        if not tombstones.cover_row(table, row):
            continue
        found.places.setdefault(path, []).append(number)
        found.counts[table] += 1
        if table == "rejects":
            found.rejects.add(row["reject_id"])
        elif kept:
            known = {name: row[name] for name in kept}
            (found.articles if table == "articles" else found.copies).append(known)


def rows_of_file(path: Path, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a file in order, some columns of each; a column that the file lacks is left out."""
    with pq.ParquetFile(path) as file:
        present = [name for name in columns if name in file.schema_arrow.names]
        for batch in file.iter_batches(_ROWS_AT_A_TIME, columns=present):
            yield from batch.to_pylist()


def remove_rows(lake: Lake, found: ErasedRows) -> None:
    """Write the files without these rows, and exchange them, a day of a table at a time.

    Files without such a row are not written again: both folders have them, until the old one goes.
    """
    changed = {*found.places, *found.without_row_id}
    for partition in list(partitions_of(lake)):
        files = partition.files()
        if not changed.isdisjoint(files):
            _rewrite(lake, partition, files, found)


def _rewrite(lake: Lake, partition: Partition, files: Sequence[Path], found: ErasedRows) -> None:
    def write(folder: Path) -> None:
        for path in files:
            dropped, cleared = (set(of.get(path, ())) for of in (found.places, found.without_row_id))
            if dropped or cleared:
                _copy_without(path, folder / path.name, dropped, cleared, SORTED_BY[partition.table])
            else:
                os.link(path, folder / path.name)

    replace_files(lake, partition, write)


def _copy_without(source: Path, target: Path, dropped: set[int], cleared: set[int], sort_column: str) -> None:
    """Copy a file, but for some rows, and the `row_id` of others; where no row is left, there is no copy."""
    with pq.ParquetFile(source) as file:
        if len(dropped) == file.metadata.num_rows:
            return
        first = 0
        with target.open("wb") as sink, open_writer(sink, file.schema_arrow, sort_column) as writer:
            for number in range(file.num_row_groups):
                group = file.read_row_group(number)
                numbers = range(first, first + group.num_rows)
                first += group.num_rows
                if not cleared.isdisjoint(numbers):
                    group = _without_row_ids(group, [number in cleared for number in numbers])
                kept = [number not in dropped for number in numbers]
                if any(kept):
                    writer.write_table(group.filter(pa.array(kept)))


def _without_row_ids(group: pa.Table, is_cleared: Sequence[bool]) -> pa.Table:
    place = group.schema.get_field_index("row_id")
    ids = [None if cleared else id_ for id_, cleared in zip(group["row_id"].to_pylist(), is_cleared, strict=True)]
    return group.set_column(place, group.schema.field(place), pa.array(ids, pa.string()))
