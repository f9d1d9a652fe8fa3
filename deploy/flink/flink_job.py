"""Looks after a stream on a Flink cluster, from inside of Kubernetes: `python flink_job.py COMMAND`, see `--help`.

FLINK_REST names the job manager, as `http://newsbeam-flink-rest:8081`.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from pipeline.engines.flink_rest import FlinkRest, Job
from schemas.errors import EngineError

_ENDED: Final = ("FINISHED", "CANCELED", "FAILED", "SUSPENDED")
_SECONDS_BETWEEN_LOOKS: Final = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns 0, or 1 where it could not be done, with the reason on standard error."""
    given = _parser().parse_args(arguments)
    try:
        given.carry_out(FlinkRest(given.rest), given)
    except EngineError as error:
        sys.stderr.write(f"flink_job: {error}\n")
        return 1
    return 0


def _await_cluster(rest: FlinkRest, given: argparse.Namespace) -> None:
    _until(
        lambda: rest.answers() and _listens(given.job_server), given.limit, lambda: _who_is_away(rest, given.job_server)
    )


def _who_is_away(rest: FlinkRest, job_server: str) -> str:
    return f"no job server listens at {job_server}" if rest.answers() else f"no job manager answers at {rest.address}"


def _await_checkpoint(rest: FlinkRest, given: argparse.Namespace) -> None:
    def checkpointed() -> bool:
        if not rest.answers():
            return False
        running = _running(rest, given.name)
        if len(running) > 1:
            raise EngineError(f"{len(running)} jobs named {given.name} run: {_ids(running)}; stop all but one")
        return bool(running) and running[0].state == "RUNNING" and running[0].checkpoint is not None

    _until(checkpointed, given.limit, lambda: _what_is(rest, given.name))
    _print_jobs(_running(rest, given.name))


def _status(rest: FlinkRest, given: argparse.Namespace) -> None:
    _print_jobs(rest.jobs())


def _stop(rest: FlinkRest, given: argparse.Namespace) -> None:
    sys.stdout.write(rest.stop(_the_one(rest, given.name).job_id, drain=given.drain, limit=given.limit) + "\n")


def _cancel(rest: FlinkRest, given: argparse.Namespace) -> None:
    job = _the_one(rest, given.name)
    rest.cancel(job.job_id)
    checkpoint = rest.job(job.job_id).checkpoint or job.checkpoint
    sys.stdout.write(f"{checkpoint.path if checkpoint else 'it had made no checkpoint'}\n")


def _running(rest: FlinkRest, name: str) -> list[Job]:
    return [job for job in rest.jobs() if job.name == name and job.state not in _ENDED]


def _the_one(rest: FlinkRest, name: str) -> Job:
    running = _running(rest, name)
    if len(running) != 1:
        raise EngineError(f"{len(running)} jobs named {name} run{': ' if running else ''}{_ids(running)}")
    return running[0]


def _ids(jobs: Sequence[Job]) -> str:
    return ", ".join(job.job_id for job in jobs)


def _what_is(rest: FlinkRest, name: str) -> str:
    if not rest.answers():
        return f"no job manager answers at {rest.address}"
    named = [job for job in rest.jobs() if job.name == name]
    if not named:
        return (
            f"there is no job named {name}: the job server's log says why (kubectl logs deployment/newsbeam-job-server)"
        )
    job = next(iter(_running(rest, name)), named[0])
    reason = next((line for line in rest.last_exception(job.job_id).splitlines() if line), "no failure is known")
    return f"job {job.job_id} is {job.state}{'' if job.checkpoint else ' and has made no checkpoint'}: {reason[:500]}"


def _until(done: Callable[[], bool], limit: float, reason: Callable[[], str]) -> None:
    until = time.monotonic() + limit
    while not done():
        if time.monotonic() > until:
            raise EngineError(f"given up after {limit:g} s: {reason()}")
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
    except OSError:
        return False
    return True


def _print_jobs(jobs: Sequence[Job]) -> None:
    for job in jobs:
        last = job.checkpoint
        at = f"{datetime.fromtimestamp(last.completed_at, UTC):%Y-%m-%dT%H:%M:%SZ}" if last else "never"
        size = f" {last.bytes} bytes in {last.seconds:.1f} s {last.path}" if last else ""
        sys.stdout.write(
            f"{job.job_id} {job.name} {job.state} restarts={job.restarts} "
            f"failed_checkpoints={job.failed_checkpoints} checkpoint: {at}{size}\n"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flink_job", description="looks after a stream on a Flink cluster")
    rest = os.environ.get("FLINK_REST", "http://localhost:8081")
    parser.add_argument("--rest", metavar="URL", default=rest, help=f"the job manager's address (default: {rest})")
    parser.add_argument("--limit", type=float, default=600.0, metavar="SECONDS", help="how long to wait (default: 600)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (carry_out, meaning) in _COMMANDS.items():
        command = commands.add_parser(name, help=meaning, description=meaning)
        command.set_defaults(carry_out=carry_out)
        if name == "await-cluster":
            command.add_argument("--job-server", required=True, metavar="HOST:PORT", help="where jobs are taken")
        elif name != "status":
            command.add_argument("name", metavar="NAME", help="the stream's --job_name")
        if name == "stop":
            command.add_argument("--drain", action="store_true", help="for good: let all that is held through first")
    return parser


_COMMANDS: Final = {
    "await-cluster": (_await_cluster, "wait until job manager and job server answer"),
    "await-checkpoint": (_await_checkpoint, "wait until the one stream of a name runs and has made a checkpoint"),
    "status": (_status, "print all jobs that the job manager remembers, with their last checkpoints"),
    "stop": (_stop, "stop a stream with a savepoint, and print its path"),
    "cancel": (_cancel, "end a stream at once, and print the path of its last checkpoint"),
}


if __name__ == "__main__":
    sys.exit(main())
