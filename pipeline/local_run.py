"""A run on this machine, as its cycles see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.lake import Lake
from pipeline.memory import Memory
from pipeline.settings import RunSettings

if TYPE_CHECKING:  # loads Beam, for which the first pages need not wait
    from apache_beam.options.pipeline_options import PipelineOptions


@dataclass(frozen=True)
class LocalRun:
    """What all cycles of a run have: the lake, held by this process, its open memory, and how the work is done."""

    lake: Lake
    memory: Memory
    settings: RunSettings
    options: PipelineOptions
    run_id: str
