"""What each engine needs: the only place that knows them apart."""

from __future__ import annotations

import argparse
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import MetricsFilter
from apache_beam.options.pipeline_options import (
    DirectOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
    TestOptions,
)
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineResult

from pipeline.engines.flink_build import FLINK_LINE, flink_jars
from pipeline.engines.flink_config import STREAM_FLAGS
from pipeline.engines.places import engines_folder
from pipeline.engines.prism import find_prism, prism_flags
from pipeline.options import nearest_flag
from pipeline.settings import EngineSettings, RunSettings
from schemas.errors import EngineError, ToolMissingError, UsageError

CHECKPOINT_MILLISECONDS: Final = 10_000
"""A checkpoint of 20,000 remembered texts is 32 MB in .2 s (lab); rows are to be seen after the next one."""

_SECONDS_TO_CONNECT: Final = 2.0
"""For a job server to take a connection: on another continent one takes a quarter of a second."""


def beam_options(beam_flags: Sequence[str]) -> PipelineOptions:
    """Return Beam's options for a local run from flags that are not newsbeam's own.

    Raises:
        UsageError: Beam does not know a flag either, or it asks for workers of Beam's own.
    """
    _check_known(beam_flags)
    options = _KeptViews(list(beam_flags))
    direct = options.view_as(DirectOptions)
    if direct.direct_num_workers != 1 or direct.direct_running_mode != "in_memory":
        raise UsageError("Beam's own workers cannot share a lake's memory; --processes sets the worker processes")
    return _told_to_file_systems(options)


class _KeptViews(PipelineOptions):
    """Options whose views are made once. All views of Beam's options share their values; making one parses all flags,
    and Beam asks for some 60 while a cycle is built: a quarter of what a cycle costs by itself (measured)."""

    def view_as(self, kind: type[PipelineOptions]) -> PipelineOptions:
        """Return the options as one of their kinds."""
        kept: dict[type, PipelineOptions] = self.__dict__.setdefault("_kept_views", {})
        if kind not in kept:
            kept[kind] = super().view_as(kind)
        return kept[kind]


def _told_to_file_systems(options: PipelineOptions) -> PipelineOptions:
    """Beam does so when a pipeline is made; inputs, lists and lakes on object storage are looked at before."""
    FileSystems.set_options(options)
    return options


def _check_known(beam_flags: Sequence[str]) -> None:
    _, unknown = _beam_parser().parse_known_args(list(beam_flags))
    if unknown:
        hint = nearest_flag(unknown[0])
        raise UsageError(f"neither newsbeam nor Beam knows {unknown[0]}{hint} (newsbeam run --help lists the flags)")


def run_locally(pipeline: beam.Pipeline) -> PipelineResult:
    """Run a bounded pipeline in this process and wait for its end; the first exception of a stage ends it."""
    result = pipeline.run()
    result.wait_until_finish()
    return result


def local_pipeline(options: PipelineOptions) -> beam.Pipeline:
    """Return an empty pipeline for the local runner."""
    return beam.Pipeline(runner=FnApiRunner(), options=options)


def counters_of(result: object) -> dict[str, int]:
    """Return Beam's counters of a run by `<PTransform>.<name>`."""
    found = result.metrics().query(MetricsFilter())["counters"]  # type: ignore[attr-defined]  # Beam ships no types
    totals: dict[str, int] = {}
    for metric in found:
        name = f"{metric.key.metric.namespace.rpartition('.')[2]}.{metric.key.metric.name}"
        value = metric.committed if metric.committed is not None else metric.attempted
        totals[name] = totals.get(name, 0) + (value or 0)
    return totals


# Engines


