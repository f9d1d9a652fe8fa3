"""From ticks to the slices of files that lie under some paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import apache_beam as beam

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.input_slice import InputSlice


@dataclass
class ListFiles(beam.PTransform):
    """Ticks -> an InputSlice for each file that is there at each tick, whole.

    Files are looked for where the stage runs, so that their names do not travel in the graph. A stream has to take each
    of them once (`TakeOnce`).
    """

    find: Callable[[], Iterable[InputSlice]]

    def expand(self, ticks: beam.PCollection) -> beam.PCollection:
        """Chain the one step."""
        return ticks | "Find" >> beam.FlatMap(lambda _: self.find()).with_output_types(InputSlice)


def file_key(file: InputSlice) -> str:
    """Return what a file is known by: one that has grown is another one."""
    return f"{file.stored_bytes}\n{file.path}"
