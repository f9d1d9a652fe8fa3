"""Many things, so many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Thing = TypeVar("Thing")


def batches(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    """Yield the things in order, `size` at a time, the rest last, none empty. Python has it from 3.12 on."""
    given = iter(things)
    while batch := list(islice(given, size)):
        yield batch
