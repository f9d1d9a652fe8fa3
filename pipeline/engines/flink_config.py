"""How the parts of a Flink cluster on one machine are set up: ports, memory, state, restarts, and command lines."""

from __future__ import annotations

import json
import random
import socket
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from pipeline.engines.flink_build import FlinkJars


class Part(StrEnum):
    """A part of the cluster, in the order of starting; each is one process, and its port is open once it is ready."""

    ZOOKEEPER = "zookeeper"
    JOB_MANAGER = "job-manager"
    WORKER_POOL = "worker-pool"
    TASK_MANAGER = "task-manager"
    JOB_SERVER = "job-server"


class Ports(NamedTuple):
    """Where the parts listen: on localhost, but for the job server and the metrics, which cannot be told to.

    Whoever reaches a job server can have code run, so such a cluster is for machines that strangers cannot reach.
    """

    zookeeper: int
    rest: int
    """The job manager's API and web pages."""
    rpc: int
    worker_pool: int
    job_server: int
    job_manager_metrics: int
    """For Prometheus."""
    task_manager_metrics: int

    def of(self, part: Part) -> int:
        """Return the port that tells whether a part is ready."""
        return {
            Part.ZOOKEEPER: self.zookeeper,
            Part.JOB_MANAGER: self.rest,
            Part.WORKER_POOL: self.worker_pool,
            Part.TASK_MANAGER: self.task_manager_metrics,
            Part.JOB_SERVER: self.job_server,
        }[part]


STREAM_FLAGS: Final = (
    "--externalized_checkpoints_enabled",
    # Else what a bundle gives out while a checkpoint is taken waits for the next bundle. Behind an impulse, from which
    # each stream starts, none comes: 4 of 4 streams with a checkpoint a second gave no row, and with it all did.
    "--finish_bundle_before_checkpointing",
    # A stream goes on, however long what it needs is away: again and again, 5 s after each failure.
    "--number_of_execution_retries=2000000000",
    "--execution_retry_delay=5000",
)
"""What a stream on Flink, this cluster or any, needs beside `--streaming` and `--checkpointing_interval`."""

SLOTS: Final = 4
"""Of the task manager; a job takes as many as its parallelism."""

_BELOW_EPHEMERAL: Final = range(20_000, 32_000)
"""Ports that the kernel does not hand out to clients, so that a part finds its own free when it is started again."""

_MB: Final = 1 << 20

# Megabytes. Beam's shaded jar and its gRPC want more metaspace and direct memory than Flink's defaults for this size
# (1.7 GB); managed memory is RocksDB's cache and write buffers. A bag is read into the heap whole.
_TASK_HEAP, _FRAMEWORK_HEAP, _DIRECT, _NETWORK, _MANAGED, _METASPACE, _OVERHEAD = 1_024, 128, 256, 128, 512, 512, 256
_JOB_MANAGER_HEAP, _JOB_SERVER_HEAP, _ZOOKEEPER_HEAP = 768, 512, 128

_OPENED: Final = (  # what Flink's own configuration opens on Java 17
    *(f"java.base/{name}=ALL-UNNAMED" for name in (
        "java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text", "java.time",
        "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks",
    )),
)  # fmt: skip
_EXPORTED: Final = ("java.base/sun.net.util=ALL-UNNAMED", "java.rmi/sun.rmi.registry=ALL-UNNAMED")


def free_ports() -> Ports:
    """Return ports of this machine on which nothing listens."""
    candidates = iter(random.SystemRandom().sample(_BELOW_EPHEMERAL, 500))
    return Ports(*(next(port for port in candidates if not listens(port)) for _ in Ports._fields))


