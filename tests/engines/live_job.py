"""A stream of feeds on a Flink cluster: the farm that it polls, the job, and what is to be seen of both.

Shared by the short test of kills and by `tests/benchmarks/flink_live.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psutil
import pyarrow.parquet as pq

from pipeline.engines.flink_cluster import FlinkCluster
from pipeline.engines.flink_rest import Job
from tests.farm_replies import Asked
from tests.farm_server import FeedFarm
from tests.feed_farm import options_of, world_of
from tests.feed_ledger import sent_items
from tests.feed_world import FeedWorld

ROOT: Final = Path(__file__).parents[2]
UNPUBLISHED: Final = "_newsbeam/tmp"

_LONGEST_START: Final = 180.0
_UNDER_WAY: Final = 30.0
_AT_ONCE: Final = """\
import sys
from pipeline.commands import run_on_engine
run_on_engine.calls_finalizers = lambda engine: False
from pipeline.cli import main
sys.exit(main())
"""
"""The command with a sink that shows rows before the engine has kept what it knows of them: checks must see that."""


@dataclass(frozen=True)
class Farm:
    """A farm of feeds in a process of its own."""

    folder: Path
    arguments: tuple[str, ...]

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve while the block runs."""
        command = [sys.executable, str(ROOT / "tests" / "feed_farm.py"), *self.arguments]
        command += ["--list", str(self.list), "--log", str(self.log)]
        with subprocess.Popen(command) as process:
            try:
                _wait_for(lambda: self.list.exists() and self.list.stat().st_size > 0, 30, "the farm does not serve")
                yield
            finally:
                process.terminate()

    @property
    def list(self) -> Path:
        """The addresses of the feeds."""
        return self.folder / "feeds.txt"

    @property
    def log(self) -> Path:
        """What happened there."""
        return self.folder / "farm.jsonl"

    def world(self) -> FeedWorld:
        """Return the script that it follows."""
        return world_of(options_of(list(self.arguments)))

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return what has happened so far."""
        with self.log.open(encoding="utf-8") as lines:
            events = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event for event in events if event["event"] == kind]

    def requests(self) -> list[Asked]:
        """Return the requests that have ended, by time."""
        names = Asked.__dataclass_fields__
        asked = [
            Asked(**{name: value for name, value in one.items() if name in names}) for one in self.events("request")
        ]
        return sorted(asked, key=lambda one: one.at)


@dataclass
class LiveJob:
    """`newsbeam run --streaming` on a cluster: submitted, stopped with a savepoint, submitted again."""

    cluster: FlinkCluster
    farm: Farm
    lake: Path
    flags: tuple[str, ...] = ()
    publish_at_once: bool = False
    job_id: str = ""

    def submit(self, *more: str, tree: Path = ROOT, pool: str | None = None) -> None:
        """Start the job and wait until Flink runs it.

        Args:
            more: flags.
            tree: where the code is taken from.
            pool: address of a pool of workers that run that code; None for the cluster's.
        """
        known = {job.job_id for job in self.cluster.rest.jobs()}
        engine = [*self.cluster.flags()[:-1], f"--environment_config={pool}"] if pool else self.cluster.flags()
        command = [sys.executable, *(["-c", _AT_ONCE] if self.publish_at_once else ["-m", "pipeline.cli"])]
        command += ["run", "--feeds", str(self.farm.list), "--output", str(self.lake), "--streaming", "--allow-private"]
        log = (self.farm.folder / f"job-{len(known)}.log").open("w")
        environment = os.environ | {"PYTHONPATH": str(tree)}
        self._driver = subprocess.Popen(
            [*command, *self.flags, *engine, *more], cwd=tree, env=environment, stdout=log, stderr=log
        )
        _wait_for(lambda: bool(self._new(known)), _LONGEST_START, f"no job came to Flink: {log.name}")
        self.job_id = self._new(known)

    def _new(self, known: set[str]) -> str:
        if self._driver.poll() is not None:
            raise RuntimeError(f"the command ended with {self._driver.returncode}: see {self.farm.folder}/job-*.log")
        return next((job.job_id for job in self.cluster.rest.jobs() if job.job_id not in known), "")

    def state(self) -> Job:
        """Return what Flink knows of the job."""
        return self.cluster.rest.job(self.job_id)

    def wait_for_checkpoint(self, after: float, limit: float = _LONGEST_START) -> Job:
        """Wait for a checkpoint that was completed after a moment (seconds since 1970)."""
        until = time.monotonic() + limit
        while time.monotonic() < until:
            try:
                job = self.state()
            except Exception:  # the job manager is not there, or does not know the job yet
                job = None
            if job is not None and job.checkpoint is not None and job.checkpoint.completed_at > after:
                return job
            time.sleep(0.5)
        raise TimeoutError(f"job {self.job_id} has made no checkpoint for {limit:g} s")

    def stop(self) -> str:
        """Stop with a savepoint; returns its path."""
        path = self.cluster.rest.stop(self.job_id)
        self.leave()
        return path

    def leave(self) -> None:
        """End the command that waits for the job, which runs on."""
        self._driver.terminate()
        self._driver.wait(30)


@dataclass
class Watch:
    """Looks at a running job, until it is closed: when rows come to be seen, memory, checkpoints."""

    job: LiveJob
    seen: dict[str, list[float]] = field(default_factory=dict)
    """When (seconds since 1970) a row of an item came to be seen, by what names the item: its guid or address."""
    samples: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._files: set[Path] = set()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._look, daemon=True), threading.Thread(target=self._sample)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Look for the last time."""
        self._end.set()
        for thread in self._threads:
            thread.join()
        self._take_new()

    def _look(self) -> None:
        while not self._end.wait(0.25):
            self._take_new()

    def _take_new(self) -> None:
        now = time.time()
        for table in ("articles", "copies", "rejects"):
            for path in set((self.job.lake / table).glob("*/*.parquet")) - self._files:
                self._files.add(path)
                for name in names_of_items(table, path):
                    self.seen.setdefault(name, []).append(now)

    def _sample(self) -> None:
        started = time.time()
        while not self._end.wait(10):
            sample = {"seconds": time.time() - started}
            for process in self.job.cluster.running():
                name = "worker" if "sdk_worker" in process.command else process.part
                sample[name] = sample.get(name, 0.0) + _memory(process.pid)
            try:
                checkpoint = self.job.state().checkpoint
            except Exception:  # while the job manager is down
                checkpoint = None
            if checkpoint is not None:
                sample |= {"checkpoint": checkpoint.bytes / 1e6, "checkpoint_seconds": checkpoint.seconds}
            self.samples.append(sample)


