"""Data files that come with the package, each checked against the digest that its reader was written for."""

from __future__ import annotations

import hashlib
from importlib.resources import files


class ModelFileError(RuntimeError):
    """A data file is missing or is not the one that this version was made with."""


def read_pinned(name: str, sha256: str) -> bytes:
    """Return the bytes of a file of `transforms/models`.

    Raises:
        ModelFileError: where it cannot be read or has another SHA-256.
    """
    try:
        content = (files("transforms.models") / name).read_bytes()
    except OSError as error:
        raise ModelFileError(f"transforms/models/{name} cannot be read ({error}): install newsbeam again") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelFileError(f"transforms/models/{name} has SHA-256 {found}, not {sha256}: install newsbeam again")
    return content
