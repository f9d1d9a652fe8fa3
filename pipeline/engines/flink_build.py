"""What a Flink cluster is made of: Beam's job server as one jar (Maven), and Flink's own jars (from PyPI)."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pipeline.engines.tools import BEAM_VERSION, build, java, locked, say, tool
from schemas.errors import EngineError

FLINK_LINE: Final = "1.19"
"""The oldest that Beam 2.77 knows and the newest whose job server is to be had everywhere that was tried."""

FLINK_VERSION: Final = "1.19.3"

TRIED_BEAM_VERSIONS: Final = (BEAM_VERSION, "2.62.0")
"""The job server's: the SDK's own, else the newest that some mirrors serve whole; both ran (deploy/flink/README.md)."""

_LIBRARIES: Final = f"apache-flink-libraries=={FLINK_VERSION}"

_KEPT: Final = ("lib/flink-dist-*.jar", "lib/log4j-*.jar", "plugins/metrics-prometheus/*.jar")
"""Of 235 MB; the others are for Flink's SQL."""

_NOT_SERVED: Final = re.compile(r"Could not (?:find artifact|resolve dependencies)|was not found in", re.IGNORECASE)


class FlinkJars(NamedTuple):
    """The jars of a cluster."""

    job_server: Path
    libraries: Path
    """Folder with `lib/` and `plugins/`."""


def flink_jars(folder: Path) -> FlinkJars:
    """Return the jars that were built into a folder.

    Raises:
        EngineError: they are not there; the message says why, and what to do.
    """
    java()
    folder = folder.resolve()
    job_server, libraries = _built_job_server(folder), _libraries(folder)
    if job_server is None or not libraries.exists():
        tool("mvn")
        raise EngineError(f"Flink's jars are not in {folder}: newsbeam engine up, or make test-engines, builds them")
    return FlinkJars(job_server, libraries)


def build_flink(folder: Path) -> FlinkJars:
    """Return the jars; builds first what is missing (about a minute; Maven keeps 270 MB in its own folder).

    Raises:
        EngineError: java or mvn is not there, or a build failed.
    """
    java()
    folder = folder.resolve()
    with locked(folder):
        job_server = _built_job_server(folder) or _build_job_server(folder)
        if not _libraries(folder).exists():
            _get_libraries(folder)
    return FlinkJars(job_server, _libraries(folder))


# The job server


def _built_job_server(folder: Path) -> Path | None:
    jars = (_job_server(folder, version) for version in TRIED_BEAM_VERSIONS)
    return next((jar for jar in jars if jar.exists()), None)


def _job_server(folder: Path, version: str) -> Path:
    digest = hashlib.sha256(_pom().read_bytes()).hexdigest()[:8]
    return folder / f"flink-{FLINK_LINE}-job-server-{version}-{digest}.jar"


def _pom() -> Path:
    """The file of a checkout, or its copy in the installed package."""
    packages = Path(__file__).resolve().parents[2]
    places = (packages / "deploy/flink/job-server/pom.xml", Path(__file__).with_name("job-server-pom.xml"))
    for place in places:
        if place.exists():
            return place
    raise EngineError(f"{places[0]} is missing: the job server cannot be built")


def _build_job_server(folder: Path) -> Path:
    maven = tool("mvn")
    for version in TRIED_BEAM_VERSIONS:
        try:
            return _build_version(folder, maven, version)
        except EngineError as error:
            if version == TRIED_BEAM_VERSIONS[-1] or not _NOT_SERVED.search(str(error)):
                raise
            say(f"  this registry does not serve Beam's Flink runner {version}; trying the next")
    raise AssertionError("there is a last version")


def _build_version(folder: Path, maven: str, version: str) -> Path:
    jar = _job_server(folder, version)
    with tempfile.TemporaryDirectory(prefix="work-", dir=folder) as work:
        pom = shutil.copy(_pom(), Path(work, "pom.xml"))
        quiet = ("-B", "-q", "-ntp", "-Dstyle.color=never")
        build(
            f"building Beam's Flink job server {version} with Maven (about a minute the first time)",
            [maven, *quiet, "-f", str(pom), f"-Dbeam.version={version}", f"-Dflink.line={FLINK_LINE}", "package"],
            folder / f"job-server-{version}.log",
        )
        Path(work, "target", "flink-job-server.jar").replace(jar)
    return jar


# Flink's own jars


def _libraries(folder: Path) -> Path:
    return folder / f"flink-{FLINK_VERSION}"


def _get_libraries(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="work-", dir=folder) as work:
        got, kept = Path(work, "got"), Path(work, "kept")
        build(
            f"getting {_LIBRARIES} (230 MB) from the Python package index",
            [*_installer(), "--no-deps", "--target", str(got), _LIBRARIES],
            folder / "flink-libraries.log",
        )
        _keep(got / "pyflink", kept)
        kept.replace(_libraries(folder))


def _keep(source: Path, target: Path) -> None:
    for pattern in _KEPT:
        found = list(source.glob(pattern))
        if not found:
            raise EngineError(f"{_LIBRARIES} holds no {pattern}: it is not what this newsbeam was written for")
        for jar in found:
            place = target / jar.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            jar.replace(place)


def _installer() -> Sequence[str]:
    """The installer of this environment: pip where it is in it, else uv."""
    if importlib.util.find_spec("pip") is not None:
        return (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir")
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise EngineError(f"{_LIBRARIES} is needed, and this environment has neither pip nor uv: install one of them")
    return (found, "pip", "install", "--quiet", "--no-cache", "--python", sys.executable)
