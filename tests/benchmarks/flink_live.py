"""A stream of feeds on Flink: does every item come once, how soon, and at what price; also while its parts are killed.

    python tests/benchmarks/flink_live.py --minutes 10                       # the farm, undisturbed
    python tests/benchmarks/flink_live.py --minutes 20 --kills 20 --upgrade  # 20 kills, then a new version
    python tests/benchmarks/flink_live.py --minutes 4 --kills 4 --publish-at-once   # a sink that must be caught

A farm of feeds (`tests/feed_farm.py`) is served on this machine, and polled by a job on a Flink cluster that this
program starts: job manager, task manager, Python workers. What the servers have sent is compared with the lake.
Latency is from the moment an item comes into its feed to the moment its row's file is there for readers; half a
poll's interval of it is waiting for the next poll, the rest is polling, the batch (`--flush`) and the checkpoint
behind it.
"""

from __future__ import annotations

import argparse
import random
import shutil
import socket
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Final

if __name__ == "__main__":  # as a program, from any folder
    sys.path.insert(0, str(Path(__file__).parents[2]))

from pipeline.engines import processes
from pipeline.engines.flink_cluster import FlinkCluster
from pipeline.engines.flink_config import Part
from pipeline.engines.places import engines_folder
from tests.engines.live_job import ROOT, Account, Farm, LiveJob, Watch, account, latencies
from tests.feed_verdict import Verdict
from tests.host_judge import judge_hosts

GAP: Final = 1.0
TOLERANCE: Final = 0.3
"""Seconds by which a request may seem early that has travelled in real time on a busy machine."""

KILLED: Final = ("worker", Part.TASK_MANAGER, Part.JOB_MANAGER)
PRIVATE_FOR: Final = 60.0
"""Seconds after which a batch is either seen or nobody's: a flush and two checkpoints take half of that."""

QUIET: Final = 20.0
"""Seconds without a request for a page after which all have come: two intervals of polling are at most 40."""
MOST_PAGES_WAIT: Final = 300.0

PACKAGES: Final = ("pipeline", "transforms", "schemas", "pyproject.toml")


def main() -> int:
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="flink-live-"))
    cluster = FlinkCluster(folder / "cluster", engines_folder())
    draw = random.Random(options.seed)
    print(f"seed {options.seed}, folder {folder}", flush=True)
    try:
        cluster.up()
        ok = _run(options, folder, cluster, draw)
    finally:
        cluster.down(forget=not options.keep)
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if ok else 1


def _run(options: argparse.Namespace, folder: Path, cluster: FlinkCluster, draw: random.Random) -> bool:
    sizes = ("--hosts", str(options.hosts), "--feeds", str(options.feeds), "--hours", str(options.minutes / 60))
    farm = Farm(folder, (*sizes, "--seed", str(options.seed), *(["--untroubled"] if options.untroubled else [])))
    flags = (
        "--every",
        "5s",
        "--longest-interval",
        "20s",
        "--flush",
        "5s",
        "--host-gap",
        str(GAP),
        "--quiet",
        "--contact",
        "https://newsbeam.example/bot",
    )
    job = LiveJob(cluster, farm, folder / "lake", (*flags, "--checkpointing_interval=5000"), options.publish_at_once)
    with farm.serving():
        began = time.time()
        job.submit()
        watch = Watch(job)
        job.wait_for_checkpoint(time.time())
        kills = _kill(job, options.kills, began + options.minutes * 60, draw)
        time.sleep(max(0.0, began + options.minutes * 60 - time.time()))
        if options.upgrade:
            _upgrade(job, folder)
        # The feeds stand still now: a last poll, the pages, their batch and two checkpoints.
        _wait_for_pages(farm)
        time.sleep(PRIVATE_FOR)
        job.wait_for_checkpoint(time.time())
        watch.close()
        if kills:
            print(f"kills: {dict(kills)}; restarts counted by Flink: {job.state().restarts}")
        job.stop()
    found = account(farm, job.lake, time.time() - PRIVATE_FOR)
    _print_account(found)
    _print_latencies(farm, watch, began + 60)
    _print_watch(watch)
    broken = _judge(farm)
    is_right = not (found.lost or found.doubled or found.doubled_fetches or found.orphans)
    if options.publish_at_once:
        print("caught" if not is_right else "NOT CAUGHT: the checks see nothing of a sink that renames at once")
        return not is_right
    return is_right and (not broken or bool(options.kills))


def _wait_for_pages(farm: Farm) -> None:
    until = time.monotonic() + MOST_PAGES_WAIT
    while time.monotonic() < until:
        time.sleep(10)
        asked = [event["time"] for event in farm.events("request") if event["kind"] == "page"]
        if time.time() - max(asked, default=0.0) > QUIET:
            return
    print(f"pages are still asked for after {MOST_PAGES_WAIT:.0f} s")


