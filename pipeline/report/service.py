"""How a lake is served: what runs did, how feeds and their hosts are, and what could not become a row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import duckdb

from pipeline.report.texts import Window

MOST_FEEDS: Final = 20
MOST_HOSTS: Final = 15
MOST_REASONS: Final = 20
EXAMPLES: Final = 3

_ACCOUNT: Final = """
select count(distinct run_id), coalesce(sum(inputs), 0)::bigint, coalesce(sum(articles), 0)::bigint,
    coalesce(sum(copies), 0)::bigint, coalesce(sum(rejects), 0)::bigint, coalesce(sum(already_seen), 0)::bigint
from runs where started_at >= $first and started_at < $last + 1"""

# What needs a look comes first.
_BY_HEALTH: Final = "select health, count(*) from feed_health group by all order by health"
_FEEDS: Final = """
select feed_url, health, outcome, reason, epoch_us(polled_at), epoch_us(last_success_at), epoch_us(next_poll_at),
    interval_seconds, items_per_hour, possibly_lost
from feed_health order by list_position(['dead', 'failing', 'gone', 'merged', 'ok', 'removed'], health),
    failure_score desc, possibly_lost desc, feed_url limit $most"""

_HOSTS: Final = """
select host, requests, share_conditional, share_not_modified, epoch_us(smallest_gap) / 1e6, retry_after_asked,
    retry_after_broken, wire_bytes
from politeness order by retry_after_broken desc, requests desc, host limit $most"""

_REJECTS: Final = """
select stage, reason, count(*) as number, count(*) filter (retryable) as retryable,
    count(settled_at) as settled from rejects
where date between $first and $last group by all order by number desc, stage, reason"""

_EXAMPLES: Final = """
select stage, reason, source, url, left(message, 500) from rejects where date between $first and $last
qualify row_number() over (partition by stage, reason order by first_seen_at desc, reject_id) <= $examples"""


class Account(NamedTuple):
    """What the window's runs did: `inputs` is the sum of the four after it."""

    runs: int
    inputs: int
    articles: int
    copies: int
    rejects: int
    already_seen: int


class Feed(NamedTuple):
    """A feed as it is now; times as instants."""

    url: str
    health: str
    outcome: str
    reason: str | None
    polled_at: int
    last_success_at: int | None
    next_poll_at: int | None
    interval_seconds: float
    items_per_hour: float
    possibly_lost: int


class Host(NamedTuple):
    """How a host was treated."""

    host: str
    requests: int
    share_conditional: float | None
    share_not_modified: float | None
    smallest_gap: float | None
    retry_after_asked: int
    retry_after_broken: int
    wire_bytes: int


@dataclass(frozen=True)
class Feeds:
    """The feeds and hosts of a lake that polls; the worst ones first."""

    by_health: Mapping[str, int]
    feeds: Sequence[Feed]
    hosts: Sequence[Host]
    hosts_in_all: int
    requests: int

    @property
    def feeds_in_all(self) -> int:
        """How many feeds there are."""
        return sum(self.by_health.values())


@dataclass(frozen=True)
class Rejected:
    """Inputs that were given up for one reason, and a few of them: source, address, message."""

    stage: str
    reason: str
    number: int
    retryable: int
    settled: int
    """Done with since, by `newsbeam replay`."""
    examples: Sequence[tuple[str, str | None, str]]


@dataclass(frozen=True)
class Rejects:
    """What could not become a row, the commonest reason first."""

    shown: Sequence[Rejected]
    reasons: int
    in_all: int


def account(connection: duckdb.DuckDBPyConnection, window: Window) -> Account:
    """Return what the runs of the window did."""
    [row] = connection.execute(_ACCOUNT, window.bounds).fetchall()
    return Account(*row)


def feeds(connection: duckdb.DuckDBPyConnection) -> Feeds | None:
    """Return how the feeds are; None where the lake has never polled."""
    views = {name for (name,) in connection.execute("select view_name from duckdb_views()").fetchall()}
    if not {"feed_health", "politeness"} <= views:
        return None
    by_health = dict(connection.execute(_BY_HEALTH).fetchall())
    if not by_health:
        return None
    shown = connection.execute(_FEEDS, {"most": MOST_FEEDS}).fetchall()
    hosts = connection.execute(_HOSTS, {"most": MOST_HOSTS}).fetchall()
    [(requests, hosts_in_all)] = connection.execute("select count(*), count(distinct host) from fetches").fetchall()
    return Feeds(by_health, [Feed(*row) for row in shown], [Host(*row) for row in hosts], hosts_in_all, requests)


def rejects(connection: duckdb.DuckDBPyConnection, window: Window) -> Rejects:
    """Return what the window's inputs were rejected for, with examples."""
    counted = connection.execute(_REJECTS, window.bounds).fetchall()
    examples: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for stage, reason, *example in connection.execute(_EXAMPLES, {**window.bounds, "examples": EXAMPLES}).fetchall():
        examples[stage, reason].append(tuple(example))
    shown = [
        Rejected(stage, reason, number, retryable, settled, examples[stage, reason])
        for stage, reason, number, retryable, settled in counted[:MOST_REASONS]
    ]
    return Rejects(shown, len(counted), sum(row[2] for row in counted))
