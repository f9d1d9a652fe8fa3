from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import LakeError
from tests.samples import SEEN_AT, reject
from transforms.batch_files import Batch, BatchFiles
from transforms.functions.parquet_rows import flat_row
from transforms.lake_files import UNPUBLISHED

SERIES = "run-000"
DAY = 86_400_000_000


class Engine:
    """An engine that keeps a shard's state, takes checkpoints, and fails: what `WriteStream` runs on, in a few lines.

    The source gives other rows at each try, as feeds do: row `n` of the state's count, with a suffix for the try.
    """

    def __init__(self, lake: Path) -> None:
        self.lake = lake
        self.files = BatchFiles("rejects", str(lake))
        self.number, self.rows = 0, 0
        self.durable = (0, 0)
        self.taken: tuple[int, int] | None = None
        """State of a checkpoint that is under way."""
        self.finalizers: list[tuple[int, int]] = []
        """Of bundles that wait to hear that the state is durable: the batch, and what had been told before."""
        self.given: list[tuple[int, str]] = []
        """Rows of batches that the state counts as done, with the number of the batch."""
        self.tries = 0

    def flush(self, size: int) -> None:
        self.number = self.files.settle(SERIES, self.number)
        ids = [f"{self.rows + number}-{self.tries}" for number in range(size)]
        rows = [
            flat_row(reject(0, reject_id=one, first_seen_at=SEEN_AT + place % 2 * DAY)) for place, one in enumerate(ids)
        ]
        self.files.write(Batch(SERIES, self.number, rows))
        self.finalizers.append((self.number, self.files.told(SERIES)))
        self.given += [(self.number, one) for one in ids]
        self.number, self.rows = self.number + 1, self.rows + size

    def take(self) -> None:
        """Take the state for a checkpoint."""
        self.taken = (self.number, self.rows)

    def complete(self, finalized: int) -> None:
        """Complete the checkpoint, where one is under way, and tell so many bundles of it before whatever comes next.

        As Flink does, also those that ended after the state had been taken.
        """
        if self.taken is None:
            return
        self.durable, self.taken = self.taken, None
        for number, told_before in self.finalizers[:finalized]:
            self.files.hear(SERIES, number, told_before)
        del self.finalizers[:finalized]

    def checkpoint(self, finalized: int = 99) -> None:
        self.take()
        self.complete(finalized)

    def look(self) -> None:
        """The timer comes, and there are no rows: what waits has the engine tell again what is durable."""
        self.number = self.files.settle(SERIES, self.number)
        if self.files.is_waiting(SERIES):
            self.finalizers.append((self.number - 1, self.files.told(SERIES)))

    def move(self) -> None:
        """Another process has the shard from now on; nothing has failed."""
        self.files = BatchFiles("rejects", str(self.lake))

    def fail(self, *, process_lives: bool) -> None:
        self.tries += 1
        self.taken = None
        self.number, self.rows = self.durable
        self.given = [(number, one) for number, one in self.given if number < self.number]
        self.finalizers = []
        if not process_lives:
            self.files = BatchFiles("rejects", str(self.lake))

    def seen(self) -> Counter[str]:
        if not list(self.lake.glob("rejects/*/*.parquet")):
            return Counter()
        query = f"select reject_id from read_parquet('{self.lake}/rejects/*/*.parquet')"
        return Counter(row[0] for row in duckdb.sql(query).fetchall())


STEPS = st.one_of(
    st.tuples(st.just("flush"), st.integers(1, 3)),
    st.tuples(st.just("take"), st.just(0)),
    st.tuples(st.just("complete"), st.integers(0, 3)),
    st.tuples(st.just("fail"), st.booleans()),
    st.tuples(st.just("look"), st.just(0)),
    st.tuples(st.just("move"), st.just(0)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=12))
