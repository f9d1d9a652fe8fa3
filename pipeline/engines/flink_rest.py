"""What a Flink job manager tells and takes over HTTP: its jobs, their checkpoints; cancel, stop with a savepoint."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import httpx

from schemas.errors import EngineError

_SECONDS_FOR_AN_ANSWER: Final = 10.0
_SECONDS_BETWEEN_LOOKS: Final = 0.2


class Checkpoint(NamedTuple):
    """A checkpoint that was completed."""

    number: int
    path: str
    """What `--savepoint_path` of a new job takes."""
    completed_at: float
    """Seconds since 1970."""
    seconds: float
    """From its trigger to its end."""
    bytes: int


class Job(NamedTuple):
    """A job, as it is now."""

    job_id: str
    name: str
    state: str
    """As Flink names it: RUNNING, RESTARTING, FINISHED, CANCELED, FAILED ..."""
    started_at: float
    """Seconds since 1970."""
    restarts: int | None
    """None where the job manager does not know it: the job does not run."""
    checkpoint: Checkpoint | None
    """The last one."""
    failed_checkpoints: int


@dataclass(frozen=True)
class FlinkRest:
    """The API of one job manager, at an address as `http://localhost:8081`.

    Every method raises EngineError where it does not answer, or does not do what it is asked for.
    """

    address: str

    def task_managers(self) -> int:
        """Return how many task managers are registered."""
        return int(self._get("/overview")["taskmanagers"])

    def answers(self) -> bool:
        """Whether the job manager answers."""
        try:
            self._get("/overview")
        except EngineError:
            return False
        return True

    def jobs(self) -> list[Job]:
        """Return all jobs that the job manager remembers, the latest first."""
        known = sorted(self._get("/jobs/overview")["jobs"], key=lambda job: -job["start-time"])
        return [self._job(job) for job in known]

    def job_ids(self) -> set[str]:
        """Return the ids of all jobs that the job manager remembers."""
        return {job["jid"] for job in self._get("/jobs/overview")["jobs"]}

    def job(self, job_id: str) -> Job:
        """Return one job."""
        return self._job(self._get(f"/jobs/{job_id}"))

    def last_exception(self, job_id: str) -> str:
        """Return why a job failed last; empty where it never did."""
        entries = self._get(f"/jobs/{job_id}/exceptions")["exceptionHistory"]["entries"]
        return str(entries[0]["stacktrace"]) if entries else ""

    def cancel(self, job_id: str) -> None:
        """End a job at once; its last checkpoint stays."""
        self._send("PATCH", f"/jobs/{job_id}?mode=cancel")
        self._until_ended(job_id)

    def stop(self, job_id: str, *, drain: bool = False, limit: float = 120.0) -> str:
        """Stop a job with a savepoint and return its path, for `--savepoint_path` of the job that goes on from it.

        Args:
            job_id: Flink's number of the job.
            drain: send all windows and timers through first: for a job that will not go on.
            limit: seconds to wait for the savepoint.
        """
        trigger = self._send("POST", f"/jobs/{job_id}/stop", {"drain": drain})["request-id"]
        until = time.monotonic() + limit
        while (done := self._get(f"/jobs/{job_id}/savepoints/{trigger}"))["status"]["id"] != "COMPLETED":
            if time.monotonic() > until:
                raise EngineError(f"job {job_id} has made no savepoint within {limit:g} s; it goes on")
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        if "location" not in done["operation"]:
            cause = done["operation"].get("failure-cause", {}).get("stack-trace", "no reason given")
            raise EngineError(f"job {job_id} has made no savepoint: {_root(cause)}")
        self._until_ended(job_id)
        return str(done["operation"]["location"])

    def _job(self, known: dict[str, Any]) -> Job:
        checkpoints = self._checkpoints(known["jid"])
        latest = (checkpoints.get("latest") or {}).get("completed")
        return Job(
            job_id=known["jid"],
            name=known["name"],
            state=known["state"],
            started_at=known["start-time"] / 1_000,
            restarts=self._restarts(known["jid"]),
            checkpoint=_checkpoint(latest) if latest else None,
            failed_checkpoints=checkpoints.get("counts", {}).get("failed", 0),
        )

    def _checkpoints(self, job_id: str) -> dict[str, Any]:
        try:
            return self._get(f"/jobs/{job_id}/checkpoints")
        except EngineError:  # of a bounded job that has none
            return {}

    def _restarts(self, job_id: str) -> int | None:
        known = self._send("GET", f"/jobs/{job_id}/metrics?get=numRestarts")
        return int(known[0]["value"]) if known else None

    def _until_ended(self, job_id: str) -> None:
        until = time.monotonic() + 60
        while self._get(f"/jobs/{job_id}")["state"] not in ("CANCELED", "FINISHED", "FAILED"):
            if time.monotonic() > until:
                raise EngineError(f"job {job_id} has not ended within 60 s")
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _get(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._send("GET", path)
        return answer

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        try:
            answer = httpx.request(
                method, self.address + path, json=body, timeout=_SECONDS_FOR_AN_ANSWER, trust_env=False
            )
            answer.raise_for_status()
            return answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise EngineError(f"Flink at {self.address}{path}: {error}") from error


def _root(trace: str) -> str:
    """What a Java stack trace says of its first cause."""
    said = [line.strip() for line in trace.splitlines() if not line.lstrip().startswith(("at ", "..."))]
    causes = [line.removeprefix("Caused by: ") for line in said if line.startswith("Caused by: ")]
    return (causes or said or ["no reason given"])[-1][:500]


def _checkpoint(latest: dict[str, Any]) -> Checkpoint:
    return Checkpoint(
        number=latest["id"],
        path=latest["external_path"],
        completed_at=latest["latest_ack_timestamp"] / 1_000,
        seconds=latest["end_to_end_duration"] / 1_000,
        bytes=latest["state_size"],
    )
