"""One version of Beam and of Python, wherever they are named."""

from __future__ import annotations

import re
import tomllib

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.deploy.places import DEPLOY, ROOT

DOCKERFILES = sorted([*DEPLOY.rglob("Dockerfile"), *DEPLOY.rglob("Containerfile")])


def _locked(name: str) -> str:
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    (version,) = [str(package["version"]) for package in lock["package"] if package["name"] == name]
    return version


def _project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]  # type: ignore[no-any-return]


def test_the_locked_beam_is_the_one_that_the_project_asks_for() -> None:
    asked = [Requirement(text) for text in _project()["dependencies"]]  # type: ignore[attr-defined]
    (beam,) = [one for one in asked if one.name == "apache-beam"]
    assert beam.specifier.contains(_locked("apache-beam"))


def test_images_of_beam_are_of_the_locked_version() -> None:
    found = [
        (path, python, version)
        for path in [*DOCKERFILES, *DEPLOY.rglob("*.y*ml")]
        for python, version in re.findall(r"apache/beam_python([\d.]+)_sdk:([\w.]+)", path.read_text(encoding="utf-8"))
    ]
    assert DEPLOY / "dataflow" / "Dockerfile" in [path for path, _, _ in found]
    assert {version for _, _, version in found} == {_locked("apache-beam")}


def test_all_parts_of_an_image_have_one_python_which_the_project_allows() -> None:
    allowed = SpecifierSet(str(_project()["requires-python"]))
    for path in DOCKERFILES:
        text = path.read_text(encoding="utf-8")
        named = re.findall(r"(?:library/python:|^FROM python:|beam_python)(\d\.\d+)", text, re.MULTILINE)
        named += [f"{found[0]}.{found[1:]}" for found in re.findall(r"/python(\d\d+)-template-launcher", text)]
        assert len(set(named)) <= 1, path
        assert all(allowed.contains(version) for version in named), path


def test_the_job_server_is_of_a_version_that_was_tried() -> None:
    from pipeline.engines.flink_build import FLINK_LINE, TRIED_BEAM_VERSIONS

    pom = (DEPLOY / "flink" / "job-server" / "pom.xml").read_text(encoding="utf-8")
    (version,) = re.findall(r"<beam\.version>(.+)</beam\.version>", pom)
    (flink,) = re.findall(r"<flink\.version>(.+)</flink\.version>", pom)
    assert version in TRIED_BEAM_VERSIONS
    assert TRIED_BEAM_VERSIONS[0] == _locked("apache-beam")
    assert flink.startswith(f"{FLINK_LINE}.")


def test_flink_is_of_one_line_everywhere() -> None:
    from pipeline.engines.flink_build import FLINK_LINE

    named = set()
    for path in [*DOCKERFILES, *DEPLOY.rglob("*.y*ml")]:
        text = path.read_text(encoding="utf-8")
        named |= {found.replace("_", ".") for found in re.findall(r"(?:/|\s)flink:v?(\d+[._]\d+)", text)}
        named |= {
            str(document["spec"]["flinkVersion"]).removeprefix("v").replace("_", ".")
            for document in (yaml.safe_load_all(text) if path.suffix in (".yaml", ".yml") else [])
            if isinstance(document, dict) and "flinkVersion" in (document.get("spec") or {})
        }
    assert named <= {FLINK_LINE}