def test_whatever_fails_each_row_that_counts_is_seen_once(
    tmp_path_factory: object, steps: list[tuple[str, int]]
) -> None:
    engine = Engine(tmp_path_factory.mktemp("lake"))  # type: ignore[attr-defined]
    for step, value in steps:
        if step == "flush":
            engine.flush(value)
        elif step == "take":
            engine.take()
        elif step == "complete":
            engine.complete(value)
        elif step == "look":
            engine.look()
        elif step == "move":
            engine.move()
        else:
            engine.fail(process_lives=bool(value))
        # At any moment readers see only rows that are durable, each once.
        durable = {one for number, one in engine.given if number < engine.durable[0]}
        assert not engine.seen() - Counter(durable)
    engine.checkpoint(0)
    engine.fail(process_lives=False)
    for _ in range(2):
        engine.look()
        engine.checkpoint()
    assert engine.seen() == Counter(one for _, one in engine.given)
    assert not list((engine.lake / UNPUBLISHED).rglob("*.parquet"))


def test_a_sink_that_publishes_at_once_doubles_rows_after_a_failure(tmp_path: Path) -> None:
    """The harness above sees it: this is what numbered batches and finalizers are for."""
    engine = Engine(tmp_path)
    engine.checkpoint(0)
    engine.flush(2)
    engine.files.publish(SERIES, 0)
    engine.fail(process_lives=False)
    engine.flush(2)
    engine.checkpoint(1)
    assert engine.seen() - Counter(one for _, one in engine.given)


def test_a_job_from_an_older_state_overwrites_nothing_that_readers_see(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    engine.flush(2)
    engine.flush(2)
    for _ in range(2):
        engine.checkpoint()
        engine.look()
    before = engine.seen()
    assert len(before) == 4
    engine.files = BatchFiles("rejects", str(tmp_path))
    assert engine.files.settle(SERIES, 1) == 2
    engine.number, engine.tries, engine.finalizers = 1, 9, []
    engine.flush(1)
    for _ in range(2):
        engine.checkpoint()
        engine.look()
    assert not before - engine.seen()
    assert len(engine.seen()) == 5


def test_two_series_do_not_touch_each_other(tmp_path: Path) -> None:
    files = BatchFiles("rejects", str(tmp_path))
    for series in ("run-000", "run-001"):
        files.settle(series, 0)
        files.write(Batch(series, 0, [flat_row(reject(0))]))
    BatchFiles("rejects", str(tmp_path)).settle("run-000", 0)
    assert [path.name for path in tmp_path.rglob("*.parquet")] == ["run-001-00000000.parquet"]


def test_a_bundle_of_before_a_failure_that_is_told_of_late_publishes_nothing(tmp_path: Path) -> None:
    files = BatchFiles("rejects", str(tmp_path))
    number = files.settle("run-000", 0)
    files.write(Batch("run-000", number, [flat_row(reject(0))]))
    files.settle("run-000", 0)
    files.hear("run-000", number, number)
    assert not list(tmp_path.rglob("*.parquet"))


def test_what_could_not_be_moved_when_it_was_time_is_moved_later(tmp_path: Path) -> None:
    """Beam takes a finalizer that fails for one that is done."""
    engine = Engine(tmp_path)
    engine.flush(2)
    engine.checkpoint()
    engine.look()
    (tmp_path / "rejects").write_text("in the way")
    with suppress(LakeError):
        engine.checkpoint()
    (tmp_path / "rejects").unlink()
    assert engine.files.is_waiting(SERIES)
    engine.finalizers = []
    engine.look()
    engine.checkpoint()
    assert len(engine.seen()) == 2
    assert not engine.files.is_waiting(SERIES)


def test_a_bundle_that_ended_after_the_state_was_taken_is_told_of_too_early(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    engine.take()
    engine.flush(2)
    engine.complete(1)
    assert not engine.seen()
    engine.fail(process_lives=False)
    engine.flush(2)
    for _ in range(2):
        engine.checkpoint()
        engine.look()
    assert len(engine.seen()) == 2
