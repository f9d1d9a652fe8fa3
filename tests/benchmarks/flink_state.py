"""The duplicate decision on Flink with little and with much in its state: time a document, checkpoints, restores.

    python tests/benchmarks/flink_state.py [--remembered 10000 100000]

For each size a job on a cluster that this program starts is given so many made-up texts (300 shingles on average, all
different, one language, so that one serial stage has them all) as fast as it takes them, then one text a tick. Printed:
milliseconds a document over the last 5,000 (everything with it: the engine, its streams to the worker, the checkpoints
meanwhile), then, with all remembered, the last three checkpoints, the Python worker's memory, and how long it takes
from a kill of the worker, and from a start with a savepoint, until the first text after it is decided.
"""

from __future__ import annotations

import argparse
import pickle
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

if __name__ == "__main__":  # as a program, from any folder
    sys.path.insert(0, str(Path(__file__).parents[2]))

import apache_beam as beam
import psutil
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.engines.flink_cluster import FlinkCluster
from pipeline.engines.flink_rest import Job
from pipeline.engines.places import engines_folder
from tests.samples import article
from transforms.deduplicate_stream import DeduplicateStream
from transforms.functions.printed_articles import print_article
from transforms.tick import Tick

A_FILE: Final = 1_000
PROBES: Final = 4_000
"""Texts beyond those to be remembered: one a tick, so that there is one to decide at any time."""
TICK: Final = 0.25
A_TICK: Final = 500
"""2,000 a second are offered: more than are decided."""
LAST: Final = 5_000
LIMIT: Final = 1_800.0


def make_texts(folder: str, number: int) -> None:
    """Write a file of texts as the stage takes them."""
    draw = random.Random(number)
    made = []
    for text in range(number * A_FILE, (number + 1) * A_FILE):
        words = " ".join(f"w{draw.randrange(40_000):x}" for _ in range(draw.randrange(40, 620)))
        made.append(print_article(article(f"{text:07d}", article_body=words, in_language="en", source=f"{text}")))
    Path(folder, f"{number:04d}.pickle").write_bytes(pickle.dumps(made))


class _Emit(beam.DoFn):
    """A tick's number -> its texts."""

    def __init__(self, folder: str, remembered: int) -> None:
        self._folder, self._remembered = folder, remembered
        self._files: dict[int, list[Any]] = {}

    def process(self, tick: int) -> Iterator[Any]:
        filling = self._remembered // A_TICK
        if tick < filling:
            wanted = range(tick * A_TICK, (tick + 1) * A_TICK)
        else:
            wanted = range(self._remembered + tick - filling, self._remembered + tick - filling + 1)
        yield from map(self._text, wanted)

    def _text(self, number: int) -> Any:
        file = number // A_FILE
        if file not in self._files:
            self._files = {file: pickle.loads(Path(self._folder, f"{file:04d}.pickle").read_bytes())}  # noqa: S301
        return self._files[file][number % A_FILE]


class _Note(beam.DoFn):
    """Writes down when a text was decided."""

    def __init__(self, path: str, remembered: int) -> None:
        self._path, self._remembered = path, remembered

    def process(self, row: Any) -> None:
        number = int(row.source)
        if number % 100 == 99 or number >= self._remembered:
            with Path(self._path).open("a") as notes:
                notes.write(f"{number} {time.time()}\n")


