"""Data files that come with the package, each checked against the digest that its reader was written for."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from schemas.errors import ModelError


def read_pinned(name: str, sha256: str) -> bytes:
    """Return the bytes of a file of `transforms/models`.

    Raises:
        ModelError: where it cannot be read or has another SHA-256.
    """
    try:
        content = (files("transforms.models") / name).read_bytes()
    except OSError as error:
        raise ModelError(f"transforms/models/{name} cannot be read ({error}): install newsbeam again") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelError(f"transforms/models/{name} has SHA-256 {found}, not {sha256}: install newsbeam again")
    return content
