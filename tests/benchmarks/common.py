"""What the benchmark programs share: unpacking pages, running the command, watching its processes, printing tables."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ENOUGH_LOAD_TO_MENTION = 0.5
"""Processes waiting a core before a program starts: from here on its rates say little, its ratios still something."""

# Pages


def unpack(data: Path, cache: Path) -> None:
    """Unpack the page archives of the data folder into `cache`, once."""
    for archive in sorted((data / "pages").glob("*.tar.xz")):
        target = cache / archive.name.removesuffix(".tar.xz")
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=_made(cache)) as scratch, tarfile.open(archive) as packed:
                packed.extractall(Path(scratch, "set"), filter="data")
                Path(scratch, "set").rename(target)


def labelled_pages(cache: Path) -> list[Path]:
    """Return the pages of the unpacked sets that have labels, sorted: 990 and 793."""
    pages = set(cache.glob("*/html/*.html"))
    for table in cache.glob("*/evaldata.json"):
        for labelled in json.loads(table.read_text()).values():
            folders = (path for path in table.parent.iterdir() if path.is_dir())
            pages.update(path for folder in folders if (path := folder / labelled["file"]).exists())
    if not pages:
        raise SystemExit(f"no pages below {cache}: is DATA the folder that holds pages/*.tar.xz?")
    return sorted(pages)


def fill_folder(folder: Path, pages: Sequence[Path], count: int, address: str = "") -> list[Path]:
    """Write `count` page files: each page in turn, from the second time on with a comment that makes its bytes differ.

    A copy costs the same to extract; as it is the same text of the same page, it is only counted as seen.
    Where an address is given, every other copy claims one below it, so that it ends in the table `copies`.
    """
    _made(folder)
    made: list[Path] = []
    for number in range(count):
        turn, page = divmod(number, len(pages))
        comment = f"\n<!-- copy {turn} -->\n".encode() if turn else b""
        claim = f'<link rel="canonical" href="{address}{number}.html">\n'.encode() if turn % 2 and address else b""
        path = folder / f"{number:06d}.html"
        path.write_bytes(claim + pages[page].read_bytes() + comment)
        made.append(path)
    return made


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def working_folder(given: Path | None) -> Iterator[Path]:
    """Yield the folder that was given, kept afterwards, or a temporary one."""
    if given is not None:
        yield _made(given.resolve())
        return
    with tempfile.TemporaryDirectory(prefix="newsbeam-benchmark-") as scratch:
        yield Path(scratch)


# Processes


@dataclass
class Watched:
    """What a command did, and what it and all processes that it started cost."""

    code: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss: int = 0
    """Largest sum of resident sizes; memory that processes share is counted in each of them."""
    peak_pss: int = 0
    """Largest sum of proportional sizes: memory that processes share is counted once. 0 where the system has none."""
    stdout: str = ""
    stderr: str = ""

    def json(self) -> dict[str, Any]:
        """Return the JSON object on the last line of its standard output."""
        if self.code != 0:
            raise SystemExit(f"a measured command ended with code {self.code}:\n{self.stderr[-2000:]}")
        result: dict[str, Any] = json.loads(self.stdout.strip().splitlines()[-1])
        return result


@dataclass
class _Sampler:
    """Looks at a tree of processes again and again, and keeps what it saw last of each and at most of all."""

    pid: int
    cpu_by_process: dict[tuple[int, float], float] = field(default_factory=dict)
    peak_rss: int = 0
    peak_pss: int = 0

    def run(self, stop: threading.Event, every: float, *, proportional: bool) -> None:
        looks = 0
        while not stop.wait(every):
            self.look(proportional=proportional and looks % 5 == 0)  # dear: the system walks the page tables
            looks += 1

    def look(self, *, proportional: bool) -> None:
        import psutil

        rss = pss = 0
        for process in tree_of(self.pid):
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    rss += process.memory_info().rss
                    self.cpu_by_process[process.pid, process.create_time()] = times.user + times.system
                if proportional:
                    pss += getattr(process.memory_full_info(), "pss", 0)
            except psutil.Error:
                continue
        self.peak_rss, self.peak_pss = max(self.peak_rss, rss), max(self.peak_pss, pss)

    def cpu_of_children(self) -> float:
        return sum(seconds for (pid, _), seconds in self.cpu_by_process.items() if pid != self.pid)


def tree_of(pid: int) -> list[Any]:
    """Return the process and all that it started, as psutil knows them; none where it has ended."""
    import psutil

    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def watch(command: Sequence[str], *, every: float = 0.5, proportional: bool = False, **popen: Any) -> Watched:
    """Run a command to its end, looking at its processes every so many seconds."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, **popen)
        sampler, stop = _Sampler(process.pid), threading.Event()
        thread = threading.Thread(target=sampler.run, args=(stop, every), kwargs={"proportional": proportional})
        thread.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        stop.set()
        thread.join()
        cpu = usage.ru_utime + usage.ru_stime + sampler.cpu_of_children()
        texts = [_text(out), _text(err)]
    return Watched(process.returncode, seconds, cpu, sampler.peak_rss, sampler.peak_pss, *texts)