def names_of_items(table: str, path: Path) -> list[str]:
    """Return what names the items of a file's rows: the guid; the address in `rejects`."""
    if table == "rejects":
        return [str(url) for url in pq.read_table(path, columns=["url"], partitioning=None)["url"].to_pylist()]
    extras = pq.read_table(path, columns=["extra"], partitioning=None)["extra"].to_pylist()
    return [json.loads(extra).get("guid") for extra in extras if extra]


@dataclass(frozen=True)
class Account:
    """What became of the items that a job was sent."""

    sent: int
    waiting: int
    """Whose page was not to be had until the end, or came in the last half minute."""
    polls: int
    """Documents of feeds that the lake knows of."""
    doubled_fetches: int
    lost: list[str]
    doubled: list[str]
    orphans: list[str]
    """Files under the private folder that nothing will publish."""


def account(farm: Farm, lake: Path, orphans_before: float) -> Account:
    """Compare the lake with what the farm's servers have sent.

    Documents count whose request is a row of `fetches`: what was sent after the last checkpoint before a failure is
    asked for again, and of feeds that go on fast some of it has left them by then.

    Args:
        farm: what was polled.
        lake: what was written.
        orphans_before: what lies in the private folder and is older than this moment (since 1970) lies there for good.
    """
    requests = farm.requests()
    world, polls = farm.world(), kept_polls(farm, lake, requests)
    servers = FeedFarm(world, lambda: 0.0, by_name=False, port=farm.events("farm")[0]["port"])
    sent = sent_items(world, polls)
    answered = final_pages(requests)
    counts: Counter[str] = Counter()
    for table in ("articles", "copies", "rejects"):
        for path in (lake / table).glob("*/*.parquet"):
            counts.update(names_of_items(table, path))
    lost, doubled, waiting = [], [], 0
    for guid, item in sent.items():
        rows = sum(counts[name] for name in {guid, servers.url(item.host, item.path)})
        is_waited_for = not item.is_full and (item.host, item.path) not in answered
        waiting += not rows and is_waited_for
        if not rows and not is_waited_for:
            lost.append(guid)
        if rows > 1:
            doubled.append(guid)
    left = [str(path) for path in (lake / UNPUBLISHED).rglob("*.parquet") if path.stat().st_mtime < orphans_before]
    return Account(len(sent), waiting, len(polls), doubled_fetches(lake), lost, doubled, left)


def final_pages(requests: Sequence[Asked]) -> set[tuple[str, str]]:
    """Return host and path of the pages that came, but for those of the last half minute, whose rows are under way.

    A page that is answered 404 is asked for three times in half an hour: until then it is waited for.
    """
    last = max((one.ended for one in requests), default=0.0) - _UNDER_WAY
    came = [one for one in requests if one.kind == "page" and one.status == 200 and one.ended < last]
    return {(one.host, one.path.removeprefix("/proper")) for one in came}


def kept_polls(farm: Farm, lake: Path, requests: Sequence[Asked]) -> list[Asked]:
    """Return the requests for feeds that the lake knows of."""
    began = farm.events("farm")[0]["time"]
    columns = ["requested_at", "host", "url", "purpose", "fetch_id"]
    tables = [
        pq.read_table(path, columns=columns, partitioning=None) for path in (lake / "fetches").glob("*/*.parquet")
    ]
    rows = [row for table in tables for row in table.to_pylist() if row["purpose"] == "feed"]
    known: defaultdict[str, list[float]] = defaultdict(list)
    for row in rows:
        known[urlsplit(row["url"]).path].append(row["requested_at"].timestamp() - began)
    # A server sees a request a moment after its start; the next one to its host comes a second later.
    return [one for one in requests if any(-0.1 <= one.at - start < 0.7 for start in known[one.path])]


def doubled_fetches(lake: Path) -> int:
    """Return how many rows of `fetches` are there twice."""
    ids: Counter[str] = Counter()
    for path in (lake / "fetches").glob("*/*.parquet"):
        ids.update(pq.read_table(path, columns=["fetch_id"], partitioning=None)["fetch_id"].to_pylist())
    return sum(times - 1 for times in ids.values())


def latencies(farm: Farm, seen: Mapping[str, Sequence[float]], since: float) -> list[float]:
    """Return seconds from an item's coming into its feed to its row's being seen, of items that came after a moment."""
    found = []
    for item in farm.events("item"):
        moments = seen.get(item["guid"]) or seen.get(item["url"])
        if item["time"] >= since and moments:
            found.append(min(moments) - item["time"])
    return sorted(found)


def _memory(process_id: int) -> float:
    try:
        return float(psutil.Process(process_id).memory_info().rss) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def _wait_for(is_so: Any, limit: float, otherwise: str) -> None:
    until = time.monotonic() + limit
    while not is_so():
        if time.monotonic() > until:
            raise TimeoutError(otherwise)
        time.sleep(0.2)