def engine_options(settings: RunSettings, engine: EngineSettings) -> PipelineOptions:
    """Return Beam's options for a job on an engine: what the user gave, and what the engine needs beside.

    Raises:
        UsageError: what was given cannot work there.
    """
    given = _Given(settings.beam_flags)
    if given.has("dry_run") and engine.runner != "DataflowRunner":
        raise UsageError(f"--dry_run goes with DataflowRunner: {engine.runner} would run the job all the same")
    needed = _NEEDED[engine.runner](given, settings, engine)
    flags = [f"--runner={engine.runner}", *settings.beam_flags, *needed]
    if engine.streaming:
        flags.append("--streaming")
    return _told_to_file_systems(PipelineOptions(flags))


def check_job_server(options: PipelineOptions) -> None:
    """Tell at once where no job server listens: Beam would try for minutes, and then print a traceback.

    Raises:
        UsageError: `--job_endpoint` is no address.
        EngineError: nothing listens there.
    """
    endpoint = options.view_as(PortableOptions).job_endpoint
    if not endpoint or endpoint == "embed":  # Beam's word for a runner in this process
        return
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise UsageError(f"--job_endpoint {endpoint}: give HOST:PORT, the address of a job server")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_CONNECT).close()
    except OSError as error:
        raise EngineError(
            f"nothing listens at {endpoint} (--job_endpoint; {error.strerror or error}): newsbeam engine up starts the "
            "cluster of this machine"
        ) from error


def calls_finalizers(engine: EngineSettings) -> bool:
    """Whether an engine tells when state is durable. Prism, which keeps none, never does."""
    return engine.runner != "PrismRunner"


def is_dry_run(options: PipelineOptions) -> bool:
    """Whether a job is only to be built and checked (Dataflow's `--dry_run=True`)."""
    return bool(options.view_as(TestOptions).dry_run)


def is_left_alone(options: PipelineOptions) -> bool:
    """Whether a job is handed over and not waited for, or will be started by somebody else from a template."""
    standard, cloud = options.view_as(StandardOptions), options.view_as(GoogleCloudOptions)
    return bool(standard.no_wait_until_finish or cloud.template_location)


def goes_on_from_state(settings: RunSettings) -> bool:
    """Whether a job starts with what an earlier one has remembered."""
    given = _Given(settings.beam_flags)
    return given.value("savepoint_path") is not None or given.has("update")


class _Given:
    """Flags that go to Beam, as the user wrote them."""

    def __init__(self, flags: Sequence[str]) -> None:
        self._flags = list(flags)

    def has(self, name: str) -> bool:
        return any(flag.partition("=")[0] == f"--{name}" for flag in self._flags)

    def value(self, name: str) -> str | None:
        for number, flag in enumerate(self._flags):
            written, equals, value = flag.partition("=")
            if written == f"--{name}":
                return value if equals else next(iter(self._flags[number + 1 : number + 2]), None)
        return None


def _name_of(flag: str) -> str:
    return flag.partition("=")[0].removeprefix("--")


def _flink(given: _Given, settings: RunSettings, engine: EngineSettings) -> list[str]:
    own = ("flink_job_server_jar", "flink_version", "job_endpoint")
    return _on_flink(given, engine) + ([] if any(map(given.has, own)) else _job_server())


def _job_server() -> list[str]:
    """The job server that `newsbeam engine` has built; where there is none, Beam gets its own from Maven."""
    try:
        return [f"--flink_job_server_jar={flink_jars(engines_folder()).job_server}", f"--flink_version={FLINK_LINE}"]
    except ToolMissingError as error:
        raise UsageError(f"--runner FlinkRunner: {error}") from error
    except EngineError:
        return []


def _on_flink(given: _Given, engine: EngineSettings) -> list[str]:
    if not engine.streaming:
        return []
    needed = [flag for flag in STREAM_FLAGS if not given.has(_name_of(flag))]
    interval = given.value("checkpointing_interval")
    if interval is None:
        return [f"--checkpointing_interval={CHECKPOINT_MILLISECONDS}", *needed]
    if not interval.isdecimal() or int(interval) <= 0:
        raise UsageError(
            f"--checkpointing_interval {interval}: a stream on Flink needs checkpoints (milliseconds): without them "
            "Beam ignores the times between polls, and no row is ever published"
        )
    return needed


