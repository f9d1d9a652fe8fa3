"""From files that a bounded run has written to files that readers see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.metrics import Metrics

import schemas.coders  # noqa: F401  (registers the rows)
from schemas.written_file import WrittenFile
from transforms.lake_files import publish_files


@dataclass
class PublishFiles(beam.PTransform):
    """WrittenFile -> the same, each moved from `unpublished` into the lake at `root`, once all of them are written.

    A run that fails before has shown readers nothing; one that is cut off here goes on when the engine tries again.
    """

    unpublished: str
    root: str

    def expand(self, files: beam.PCollection) -> beam.PCollection:
        """Chain: bring together, move."""
        publish = beam.ParDo(_Publish(self.unpublished, self.root)).with_output_types(WrittenFile)
        return (
            files
            | "KeyTogether" >> beam.Map(_together).with_output_types(tuple[int, WrittenFile])
            | "GroupAll" >> beam.GroupByKey()
            | "Publish" >> publish
        )


def _together(file: WrittenFile) -> tuple[int, WrittenFile]:
    return 0, file


class _Publish(beam.DoFn):
    def __init__(self, unpublished: str, root: str) -> None:
        self._unpublished = unpublished
        self._root = root

    def process(self, group: tuple[int, Iterable[WrittenFile]]) -> Iterator[WrittenFile]:
        files = sorted(group[1])
        publish_files(self._unpublished, self._root, (file.path for file in files))
        for file in files:
            Metrics.counter(PublishFiles, file.table).inc(file.rows)
        yield from files
