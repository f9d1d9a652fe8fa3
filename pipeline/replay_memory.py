"""What rejects that are done again need of the memory: inputs that count as new once more, pages that are waited for.

Nothing is taken out of the memory but the pages that are to be fetched once more. Any other input that is done again is
only answered for as if it were new, the first time that it is met; so a cycle that dies leaves no trace, and an input
that is not there any more stays known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from pipeline.memory import Memory
from schemas.reject import Reject

_QUEUE: Final = (
    "create table if not exists replay_queue (reject_id text primary key, url text not null, "
    "is_tried integer not null) without rowid"
)
"""Rejects whose page is fetched by a later run. Those that are not tried are other rejects of the same address: should
the page fail as it did for one of them, that has its row already."""


class Queued(NamedTuple):
    """A reject whose page is waited for, or another one of its address."""

    reject_id: str
    url: str
    is_tried: bool


def queued(memory: Memory) -> list[Queued]:
    """Return what waits. A lake in which no page was ever queued has no table of them."""
    if memory.row("select 1 from sqlite_master where name = 'replay_queue'") is None:
        return []
    rows = memory.rows("select reject_id, url, is_tried from replay_queue order by reject_id")
    return [Queued(reject_id, url, bool(is_tried)) for reject_id, url, is_tried in rows]


def note_queued(memory: Memory, rejects: Iterable[Queued]) -> None:
    """Note, within a cycle, rejects whose page is waited for from now on."""
    memory.do(_QUEUE)
    for one in rejects:
        on_conflict = "on conflict do update set is_tried = max(is_tried, excluded.is_tried)"
        memory.do(f"insert into replay_queue values (?, ?, ?) {on_conflict}", *one)


def drop_queued(memory: Memory, reject_ids: Iterable[str]) -> None:
    """Forget, within a cycle, rejects whose page is waited for no more."""
    for reject_id in reject_ids:
        memory.do("delete from replay_queue where reject_id = ?", reject_id)


def forget_inputs(memory: Memory, input_ids: Iterable[str | None]) -> None:
    """Have inputs count as new when they come again: pages that are to be fetched once more."""
    for input_id in input_ids:
        if input_id is not None:
            memory.forget_input(input_id)


def is_waiting(memory: Memory, url: str) -> bool:
    """Whether a page is still to be fetched."""
    return memory.row("select 1 from due_pages where url = ?", url) is not None


class Attempting:
    """What the stages of one cycle ask about rejects that are done again: `InputIndex` and `Attempts`.

    Args:
        input_ids: how the memory knows the inputs that are done again.
        reject_ids: rejects that have a row: those that are done again, and others of the same inputs.
    """

    def __init__(self, memory: Memory, input_ids: Collection[str], reject_ids: Collection[str]) -> None:
        self._memory = memory
        self._input_ids = frozenset(input_ids)
        self._reject_ids = frozenset(reject_ids)
        self.met: set[str] = set()
        """Inputs that were there."""
        self.failed: dict[str, Reject] = {}
        """Rejects that have failed as before, by their id."""

    def knows_input(self, input_id: str) -> bool:
        """Whether an input has had its outcome: what is done again has not, until it is met."""
        if input_id in self._input_ids and input_id not in self.met:
            self.met.add(input_id)
            return False
        return self._memory.knows_input(input_id)

    def remember_input(self, input_id: str) -> None:
        """Note that this input has its outcome."""
        self._memory.remember_input(input_id)

    def inputs_of_slice(self, digest: str) -> int | None:
        """None: slices are only read where one of their inputs is done again."""

    def remember_slice(self, digest: str, inputs: int) -> None:
        """Note that all inputs of this slice have their outcome."""
        self._memory.remember_slice(digest, inputs)

    def note_failure(self, reject: Reject) -> bool:
        """Note that a reject has failed; returns whether it has its row already."""
        if reject.reject_id not in self._reject_ids:
            return False
        self.failed[reject.reject_id] = reject
        return True


_open: dict[str, Attempting] = {}


@contextmanager
def opened_attempts(memory: Memory, attempting: Attempting) -> Iterator[None]:
    """Have the stages of this process find the attempts of a cycle while the block runs."""
    _open[str(memory.path)] = attempting
    try:
        yield
    finally:
        del _open[str(memory.path)]


def attempts_at(path: str) -> Attempting:
    """Return the attempts that go on over a memory: what a stage's `open_attempts` and `open_index` are made of."""
    return _open[path]
