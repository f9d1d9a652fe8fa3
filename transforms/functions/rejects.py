"""Makes the dead letter: the row of an input that could not become an article."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from schemas.errors import InputRejected
from schemas.instants import Instant
from schemas.page import Page
from schemas.reject import Reject
from schemas.tables import SCHEMA_VERSION
from transforms.functions.texts import clean_line
from transforms.functions.urls import stored_address

MAX_PAYLOAD_BYTES: Final = 16_384
"""How much of a rejected input its row keeps: enough to see what it was; the whole lies where `source` says."""


def reject_id(stage: str, identity: str) -> str:
    """Return the id of a reject: hex of 16 bytes, a function of the stage and of what identifies the input."""
    return hashlib.sha256(f"{stage}\n{identity}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def reject_input(
    error: InputRejected,
    *,
    stage: str,
    source: str,
    first_seen_at: Instant,
    run_id: str,
    input_id: str | None = None,
    body: bytes | None = None,
    line: int | None = None,
    url: str | None = None,
) -> Reject:
    """Return the dead letter of an input.

    Args:
        input_id: digest of the input's bytes; None where there are none (unreadable, empty), and then the reject is
            identified by its source and reason.
        body: the input's bytes, as far as they were read.
    """
    return Reject(
        reject_id=reject_id(stage, input_id or f"{source}\n{error.reason}"),
        source=source,
        stage=stage,
        reason=error.reason,
        error_class=type(error.__cause__).__name__ if error.__cause__ else error.error_class,
        message=clean_line(error.message) or error.reason,
        retryable=error.retryable,
        first_seen_at=first_seen_at,
        run_id=run_id,
        schema_version=SCHEMA_VERSION,
        input_id=input_id,
        line=line,
        url=stored_address(url),
        payload=body[:MAX_PAYLOAD_BYTES] if body is not None else None,
        payload_bytes=len(body) if body is not None else None,
    )


def payload_object(fields: Mapping[str, Any]) -> bytes:
    """Return a JSON object that fits into a reject: of fields that are too long the longest are left out.

    Args:
        fields: values that JSON has; empty ones and None are left out. What was too long is named under `left_out`.
    """
    kept = {name: value for name, value in fields.items() if value not in (None, "", (), [])}
    left_out: list[str] = []
    while len(payload := json.dumps(kept).encode()) > MAX_PAYLOAD_BYTES:
        longest = max((name for name in kept if name != "left_out"), key=lambda name: len(json.dumps(kept[name])))
        del kept[longest]
        left_out.append(longest)
        kept["left_out"] = left_out
    return payload


def reject_page(error: InputRejected, page: Page, *, stage: str, run_id: str) -> Reject:
    """Return the dead letter of a page."""
    return reject_input(
        error,
        stage=stage,
        source=page.source,
        first_seen_at=page.first_seen_at,
        run_id=run_id,
        input_id=page.input_id,
        body=page.body,
        line=page.line,
        url=page.url,
    )


def source_of_line(path: str, line: int) -> str:
    """Return how a row names a line of a file: `path#line`."""
    return f"{path}#{line}"
