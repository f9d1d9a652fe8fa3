"""Where engines lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ENGINES_VARIABLE: Final = "NEWSBEAM_ENGINES"


def engines_folder() -> Path:
    """Return the folder of what is built: NEWSBEAM_ENGINES, else `.tools/engines` of a checkout, else the user's cache.

    Some 320 MB, of use to every lake of this user. It need not be there yet.
    """
    given = os.environ.get(ENGINES_VARIABLE)
    if given:
        return Path(given).absolute()
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").exists():
        return checkout / ".tools" / "engines"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "newsbeam" / "engines"


def cluster_folder() -> Path:
    """Return the folder of the cluster that `newsbeam engine` means where none is named."""
    return engines_folder() / "cluster"
