"""The file of the topic model: numpy arrays, checked against the digest that stands beside it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from schemas.errors import ModelError

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

SHIPPED: Final = Path(__file__).resolve().parents[1] / "models" / "topics.npz"
"""The model that comes with the package; `transforms/models/TOPICS.md` describes it."""

DIGEST_SUFFIX: Final = ".sha256"
"""Ending of the file beside a model that holds its SHA-256, as `sha256sum` writes it."""


def load_arrays(file: Path) -> Arrays:
    """Return the arrays of a model.

    Raises:
        ModelError: where the file's SHA-256 is not the one that stands beside it.
    """
    try:
        data = file.read_bytes()
        pinned = file.with_name(file.name + DIGEST_SUFFIX).read_text(encoding="ascii").strip().partition(" ")[0]
    except OSError as error:
        raise ModelError(f"{file} cannot be read ({error}): install newsbeam again") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != pinned:
        raise ModelError(f"{file}: its SHA-256 is {digest}, not {pinned}: install newsbeam again")
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
