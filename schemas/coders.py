"""How rows travel between stages and lie in state; imported by the stages, never by the thinking.

Apart from the rows themselves so that a worker process, which needs the rows only, does not load Beam (1 s, 100 MB).
"""

from __future__ import annotations

import pickle
from typing import Any

import apache_beam as beam

from schemas.alias import Alias
from schemas.article import Article
from schemas.copy import Copy
from schemas.feed_poll import FeedPoll
from schemas.fetch import Fetch
from schemas.input_slice import InputSlice
from schemas.page import Page
from schemas.printed_article import PrintedArticle
from schemas.reject import Reject
from schemas.tagged_article import TaggedArticle
from schemas.written_file import WrittenFile

ROW_TYPES = (
    Alias, Article, Copy, FeedPoll, Fetch, InputSlice, Page, PrintedArticle, Reject, TaggedArticle, WrittenFile,
)  # fmt: skip
"""Every type of row that crosses from one stage to another."""


class PickledRowCoder(beam.coders.Coder):  # type: ignore[misc]  # Beam ships no types
    """Rows as pickles that name their class, which every engine takes for bytes.

    Not Beam's RowCoder: engines written in Java read its rows themselves, and cannot read those of Python whose fields
    are not all plain (Flink then dies of `OutOfMemoryError`, again and again); it also fails at a lone surrogate. A row
    comes back as its own class. Columns that are added later, with a default, do no harm to rows in an older state.
    """

    def __init__(self, row_type: type) -> None:
        self._row_type = row_type

    def encode(self, value: Any) -> bytes:
        """Return a row's bytes."""
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)

    def decode(self, encoded: bytes) -> Any:
        """Return the row of some bytes."""
        return pickle.loads(encoded)  # noqa: S301  (written by encode, kept by the engine)

    def is_deterministic(self) -> bool:
        """Whether equal rows have equal bytes: no, so that Beam refuses a row as a key."""
        return False

    def to_type_hint(self) -> type:
        """Return the class of the rows."""
        return self._row_type

    @classmethod
    def from_type_hint(cls, row_type: type, registry: object) -> PickledRowCoder:
        """Return the coder for a class of rows; Beam's registry calls it."""
        return cls(row_type)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._row_type is self._row_type

    def __hash__(self) -> int:
        return hash((type(self), self._row_type))


for _row_type in ROW_TYPES:
    beam.coders.registry.register_coder(_row_type, PickledRowCoder)
