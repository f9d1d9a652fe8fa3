"""A cycle that does rejects again: what it is given, and its rows of `replays`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from pyarrow.parquet import read_table

from pipeline.graph_parts import ReplayGraph
from pipeline.lake import Lake
from pipeline.memory import Memory
from pipeline.replay_memory import (
    Attempting,
    Queued,
    attempts_at,
    drop_queued,
    forget_inputs,
    is_waiting,
    note_queued,
    opened_attempts,
    queued,
)
from pipeline.replay_outcomes import InFile, Outcomes, key_of, rows_of
from schemas.due_page import DuePage
from schemas.instants import Instant
from schemas.reject import Reject
from schemas.replay import ALREADY_SEEN, QUEUED, Replay
from schemas.written_file import WrittenFile
from transforms.functions.parquet_rows import encode_by_day, flat_row
from transforms.lake_files import write_file


class Sibling(NamedTuple):
    """Another reject of an input, or an address, that is done again."""

    reject_id: str
    input_id: str | None
    source: str


@dataclass(frozen=True)
class ReplayWork:
    """What one cycle does again."""

    in_files: Sequence[InFile] = ()
    """Their slices are those that the cycle reads."""
    kept: Sequence[Reject] = ()
    """With their payloads."""
    pages: Sequence[tuple[Reject, DuePage]] = ()
    """To be fetched by a later run."""
    lost: Sequence[tuple[Reject, str, str]] = ()
    """What cannot be done again, with outcome and message."""
    siblings: Sequence[Sibling] = ()

    @property
    def reject_ids(self) -> frozenset[str]:
        """The rejects that it has; each has one row of `replays` when the cycle is over."""
        rejects = [*(one.reject for one in self.in_files), *self.kept]
        rejects += [one for one, _ in self.pages] + [one for one, _, _ in self.lost]
        return frozenset(one.reject_id for one in rejects)


@dataclass
class CycleReplay:
    """The attempts of one cycle, while it runs. Everything is noted within the cycle's transaction."""

    lake: Lake
    memory: Memory
    work: ReplayWork
    waiting: Sequence[Queued]
    """Whose pages this cycle may fetch; empty where it does not poll."""
    attempting: Attempting
    latest: Instant
    """When the latest attempt before was made."""
    rows: list[Replay] = field(default_factory=list)

    def graph(self) -> ReplayGraph:
        """Return what the graph is built from."""
        return ReplayGraph(self.open_attempts(), self.work.kept)

    def open_attempts(self) -> partial[Attempting]:
        """Return what stages find the attempts by."""
        return partial(attempts_at, str(self.lake.memory))

    def write(self, cycle: int, run_id: str, at: Instant) -> list[WrittenFile]:
        """Write the rows of `replays`, once all else is written; returns the files.

        They bear a later time than all attempts before, whatever the clock says: of a reject the latest one counts.
        """
        written = self.memory.files_of(cycle)
        outcomes = Outcomes(self.attempting, rows_of(self.lake, written), run_id, max(at, self.latest + 1))
        rows = [*self._queue(outcomes), *self._settle_queued(outcomes, written)]
        rows += [outcomes.of_file(one) for one in self.work.in_files]
        rows += [outcomes.of_input(reject) for reject in self.work.kept]
        rows += [outcomes.row(reject.reject_id, why, message=text) for reject, why, text in self.work.lost]
        rows += outcomes.of_others(rows)
        files = []
        for file in encode_by_day("replays", map(flat_row, rows), f"c{cycle:08d}-000.parquet"):
            write_file(str(self.lake.unpublished / file.path), file.content)
            files.append(WrittenFile("replays", file.path, file.rows, len(file.content)))
        self.rows = rows
        return files

    def _queue(self, outcomes: Outcomes) -> Iterator[Replay]:
        """Have the pages fetched by whoever polls next."""
        if not self.work.pages:
            return
        from pipeline.feed_memory import FeedMemory  # with the HTTP client, which files have no use for
        from pipeline.host_memory import opened_hosts

        with opened_hosts(self.lake.hosts) as hosts:
            feeds = FeedMemory(self.memory, hosts)
            feeds.make_tables()
            for reject, page in self.work.pages:
                if not feeds.add_page(page) and not is_waiting(self.memory, page.url):
                    yield outcomes.row(reject.reject_id, ALREADY_SEEN, message="its page was taken down")
                    continue
                others = [one for one in self.work.siblings if one.source == page.url]
                note_queued(self.memory, [Queued(one.reject_id, page.url, False) for one in others])
                note_queued(self.memory, [Queued(reject.reject_id, page.url, True)])
                # The same page may come once more, and is to be looked at then.
                own = [reject.input_id] if reject.source == page.url else []
                forget_inputs(self.memory, [*own, *(one.input_id for one in others)])
                yield outcomes.row(reject.reject_id, QUEUED)

    def _settle_queued(self, outcomes: Outcomes, written: Iterable[WrittenFile]) -> Iterator[Replay]:
        """Say what came of pages that wait no more."""
        done = [one for one in self.waiting if not is_waiting(self.memory, one.url)]
        asked = _asked(self.lake, written) if done else frozenset()
        others: dict[str, list[str]] = defaultdict(list)
        for one in done:
            others[one.url].append(one.reject_id)
        for one in done:
            if one.is_tried:
                yield outcomes.of_page(one, others[one.url], is_asked=one.url in asked)
        drop_queued(self.memory, [one.reject_id for one in done])


@contextmanager
def replaying(lake: Lake, memory: Memory, work: ReplayWork | None, *, polls: bool) -> Iterator[CycleReplay | None]:
    """Open the attempts of a cycle, within its transaction; None where nothing is done again."""
    waiting = queued(memory) if polls else []
    if work is None and not waiting:
        yield None
        return
    work = work or ReplayWork()
    tried = [*(one.reject for one in work.in_files), *work.kept, *(reject for reject, _ in work.pages)]
    known = {one.reject_id for one in tried} | {one.reject_id for one in waiting}
    known |= {one.reject_id for one in work.siblings}
    attempting = Attempting(memory, [key_of(one.reject) for one in work.in_files], known)
    with opened_attempts(memory, attempting):
        yield CycleReplay(lake, memory, work, waiting, attempting, _latest_attempt(lake))


def _latest_attempt(lake: Lake) -> Instant:
    from pipeline.commands.query import connect  # with DuckDB, which a run that does nothing again has no use for

    with connect(str(lake.root), ("replays",)) as connection:
        query = "select coalesce(epoch_us(max(attempted_at)), 0) from replays"
        return int(connection.execute(query).fetchall()[0][0])


def _asked(lake: Lake, files: Iterable[WrittenFile]) -> frozenset[str]:
    """Return the addresses that this cycle has asked."""
    paths = [lake.unpublished / file.path for file in files if file.table == "fetches"]
    tables = [read_table(path, columns=["url"], partitioning=None) for path in paths]
    return frozenset(str(url) for table in tables for url in table["url"].to_pylist())
