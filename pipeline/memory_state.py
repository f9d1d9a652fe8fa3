"""Whether a lake's memory can be used, for who only wants to know: looked at as a run does before it begins."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from pipeline.host_memory import opened_hosts
from pipeline.lake import Lake
from pipeline.lake_memory import CHECKED_BYTES, check_memory, check_memory_is_there
from pipeline.memory import opened_memory
from pipeline.memory_faults import how_to_rebuild
from pipeline.tombstone_memory import check_copy
from schemas.errors import DamagedError, LakeError, NewerError


def fault_of_memory(lake: Lake) -> str | None:
    """Return what is wrong with what a lake remembers, and what mends it; None where all is well.

    A file that is too large to be looked through before each run is only opened. One that cannot be opened now (another
    program holds it, or it is another user's) is not said to be damaged, and one of a newer newsbeam is told as such. A
    lake of a job on an engine has no memory.
    """
    looks = () if lake.job.exists() else (_look_at_memory, _look_at_hosts)
    errors = [error for look in looks if (error := _error_of(look, lake)) is not None]
    # To upgrade comes first: what is made anew before would be made by what does not understand it.
    told = [str(error).removesuffix(".") for error in errors if isinstance(error, NewerError)]
    if found := [error.finding for error in errors if isinstance(error, DamagedError)]:
        told += ["; ".join(found), how_to_rebuild(lake.memory)]
    return ". ".join(told) or None


def _error_of(look: Callable[[Lake], None], lake: Lake) -> LakeError | None:
    with suppress(LakeError, OSError):
        try:
            look(lake)
        except (DamagedError, NewerError) as error:
            return error
    return None


def _look_at_memory(lake: Lake) -> None:
    check_memory_is_there(lake)
    if lake.memory.exists() and lake.memory.stat().st_size:  # before its first run, a lake has none
        with opened_memory(lake.memory, read_only=True) as memory:
            check_memory(lake, memory)
            check_copy(memory)


def _look_at_hosts(lake: Lake) -> None:
    if lake.hosts.exists() and lake.hosts.stat().st_size:
        with opened_hosts(lake.hosts) as hosts:
            if lake.hosts.stat().st_size <= CHECKED_BYTES:
                hosts.check()
