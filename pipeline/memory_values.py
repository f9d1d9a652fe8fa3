"""Rows of feeds and of waiting pages as the memory holds them: whether their values are of the kinds that they must be.

SQLite stores whatever it is given in any column, and keeps no checksums: what a damaged file holds may be anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from pipeline.memory import Memory

_Row = TypeVar("_Row", bound="tuple[Any, ...]")


def checked(row_type: type[_Row], values: Sequence[Any]) -> _Row:
    """Return a row (a NamedTuple of plain values) of values from the memory.

    Raises:
        ValueError: one is of another kind than its field.
    """
    for (name, kinds), value in zip(_kinds(row_type).items(), values, strict=True):
        if not isinstance(value, kinds):
            raise ValueError(f"{name} is {str(value)[:50]!r}")
    return row_type(*values)


def checked_rows(memory: Memory, row_type: type[_Row], query: str, *values: Any) -> list[_Row]:
    """Return what the memory answers, as rows.

    Raises:
        DamagedError: a value is of another kind than its field.
    """
    try:
        return [checked(row_type, row) for row in memory.rows(query, *values)]
    except ValueError as error:
        raise memory.damaged(f"it holds a feed or a page that is none ({error})") from error


@cache
def _kinds(row_type: type[tuple[Any, ...]]) -> Mapping[str, tuple[type, ...]]:
    """Return which types each field may have; SQLite gives back some floats as whole numbers."""
    found = {}
    for name, hint in get_type_hints(row_type).items():
        hints = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        kinds = tuple(get_origin(one) or one for one in hints)
        found[name] = (*kinds, int) if float in kinds else kinds
    return found
