"""What each engine needs. So far one: the local runner, which is FnApiRunner by name."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineResult

from pipeline.options import nearest_flag
from schemas.errors import UsageError


def beam_options(beam_flags: Sequence[str]) -> PipelineOptions:
    """Return Beam's options for flags that are not newsbeam's own.

    Raises:
        UsageError: Beam does not know a flag either, or it asks for workers of Beam's own.
    """
    _, unknown = _beam_parser().parse_known_args(list(beam_flags))
    if unknown:
        hint = nearest_flag(unknown[0])
        raise UsageError(f"neither newsbeam nor Beam knows {unknown[0]}{hint} (newsbeam run --help lists the flags)")
    options = PipelineOptions(list(beam_flags))
    direct = options.view_as(DirectOptions)
    if direct.direct_num_workers != 1 or direct.direct_running_mode != "in_memory":
        raise UsageError("Beam's own workers cannot share a lake's memory; --processes sets the worker processes")
    return options


def run_locally(pipeline: beam.Pipeline) -> PipelineResult:
    """Run a bounded pipeline in this process and wait for its end; the first exception of a stage ends it."""
    result = pipeline.run()
    result.wait_until_finish()
    return result


def local_pipeline(options: PipelineOptions) -> beam.Pipeline:
    """Return an empty pipeline for the local runner."""
    return beam.Pipeline(runner=FnApiRunner(), options=options)


def _beam_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for kind in PipelineOptions.__subclasses__():
        kind._add_argparse_args(parser)
    return parser
