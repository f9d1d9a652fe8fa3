"""Prism, the runner that Beam writes in Go: built once, kept in a folder.

Python packages do not bring it, and Beam would download it at run time. What it needs to be told is in `prism_flags`.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from pipeline.engines.places import engines_folder
from pipeline.engines.tools import BEAM_VERSION, build, locked, tool
from schemas.errors import UsageError

PRISM_VARIABLE: Final = "NEWSBEAM_PRISM"

_PACKAGE: Final = "github.com/apache/beam/sdks/v2/go/cmd/prism"


def find_prism(folder: Path | None = None) -> Path:
    """Return the path of Prism: what NEWSBEAM_PRISM names, else what was built into a folder (the usual one for None).

    Raises:
        UsageError: there is none; the message says what to do.
    """
    given = os.environ.get(PRISM_VARIABLE)
    path = Path(given).absolute() if given else _path(folder or engines_folder())
    if path.is_file() and os.access(path, os.X_OK):
        return path
    if given:
        raise UsageError(f"{PRISM_VARIABLE} names {path}, which is no program")
    raise UsageError(
        f"Prism {BEAM_VERSION} is not in {path.parent}: `newsbeam engine build` puts it there (with Go, in two "
        f"minutes); where it lies elsewhere, give --prism_location PATH or set {PRISM_VARIABLE}"
    )


def build_prism(folder: Path) -> Path:
    """Return the path of a folder's Prism; builds it first where it is missing (about two minutes; Go keeps 870 MB).

    Raises:
        EngineError: Go is not there, or the build failed.
    """
    path = _path(folder)
    with locked(folder):
        if not path.exists():
            with tempfile.TemporaryDirectory(prefix="work-", dir=folder) as work:
                build(
                    f"building Prism {BEAM_VERSION} with Go (about two minutes the first time)",
                    [tool("go"), "install", f"{_PACKAGE}@v{BEAM_VERSION}"],
                    folder / "prism.log",
                    os.environ | {"GOBIN": str(Path(work).resolve())},
                )
                path.parent.mkdir(exist_ok=True)
                Path(work, "prism").replace(path)
    return path


def prism_flags(path: Path) -> list[str]:
    """Return the flags with which Prism runs right.

    Without the experiment it splits a bundle in which one element is slow and then runs one key twice at once, so that
    keyed state is lost without a word; without the time limit the driver ends after 300 seconds. Both measured.
    """
    return [
        "--runner=PrismRunner",
        f"--prism_location={path}",
        "--experiments=prism_disable_sdf_split",
        "--job_server_timeout=31536000",
    ]


def _path(folder: Path) -> Path:
    return folder.resolve() / f"prism-{BEAM_VERSION}" / "prism"
