from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.engines.flink_cluster import FlinkCluster
from pipeline.engines.flink_config import STREAM_FLAGS, Part
from pipeline.engines.flink_rest import Job
from schemas.errors import EngineError
from tests.engines.pipelines import count_ticks, counts, fail_always

_STREAM = ["--streaming", "--checkpointing_interval=1000", *STREAM_FLAGS]


def _until(what: str, holds: Callable[[], bool], seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds:g} s: {what}"
        time.sleep(0.25)


class _Stream:
    """A job that counts ticks: what it has counted, and as which job of the cluster."""

    def __init__(self, cluster: FlinkCluster, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder
        self.began = float(int(time.time()))

    def start(self, *flags: str) -> None:
        pipeline = beam.Pipeline(options=PipelineOptions([*self.cluster.flags(), *_STREAM, *flags]))
        count_ticks(pipeline, self.began, self.folder)
        pipeline.run()
        self.goes_on()

    def job(self) -> Job:
        (job,) = [job for job in self.cluster.rest.jobs() if job.state not in ("CANCELED", "FINISHED")]
        return job

    def last_tick(self) -> int:
        return max((one.tick for one in counts(self.folder)), default=-1)

    def goes_on(self) -> None:
        seen = self.last_tick()
        _until("ten more ticks", lambda: self.last_tick() >= seen + 10)

    def wait_for_checkpoint(self) -> None:
        before = self.job().checkpoint
        number = 0 if before is None else before.number
        _until("a new checkpoint", lambda: (now := self.job().checkpoint) is not None and now.number > number)

    def check(self) -> None:
        """Each tick has been counted once in the state of each key, whatever was done again after a restart."""
        seen = counts(self.folder)
        assert {one.key for one in seen} == {"a", "b"}
        assert [one for one in seen if one.count != one.tick + 1] == []
        last = self.last_tick()  # of the one key; the other is counted apart from it, and may be some ticks behind
        for key in "ab":
            _until(f"each tick up to {last} of {key}", lambda: self._ticks_of(key) >= set(range(last + 1)))  # noqa: B023

    def _ticks_of(self, key: str) -> set[int]:
        return {one.tick for one in counts(self.folder) if one.key == key}


@pytest.fixture
def stream(flink_cluster: FlinkCluster, tmp_path: Path) -> Iterator[_Stream]:
    started = _Stream(flink_cluster, tmp_path)
    yield started
    flink_cluster.up()
    for job in flink_cluster.rest.jobs():
        if job.state not in ("CANCELED", "FINISHED", "FAILED"):
            flink_cluster.rest.cancel(job.job_id)


def test_state_outlives_its_workers_and_managers_and_a_stop_with_savepoint(stream: _Stream) -> None:
    cluster = stream.cluster
    stream.start()
    stream.wait_for_checkpoint()
    first = stream.job()

    assert cluster.kill_workers() > 0
    stream.goes_on()
    _until("the restart is known", lambda: (stream.job().restarts or 0) > (first.restarts or 0))

    cluster.kill(Part.TASK_MANAGER)
    assert not cluster.is_running(Part.TASK_MANAGER)
    cluster.up()
    stream.goes_on()
    stream.wait_for_checkpoint()

    cluster.kill(Part.JOB_MANAGER)
    cluster.up()
    stream.goes_on()
    assert stream.job().job_id == first.job_id
    stream.wait_for_checkpoint()

    savepoint = cluster.rest.stop(first.job_id)
    assert Path(savepoint.removeprefix("file:")).exists()
    assert cluster.rest.job(first.job_id).state == "FINISHED"
    stopped_at = stream.last_tick()
    stream.start(f"--savepoint_path={savepoint}")
    assert stream.job().job_id != first.job_id
    assert stream.last_tick() > stopped_at
    stream.check()

    stream.wait_for_checkpoint()
    checkpoint = stream.job().checkpoint
    assert checkpoint is not None
    assert checkpoint.bytes > 0
    assert 0 < checkpoint.seconds < 60


def test_a_job_goes_on_after_down_and_up(stream: _Stream) -> None:
    stream.start()
    stream.wait_for_checkpoint()
    job_id = stream.job().job_id
    stream.cluster.down()
    assert stream.cluster.running() == []
    stream.cluster.up()
    _until("the job is there again", lambda: [job.job_id for job in stream.cluster.rest.jobs()] == [job_id])
    stream.goes_on()
    stream.check()


def test_a_bounded_job_that_always_fails_ends(flink_options: list[str], flink_cluster: FlinkCluster) -> None:
    pipeline = beam.Pipeline(options=PipelineOptions(flink_options))
    fail_always(pipeline)
    started = time.monotonic()
    with pytest.raises(RuntimeError, match="on purpose"):
        pipeline.run().wait_until_finish()
    assert time.monotonic() - started < 150
    latest = flink_cluster.rest.jobs()[0]
    assert latest.state == "FAILED"
    assert "on purpose" in flink_cluster.rest.last_exception(latest.job_id)


def test_stopping_a_job_that_is_not_there_says_so(flink_cluster: FlinkCluster) -> None:
    with pytest.raises(EngineError, match="Could not find Flink job"):
        flink_cluster.rest.stop("0" * 32)