def listens(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def write_configuration(folder: Path, ports: Ports) -> None:
    """Write what the parts read when they start, under `conf/`."""
    conf = folder / "conf"
    (conf / "jobs").mkdir(parents=True, exist_ok=True)
    _write_yaml(conf / "config.yaml", _cluster(folder, ports) | _jobs(folder))
    # A job takes these from where it is submitted, not from the cluster.
    _write_yaml(conf / "jobs" / "config.yaml", _jobs(folder))
    (conf / "log4j2.properties").write_text(_LOGGING, encoding="utf-8")
    (conf / "zookeeper.cfg").write_text(_zookeeper(folder, ports), encoding="utf-8")


def command_of(part: Part, folder: Path, ports: Ports, jars: FlinkJars, java: str) -> list[str]:
    """Return the command line of a part."""
    if part is Part.WORKER_POOL:
        return [sys.executable, "-m", "pipeline.engines.worker_pool", "--port", str(ports.worker_pool)]
    conf = str(folder / "conf")
    if part is Part.JOB_SERVER:
        return [
            java, f"-Xmx{_JOB_SERVER_HEAP}m", *_opened(), "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-jar", str(jars.job_server), "--job-host=localhost", f"--job-port={ports.job_server}",
            "--artifact-port=0", "--expansion-port=-1", f"--artifacts-dir={folder / 'artifacts'}",
            f"--flink-master=localhost:{ports.rest}", f"--flink-conf-dir={conf}/jobs",
        ]  # fmt: skip
    flink = [f"-Dlog4j.configurationFile=file:{conf}/log4j2.properties", "-cp", _class_path(jars)]
    if part is Part.ZOOKEEPER:
        main = "org.apache.flink.runtime.zookeeper.FlinkZooKeeperQuorumPeer"
        quiet = "-Dorg.apache.flink.shaded.zookeeper3.zookeeper.admin.enableServer=false"
        its = ["--zkConfigFile", f"{conf}/zookeeper.cfg", "--peerId", "1"]
        return [java, f"-Xmx{_ZOOKEEPER_HEAP}m", quiet, *flink, main, *its]
    if part is Part.JOB_MANAGER:
        main = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
        metrics = f"-Dmetrics.reporter.prom.port={ports.job_manager_metrics}"
        return [java, f"-Xmx{_JOB_MANAGER_HEAP}m", *_opened(), *flink, main, "--configDir", conf, metrics]
    main = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
    metrics = f"-Dmetrics.reporter.prom.port={ports.task_manager_metrics}"
    memory = [f"-Xmx{_TASK_HEAP + _FRAMEWORK_HEAP}m", f"-XX:MaxDirectMemorySize={2 * _DIRECT + _NETWORK}m"]
    memory.append(f"-XX:MaxMetaspaceSize={_METASPACE}m")
    return [java, *memory, *_opened(), *flink, main, "--configDir", conf, metrics, *_task_manager_memory()]


def environment_of(part: Part, jars: FlinkJars) -> Mapping[str, str]:
    """Return the variables that a part needs beside those of this process."""
    if part is Part.WORKER_POOL:
        return {"PYTHONPATH": ":".join(path for path in sys.path if path), "PYTHONUNBUFFERED": "1"}
    return {"FLINK_PLUGINS_DIR": str(jars.libraries / "plugins")}


def _cluster(folder: Path, ports: Ports) -> dict[str, Any]:
    return {
        "jobmanager.rpc.address": "localhost",
        "jobmanager.rpc.port": ports.rpc,
        "jobmanager.bind-host": "localhost",
        "rest.address": "localhost",
        "rest.bind-address": "localhost",
        "rest.port": ports.rest,
        "rest.bind-port": ports.rest,
        "taskmanager.host": "localhost",
        "taskmanager.bind-host": "localhost",
        # Another one each time: a task manager that was killed and started again at the same port could send nothing to
        # a job manager that knew the one of before ("read-only association"), and was never registered.
        "taskmanager.rpc.port": 0,
        "taskmanager.numberOfTaskSlots": SLOTS,
        # A job manager that is started again goes on with its jobs, from their last checkpoints.
        "high-availability.type": "zookeeper",
        "high-availability.zookeeper.quorum": f"localhost:{ports.zookeeper}",
        "high-availability.jobmanager.port": ports.rpc,
        "zookeeper.sasl.disable": True,
        "high-availability.storageDir": (folder / "jobs").as_uri(),
        # A lost task manager is noticed in 15 s at most, not in 50: it is on this machine, not over a network.
        "heartbeat.interval": 3_000,
        "heartbeat.timeout": 15_000,
        "io.tmp.dirs": str(folder / "tmp"),
        # For bounded jobs, which can ask for no other: what fails seven times in some 40 seconds will not mend itself;
        # without a task manager each try waits five minutes. A stream asks for its own (`STREAM_FLAGS`).
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "1 s",
        "restart-strategy.exponential-delay.max-backoff": "1 min",
        "restart-strategy.exponential-delay.backoff-multiplier": 1.5,
        "restart-strategy.exponential-delay.attempts-before-reset-backoff": 6,
        "restart-strategy.exponential-delay.reset-backoff-threshold": "10 min",
        "restart-strategy.exponential-delay.jitter-factor": 0.1,
        # How old what `status` says of restarts may be; usually 10 s.
        "metrics.fetcher.update-interval": 2_000,
        "metrics.reporter.prom.factory.class": "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
    }


def _jobs(folder: Path) -> dict[str, Any]:
    return {
        # State in RocksDB: on disk, so that it may be larger than memory; only what has changed goes to a checkpoint.
        "state.backend.type": "rocksdb",
        "state.backend.incremental": True,
        "state.checkpoints.dir": (folder / "checkpoints").as_uri(),
        "state.savepoints.dir": (folder / "savepoints").as_uri(),
        "state.checkpoints.num-retained": 3,
        # The last checkpoint of a cancelled or failed job stays: a job can start from it with --savepoint_path.
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.timeout": "10 min",
        "execution.checkpointing.tolerable-failed-checkpoints": 10,
    }


def _task_manager_memory() -> Iterator[str]:
    """Each size by itself: Flink's start script works them out, and it is not used here."""
    sizes = {
        "framework.heap.size": _FRAMEWORK_HEAP,
        "task.heap.size": _TASK_HEAP,
        "framework.off-heap.size": _DIRECT,
        "task.off-heap.size": _DIRECT,
        "network.min": _NETWORK,
        "network.max": _NETWORK,
        "managed.size": _MANAGED,
        "jvm-metaspace.size": _METASPACE,
        "jvm-overhead.min": _OVERHEAD,
        "jvm-overhead.max": _OVERHEAD,
    }
    yield "-Dtaskmanager.cpu.cores=2"
    for name, megabytes in sizes.items():
        yield f"-Dtaskmanager.memory.{name}={megabytes * _MB}b"


def _opened() -> list[str]:
    return [f"--add-opens={name}" for name in _OPENED] + [f"--add-exports={name}" for name in _EXPORTED]


def _class_path(jars: FlinkJars) -> str:
    return ":".join(str(jar) for jar in sorted((jars.libraries / "lib").glob("*.jar")))


def _zookeeper(folder: Path, ports: Ports) -> str:
    address = f"clientPortAddress=127.0.0.1\nclientPort={ports.zookeeper}\n"
    return f"{address}dataDir={folder / 'zookeeper'}\ntickTime=2000\nmaxClientCnxns=0\nautopurge.purgeInterval=1\n"


def _write_yaml(path: Path, values: Mapping[str, Any]) -> None:
    lines = ["# Written by newsbeam engine up, anew each time."]
    lines += [f"{key}: {json.dumps(value)}" for key, value in values.items()]  # JSON's scalars are YAML's, too
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


_LOGGING: Final = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-50c{1.} - %m%n
logger.zookeeper.name = org.apache.flink.shaded.zookeeper3
logger.zookeeper.level = WARN
logger.netty.name = org.jboss.netty.channel.DefaultChannelPipeline
logger.netty.level = OFF
"""
