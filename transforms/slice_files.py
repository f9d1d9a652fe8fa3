"""From files to slices that can be read on their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import apache_beam as beam

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.input_slice import InputSlice


@dataclass
class SliceFiles(beam.PTransform):
    """InputSlice of a whole file -> its slices, spread over the workers."""

    slices_of: Callable[[InputSlice], Iterable[InputSlice]]

    def expand(self, files: beam.PCollection) -> beam.PCollection:
        """Chain: spread files, cut, spread slices."""
        return (
            files
            | "SpreadFiles" >> beam.Reshuffle()
            | "Slice" >> beam.FlatMap(self.slices_of).with_output_types(InputSlice)
            | "SpreadSlices" >> beam.Reshuffle()
        )
