from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from pipeline.engines.flink_build import FlinkJars
from pipeline.engines.flink_config import (
    SLOTS,
    Part,
    Ports,
    command_of,
    environment_of,
    free_ports,
    listens,
    write_configuration,
)

PORTS = Ports(*range(20_001, 20_001 + len(Ports._fields)))
JARS = FlinkJars(Path("/built/job-server.jar"), Path("/built/flink"))


def _read(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return {key: value.strip('"') for key, value in (line.split(": ", 1) for line in lines)}


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    write_configuration(tmp_path, PORTS)
    return tmp_path


def test_free_ports_differ_are_below_those_of_clients_and_nobody_listens_there() -> None:
    ports = free_ports()
    assert len(set(ports)) == len(Ports._fields)
    assert all(20_000 <= port < 32_000 and not listens(port) for port in ports)


def test_a_port_that_is_taken_is_seen() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert listens(port)
    assert not listens(port)


def test_state_lies_below_the_folder_and_outlives_a_cancelled_job(cluster: Path) -> None:
    for path in (cluster / "conf" / "config.yaml", cluster / "conf" / "jobs" / "config.yaml"):
        written = _read(path)
        assert written["state.backend.type"] == "rocksdb"
        assert written["state.checkpoints.dir"] == (cluster / "checkpoints").as_uri()
        assert written["state.savepoints.dir"] == (cluster / "savepoints").as_uri()
        assert written["execution.checkpointing.externalized-checkpoint-retention"] == "RETAIN_ON_CANCELLATION"


def test_restarts_are_the_clusters_so_that_a_stream_can_ask_for_its_own(cluster: Path) -> None:
    assert _read(cluster / "conf" / "config.yaml")["restart-strategy.type"] == "exponential-delay"
    assert not [key for key in _read(cluster / "conf" / "jobs" / "config.yaml") if "restart" in key]


def test_all_parts_listen_on_this_machine_only(cluster: Path) -> None:
    written = _read(cluster / "conf" / "config.yaml")
    addresses = {key: value for key, value in written.items() if re.search(r"(host|address)$", key)}
    assert addresses
    assert set(addresses.values()) == {"localhost"}
    assert (
        f"clientPortAddress=127.0.0.1\nclientPort={PORTS.zookeeper}\n" in (cluster / "conf/zookeeper.cfg").read_text()
    )


def test_each_part_is_told_its_own_port(cluster: Path) -> None:
    written = _read(cluster / "conf" / "config.yaml")
    assert written["rest.port"] == str(PORTS.rest)
    assert written["taskmanager.rpc.port"] == "0"
    assert written["taskmanager.numberOfTaskSlots"] == str(SLOTS)
    assert command_of(Part.WORKER_POOL, cluster, PORTS, JARS, "java")[-2:] == ["--port", str(PORTS.worker_pool)]
    job_server = command_of(Part.JOB_SERVER, cluster, PORTS, JARS, "java")
    assert f"--job-port={PORTS.job_server}" in job_server
    assert f"--flink-master=localhost:{PORTS.rest}" in job_server


def test_a_task_manager_is_given_no_more_heap_than_its_process_has(cluster: Path) -> None:
    command = " ".join(command_of(Part.TASK_MANAGER, cluster, PORTS, JARS, "java"))
    sizes = {name: int(size) for name, size in re.findall(r"-Dtaskmanager\.memory\.([\w.-]+)=(\d+)b", command)}
    heap = int(re.findall(r"-Xmx(\d+)m", command)[0]) << 20
    direct = int(re.findall(r"-XX:MaxDirectMemorySize=(\d+)m", command)[0]) << 20
    assert heap == sizes["task.heap.size"] + sizes["framework.heap.size"]
    assert direct == sizes["task.off-heap.size"] + sizes["framework.off-heap.size"] + sizes["network.max"]
    total = heap + direct + sizes["managed.size"] + sizes["jvm-metaspace.size"] + sizes["jvm-overhead.max"]
    assert total <= 3 << 30


def test_workers_find_the_modules_that_this_process_finds() -> None:
    paths = environment_of(Part.WORKER_POOL, JARS)["PYTHONPATH"].split(":")
    assert any(Path(path, "pipeline").is_dir() or "site-packages" in path for path in paths)
    assert "" not in paths
