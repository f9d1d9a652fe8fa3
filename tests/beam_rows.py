"""Runs a stage on the local runner and brings its rows back: through files, since a stage's functions are pickled."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.test_stream import TestStream
from apache_beam.transforms.window import TimestampedValue


class _Keep(beam.DoFn):
    def __init__(self, path: str) -> None:
        self._path = path

    def process(self, row: Any, timestamp: Any = beam.DoFn.TimestampParam) -> None:
        with Path(self._path).open("ab") as file:
            pickle.dump((row, float(timestamp)), file)


class _Stamp(beam.DoFn):
    def process(self, row: Any, stamps: Mapping[Any, float]) -> Iterable[Any]:
        yield TimestampedValue(row, stamps[row])


def run_stage(
    stage: beam.PTransform, rows: Iterable[Any], folder: Path, *tags: str, stamps: Mapping[Any, float] | None = None
) -> dict[str, list[tuple[Any, float]]]:
    """Return (row, timestamp) pairs by tag ("" for the one output of a stage without tags)."""
    kept = {tag: folder / uuid4().hex for tag in tags or ("",)}
    rows = list(rows)
    pipeline = beam.Pipeline(runner=FnApiRunner())
    given = pipeline | beam.Create(rows, reshuffle=False).with_output_types(type(rows[0]))
    if stamps is not None:
        given = given | "Stamp" >> beam.ParDo(_Stamp(), dict(stamps)).with_output_types(type(rows[0]))
    outputs = given | stage
    for tag, path in kept.items():
        output = outputs[tag] if tag else outputs
        _ = output | f"Keep{tag}" >> beam.ParDo(_Keep(str(path)))
    result = pipeline.run()
    result.wait_until_finish()
    return {tag: _read(path) for tag, path in kept.items()} | {"counters": _counters(result)}


def stream_pipeline() -> beam.Pipeline:
    """Return an empty pipeline for streams of a test's making, on the runner of Beam's that is made for them."""
    options = PipelineOptions([])
    options.view_as(StandardOptions).streaming = True
    return beam.Pipeline(runner=BundleBasedDirectRunner(), options=options)


def run_stream(stage: beam.PTransform, stream: TestStream, folder: Path, *tags: str) -> dict[str, list[Any]]:
    """Run a stage over a stream of the test's making; returns its rows by tag ("" for one)."""
    kept = {tag: folder / uuid4().hex for tag in tags or ("",)}
    pipeline = stream_pipeline()
    outputs = pipeline | stream | stage
    for tag, path in kept.items():
        _ = (outputs[tag] if tag else outputs) | f"Keep{tag}" >> beam.ParDo(_Keep(str(path)))
    pipeline.run().wait_until_finish()
    return {tag: [row for row, _ in _read(path)] for tag, path in kept.items()}


def _read(path: Path) -> list[tuple[Any, float]]:
    rows = []
    if path.exists():
        with path.open("rb") as file:
            while file.peek(1):
                rows.append(pickle.load(file))  # noqa: S301  (written above)
    return rows


def _counters(result: Any) -> Any:
    counters = result.metrics().query()["counters"]
    return {one.key.metric.name: one.committed for one in counters}
