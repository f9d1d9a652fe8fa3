"""Which rejects are done again, how, and in which cycles."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import duckdb

from pipeline import input_plan
from pipeline.batches import batches
from pipeline.commands.query import connect
from pipeline.input_plan import cycles_of
from pipeline.lake import Lake
from pipeline.memory import Memory
from pipeline.replay_cycle import ReplayWork, Sibling
from pipeline.replay_files import FilePlan, in_file
from pipeline.replay_memory import queued
from schemas.errors import InputRejected
from schemas.input_slice import InputSlice
from schemas.instants import Instant, instant_of
from schemas.reject import Reject
from schemas.replay import NOT_KEPT, SOURCE_GONE
from transforms.functions.reject_payloads import (
    FILE,
    KEPT,
    KEPT_TOO_LITTLE,
    PAGE,
    due_page_of,
    is_whole_file,
    may_need_payload,
    way_of,
)
from transforms.stored_files import local_path

WAITING: Final = "waiting"
"""Way of a reject whose page waits to be fetched already."""


class Wanted(NamedTuple):
    """Which rejects are meant: of those that are open, all that have everything that is given."""

    stage: str | None = None
    reason: str | None = None
    since: Instant | None = None
    only_retryable: bool = False


@dataclass
class Chosen:
    """Open rejects that are meant, without payloads, by the way in which they are done again."""

    by_way: dict[str, list[Reject]] = field(default_factory=dict)

    @property
    def counts(self) -> Counter[tuple[str, str, str]]:
        """How many there are of each stage, reason and way."""
        return Counter((one.stage, one.reason, way) for way, rejects in self.by_way.items() for one in rejects)

    def number(self, *ways: str) -> int:
        """Return how many there are of some ways."""
        return sum(len(self.by_way.get(way, ())) for way in ways)


@dataclass
class Replay:
    """The rejects of one lake that are done again. The lake must not be written meanwhile but by this process."""

    lake: Lake
    memory: Memory
    wanted: Wanted
    _connection: duckdb.DuckDBPyConnection = field(init=False)

    def __post_init__(self) -> None:
        self._connection = connect(str(self.lake.root), ("rejects",))

    def what_is_not_there(self) -> str | None:
        """Return which stage or reason is asked for that no reject of the lake has, open or settled, and which ones
        there are; None where each is there.

        It is no error: the same command may be given every night, also before anything was rejected so.
        """
        wanted = {"stage": self.wanted.stage, "reason": self.wanted.reason}
        asked = {name: value for name, value in wanted.items() if value is not None}  # each: a look through all rejects
        there = {name: self._all_of(name) for name in asked}
        missing = {name: value for name, value in asked.items() if value not in there[name]}
        if missing and not any(there.values()):
            named = " or the ".join(f"{name} {value}" for name, value in missing.items())
            return f"no reject has the {named}; there are no rejects at all"
        notes = [f"no reject has the {name} {missing[name]}; there are {', '.join(there[name])}" for name in missing]
        return "; ".join(notes) or None

    def choose(self) -> Chosen:
        """Return the open rejects that are meant."""
        condition, values = _condition(self.wanted)
        query = f"select {_COLUMNS} from rejects where {condition} order by source, line, reject_id"
        rejects = {one.reject_id: one for one in map(_reject, self._ask(query, values))}
        found = list(rejects.values())
        waiting = {one.reject_id for one in queued(self.memory) if one.is_tried}
        chosen = Chosen()
        for batch in _by_cycle([one for one in found if one.reject_id not in waiting]):
            for reject in self._with_payloads(batch, only_needed=True):
                chosen.by_way.setdefault(way_of(reject), []).append(reject._replace(payload=None))
        chosen.by_way[WAITING] = [one for one in found if one.reject_id in waiting]
        return chosen

    def cycles(self, chosen: Chosen) -> Iterator[tuple[list[InputSlice], ReplayWork]]:
        """Yield what each cycle does: the slices that it reads, and the rejects that are done again."""
        for batch in _by_cycle(chosen.by_way.get(KEPT, [])):
            kept = tuple(self._with_payloads(batch))
            yield [], ReplayWork(kept=kept, siblings=self._siblings(kept))
        for batch in _by_cycle([*chosen.by_way.get(PAGE, []), *chosen.by_way.get(KEPT_TOO_LITTLE, [])]):
            yield [], self._pages(self._with_payloads(batch))
        plan = FilePlan(list(map(in_file, chosen.by_way.get(FILE, []))))
        for slices in cycles_of(plan.slices()):
            yield slices, self._in_files(plan, slices)
        for lost in _by_cycle(plan.lost):
            yield [], self._lost(lost)

    def stored_bytes(self, chosen: Chosen) -> int:
        """Return about how much is read, for progress: the files of this machine, whole."""
        paths = {local_path(in_file(one).path) for one in chosen.by_way.get(FILE, ())}
        return sum(os.path.getsize(path) for path in paths if os.path.isfile(path))

    def _pages(self, rejects: Iterable[Reject]) -> ReplayWork:
        now = instant_of(datetime.now(UTC))
        pages, lost = [], []
        for reject in rejects:
            try:
                if way_of(reject) != PAGE:
                    raise InputRejected(NOT_KEPT, "too little of it was kept, and its feed gives no address")
                pages.append((reject, due_page_of(reject, now)))
            except InputRejected as rejected:
                lost.append((reject, NOT_KEPT, rejected.message))
        urls = [page.url for _, page in pages]
        siblings = self._siblings([reject for reject, _ in pages], urls)
        return ReplayWork(pages=tuple(pages), lost=tuple(lost), siblings=siblings)

    def _lost(self, lost: Sequence[tuple[Reject, str, str]]) -> ReplayWork:
        """Do again from their rows what files do not have any more, where it was small enough to be kept whole."""
        rejects = self._with_payloads([reject for reject, outcome, _ in lost if outcome == SOURCE_GONE])
        kept = {one.reject_id: one for one in rejects if is_whole_file(one)}
        rest = tuple(one for one in lost if one[0].reject_id not in kept)
        return ReplayWork(kept=tuple(kept.values()), lost=rest, siblings=self._siblings(list(kept.values())))

    def _in_files(self, plan: FilePlan, slices: Sequence[InputSlice]) -> ReplayWork:
        in_files = tuple(one for piece in slices for one in plan.take(piece))
        return ReplayWork(in_files=in_files, siblings=self._siblings([one.reject for one in in_files]))

    # Asking the lake

    def _ask(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        return self._connection.execute(query, list(values)).fetchall()

    def _all_of(self, column: str) -> list[str]:
        return [found for (found,) in self._ask(f"select distinct {column} from rejects order by 1")]

    def _with_payloads(self, rejects: Sequence[Reject], *, only_needed: bool = False) -> list[Reject]:
        needed = [one.reject_id for one in rejects if not only_needed or may_need_payload(one)]
        query = "select reject_id, payload from rejects where reject_id in (select unnest(?))"
        payloads = dict(self._ask(query, [needed])) if needed else {}
        return [one._replace(payload=payloads.get(one.reject_id)) for one in rejects]

    def _siblings(self, rejects: Sequence[Reject], urls: Sequence[str] = ()) -> tuple[Sibling, ...]:
        """Return other rejects of the same inputs and addresses, settled or not: what fails may fail as one of them."""
        input_ids = [one.input_id for one in rejects if one.input_id is not None]
        query = (
            "select reject_id, input_id, source from rejects "
            "where input_id in (select unnest(?::varchar[])) or source in (select unnest(?::varchar[])) order by 1"
        )
        own = {one.reject_id for one in rejects}
        return tuple(Sibling(*row) for row in self._ask(query, [input_ids, list(urls)]) if row[0] not in own)


_FIELDS: Final = tuple(name for name in Reject._fields if name != "payload")
_COLUMNS: Final = ", ".join("epoch_us(first_seen_at)" if name == "first_seen_at" else name for name in _FIELDS)


def _reject(row: Sequence[Any]) -> Reject:
    return Reject(**dict(zip(_FIELDS, row, strict=True)))


def _condition(wanted: Wanted) -> tuple[str, list[Any]]:
    conditions, values = ["settled_at is null"], []
    for condition, value in (
        ("stage = ?", wanted.stage),
        ("reason = ?", wanted.reason),
        ("epoch_us(first_seen_at) >= ?", wanted.since),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if wanted.only_retryable:
        conditions.append("retryable")
    return " and ".join(conditions), values


def _by_cycle(rejects: Sequence[Any]) -> Iterator[list[Any]]:
    return batches(rejects, input_plan.CYCLE_SLICES)