def _kill(job: LiveJob, times: int, until: float, draw: random.Random) -> Counter[str]:
    """Kill parts, one after the other, at random moments; each time the job must make a checkpoint again."""
    kills: Counter[str] = Counter()
    for number in range(times):
        what = KILLED[number % len(KILLED)]
        time.sleep(draw.uniform(5.0, 30.0))
        at = time.time()
        if what == "worker":
            job.cluster.kill_workers()
        else:
            job.cluster.kill(Part(what))
            job.cluster.start(Part(what))
        back = job.wait_for_checkpoint(at).checkpoint
        assert back is not None
        kills[str(what)] += 1
        print(f"kill {number + 1} ({what}): a checkpoint {back.completed_at - at:.0f} s later", flush=True)
    if time.time() > until:
        print(f"the kills took {time.time() - until:.0f} s longer than --minutes: the last ones fell on feeds at rest")
    return kills


def _upgrade(job: LiveJob, folder: Path) -> None:
    """Stop with a savepoint, and go on with a version of the code whose rows in the state have one field more."""
    savepoint = job.stop()
    tree = folder / "next"
    for name in PACKAGES:
        source = ROOT / name
        shutil.copytree(source, tree / name) if source.is_dir() else shutil.copy(source, tree / name)
    for path, before, after in (
        (
            "transforms/write_stream.py",
            "    stored_bytes: int = 0\n",
            '    stored_bytes: int = 0\n    note: str = ""\n',
        ),
        (
            "transforms/poll_feeds_stream.py",
            "    days: tuple[int, ...] = (-1,) * _DAYS\n",
            '    days: tuple[int, ...] = (-1,) * _DAYS\n    note: str = ""\n',
        ),
        (
            "schemas/fetch.py",
            "    items_new: int | None = None\n",
            "    items_new: int | None = None\n    note: str | None = None\n",
        ),
        (
            "schemas/tables.py",
            '    _column("items_new", pa.int64(), "of these, not known from polls before"),\n',
            '    _column("items_new", pa.int64(), "of these"),\n    _column("note", pa.string(), "new"),\n',
        ),
        ("pipeline/version.py", 'return version("newsbeam")', 'return version("newsbeam") + "+next"'),
    ):
        text = (tree / path).read_text()
        assert before in text, f"{path} has changed: mend {__file__}"
        (tree / path).write_text(text.replace(before, after, 1))
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pipeline.engines.worker_pool", "--port", str(port)]
    environment = {"PYTHONPATH": str(tree)}
    processes.start(job.cluster.folder, Part.WORKER_POOL, command, folder / "next-workers.log", environment)
    job.submit("--savepoint_path", savepoint, tree=tree, pool=f"localhost:{port}")
    job.wait_for_checkpoint(time.time())
    print(f"went on from {savepoint.rpartition('/')[2]} with a newer version")


def _print_account(found: Account) -> None:
    print(f"polls in the lake {found.polls:,}, rows of requests doubled {found.doubled_fetches}")
    print(f"items of these {found.sent:,}, lost {len(found.lost)}, doubled {len(found.doubled)}", end="")
    print(f", pages still not to be had {found.waiting}, files left in the private folder {len(found.orphans)}")
    for name in ("lost", "doubled", "orphans"):
        for one in getattr(found, name)[:5]:
            print(f"  {name}: {one}")


def _print_latencies(farm: Farm, watch: Watch, since: float) -> None:
    found = latencies(farm, watch.seen, since)
    if found:
        print(
            f"from published to readable: median {median(found):.1f} s, 95th {found[int(len(found) * 0.95)]:.1f} s",
            end="",
        )
        print(f", longest {found[-1]:.1f} s, of {len(found):,} items")


def _print_watch(watch: Watch) -> None:
    """Print memory (MB) and checkpoints, of ten moments."""
    names = ("worker", Part.TASK_MANAGER, Part.JOB_MANAGER, "checkpoint", "checkpoint_seconds")
    print(
        "| minute | workers MB | task manager MB | job manager MB | checkpoint MB | checkpoint s |\n" + "|---" * 6 + "|"
    )
    for sample in watch.samples[:: max(1, len(watch.samples) // 10)]:
        print(
            f"| {sample['seconds'] / 60:.1f} | " + " | ".join(f"{sample.get(name, 0.0):.1f}" for name in names) + " |"
        )


def _judge(farm: Farm) -> dict[str, int]:
    """Print how the farm's servers were treated."""
    verdict = Verdict()
    requests = farm.requests()
    print(f"requests {len(requests):,}, by {dict(Counter(one.agent for one in requests))}")
    judge_hosts(farm.world(), requests, (), verdict, gap=GAP, tolerance=TOLERANCE)
    for rule, times in sorted(verdict.put_to_the_test.items()):
        print(f"  {rule}: put to the test {times:,} times, broken {len(verdict.violations[rule])}")
        for where in verdict.violations[rule][:3]:
            print(f"    {where}")
    return verdict.broken()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="while items come; default: %(default)s")
    parser.add_argument("--hosts", type=int, default=50, help="default: %(default)s")
    parser.add_argument("--feeds", type=int, default=300, help="default: %(default)s")
    parser.add_argument("--kills", type=int, default=0, help="worker, task manager and job manager in turn")
    parser.add_argument("--upgrade", action="store_true", help="stop with a savepoint and go on with changed code")
    parser.add_argument("--publish-at-once", action="store_true", help="break the sink; exit code 0 if that is seen")
    parser.add_argument("--untroubled", action="store_true", help="no host and no feed misbehaves")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000), help="default: random")
    parser.add_argument("--keep", action="store_true", help="keep the folder: lake, logs, checkpoints")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
