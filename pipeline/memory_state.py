"""Whether a lake's memory can be used, for who only wants to know: looked at as a run does before it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from pipeline.host_memory import opened_hosts
from pipeline.lake import CHECKED_BYTES, Lake, check_memory, check_memory_is_there
from pipeline.memory import opened_memory
from pipeline.memory_faults import how_to_rebuild
from schemas.errors import DamagedError, LakeError


def fault_of_memory(lake: Lake) -> str | None:
    """Return what is wrong with what a lake remembers, and the command that mends it; None where all is well.

    A file that is too large to be looked through before each run is only opened. One that cannot be opened now (another
    program holds it, or it is another user's) is not said to be damaged. A lake of a job on an engine has no memory.
    """
    found = [] if lake.job.exists() else list(_faults(lake))
    return f"{'; '.join(found)}. {how_to_rebuild(lake.memory)}" if found else None


def _faults(lake: Lake) -> Iterator[str]:
    for look in (_look_at_memory, _look_at_hosts):
        if (found := _fault(look, lake)) is not None:
            yield found


def _fault(look: Callable[[Lake], None], lake: Lake) -> str | None:
    with suppress(LakeError, OSError):
        try:
            look(lake)
        except DamagedError as error:
            return error.finding
    return None


def _look_at_memory(lake: Lake) -> None:
    check_memory_is_there(lake)
    if lake.memory.exists() and lake.memory.stat().st_size:  # before its first run, a lake has none
        with opened_memory(lake.memory, read_only=True) as memory:
            check_memory(lake, memory)


def _look_at_hosts(lake: Lake) -> None:
    if lake.hosts.exists() and lake.hosts.stat().st_size:
        with opened_hosts(lake.hosts) as hosts:
            if lake.hosts.stat().st_size <= CHECKED_BYTES:
                hosts.check()
