"""A run that goes on, watched as an operator would watch it: is its memory flat, and does it answer all the time?

    python tests/benchmarks/watched_run.py --minutes 30

`newsbeam run --every 10s --metrics-port` polls a farm of feeds (`tests/feed_farm.py`) on this machine. Every 5 s its
metrics and its health are asked for, and the memory of its processes is noted. In the middle a second run over the lake
is started, which has to be refused; the end is a SIGTERM, which has to end the run with exit code 0. Exit code 1 where
the memory at the end is over 1.1 times that at the beginning (means over two minutes, the first of them from minute two
on: until then workers load their models), where an answer was missing, or where the second run was not refused.
"""

from __future__ import annotations

import argparse
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Final

if __name__ == "__main__":  # as a program, from any folder
    sys.path.insert(0, str(Path(__file__).parents[2]))

import httpx
import psutil

from tests.engines.live_job import ROOT, Farm

SCRAPED_EVERY: Final = 5.0
CEILING: Final = 1.1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0, help="default: %(default)s; at least 6")
    parser.add_argument("--hosts", type=int, default=50, help="default: %(default)s")
    parser.add_argument("--feeds", type=int, default=300, help="default: %(default)s")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="watched-") as name:
        folder = Path(name)
        sizes = ("--hosts", str(options.hosts), "--feeds", str(options.feeds), "--hours", str(options.minutes / 60))
        farm = Farm(folder, (*sizes, "--seed", "5"))
        with farm.serving():
            return watch(folder, farm, options.minutes * 60)


def watch(folder: Path, farm: Farm, seconds: float) -> int:
    """Run, ask, end; returns the exit code."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pipeline.cli", "run", "--feeds", str(farm.list), "--output", str(folder / "lake")]
    polling = ["--every", "10s", "--host-gap", "1", "--longest-interval", "60s", "--allow-private", "--quiet"]
    watched = ["--metrics-port", str(port), "--log-format", "json", "--contact", "https://newsbeam.example/bot"]
    refused: int | None = None
    memory: list[tuple[float, float]] = []
    missed = scrapes = unhealthy = 0
    with (folder / "log.jsonl").open("w") as log:
        run = subprocess.Popen([*command, *polling, *watched], cwd=ROOT, stdout=log, stderr=log)
        started, last = time.monotonic(), ""
        while (now := time.monotonic() - started) < seconds:
            time.sleep(SCRAPED_EVERY)
            try:
                last = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=4, trust_env=False).text
                unhealthy += (
                    httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=4, trust_env=False).status_code != 200
                )
                scrapes += 1
            except httpx.HTTPError:
                missed += scrapes > 0  # before the first, it is starting
            memory.append((now, _memory(run.pid)))
            if refused is None and now > seconds / 2:
                second = subprocess.run([*command, "--every", "10s"], cwd=ROOT, capture_output=True, text=True)
                refused = second.returncode
                print(f"a second run: exit code {refused}: {second.stderr.strip()[-200:]}")
        run.terminate()
        code = run.wait(120)
    first = mean(size for at, size in memory if 120 <= at < 240)
    end = mean(size for at, size in memory if at >= memory[-1][0] - 120)
    print(f"scrapes {scrapes}, missed {missed}, unhealthy {unhealthy}; SIGTERM ended it with {code}")
    print(f"memory of all its processes: {memory[0][1]:.0f} MB at 5 s, {first:.0f} MB in minutes 2 to 4, ", end="")
    print(f"{end:.0f} MB at the end: {end / first:.3f}")
    for line in last.splitlines():
        if re.match(r"newsbeam_\w*(cycles|articles|copies|rejects|polled)\w*", line) and "created" not in line:
            print(f"  {line}")
    return int(end / first > CEILING or bool(missed or unhealthy or code) or refused in (0, None))


def _memory(process_id: int) -> float:
    process = psutil.Process(process_id)
    return sum(_resident(one) for one in (process, *process.children(recursive=True))) / 1e6


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0.0


if __name__ == "__main__":
    sys.exit(main())
