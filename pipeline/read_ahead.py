"""The cycles of a run over files, and the first pages of each extracted before it begins.

Worker processes have nothing to do while Beam loads, and while a cycle is decided and written, which one process does
(3 s of 40 for 2,000 pages on two cores, measured). Meanwhile the pages of the cycle to come are given to them. What
they make of them waits in their pool, where the cycle's own stage finds it; nothing is remembered or written before
that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from typing import Final

from pipeline.input_plan import is_page
from schemas.errors import NewsbeamError
from schemas.input_slice import InputSlice
from schemas.instants import Instant, instant_of
from schemas.page import Page
from transforms.functions.folder_inputs import ForgetfulIndex, InputIndex, SliceReader
from transforms.functions.printed_articles import ExtractPage
from transforms.functions.worker_pool import WorkerPool
from transforms.stored_files import is_remote, is_whole, read_slice

_MOST_BYTES: Final = 32_000_000
"""Of pages that wait. Two cores extract 200 of 160 kB in 4 s: longer than a cycle is decided."""

_MOST_KNOWN: Final = 50
"""Inputs known from earlier runs, after which a folder is taken for one that was read before, with nothing to do."""

_TASKS_A_PROCESS: Final = 4
"""Under way at most. A cycle that extracts keeps more of them under way (`task_stream`)."""

_SECONDS_BETWEEN_LOOKS: Final = 0.05

_PATIENCE: Final = 5.0
"""Seconds for which a disk that does not answer is waited for at the end: own choice. The thread keeps nobody."""


class ReadAhead:
    """The cycles of a plan. A context: from its start on, the first cycle is read ahead; at its end that stops.

    Args:
        pool: what the cycles extract in, too.
        index: what is known of earlier inputs; it is only asked.
        run_id: of the rows.
        plan: the slices of each cycle.
    """

    def __init__(self, pool: WorkerPool, index: InputIndex, run_id: str, plan: Iterator[list[InputSlice]]) -> None:
        self._pool = pool
        self._index = index
        self._extract = ExtractPage(run_id)
        self._plan = plan
        self._stop = Event()

    def __enter__(self) -> ReadAhead:
        self._begin(after=None)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_PATIENCE)
        self._pool.forget_ahead(lambda _: True)

    def cycles(self) -> Iterator[tuple[list[InputSlice], Instant]]:
        """Yield the slices of each cycle, with when their rows are said to be first seen; read the next one ahead."""
        while self._coming.slices:
            cycle = self._coming
            cycle.submitted_before = self._pool.submitted
            self._pool.forget_ahead(lambda page: page.first_seen_at != cycle.read_at)  # noqa: B023  (called at once)
            self._begin(after=self._thread)
            yield cycle.slices, cycle.read_at

    def _begin(self, after: Thread | None) -> None:
        self._coming = _Cycle(next(self._plan, []))
        self._thread = Thread(target=self._read, args=(self._coming, after), daemon=True)
        self._thread.start()

    def _read(self, cycle: _Cycle, after: Thread | None) -> None:
        if after is not None:
            after.join()
        with suppress(NewsbeamError, OSError):  # of memory or disk: the cycle meets it, too, and says what it is
            pages, left = self._pages(cycle), _MOST_BYTES
            while left > 0 and self._is_short_of_work(cycle) and (page := next(pages, None)):
                self._pool.start_ahead(self._extract, page)
                left -= len(page.body)

    def _is_short_of_work(self, cycle: _Cycle) -> bool:
        """Wait until the processes have little to do; returns False where the cycle itself reads before that."""
        while not self._stop.is_set() and cycle.submitted_before in (None, self._pool.submitted):
            if self._pool.tasks_under_way() < _TASKS_A_PROCESS * self._pool.processes:
                return True
            self._stop.wait(_SECONDS_BETWEEN_LOOKS)
        return False

    def _pages(self, cycle: _Cycle) -> Iterator[Page]:
        """Yield the new pages among files that are pages by their names, as the cycle is going to read them."""
        reader = SliceReader(_OnlyAsked(self._index), self._extract.run_id, cycle.read_at)
        for piece in cycle.slices:
            if self._stop.is_set() or reader.already_seen > _MOST_KNOWN:
                return
            if is_page(piece) and is_whole(piece) and not is_remote(piece.path):
                for row in reader.rows_of(piece, *read_slice(piece)):
                    if isinstance(row, Page):
                        yield row


@dataclass
class _Cycle:
    """A cycle to come, or one that has just begun."""

    slices: list[InputSlice]
    submitted_before: int | None = None
    """Tasks that the pool had been given when the cycle began; None before that."""
    _lock: Lock = field(default_factory=Lock)
    _read_at: Instant | None = None

    @property
    def read_at(self) -> Instant:
        """When it is said to be read: when somebody first asks."""
        with self._lock:
            if self._read_at is None:
                self._read_at = instant_of(datetime.now(UTC))
            return self._read_at


class _OnlyAsked(ForgetfulIndex):
    """What is known of earlier inputs, and of those read ahead; nothing is noted in it."""

    def __init__(self, index: InputIndex) -> None:
        self._index = index
        self._read: set[str] = set()

    def knows_input(self, input_id: str) -> bool:
        return input_id in self._read or self._index.knows_input(input_id)

    def remember_input(self, input_id: str) -> None:
        self._read.add(input_id)
