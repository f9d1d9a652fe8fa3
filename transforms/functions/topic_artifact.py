"""The file of the topic model: numpy arrays, checked against the digest that stands beside it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from transforms.functions.model_files import MODELS, read_checked, read_model_file

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

SHIPPED: Final = MODELS / "topics.npz"
"""The model that comes with the package; `transforms/models/TOPICS.md` describes it."""

DIGEST_SUFFIX: Final = ".sha256"
"""Ending of the file beside a model that holds its SHA-256, as `sha256sum` writes it."""


def load_arrays(file: Path) -> Arrays:
    """Return the arrays of a model.

    Raises:
        ModelError: where the file cannot be read, or its SHA-256 is not the one that stands beside it.
    """
    pinned = read_model_file(file.with_name(file.name + DIGEST_SUFFIX)).decode("ascii").strip().partition(" ")[0]
    data = read_checked(file, pinned)
    # Without pickles: a file of arrays cannot run code.
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def save_arrays(file: Path, arrays: Arrays) -> str:
    """Write the arrays and, beside them, their digest; returns the digest. The same arrays give the same bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as opened:
        np.savez_compressed(opened, allow_pickle=False, **arrays)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    file.with_name(file.name + DIGEST_SUFFIX).write_text(f"{digest}  {file.name}\n", encoding="ascii")
    return digest


def to_lines(array: npt.NDArray[np.uint8]) -> list[str]:
    """Return the strings that `from_lines` stored."""
    return array.tobytes().decode("utf-8").split("\n")


def from_lines(lines: list[str]) -> npt.NDArray[np.uint8]:
    """Return strings without line ends as one array of UTF-8 bytes."""
    return np.frombuffer("\n".join(lines).encode("utf-8"), dtype=np.uint8)
