"""A Flink cluster on this machine, for trying and testing: all it has lies under one folder.

A job manager that comes back to its jobs (ZooKeeper), one task manager, a pool of Python workers beside it, and Beam's
job server, which takes jobs. What runs is found by `processes`, so that it does not matter who started it, or when.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.engines import processes
from pipeline.engines.flink_build import FlinkJars, build_flink
from pipeline.engines.flink_config import (
    Part,
    Ports,
    command_of,
    environment_of,
    free_ports,
    listens,
    write_configuration,
)
from pipeline.engines.flink_rest import FlinkRest
from pipeline.engines.processes import Running
from pipeline.engines.tools import end_of, java, locked, say
from schemas.errors import EngineError

_LONGEST_START: Final = 120.0
"""Seconds for a part; five to ten were measured with the machine idle."""

_SECONDS_BETWEEN_LOOKS: Final = 0.2

_MADE: Final = ("artifacts", "checkpoints", "jobs", "logs", "savepoints", "tmp", "zookeeper")
"""Folders, each its part's."""

_WORKER: Final = "sdk_worker"
"""In the command line of a Python worker, but not of the pool that starts it."""


@dataclass(frozen=True)
class FlinkCluster:
    """The cluster of one folder, whether it runs or not."""

    folder: Path
    built: Path
    """Folder of the jars."""

    def up(self) -> None:
        """Build what is missing, start what does not run, and wait until all of it is ready.

        Raises:
            EngineError: a tool is missing, a build failed, or a part did not start; what did start runs on.
        """
        with locked(self.folder):
            jars = build_flink(self.built)
            for name in _MADE:
                (self.folder / name).mkdir(exist_ok=True)
            if not self.running():
                self._choose_ports()
                write_configuration(self.folder, self.ports)
            for part in Part:
                if not self.is_running(part):
                    say(f"starting {part} (log: {self._log(part)})")
                    self._start(part, jars)
            for part in Part:
                self._wait(part)

    def down(self, *, forget: bool = False) -> list[Running]:
        """End all processes of the folder, also those that lost their parent; returns what was ended.

        The jars stay, and so do jobs with their checkpoints: they go on at the next `up`, unless they are forgotten.
        """
        with locked(self.folder):
            ended = processes.end(self.folder)
            if forget:
                for name in ("conf", "cluster.json", *_MADE):
                    _remove(self.folder / name)
        return ended

    # What runs

    @property
    def ports(self) -> Ports:
        """Where the parts listen.

        Raises:
            EngineError: there has never been a cluster in this folder.
        """
        path = self.folder / "cluster.json"
        try:
            return Ports(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise EngineError(
                f"there is no cluster in {self.folder}: newsbeam engine up (--folder) starts one"
            ) from None
        except (TypeError, ValueError) as error:
            raise EngineError(f"{path} is broken ({error}): newsbeam engine down, delete it, engine up") from error

    def is_set_up(self) -> bool:
        """Whether there has ever been a cluster in this folder."""
        return (self.folder / "cluster.json").exists()

    @property
    def rest(self) -> FlinkRest:
        """The job manager's API."""
        return FlinkRest(f"http://localhost:{self.ports.rest}")

    def running(self) -> list[Running]:
        """Return the processes of the cluster that run now, Python workers with them."""
        return processes.running(self.folder.resolve())

    def is_running(self, part: Part) -> bool:
        """Whether the process of a part runs."""
        return any(process.part == part and not _is_worker(process) for process in self.running())

    def flags(self) -> list[str]:
        """Return the flags with which a pipeline runs on the cluster."""
        return [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{self.ports.job_server}",
            "--environment_type=EXTERNAL",
            f"--environment_config=localhost:{self.ports.worker_pool}",
        ]

    # For tests of faults

    def kill(self, part: Part) -> None:
        """Kill the process of a part, and what it has started, at once."""
        processes.kill(self.folder, [process for process in self.running() if process.part == part])

    def kill_workers(self) -> int:
        """Kill the Python workers, but not the pool that starts them; returns how many there were."""
        workers = self.workers()
        processes.kill(self.folder, workers)
        return len(workers)

    def workers(self) -> list[Running]:
        """Return the Python workers that run now."""
        return [process for process in self.running() if _is_worker(process)]

    def start(self, part: Part) -> None:
        """Start a part that was killed, and wait until it is ready."""
        self._start(part, build_flink(self.built))
        self._wait(part)

    def _choose_ports(self) -> None:
        """Keep those that the cluster had (its jobs know the pool's) unless somebody else listens there now."""
        path = self.folder / "cluster.json"
        if self.is_set_up() and not any(listens(port) for port in self.ports):
            return
        path.write_text(json.dumps(free_ports()._asdict(), indent=2) + "\n", encoding="utf-8")

    def _start(self, part: Part, jars: FlinkJars) -> None:
        folder = self.folder.resolve()
        command = command_of(part, folder, self.ports, jars, java())
        processes.start(folder, part, command, self._log(part), environment_of(part, jars))

    def _wait(self, part: Part) -> None:
        until = time.monotonic() + _LONGEST_START
        while not self._is_ready(part):
            if not self.is_running(part):
                raise EngineError(f"{part} ended at once; {self._log(part)} ends: {end_of(self._log(part))}")
            if time.monotonic() > until:
                raise EngineError(f"{part} is not ready after {_LONGEST_START:g} s; see {self._log(part)}")
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _is_ready(self, part: Part) -> bool:
        if part is Part.TASK_MANAGER:
            return self.is_running(part) and self.rest.answers() and self.rest.task_managers() > 0
        if part is Part.JOB_MANAGER:
            return self.rest.answers()
        return listens(self.ports.of(part))

    def _log(self, part: Part) -> Path:
        return self.folder.resolve() / "logs" / f"{part}.log"


def _is_worker(process: Running) -> bool:
    return process.part == Part.WORKER_POOL and _WORKER in process.command


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
