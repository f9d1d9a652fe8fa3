"""One input on each engine, as a folder and as a stream: the same ids, stories, tags and rejects as of a local run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.engines.flink_cluster import FlinkCluster
from tests.engines.same_tables import Tables, run_bounded, run_stream, tables_of, write_inputs

SAME = {"ids": 0, "stories": 0, "tags": 0, "rejects": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("same")


@pytest.fixture(scope="module")
def inputs(folder: Path) -> tuple[Path, int]:
    path = folder / "inputs"
    return path, write_inputs(path)


@pytest.fixture(scope="module")
def local(folder: Path, inputs: tuple[Path, int]) -> Tables:
    found = run_bounded(inputs[0], folder / "local", [])
    print(f"\nlocal: {found.line()}")
    assert len(found.ids) > 280
    assert sum(len(story) > 1 for story in found.stories) > 50
    assert found.rejects
    assert found.tags
    return found


def _same(what: str, found: Tables, local: Tables) -> None:
    print(f"\n{what}: {found.line()}; differences: {found.differences(local)}")
    assert found.differences(local) == SAME


def test_prism_makes_the_same_tables(
    folder: Path, inputs: tuple[Path, int], local: Tables, prism_options: list[str]
) -> None:
    _same("Prism", run_bounded(inputs[0], folder / "prism", prism_options), local)


def test_flink_makes_the_same_tables(
    folder: Path, inputs: tuple[Path, int], local: Tables, flink_options: list[str]
) -> None:
    _same("Flink", run_bounded(inputs[0], folder / "flink", flink_options), local)


def test_a_stream_on_prism_makes_the_same_tables(
    folder: Path, inputs: tuple[Path, int], local: Tables, prism_options: list[str]
) -> None:
    _same("Prism, streaming", run_stream(*inputs, folder / "prism-stream", prism_options, None), local)


def test_a_stream_on_flink_makes_the_same_tables(
    folder: Path, inputs: tuple[Path, int], local: Tables, flink_options: list[str], flink_cluster: FlinkCluster
) -> None:
    def stop() -> None:
        for job in flink_cluster.rest.jobs():
            if job.state == "RUNNING":
                flink_cluster.rest.cancel(job.job_id)

    flags = [*flink_options, "--checkpointing_interval=2000"]
    _same("Flink, streaming", run_stream(*inputs, folder / "flink-stream", flags, stop), local)


def test_the_comparison_sees_a_difference(folder: Path, local: Tables) -> None:
    found = tables_of(folder / "local")
    (story, *others) = sorted(found.stories, key=len)
    torn = found._replace(stories=frozenset([*others[:-1], frozenset([*others[-1], *story])]))
    assert torn.differences(local) != SAME
    assert found._replace(rejects=frozenset()).differences(local) != SAME
