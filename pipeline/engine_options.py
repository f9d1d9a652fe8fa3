"""The flags of `newsbeam run` that say where it runs."""

from __future__ import annotations

import argparse
from typing import Final

from pipeline.settings import EngineSettings, parse_duration
from schemas.errors import UsageError

LOCAL_RUNNERS: Final = ("DirectRunner", "FnApiRunner")
"""Both names mean FnApiRunner: Beam's own DirectRunner picks another engine by machine and graph."""

ENGINES: Final = ("FlinkRunner", "DataflowRunner", "PrismRunner", "PortableRunner")

DEFAULT_SECONDS: Final = 5.0
"""Between two looks of a stream for what is due: as long as between two requests to a host, so that a host with much
that is due is asked at its own pace."""

DEFAULT_FLUSH: Final = 30.0
"""Seconds after which a stream ends a file. Small files are the price of freshness: 2,880 a table, shard and day."""

ENGINES_EPILOG: Final = """\
engines (--runner): FlinkRunner, PortableRunner (a Flink cluster's job server),
DataflowRunner, PrismRunner. Without --streaming a job reads the files that are
there and ends; with it, it goes on, taking up files that appear below --input
and polling --feeds. The tables are the same; what is remembered lies in the
job's state, so a lake is written by one job. What each engine needs is set:
  Flink     --checkpointing_interval=10000 and externalized checkpoints; rows
            are to be seen after the next checkpoint
  Prism     --experiments=prism_disable_sdf_split, a job_server_timeout of a
            year (without them it loses state), the binary that
            `make test-engines` builds; nothing survives its end
  Dataflow  give --project, --region, --temp_location,
            --sdk_container_image (deploy/dataflow/ builds it) and gs:// paths
            (runner v2 and Streaming Engine are Beam's own choice there).
            --dry_run=True builds the job and gives it to
            nobody, without a look at any file or list
--no_wait_until_finish hands a job over and ends.
Any other flag of Beam's may be given beside.
"""


def engine_settings(parsed: argparse.Namespace) -> EngineSettings | None:
    """Check the flags; None for a local run.

    Raises:
        UsageError: flags do not go together.
    """
    if parsed.runner in (None, *LOCAL_RUNNERS):
        _refuse_engine_flags(parsed)
        return None
    if parsed.runner not in ENGINES:
        known = ", ".join((*LOCAL_RUNNERS[:1], *ENGINES))
        raise UsageError(f"--runner {parsed.runner}: newsbeam runs on {known}")
    if not parsed.streaming and parsed.feeds:
        raise UsageError(
            f"--feeds on {parsed.runner} needs --streaming: what was polled is remembered by a job that goes on"
        )
    if not parsed.streaming and (parsed.every or parsed.flush):
        raise UsageError(f"{'--every' if parsed.every else '--flush'} on {parsed.runner} goes with --streaming")
    if not 1 <= parsed.shards <= 1_000:
        raise UsageError(f"--shards {parsed.shards}: give 1 to 1000")
    every = parse_duration("--every", parsed.every) if parsed.every else DEFAULT_SECONDS
    flush = parse_duration("--flush", parsed.flush) if parsed.flush else DEFAULT_FLUSH
    return EngineSettings(parsed.runner, parsed.streaming, every, flush, parsed.shards, parsed.start_anew)


def _refuse_engine_flags(parsed: argparse.Namespace) -> None:
    if parsed.streaming:
        raise UsageError(
            "--streaming needs an engine (--runner FlinkRunner, DataflowRunner or PrismRunner); "
            "here --every polls in rounds, each with one commit"
        )
    given = {"--flush": parsed.flush is not None, "--shards": parsed.shards != 1, "--start-anew": parsed.start_anew}
    wrong = next((flag for flag, is_given in given.items() if is_given), None)
    if wrong:
        raise UsageError(f"{wrong} goes with an engine (--runner), which is not given")


def add_engine_flags(run: argparse.ArgumentParser) -> None:
    """Add the flags."""
    run.add_argument(
        "--runner",
        metavar="RUNNER",
        help=f"where to run: DirectRunner (default), this machine; or an engine: {', '.join(ENGINES)}",
    )
    run.add_argument(
        "--streaming",
        action="store_true",
        help="go on for ever, on an engine; --every is then the time between two looks for what is due (default: 5s)",
    )
    run.add_argument(
        "--flush",
        metavar="TIME",
        help=f"a stream ends a file after this time, or when it is full (default: {DEFAULT_FLUSH:g}s)",
    )
    run.add_argument(
        "--shards",
        type=int,
        default=1,
        metavar="N",
        help="on an engine: files written and feeds polled side by side; feeds of one site stay together (default: 1)",
    )
    run.add_argument(
        "--start-anew",
        action="store_true",
        help="on an engine: write a lake of another job without its memory; what feeds still hold comes again",
    )
