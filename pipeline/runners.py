"""What each engine needs. So far one: the local runner."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineResult

from pipeline.options import run_flags
from schemas.errors import UsageError

LOCAL_RUNNERS = ("DirectRunner", "FnApiRunner")
"""Both names mean FnApiRunner: Beam's own DirectRunner picks another engine by machine and graph."""


def check_runner(beam_flags: Sequence[str]) -> PipelineOptions:
    """Return Beam's options for flags that are not newsbeam's own.

    Raises:
        UsageError: Beam does not know a flag either, or newsbeam does not run on that runner.
    """
    options, unknown = _beam_parser().parse_known_args(list(beam_flags))
    if unknown:
        raise UsageError(
            f"neither newsbeam nor Beam knows {unknown[0]}{_nearest(unknown[0])} (newsbeam run --help lists the flags)"
        )
    if options.runner not in (None, *LOCAL_RUNNERS):
        raise UsageError(f"--runner {options.runner}: this version runs on {' and '.join(LOCAL_RUNNERS)} only")
    return PipelineOptions(list(beam_flags))


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


def _nearest(flag: str) -> str:
    near = difflib.get_close_matches(flag.partition("=")[0], run_flags(), n=1)
    return f"; perhaps {near[0]} is meant" if near else ""
