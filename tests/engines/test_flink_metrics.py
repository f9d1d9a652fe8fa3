"""What the alerts for Flink ask for is what a cluster reports of a stream that was handed over."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from pipeline.engines.flink_cluster import FlinkCluster
from pipeline.engines.flink_rest import Job
from tests.deploy.seen_on_flink import SEEN_ON_FLINK

ROOT = Path(__file__).parents[2]


def _reported(cluster: FlinkCluster) -> dict[str, list[str]]:
    ports = cluster.ports
    found: dict[str, list[str]] = {}
    for port in (ports.job_manager_metrics, ports.task_manager_metrics):
        with urllib.request.urlopen(f"http://localhost:{port}/metrics", timeout=30) as answer:
            for line in answer.read().decode().splitlines():
                if name := re.match(r"(\w+)[ {]", line):
                    found.setdefault(name[1], []).append(line)
    return found


def _open_jobs(cluster: FlinkCluster) -> list[Job]:
    return [job for job in cluster.rest.jobs() if job.state not in ("CANCELED", "FINISHED", "FAILED")]


def _until(holds: Callable[[], bool], seconds: float, what: Callable[[], object]) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, what()
        time.sleep(1)


def test_flink_reports_what_alerts_ask_for(flink_cluster: FlinkCluster, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipeline.cli", "run", "--input", str(ROOT / "seeds")]
    command += ["--output", str(tmp_path / "lake"), "--streaming", "--every", "1s", "--flush", "1s", "--tags", "none"]
    command += ["--job_name=watched", "--checkpointing_interval=2000", "--no_wait_until_finish"]
    started = subprocess.run(
        [*command, *flink_cluster.flags()], capture_output=True, text=True, check=False, timeout=180
    )
    assert started.returncode == 0, started.stderr
    assert "is handed over, and not waited for" in started.stderr
    _until(lambda: bool(_open_jobs(flink_cluster)), 60, lambda: "no job has come to Flink")
    (job,) = _open_jobs(flink_cluster)
    try:
        _until(
            lambda: not SEEN_ON_FLINK - set(_reported(flink_cluster)),
            120,
            lambda: f"not reported: {sorted(SEEN_ON_FLINK - set(_reported(flink_cluster)))}",
        )
        assert list((tmp_path / "lake" / "articles").rglob("*.parquet"))
        lines = [line for name in SEEN_ON_FLINK if "_job_" in name for line in _reported(flink_cluster)[name]]
        assert any('job_name="watched"' in line for line in lines)
    finally:
        flink_cluster.rest.cancel(job.job_id)
        _until(lambda: flink_cluster.rest.job(job.job_id).state == "CANCELED", 60, lambda: "the job is not cancelled")
