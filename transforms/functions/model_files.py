"""Data files that come with the package, each checked against the digest that its reader was written for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from schemas.errors import ModelError

MODELS: Final = Path(__file__).resolve().parents[1] / "models"
"""Where they lie; a card beside each says what it was made from."""


def read_pinned(name: str, sha256: str) -> bytes:
    """Return the bytes of a file of `transforms/models`; raises as `read_checked`."""
    return read_checked(MODELS / name, sha256)


def read_checked(file: Path, sha256: str) -> bytes:
    """Return the bytes of a file.

    Raises:
        ModelError: where it cannot be read or has another SHA-256.
    """
    content = read_model_file(file)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelError(f"{file} has SHA-256 {found}, not {sha256}: install newsbeam again")
    return content


def read_model_file(file: Path) -> bytes:
    """Return the bytes of a file, unchecked.

    Raises:
        ModelError: where it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise ModelError(f"{file} cannot be read ({error}): install newsbeam again") from error
