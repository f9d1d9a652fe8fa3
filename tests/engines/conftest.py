"""Real engines for the tests of this folder, which run only where it is asked for by name: `make test-engines`.

What cannot be built on a machine is skipped, with the reason.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.engines.flink_build import flink_jars
from pipeline.engines.flink_cluster import FlinkCluster
from pipeline.engines.places import engines_folder
from pipeline.engines.prism import find_prism, prism_flags
from schemas.errors import EngineError, UsageError

ENGINES = engines_folder()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave this folder out unless it was asked for: engines take minutes."""
    return None if any("tests/engines" in argument for argument in config.args) else True


@pytest.fixture(scope="session")
def prism_options() -> list[str]:
    """The flags with which a pipeline runs on Prism."""
    try:
        return prism_flags(find_prism())
    except UsageError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def flink_cluster() -> Iterator[FlinkCluster]:
    """A cluster of this session's own. Tests may kill its parts, but leave it whole and without jobs."""
    try:
        flink_jars(ENGINES)
    except EngineError as error:
        pytest.skip(str(error))
    clusters = ENGINES / "clusters"
    _end_of_dead_sessions(clusters)
    cluster = FlinkCluster(clusters / str(os.getpid()), ENGINES)
    try:
        cluster.up()
        yield cluster
    finally:
        _end(cluster)


@pytest.fixture(scope="session")
def flink_options(flink_cluster: FlinkCluster) -> list[str]:
    """The flags with which a pipeline runs on the session's Flink cluster."""
    return flink_cluster.flags()


def _end_of_dead_sessions(clusters: Path) -> None:
    for folder in clusters.glob("*"):
        if not Path("/proc", folder.name).exists():
            _end(FlinkCluster(folder, ENGINES))


def _end(cluster: FlinkCluster) -> None:
    cluster.down(forget=True)
    shutil.rmtree(cluster.folder)
