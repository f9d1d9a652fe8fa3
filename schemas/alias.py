"""The row of the `aliases` table."""

from __future__ import annotations

from typing import NamedTuple

from schemas.instants import Instant


class Alias(NamedTuple):
    """A row that was found later to belong to another story than the one it was written under.

    Nothing written is rewritten: of the aliases of one `old_id` the latest is in force, and the views read through it.
    """

    old_id: str
    """`article_id` of a row of `articles`, or `copy_id` of a row of `copies`."""
    new_id: str
    """`article_id` of the story that it belongs to now. An article aliased to itself is a story (again)."""
    decided_at: Instant
    """When it was decided; grows from alias to alias of one `old_id`."""
    run_id: str
    schema_version: int
