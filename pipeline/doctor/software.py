"""Looks at what is installed: versions, models, worker processes, and what engines need."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from packaging.requirements import Requirement
from packaging.version import Version

from pipeline.doctor.finding import FAIL, OK, WARN, Finding, looked_at
from pipeline.version import newsbeam_version
from schemas.errors import InputRejected
from transforms.functions.worker_pool import WorkerPool

ENGINES: Final = ("flink", "prism")

_AGAIN: Final = "install newsbeam again: uv sync --frozen (in a checkout), or pip install --force-reinstall newsbeam"
_SAMPLE: Final = (
    "The harbour council of Geneva voted on Tuesday to keep the old customs house. Critics had asked for a new roof, "
    "and the town clerk promised cheaper tickets for the ferry before the winter."
)
_TRIED: Final = ((3, 11), (3, 13))


def look_at_software() -> Iterator[Finding]:
    """Yield findings about versions, models and worker processes."""
    yield _python()
    yield looked_at("packages", _packages, _AGAIN)
    yield looked_at("language model", _languages, _AGAIN)
    yield looked_at("topic model", _topics, _AGAIN)
    yield looked_at("entity model", _entities, _AGAIN)
    yield looked_at(
        "worker processes",
        _workers,
        "a run extracts in processes of its own: see that the machine has memory to spare, that the temporary folder "
        "may hold sockets, and that no limit on processes is reached (ulimit -u)",
    )


def look_at_engine(engine: str) -> Iterator[Finding]:
    """Yield findings about what an engine needs beside; `engine` is one of `ENGINES`."""
    if engine == "prism":
        yield looked_at("Prism", _prism, "newsbeam engine build puts it in place")
        return
    yield looked_at(
        "Java", _java, "install a Java of version 11 or 17 (Debian: apt-get install openjdk-17-jdk-headless)"
    )
    yield looked_at("Flink", _flink, "newsbeam engine up builds what is missing")


def _python() -> Finding:
    said = f"newsbeam {newsbeam_version()} on Python {platform.python_version()}, {platform.platform(terse=True)}"
    oldest, newest = _TRIED
    remedy = f"newsbeam is tested with Python {oldest[0]}.{oldest[1]} to {newest[0]}.{newest[1]} on Linux"
    if sys.version_info < oldest:
        return Finding("newsbeam", FAIL, said, remedy)
    if sys.version_info[:2] > newest or platform.system() != "Linux":
        return Finding("newsbeam", WARN, said, remedy)
    return Finding("newsbeam", OK, said)


def _packages() -> Finding:
    """Compare what is installed with what newsbeam asks for: a later `pip install` may have changed it."""
    wrong, looked = [], 0
    for line in requires("newsbeam") or ():
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        looked += 1
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            wrong.append(f"{wanted.name} is missing")
            continue
        if Version(found) not in wanted.specifier:
            wrong.append(f"{wanted.name} is {found}, not {wanted.specifier}")
    if wrong:
        return Finding("packages", FAIL, "; ".join(wrong), _AGAIN)
    names = ("apache-beam", "duckdb", "pyarrow", "trafilatura", "spacy")
    said = f"{looked} as they should be ({', '.join(f'{name} {version(name)}' for name in names)})"
    return Finding("packages", OK, said)


def _languages() -> str:
    from transforms.functions.languages import language_of

    found = language_of(_SAMPLE)
    if found != "en":
        raise ValueError(f"an English text is told as {found}")
    return "tells languages"


def _topics() -> str:
    from transforms.functions.topics import topic_model

    started = time.perf_counter()
    topic_model()
    return f"loaded in {time.perf_counter() - started:.1f} s"


def _entities() -> str:
    from transforms.functions.entities import entity_tagger
    from transforms.functions.gazetteer import gazetteer

    started = time.perf_counter()
    entity_tagger()
    gazetteer()
    return f"loaded in {time.perf_counter() - started:.1f} s, with the gazetteer"


def _workers() -> str:
    started = time.perf_counter()
    pool = WorkerPool(1, 30.0)
    try:
        answer = pool.submit(_words, _SAMPLE).result(timeout=60)
    finally:
        pool.close()
    if isinstance(answer, InputRejected):
        raise answer
    return f"one started and answered in {time.perf_counter() - started:.1f} s"


def _words(text: str) -> int:
    return len(text.split())


def _prism() -> str:
    from pipeline.engines.prism import find_prism

    return f"is {find_prism()}"


def _java() -> str:
    from pipeline.engines.tools import java

    return f"is {java()}"


def _flink() -> str:
    from pipeline.engines.flink_build import flink_jars
    from pipeline.engines.places import engines_folder

    return f"its jars are in {flink_jars(engines_folder()).libraries.parent}"
