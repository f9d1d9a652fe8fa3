"""An input on its way to becoming an article."""

from __future__ import annotations

from typing import NamedTuple

from schemas.instants import Instant


class Page(NamedTuple):
    """One input whose text still has to be found: a saved page, a text file or a page carried in a JSONL line.

    Hints are what the source said of the page: they fill gaps, they do not overrule it.
    """

    input_id: str
    """Hex SHA-256 of the input's bytes (for a JSONL line: of the line): how an unchanged input is known again."""
    source: str
    """Where the input lies: a path, or `path#line` for a line of a JSONL file."""
    kind: str
    """`html` or `text`."""
    body: bytes
    """The page's bytes as they were read."""
    first_seen_at: Instant
    """When newsbeam read the input; the archive's own time where a record gives one."""
    url: str | None = None
    """Address of the page, where the source gives one."""
    charset_hint: str | None = None
    """Charset that the source declares (an HTTP header; `utf-8` for a page carried in JSON)."""
    line: int | None = None
    """Line of a JSONL file that carried the page, from 1."""
    hints: str | None = None
    """JSON object in our column names: what the source says of the page; fills gaps, never overrules the page."""
