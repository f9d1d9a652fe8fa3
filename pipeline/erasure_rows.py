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
    """Add the attempts at rejects that go, or that went before this was cut off: those at rejects that stay, stay."""
    attempts = list(_files_of(lake, "replays"))
    if not attempts:
        return
    rejects = (row["reject_id"] for path in _files_of(lake, "rejects") for row in rows_of_file(path, ("reject_id",)))
    kept = set(rejects) - found.rejects
    for path in attempts:
        there = set(found.places.get(path, ()))
        for number, row in enumerate(rows_of_file(path, ("reject_id",))):
            if row["reject_id"] not in kept and number not in there:
                found.places.setdefault(path, []).append(number)
                found.counts["replays"] += 1


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


def remove_rows(lake: Lake, places: Mapping[Path, Sequence[int]]) -> None:
    """Write the files without these rows, and exchange them, a day of a table at a time.

    Files without such a row are not written again: both folders have them, until the old one goes.
    """
    for partition in list(partitions_of(lake)):
        files = partition.files()
        if any(path in places for path in files):
            _rewrite(lake, partition, files, places)


def _rewrite(lake: Lake, partition: Partition, files: Sequence[Path], places: Mapping[Path, Sequence[int]]) -> None:
    def write(folder: Path) -> None:
        for path in files:
            if path in places:
                _copy_without(path, folder / path.name, set(places[path]), SORTED_BY[partition.table])
            else:
                os.link(path, folder / path.name)

    replace_files(lake, partition, write)


def _copy_without(source: Path, target: Path, dropped: set[int], sort_column: str) -> None:
    """Copy a file, but for some rows; where none is left, there is no copy."""
    with pq.ParquetFile(source) as file:
        if len(dropped) == file.metadata.num_rows:
            return
        first = 0
        with target.open("wb") as sink, open_writer(sink, file.schema_arrow, sort_column) as writer:
            for number in range(file.num_row_groups):
                group = file.read_row_group(number)
                kept = [first + place not in dropped for place in range(group.num_rows)]
                first += group.num_rows
                if any(kept):
                    writer.write_table(group.filter(pa.array(kept)))
