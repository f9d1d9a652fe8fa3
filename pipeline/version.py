"""Which newsbeam this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def newsbeam_version() -> str:
    """Return the installed version; `unknown` where newsbeam runs from a folder that was never installed."""
    try:
        return version("newsbeam")
    except PackageNotFoundError:
        return "unknown"