class Measured:
    """A job over so many texts, and its notes."""

    def __init__(self, cluster: FlinkCluster, folder: Path, remembered: int) -> None:
        self.cluster, self.folder, self.remembered = cluster, folder, remembered
        self.notes = folder / f"notes-{remembered}.txt"
        self.job_id = ""

    def submit(self, *more: str) -> None:
        """Start the job; returns when Flink has it."""
        known = {job.job_id for job in self.cluster.rest.jobs()}
        needed = ["--streaming", "--checkpointing_interval=10000", "--externalized_checkpoints_enabled"]
        options = PipelineOptions([*self.cluster.flags(), *needed, "--finish_bundle_before_checkpointing", *more])
        pipeline = beam.Pipeline(options=options)
        texts = pipeline | Tick(TICK) | "Emit" >> beam.ParDo(_Emit(str(self.folder), self.remembered))
        decided = texts | "Deduplicate" >> DeduplicateStream("run")
        _ = decided["articles"] | "Note" >> beam.ParDo(_Note(str(self.notes), self.remembered))
        pipeline.run()
        while not self.job_id or self.job_id in known:
            self.job_id = next((job.job_id for job in self.cluster.rest.jobs() if job.job_id not in known), "")

    def decided(self) -> dict[int, float]:
        """Return when each text that was noted was decided first."""
        found: dict[int, float] = {}
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        for number, moment in (line.split() for line in lines if line.count(" ") == 1):
            found.setdefault(int(number), float(moment))
        return found

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait."""
        until = time.monotonic() + LIMIT
        while not is_so():
            if time.monotonic() > until:
                raise TimeoutError(f"not within {LIMIT:g} s; {len(self.decided())} notes: {self.cluster.folder}/logs")
            time.sleep(0.2)

    def job(self) -> Job:
        """Return what Flink knows of the job."""
        return self.cluster.rest.job(self.job_id)

    def seconds_to_next(self, since: float) -> float:
        """Return seconds from a moment to the first text that was decided for the first time after it."""
        self.wait_until(lambda: max(self.decided().values()) > since)
        return min(moment for moment in self.decided().values() if moment > since) - since

    def workers_memory(self) -> float:
        """Return megabytes of the Python workers."""
        return sum(psutil.Process(worker.pid).memory_info().rss for worker in self.cluster.workers()) / 1e6


def measure(job: Measured) -> str:
    """Run all of it; returns a row of the table."""
    job.submit()
    job.wait_until(lambda: job.remembered - 1 in job.decided())
    decided = job.decided()
    took = decided[job.remembered - 1] - decided[job.remembered - LAST - 1]
    checkpoints = []
    for _ in range(3):
        now = time.time()
        job.wait_until(lambda: (job.job().checkpoint or (0,) * 5)[2] > now)  # noqa: B023
        checkpoint = job.job().checkpoint
        assert checkpoint is not None
        checkpoints.append(checkpoint)
    memory, killed = job.workers_memory(), time.time()
    job.cluster.kill_workers()
    after_kill = job.seconds_to_next(killed)
    time.sleep(15)
    began = time.time()
    savepoint = job.cluster.rest.stop(job.job_id)
    stopped = time.time()
    job.submit("--savepoint_path", savepoint)
    after_start = job.seconds_to_next(stopped)
    restored = job.workers_memory()
    job.cluster.rest.cancel(job.job_id)
    seconds = sorted(checkpoint.seconds for checkpoint in checkpoints)
    return (
        f"| {job.remembered:,} | {took / LAST * 1e3:.2f} | {checkpoints[-1].bytes / 1e6:.1f} | {seconds[1]:.2f} | "
        f"{memory:.0f} | {after_kill:.1f} | {stopped - began:.1f} | {after_start:.1f} | {restored:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--remembered", type=int, nargs="+", default=[10_000, 100_000], help="default: %(default)s")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flink-state-") as name:
        folder = Path(name)
        files = (max(options.remembered) + PROBES) // A_FILE
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            list(pool.map(partial(make_texts, name), range(files)))
        cluster = FlinkCluster(folder / "cluster", engines_folder())
        try:
            cluster.up()
            print(
                "| remembered | ms a document | checkpoint MB | checkpoint s | worker MB | first text after a kill s "
                "| savepoint s | first text after a start from it s | worker MB then |\n" + "|---" * 9 + "|"
            )
            for remembered in options.remembered:
                print(measure(Measured(cluster, folder, remembered)), flush=True)
        finally:
            cluster.down(forget=True)


if __name__ == "__main__":
    main()