def _text(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode("utf-8", "replace"))


def newsbeam(*arguments: str | Path) -> list[str]:
    """Return the command line of the `newsbeam` that is installed beside this Python."""
    command = Path(sys.executable).with_name("newsbeam")
    if not command.exists():
        raise SystemExit(f"{command} is not there: install the project in this environment first (make test does)")
    return [str(command), *map(str, arguments)]


def fresh(path: Path) -> Path:
    """Return the path with nothing there."""
    shutil.rmtree(path, ignore_errors=True)
    return path


# Reports


@dataclass
class Floors:
    """What must hold; remembers what does not."""

    missed: list[str] = field(default_factory=list)

    def at_least(self, name: str, value: float, floor: float) -> str:
        """Check a value from below; returns it as a table shows it."""
        return self._note(name, value, value >= floor, f">= {floor:g}")

    def at_most(self, name: str, value: float, ceiling: float) -> str:
        """Check a value from above; returns it as a table shows it."""
        return self._note(name, value, value <= ceiling, f"<= {ceiling:g}")

    def holds(self, name: str, truth: bool) -> str:
        """Check that something is so; returns `yes` or `NO`."""
        if not truth:
            self.missed.append(name)
        return "yes" if truth else "NO"

    def code(self) -> int:
        """Say what was missed; returns the exit code: 1 if anything was, else 0."""
        print("\nall floors hold" if not self.missed else "\nMISSED: " + "; ".join(self.missed))
        return 1 if self.missed else 0

    def _note(self, name: str, value: float, holds: bool, bound: str) -> str:
        shown = f"{value:.3f}" if value < 10 else f"{value:,.1f}"
        if not holds:
            self.missed.append(f"{name} {shown}, must be {bound}")
        return f"{shown} ({bound}{'' if holds else ', MISSED'})"


def heading(title: str, options: argparse.Namespace) -> str:
    """Return the lines above a table: title, the command line that makes it, machine and date."""
    paths = {name: value for name, value in vars(options).items() if isinstance(value, Path)}
    places = {str(path): "DIR" if name == "cache" else "DATA" for name, path in paths.items()}
    command = " ".join(places.get(given, given) for given in [Path(sys.argv[0]).name, *sys.argv[1:]])
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0]
    busy = f", load {load:.1f} at the start: busy" if load > ENOUGH_LOAD_TO_MENTION * cores else ""
    machine = f"{platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}{busy}"
    return f"### {title}\n\n`python tests/benchmarks/{command}`\n\n{machine}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n"


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Return rows as a Markdown table; a cell that a row does not have stays empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names), *([str(row.get(name, "")) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser that shows a module's docstring as its help, line for line."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def say(text: str) -> None:
    """Tell how far it is, on standard error."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)
