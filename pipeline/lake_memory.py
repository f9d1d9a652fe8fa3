"""The memory that belongs to a lake's tables: opened and checked against them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pipeline.lake import Lake
from pipeline.memory import Memory, opened_memory
from pipeline.memory_faults import outdated

CHECKED_BYTES: Final = 64_000_000
"""A memory up to this size is looked through before each run, which takes 0.12 s; a larger one by `newsbeam doctor`,
or where damage is met."""


def check_memory_is_there(lake: Lake) -> None:
    """Refuse a lake whose memory is gone, before an empty one is made in its place.

    Raises:
        DamagedError: it is.
    """
    if lake.job.exists() or (lake.memory.exists() and lake.memory.stat().st_size):
        return
    if newest := newest_cycle(lake):
        raise outdated(lake.memory, f"it is not there, but the tables hold rows of cycle {newest}")


@contextmanager
def opened_lake_memory(lake: Lake, *, read_only: bool = False) -> Iterator[Memory]:
    """Open a lake's memory for this process, made where the lake has no rows yet.

    Raises:
        LakeError: it cannot be opened, or was lost.
    """
    check_memory_is_there(lake)
    with opened_memory(lake.memory, read_only=read_only) as memory:
        yield memory


def check_memory(lake: Lake, memory: Memory) -> None:
    """Refuse a memory that is damaged, as far as a run looks for that, or older than its lake.

    Raises:
        DamagedError: it is.
    """
    memory.check(CHECKED_BYTES)
    check_age(lake, memory)


def check_age(lake: Lake, memory: Memory) -> None:
    """Refuse a memory that is older than the tables: its next cycle would bear the name of one that is there.

    Raises:
        DamagedError: it is.
    """
    newest = newest_cycle(lake)
    if newest > memory.last_cycle():
        raise memory.outdated(f"it knows {memory.last_cycle()} cycles, but the tables hold rows of cycle {newest}")


def newest_cycle(lake: Lake) -> int:
    """Return the number of the newest cycle whose rows the tables hold; 0 for none."""
    return max((int(path.name[1:9]) for path in lake.root.glob("*/*/c????????-*.parquet")), default=0)
