"""Builds the engines that can be built on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.engines.flink_build import build_flink
from pipeline.engines.prism import build_prism
from pipeline.engines.tools import say
from schemas.errors import EngineError, ToolMissingError


def build_engines(folder: Path) -> bool:
    """Build Prism and Flink into a folder, each unless it is there, or this machine lacks a tool for it.

    Returns whether no build failed; why one did, or was left out, stands on standard error.
    """
    return all([_build("Prism", build_prism, folder), _build("Flink", build_flink, folder)])


def _build(name: str, build: Callable[[Path], object], folder: Path) -> bool:
    try:
        build(folder)
    except ToolMissingError as error:
        say(f"{name} is left out: {error}")
    except EngineError as error:
        say(f"{name} could not be built: {error}")
        return False
    else:
        say(f"{name} is ready in {folder}")
    return True