def _portable(given: _Given, settings: RunSettings, engine: EngineSettings) -> list[str]:
    if not given.has("job_endpoint"):
        raise UsageError(
            "--runner PortableRunner needs --job_endpoint HOST:PORT, the address of a job server; newsbeam engine up "
            "starts one on this machine"
        )
    return _on_flink(given, engine)


def _prism(given: _Given, settings: RunSettings, engine: EngineSettings) -> list[str]:
    location = given.value("prism_location")
    flags = prism_flags(Path(location) if location else find_prism())
    return [flag for flag in flags if flag.startswith("--experiments") or not given.has(_name_of(flag))]


def _dataflow(given: _Given, settings: RunSettings, engine: EngineSettings) -> list[str]:
    try:
        from apache_beam.runners.dataflow.internal import apiclient  # noqa: F401
    except ImportError as error:
        raise UsageError(f"--runner DataflowRunner needs newsbeam[gcp]: uv sync --extra gcp ({error})") from error
    if not given.has("template_location"):  # a template's launcher may have flags of its own
        _check_known(settings.beam_flags)
    _refuse_local_paths(settings)
    for flag in ("project", "region", "temp_location"):
        if given.value(flag) is None:
            raise UsageError(f"--runner DataflowRunner needs --{flag} (newsbeam run --help has an example)")
    for flag in ("temp_location", "staging_location"):
        _check_bucket(flag, given.value(flag))
    if not any(given.has(flag) for flag in _WITH_NEWSBEAM):
        raise UsageError(
            "--runner DataflowRunner needs --sdk_container_image IMAGE: workers of Dataflow have Beam only, and IMAGE "
            "newsbeam, too; deploy/dataflow/build.sh makes one"
        )
    if "streaming_mode_at_least_once" in " ".join(settings.beam_flags):
        raise UsageError("streaming_mode_at_least_once: it hands over rows twice, and files would hold them twice")
    # Else Beam asks pip, which an environment made by uv has not, what is installed here; the image is what counts.
    flags = ["--experiments=disable_logging_submission_environment"]
    if not given.has("save_main_session"):
        flags.append("--no_save_main_session")  # all that travels is found by its module's name, in the image
    if given.has("dry_run") and not given.has("no_auth"):
        flags.append("--no_auth")
    return flags


_WITH_NEWSBEAM: Final = ("sdk_container_image", "setup_file", "extra_package", "extra_packages")
"""Flags of Beam's that bring newsbeam to Dataflow's workers."""

_BUCKET: Final = re.compile(r"gs://[a-z0-9][-_a-z0-9.]+[a-z0-9](/.*)?", re.DOTALL)


def _refuse_local_paths(settings: RunSettings) -> None:
    feeds = settings.feeds.lists if settings.feeds is not None else ()
    for flag, paths in (("--output", (settings.output,)), ("--input", settings.inputs), ("--feeds", feeds)):
        local = next((path for path in paths if "://" not in path), None)
        if local is not None:
            raise UsageError(f"{flag} {local}: workers of Dataflow cannot see this machine's disk; give a gs:// path")


def _check_bucket(flag: str, path: str | None) -> None:
    """Refuse a wrong name. Beam takes it for none, and asks Google for a bucket: for minutes, where it may not."""
    if path is not None and not _BUCKET.fullmatch(path):
        raise UsageError(f"--{flag} {path}: no path in a bucket of Google Cloud Storage; give gs://BUCKET/FOLDER")


_NEEDED: Final[Mapping[str, Callable[[_Given, RunSettings, EngineSettings], list[str]]]] = {
    "FlinkRunner": _flink,
    "PortableRunner": _portable,
    "PrismRunner": _prism,
    "DataflowRunner": _dataflow,
}


def _beam_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for kind in PipelineOptions.__subclasses__():
        kind._add_argparse_args(parser)
    return parser
