"""Which inputs had their outcome, as the rows of a lake tell; and which cycles and files it has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import pyarrow.parquet as pq

from pipeline.batches import batches
from pipeline.lake import Lake
from pipeline.lake_memory import newest_cycle
from pipeline.memory import Memory
from pipeline.page_memory import page_key
from pipeline.rebuild.rows import ToldRows
from schemas.fetch import PAGE
from schemas.instants import Instant
from transforms.functions.reject_payloads import given_up, is_address

_ROWS_AT_A_TIME: Final = 5_000
"""Rows held in memory: own choice, some MB with their payloads."""

_SETTLED_DAYS: Final = 90
"""Days for which a page is not fetched again of which only the address is known: own choice; feeds name an item for
days, sitemaps of news for two, and a page that is named anew after a season may be looked at again."""

_DAY: Final[Instant] = 86_400 * 1_000_000

_FETCHED: Final = (
    f"select distinct url from {{0}} where purpose = '{PAGE}' and hop = 0 and failure is null "
    "and status between 200 and 299"
)


def note_inputs(memory: Memory, rows: ToldRows, now: Instant) -> int:
    """Note the inputs of all rows, and the pages of which no row says for which item of a feed they were fetched.

    Returns:
        how many inputs are known now.
    """
    with memory.cycle(), memory.noting() as connection:
        connection.execute("create temp table told_pages (id blob primary key) without rowid")
        for batch in batches(rows.rows_of_texts(), _ROWS_AT_A_TIME):
            connection.executemany("insert or ignore into inputs values (?)", _inputs_of_texts(batch))
            connection.executemany("insert or ignore into told_pages values (?)", _pages_of_texts(batch))
        for batch in batches(rows.rows_of_rejects(), _ROWS_AT_A_TIME):
            connection.executemany("insert or ignore into inputs values (?)", _inputs_of_rejects(batch))
            connection.executemany(_settle(now), _pages_of_rejects(batch))
        for batch in batches(rows.rows(_FETCHED, "fetches"), _ROWS_AT_A_TIME):
            connection.executemany(_settle(now), ((page_key(url),) for (url,) in batch))
        connection.execute("delete from settled_pages where id in (select id from told_pages)")
        (count,) = connection.execute("select count(*) from inputs").fetchone()
    return int(count)


def _settle(now: Instant) -> str:
    return f"insert or ignore into settled_pages values (?, {now + _SETTLED_DAYS * _DAY})"


def page_of_feed(source: str | None, feed_url: str | None, extra: str | None) -> tuple[str, str] | None:
    """Return address and item id of the page that a row was fetched from; None where it is of no item of a feed."""
    if not source or not feed_url or not is_address(source) or "#" in source:
        return None
    try:
        guid = json.loads(extra or "{}").get("guid")
    except (ValueError, AttributeError, TypeError, RecursionError):  # of a payload, which a publisher may have made
        return None
    return (source, guid) if isinstance(guid, str) else None


def input_of_page(url: str, guid: str) -> bytes:
    """Return how the memory knows an item whose page is fetched (`feed_items.given_by` names it so)."""
    return _key(hashlib.sha256(f"page\n{url}\n{guid}".encode("utf-8", "surrogatepass")).hexdigest())


def _inputs_of_texts(batch: Iterable[Sequence[Any]]) -> Iterator[tuple[bytes]]:
    for input_id, *told in batch:
        yield (_key(input_id),)
        if (page := page_of_feed(*told)) is not None:
            yield (input_of_page(*page),)


def _pages_of_texts(batch: Iterable[Sequence[Any]]) -> Iterator[tuple[bytes]]:
    for _, *told in batch:
        if (page := page_of_feed(*told)) is not None:
            yield (page_key(page[0]),)


def _inputs_of_rejects(batch: Iterable[Sequence[Any]]) -> Iterator[tuple[bytes]]:
    for input_id, reject_id, source, payload in batch:
        yield (_key(input_id or reject_id),)
        known = given_up(source, input_id, payload) or {}
        if (page := page_of_feed(known.get("url"), known.get("feed_url"), known.get("extra"))) is not None:
            yield (input_of_page(*page),)


def _pages_of_rejects(batch: Iterable[Sequence[Any]]) -> Iterator[tuple[bytes]]:
    for _, _, source, _ in batch:
        if is_address(source) and "#" not in source:
            yield (page_key(source),)


def _key(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal)[:16]


def note_cycles_and_files(lake: Lake, memory: Memory, rows: ToldRows) -> int:
    """Note the cycles that the tables tell of, and which files each has written; returns the number of the latest one.

    What `compact` has written is of no cycle, as in a memory that was never lost.
    """
    with memory.cycle(), memory.noting() as connection:
        connection.executemany("insert or ignore into cycles values (?, ?, ?)", rows.cycles())
        for path in sorted(lake.root.glob("*/*/c????????-[0-9]*.parquet")):
            row = (path.relative_to(lake.root).as_posix(), int(path.name[1:9]), path.parts[-3])
            file = (pq.read_metadata(path).num_rows, path.stat().st_size)
            connection.execute("insert into files values (?, ?, ?, ?, ?)", (*row, *file))
        (noted,) = connection.execute("select coalesce(max(number), 0) from cycles").fetchone()
        newest = newest_cycle(lake)
        if newest > noted:  # of a takedown, which has no row of `runs`
            (latest,) = connection.execute("select coalesce(max(finished_at), 0) from cycles").fetchone()
            connection.execute("insert into cycles values (?, ?, ?)", (newest, "rebuilt", latest))
    return max(newest, int(noted))
