"""`newsbeam engine`: a Flink cluster on this machine, and the jobs on it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.engines.build import build_engines
from pipeline.engines.flink_cluster import FlinkCluster
from pipeline.engines.flink_config import Part
from pipeline.engines.flink_rest import Checkpoint, FlinkRest, Job
from pipeline.engines.places import cluster_folder, engines_folder
from pipeline.engines.tools import say
from pipeline.terminal import json_line, masked, safe
from schemas.errors import EngineError


def engine(arguments: argparse.Namespace) -> int:
    """Run one of the subcommands; returns the exit code.

    Raises:
        EngineError: a tool is missing, a build failed, a part did not start, or Flink does not do what it is asked for.
    """
    if arguments.subcommand == "build":
        return 0 if build_engines(engines_folder()) else 1
    folder = Path(arguments.folder) if arguments.folder else cluster_folder()
    return _COMMANDS[arguments.subcommand](FlinkCluster(folder.absolute(), engines_folder()), arguments)


def _up(cluster: FlinkCluster, arguments: argparse.Namespace) -> int:
    cluster.up()
    say("its job server and metrics listen on all addresses of this machine: who reaches them can run code as you")
    say(f"Flink is ready: {cluster.rest.address} has its pages. Jobs go there with")
    return _flags(cluster, arguments)


def _down(cluster: FlinkCluster, arguments: argparse.Namespace) -> int:
    ended = cluster.down(forget=arguments.forget)
    say(f"{len(ended)} processes of {cluster.folder} ended" if ended else f"nothing ran in {cluster.folder}")
    return 0


def _flags(cluster: FlinkCluster, arguments: argparse.Namespace) -> int:
    """Print the flags, also of a cluster that is not there: `newsbeam run` is to refuse them, and not to run here."""
    if not cluster.is_set_up():
        sys.stdout.write("--runner=PortableRunner\n")
    sys.stdout.write(" ".join(cluster.flags()) + "\n")
    if not cluster.is_running(Part.JOB_SERVER):
        raise EngineError(_not_running(cluster))
    return 0


def _stop(cluster: FlinkCluster, arguments: argparse.Namespace) -> int:
    sys.stdout.write(_with_job(cluster, arguments.job).stop(arguments.job, drain=arguments.drain) + "\n")
    return 0


def _cancel(cluster: FlinkCluster, arguments: argparse.Namespace) -> int:
    _with_job(cluster, arguments.job).cancel(arguments.job)
    return 0


def _with_job(cluster: FlinkCluster, job_id: str) -> FlinkRest:
    """Return the API of a cluster that runs and knows a job.

    Raises:
        EngineError: the one does not, or the other.
    """
    rest = cluster.rest
    if not cluster.is_running(Part.JOB_MANAGER):
        raise EngineError(_not_running(cluster))
    if job_id not in rest.job_ids():
        raise EngineError(f"no such job: {job_id}. newsbeam engine status lists them")
    return rest


def _not_running(cluster: FlinkCluster) -> str:
    return f"the cluster in {cluster.folder} does not run: newsbeam engine up"


# status


def _status(cluster: FlinkCluster, arguments: argparse.Namespace) -> int:
    figures = _figures(cluster)
    if arguments.json:
        sys.stdout.write(json_line(figures))
        return 0
    console = Console()
    console.print(f"cluster in {safe(str(cluster.folder))}", soft_wrap=True)
    if not any(part["pid"] for part in figures["parts"]):
        console.print("It does not run: newsbeam engine up")
        return 0
    console.print(f"pages and API at {figures['rest']}; {figures['workers']} Python workers", soft_wrap=True)
    console.print(_parts_table(figures["parts"]))
    if figures["unknown"]:
        console.print(f"Jobs are not known: {safe(figures['unknown'])}", soft_wrap=True)
    for job in figures["jobs"]:
        console.print(*_lines_of(job), sep="\n", soft_wrap=True, highlight=False, markup=False)
    if not figures["jobs"] and not figures["unknown"]:
        console.print("no job")
    return 0


def _figures(cluster: FlinkCluster) -> dict[str, Any]:
    """Return what lives, as plain values. Where the job manager does not answer, `unknown` says why."""
    found: dict[str, Any] = {"folder": str(cluster.folder), "parts": [], "jobs": [], "unknown": "", "rest": None}
    found["workers"] = len(cluster.workers())
    numbers = {process.part: process.pid for process in reversed(cluster.running()) if process not in cluster.workers()}
    for part in Part:
        port = cluster.ports.of(part) if cluster.is_set_up() else None
        found["parts"].append({"part": str(part), "pid": numbers.get(part), "port": port})
    if Part.JOB_MANAGER not in numbers:
        found["unknown"] = "the job manager does not run (newsbeam engine up starts what is missing)"
        return found
    found["rest"] = cluster.rest.address
    try:
        found["jobs"] = [_figures_of(job) for job in cluster.rest.jobs()]
    except EngineError as error:
        found["unknown"] = str(error)
    return found


def _figures_of(job: Job) -> dict[str, Any]:
    return {
        "job_id": job.job_id,
        "name": job.name,
        "state": job.state,
        "started_at": _time(job.started_at),
        "restarts": job.restarts,
        "failed_checkpoints": job.failed_checkpoints,
        "last_checkpoint": None if job.checkpoint is None else _figures_of_checkpoint(job.checkpoint),
    }


def _figures_of_checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    age = round(max(0.0, time.time() - checkpoint.completed_at), 1)
    return checkpoint._asdict() | {"completed_at": _time(checkpoint.completed_at), "age_seconds": age}


def _parts_table(parts: list[dict[str, Any]]) -> Table:
    table = Table("part", "process", "port", title_justify="left")
    for part in parts:
        table.add_row(part["part"], str(part["pid"] or "does not run"), str(part["port"]))
    return table


def _lines_of(job: dict[str, Any]) -> Iterator[str | Text]:
    """Lines, not a table: what is copied from it are ids and paths."""
    yield safe(f"job {job['job_id']} ({job['name']}): {job['state']}, started {job['started_at']}")
    if job["restarts"] is not None:
        yield f"  restarts: {job['restarts']}, failed checkpoints: {job['failed_checkpoints']}"
    last = job["last_checkpoint"]
    if last is not None:
        size = f"{last['bytes'] / 1e6:,.1f} MB in {last['seconds']:.1f} s"
        yield f"  checkpoint {last['number']}, {last['age_seconds']:.0f} s ago, {size}:"
        yield f"  {masked(last['path'])}"


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


_COMMANDS: Final[Mapping[str, Callable[[FlinkCluster, argparse.Namespace], int]]] = {
    "up": _up,
    "down": _down,
    "flags": _flags,
    "status": _status,
    "stop": _stop,
    "cancel": _cancel,
}
