"""Jobs for Dataflow, translated and not run: offline, as a machine without network and credentials can do it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
GCP = ROOT / ".tools" / "gcp"

IMAGE = "europe-west1-docker.pkg.dev/my-project/news/newsbeam:1"
CLOUD = ["--project=my-project", "--region=europe-west1", "--temp_location=gs://my-bucket/temp"]
DRY = [*CLOUD, f"--sdk_container_image={IMAGE}", "--dry_run=True"]
OUTPUT = ["--output", "gs://my-bucket/lake"]
FOLDER = ["--input", "gs://my-bucket/pages", "gs://my-bucket/articles.jsonl.gz"]
FEEDS = ["--feeds", "gs://my-bucket/feeds.txt", "https://outlet.example/feeds.opml", "https://outlet.example/rss"]


@pytest.fixture(scope="module")
def python() -> list[str]:
    """Python with Beam's parts for Google Cloud, where it can be done without any network."""
    return [*offline(), str(environment())]


def environment() -> Path:
    """Make the environment with newsbeam[gcp] unless it is there; returns its Python. Skips where it cannot be made."""
    made = subprocess.run(
        ["make", str((GCP / ".ready").relative_to(ROOT)), f"PYTHON={sys.executable}"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    if made.returncode != 0:
        pytest.skip(f"the environment with newsbeam[gcp] cannot be made: {made.stderr[-300:]}")
    return GCP / "bin" / "python"


def offline() -> list[str]:
    """What a command begins with so that it has no network, where this user may take it away."""
    alone = ["unshare", "--net"]
    is_allowed = shutil.which("unshare") and subprocess.run([*alone, "true"], check=False, capture_output=True)
    return alone if is_allowed and is_allowed.returncode == 0 else []


def _newsbeam(python: Sequence[str], folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [*python, "-m", "pipeline.cli", "run", "--runner", "DataflowRunner", *flags]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def _job(python: Sequence[str], folder: Path, *flags: str) -> dict[str, Any]:
    script = [*python, str(ROOT / "tests" / "engines" / "translated_job.py"), str(folder / "graph.pb")]
    done = subprocess.run([*script, *OUTPUT, *flags, *DRY], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    job: dict[str, Any] = json.loads(done.stdout)
    assert job["images"] == [IMAGE]
    assert job["staged"] == 0, "nothing is to be uploaded or installed beside the image"
    return job


@pytest.mark.parametrize(
    "flags",
    [FOLDER, [*FOLDER, "--streaming"], [*FEEDS, "--streaming"], [*FOLDER, *FEEDS, "--streaming", "--shards", "4"]],
    ids=["batch", "streaming folder", "streaming feeds", "both"],
)
def test_the_command_translates_without_network(python: list[str], tmp_path: Path, flags: list[str]) -> None:
    done = _newsbeam(python, tmp_path, *OUTPUT, *flags, *DRY)
    assert done.returncode == 0, done.stderr
    assert "dry run: the job was built (" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_batch_job_is_bounded(python: list[str], tmp_path: Path) -> None:
    job = _job(python, tmp_path, *FOLDER)
    assert job["type"] == "JOB_TYPE_BATCH"
    assert job["unbounded"] == 0
    assert "beam:requirement:pardo:finalization:v1" not in job["requirements"]


def test_a_stream_asks_for_what_it_stands_on(python: list[str], tmp_path: Path) -> None:
    job = _job(python, tmp_path, *FOLDER, *FEEDS, "--streaming")
    stages = job["stages"]
    assert job["type"] == "JOB_TYPE_STREAMING"
    assert {"use_runner_v2", "enable_streaming_engine"} <= set(job["options"]["experiments"])
    assert job["requirements"] == [
        "beam:requirement:pardo:finalization:v1",
        "beam:requirement:pardo:splittable_dofn:v1",
        "beam:requirement:pardo:stateful:v1",
    ]
    assert [name for name, stage in stages.items() if stage["splits"]] == ["Tick/TickOn"]
    told = {name for name, stage in stages.items() if stage["is_told_of_commits"]}
    tables = ("Articles", "Copies", "Aliases", "Rejects", "Fetches", "Feeds")
    assert told == {f"Write{table}/WriteBatch" for table in tables}
    assert all(stages[f"Write{table}/BufferRows"]["timers"] == 3 for table in tables)
    (poll,) = [stage for name, stage in stages.items() if name.startswith("PollFeeds/PollShard")]
    assert poll["states"] > 20
    (decide,) = [stage for name, stage in stages.items() if name.startswith("Deduplicate/DecideOnArrival")]
    assert decide["states"] > 70


@pytest.mark.parametrize("flags", [FOLDER, [*FOLDER, *FEEDS, "--streaming"]], ids=["batch", "streaming"])
def test_a_worker_can_load_what_travels(python: list[str], tmp_path: Path, flags: list[str]) -> None:
    job = _job(python, tmp_path, *flags)
    script = [*python, str(ROOT / "tests" / "engines" / "translated_job.py"), "--load", str(tmp_path / "graph.pb")]
    done = subprocess.run(script, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == len(job["stages"])


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([*OUTPUT, *FOLDER, *CLOUD, "--dry_run=True"], "needs --sdk_container_image"),
        (["--output", "lake", *FOLDER, *DRY], "lake: workers of Dataflow cannot see"),
        ([*OUTPUT, *FOLDER, *DRY, "--temp_location=gs://b"], "--temp_location gs://b: no path in a bucket"),
        ([*OUTPUT, *FOLDER, *DRY, "--staging_location=/tmp"], "--staging_location /tmp: no path in a bucket"),
        ([*OUTPUT, *FOLDER, *DRY, "--max-reject=3"], "knows --max-reject=3; perhaps --max-rejects"),
        (
            [*OUTPUT, *FOLDER, "--streaming", *DRY, "--dataflow_service_options=streaming_mode_at_least_once"],
            "files would hold them twice",
        ),
    ],
)
def test_what_cannot_work_is_refused_at_once(python: list[str], tmp_path: Path, flags: list[str], said: str) -> None:
    if "gs://b" in said:
        flags = [flag for flag in flags if flag != CLOUD[2]]
    done = _newsbeam(python, tmp_path, *flags)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert said in done.stderr


def test_the_launcher_translates_the_templates_parameters(python: list[str], tmp_path: Path) -> None:
    given = ["--input=gs://my-bucket/pages gs://my-bucket/more", "--feeds=gs://my-bucket/feeds.txt", "--streaming=true"]
    given += ["--output=gs://my-bucket/lake", "--tags=topics", "--shards=2", "--allow_private=false", "--flush="]
    command = [*python, str(ROOT / "deploy" / "dataflow" / "main.py"), *CLOUD, "--job_name=news", *given]
    done = subprocess.run(
        [*command, "--dry_run=True"],
        cwd=tmp_path, env={"NEWSBEAM_IMAGE": IMAGE}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "dry run: the job was built (" in done.stderr


def test_the_templates_description_is_one_that_google_reads(python: list[str]) -> None:
    read = (
        "import sys; from google.cloud.dataflow_v1beta3.types import TemplateMetadata; "
        "print(len(TemplateMetadata.from_json(sys.stdin.read()).parameters))"
    )
    text = (ROOT / "deploy" / "dataflow" / "metadata.json").read_text(encoding="utf-8")
    done = subprocess.run([*python, "-c", read], input=text, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(json.loads(text)["parameters"])
