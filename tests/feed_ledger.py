"""Compares a lake with the scripted world that it was polled from: each item once, each answer a row."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import duckdb

from tests.farm_replies import Asked
from tests.farm_server import FeedFarm
from tests.feed_verdict import Verdict
from tests.feed_world import FeedWorld, Item

_TABLES: Final = ("articles", "copies", "rejects", "fetches", "feeds")
_UNREACHABLE_PAUSE: Final = 600.0

Outcomes = list[tuple[str, str]]
"""Of each row of the lake that an item became: its guid, and a table or why it was rejected."""


def open_lake(lake: Path) -> Any:
    """Return a connection with a view for each table; of `rejects`, an empty one if there are none."""
    tables = duckdb.connect()
    tables.execute("create view rejects as select '' as url, '' as reason, '' as source where false")
    for table in _TABLES:
        if next((lake / table).rglob("*.parquet"), None):
            files = f"read_parquet('{lake}/{table}/**/*.parquet', hive_partitioning = true, union_by_name = true)"
            tables.execute(f"create or replace view {table} as select * from {files}")
    return tables


def judge_items(farm: FeedFarm, lake: Path, tables: Any, stayed: set[str], verdict: Verdict) -> None:
    """Judge whether all items that the reader was sent are in the lake once, and with the right outcome.

    Args:
        stayed: items that were in their feed for as long as a due poll may take. Those whose pages are still waited for
            at the end are not judged: a run must be long enough to have none.
    """
    rows, sent, waiting = _outcomes(farm, tables), sent_items(farm.world, farm.log), _waiting_pages(lake)
    counts, outcomes = Counter(guid for guid, _ in rows), dict(rows)
    ended = {guid: item for guid, item in sent.items() if farm.url(item.host, item.path) not in waiting}
    stayed = stayed - (sent.keys() - ended.keys())
    for guid, item in ended.items():
        verdict.check("each item that was sent is in the lake", counts[guid] > 0, guid)
        if counts[guid]:
            fits = outcomes[guid] in _right_outcomes(farm.world, item)
            verdict.check("each has the outcome that the script says", fits, f"{guid}: {outcomes[guid]}")
    for guid in stayed:
        verdict.check("each item that stayed is in the lake exactly once", counts[guid] == 1, f"{guid}: {counts[guid]}")
    items = {item.guid: item for feed in farm.world.feeds for item in feed.items}
    for guid, times in counts.items():
        verdict.check("no item is in the lake twice", times == 1, f"{guid}: {times} rows")
        verdict.check("nothing is in the lake that never was", guid in items, guid)
    kinds = Counter(kind if kind in ("articles", "copies") else "rejects" for _, kind in rows)
    verdict.figures |= {
        "items published in the day": sum(item.added_at >= 0 for item in items.values()),
        "items there before": sum(item.added_at < 0 for item in items.values()),
        "items that stayed across a due poll": len(stayed),
        "of those in the lake exactly once": sum(counts[guid] == 1 for guid in stayed),
        "of those lost": sum(not counts[guid] for guid in stayed),
        "items sent to the reader": len(sent),
        "of those lost or doubled": sum(counts[guid] != 1 for guid in ended),
        "pages still waited for at the end": len(waiting),
    } | {f"rows in {kind}": kinds[kind] for kind in ("articles", "copies", "rejects")}


def sent_items(world: FeedWorld, log: Sequence[Asked]) -> dict[str, Item]:
    """Return the items of all documents that a reader was sent whole, by guid: it must have them now."""
    sent: dict[str, Item] = {}
    spans: defaultdict[int, set[tuple[int, int]]] = defaultdict(set)
    for asked in log:
        if asked.feed is not None and asked.whole and asked.status == 200 and asked.last > asked.first:
            spans[asked.feed].add((asked.first, asked.last))
    for number, some in spans.items():
        for first, last in some:
            sent |= {item.guid: item for item in world.feeds[number].items[first:last]}
    return sent


def _outcomes(farm: FeedFarm, tables: Any) -> Outcomes:
    by_url = {farm.url(item.host, item.path): item.guid for feed in farm.world.feeds for item in feed.items}
    rows: Outcomes = []
    for table in ("articles", "copies"):
        if tables.execute("select 1 from information_schema.tables where table_name = ?", [table]).fetchone():
            query = f"select json_extract_string(extra, '$.guid') from {table}"
            rows += [(by_url.get(guid, guid), table) for (guid,) in tables.execute(query).fetchall()]
    feeds = set(farm.urls())  # documents that are no feed are rejects too
    found = tables.execute("select url, reason, source from rejects").fetchall()
    return rows + [(by_url.get(url, url), reason) for url, reason, source in found if source not in feeds]


def _right_outcomes(world: FeedWorld, item: Item) -> set[str]:
    kept = {"articles", "copies"}
    if item.is_full:
        return kept
    if item.path.startswith("/private/"):
        return {"robots_disallowed"}
    if world.hosts[item.host].story == "forbidding":
        return {"http_403"}
    return {"http_404"} if item.page == "missing" else kept


def _waiting_pages(lake: Path) -> set[str]:
    memory = sqlite3.connect(f"file:{lake / '_newsbeam' / 'memory.sqlite'}?mode=ro", uri=True)
    try:
        return {url for (url,) in memory.execute("select url from due_pages")}
    finally:
        memory.close()


def judge_fetches(farm: FeedFarm, tables: Any, verdict: Verdict) -> None:
    """Judge whether the reader's own account of its requests is the servers'."""
    query = "select host, regexp_extract(url, '^https?://[^/]*(.*)$', 1), status from fetches where status > 0"
    noted = Counter(tuple(row) for row in tables.execute(query).fetchall())
    given = Counter((one.host, one.path, one.status) for one in farm.log if one.status and one.ended > one.at)
    for place in noted.keys() | given.keys():
        where = f"{place}: {given[place]} given, {noted[place]} rows"
        verdict.check("each answer is a row of fetches, each row an answer", noted[place] == given[place], where)
    verdict.figures["requests that the servers saw"] = len(farm.log)
    query = "select host, epoch(requested_at), failure from fetches order by host, requested_at"
    for before, after in pairwise(tables.execute(query).fetchall()):
        if before[0] == after[0] and before[2] == "connection_refused":
            left = after[1] - before[1]
            rule = "a host that refuses connections is left alone for 10 minutes"
            verdict.check(rule, left >= _UNREACHABLE_PAUSE, f"{after[0]}: {left:.0f} s")
