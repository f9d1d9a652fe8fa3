"""What is built must fit what is locked: a newer Beam in one place only is found here, not by a user."""

from __future__ import annotations

import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from pipeline.engines.flink_build import FLINK_LINE, FLINK_VERSION, TRIED_BEAM_VERSIONS
from pipeline.engines.tools import BEAM_VERSION

ROOT = Path(__file__).parents[3]
POM = ROOT / "deploy/flink/job-server/pom.xml"
_MAVEN = "{http://maven.apache.org/POM/4.0.0}"


@pytest.fixture(scope="module")
def properties() -> dict[str, str]:
    found = ElementTree.parse(POM).getroot().find(f"{_MAVEN}properties")  # noqa: S314  (our own file)
    assert found is not None
    return {one.tag.removeprefix(_MAVEN): one.text or "" for one in found}


def test_the_installed_beam_is_the_locked_one() -> None:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    assert [package["version"] for package in packages if package["name"] == "apache-beam"] == [BEAM_VERSION]


def test_the_locked_beam_is_of_the_line_that_pyproject_pins() -> None:
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    line = ".".join(BEAM_VERSION.split(".")[:2])
    assert [one for one in needed if one.startswith("apache-beam>")] == [f"apache-beam>={line},<2.{int(line[2:]) + 1}"]


def test_the_job_server_of_the_sdks_own_version_is_tried_first_and_the_poms_last() -> None:
    assert TRIED_BEAM_VERSIONS[0] == BEAM_VERSION


def test_the_poms_versions_are_those_that_are_built(properties: dict[str, str]) -> None:
    assert properties["beam.version"] == TRIED_BEAM_VERSIONS[-1]
    assert properties["flink.line"] == FLINK_LINE
    for version in (properties["flink.version"], FLINK_VERSION):
        assert version.startswith(f"{FLINK_LINE}.")


def test_a_wheel_brings_the_pom_along() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    (target,) = build["force-include"].values()
    assert ROOT / next(iter(build["force-include"])) == POM
    assert target == "pipeline/engines/job-server-pom.xml"
