"""Looks at the machine and the lake: paths that must be writable, file system, space, memory, limits, clock."""

from __future__ import annotations

import fcntl
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from pipeline.doctor.finding import FAIL, OK, WARN, Finding, looked_at
from pipeline.folder_exchange import exchange_folders
from pipeline.host_memory import opened_hosts
from pipeline.lake import Lake, open_lake
from pipeline.lake_memory import check_age, newest_cycle, opened_lake_memory
from pipeline.memory import opened_memory
from pipeline.memory_faults import how_to_rebuild
from pipeline.tombstone_memory import check_copy
from pipeline.writer_lock import holder_of
from schemas.errors import DamagedError, NewerError
from transforms.functions.worker_pool import available_cores

_NETWORK_FILE_SYSTEMS: Final = ("nfs", "cifs", "smb", "9p", "fuse.sshfs", "fuse.s3fs", "fuse.gcsfuse", "afs", "ceph")
"""SQLite's write-ahead log needs memory that all processes share, and flock is not told to other machines."""

_LEAST_BYTES: Final = 500_000_000
_ENOUGH_BYTES: Final = 5_000_000_000
_LEAST_INODES: Final = 100_000
_ENOUGH_MEMORY: Final = 2_000_000_000
"""A run over folders with two worker processes and all models takes about 1.1 GB (BENCHMARKS.md)."""
_ENOUGH_FILES: Final = 1_024
_OLDEST_CLOCK: Final = 1_767_225_600.0
"""2026-01-01: a machine whose battery is empty starts in 1970 or when its firmware was made."""
_SECONDS_AHEAD: Final = 60.0


def look_at_machine(root: str) -> Iterator[Finding]:
    """Yield findings about the machine, and the lake at `root` where there is one."""
    path = Path(os.path.expanduser(root)).resolve()
    place = _nearest(path)
    writable = f"choose a folder that this user may write to, or give it to it: chown {_user()} {place}"
    yield looked_at("lake", lambda: _lake(root, path), "see newsbeam run --help for how to make a lake")
    yield from _databases(Lake(path))
    found = looked_at("lake is writable", lambda: _writable(place), writable)
    yield found
    if found.state == OK:
        local = "keep the lake on a local disk (ext4, xfs, btrfs)"
        yield looked_at("locks", lambda: _locks(place), local)
        yield looked_at("exchange of folders", lambda: _exchange(place), f"compact and erase need it: {local}")
    yield _file_system(place)
    temporary = "set TMPDIR to a folder that may be written to"
    yield looked_at("temporary folder", lambda: _writable(Path(tempfile.gettempdir())), temporary)
    yield _space(place)
    yield _memory()
    yield _limits()
    yield looked_at("clock", lambda: _clock(path), "set the clock, and have it kept: timedatectl set-ntp true")


def _lake(root: str, path: Path) -> str:
    if not path.exists():
        return f"{path} is not there yet; newsbeam run makes it"
    lake = open_lake(root)
    holder = holder_of(lake)
    used = "used by nobody now" if holder is None else f"in use by {holder}"
    if lake.job.exists() or not (newest_cycle(lake) or lake.memory.exists()):
        return f"{path}: {used}; no local run has written it"
    return f"{path}: {used}; rows of {newest_cycle(lake):,} cycles"


def _databases(lake: Lake) -> Iterator[Finding]:
    """Look through the files of SQLite, every page of them; a run does so only where they are small."""
    remedy = f"{how_to_rebuild(lake.memory)}; it says what is lost"
    if lake.memory.exists() or (lake.description.exists() and newest_cycle(lake)):
        yield looked_at("memory of the lake", lambda: _looked_through(lake), remedy)
    if lake.hosts.exists():
        yield looked_at("memory of hosts", lambda: _hosts_looked_through(lake), remedy)


def _looked_through(lake: Lake) -> str:
    with opened_lake_memory(lake, read_only=True) as memory:
        memory.check()
        check_age(lake, memory)
        check_copy(memory)
        size, cycles = lake.memory.stat().st_size / 1e6, memory.last_cycle()
        return f"{size:,.1f} MB, every page as it should be; {cycles:,} cycles committed"


def _hosts_looked_through(lake: Lake) -> str:
    with opened_hosts(lake.hosts) as hosts:
        hosts.check()
    return f"{lake.hosts.stat().st_size / 1e6:,.1f} MB, every page as it should be"


def _writable(folder: Path) -> str:
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".newsbeam-doctor-") as file:
        file.write(b"written")
        file.flush()
        os.fsync(file.fileno())
    return f"{folder} can be written"


def _locks(folder: Path) -> str:
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".newsbeam-doctor-") as one, Path(one.name).open() as other:
        fcntl.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return "a lock keeps a second process out"
    raise OSError(f"{folder} takes a lock twice: a second run would not be refused")


def _exchange(folder: Path) -> str:
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix=".newsbeam-doctor-") as one,
        tempfile.TemporaryDirectory(dir=folder, prefix=".newsbeam-doctor-") as other,
    ):
        exchange_folders(Path(one), Path(other))
    return "two folders change places in one step"


def _file_system(folder: Path) -> Finding:
    kind = _kind_of_file_system(folder)
    if kind.startswith(_NETWORK_FILE_SYSTEMS):
        remedy = "neither SQLite nor the lock is safe there: keep the lake on a local disk, and copy its tables"
        return Finding("file system", FAIL, f"{folder} lies on {kind}, over a network", remedy)
    return Finding("file system", OK, f"{kind}")


def _kind_of_file_system(folder: Path) -> str:
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return "of a kind that cannot be told here"
    within = [(mount[1], mount[2]) for mount in mounts if folder.is_relative_to(mount[1].replace("\\040", " "))]
    return max(within, key=lambda mount: len(mount[0]), default=("", "unknown"))[1]


def _space(folder: Path) -> Finding:
    found = os.statvfs(folder)
    free, inodes = found.f_bavail * found.f_frsize, found.f_favail
    said = f"{free / 1e9:,.1f} GB free"
    remedy = "make room; newsbeam compact makes few files of many"
    if free < _LEAST_BYTES:
        return Finding("disk", FAIL, said, remedy)
    # Some file systems make inodes as they are needed and say 0.
    if free < _ENOUGH_BYTES or 0 < inodes < _LEAST_INODES:
        return Finding("disk", WARN, f"{said}, {inodes:,} files can be made", remedy)
    return Finding("disk", OK, said)


def _memory() -> Finding:
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        free = int(lines["MemAvailable"].split()[0]) * 1_024
    except (OSError, KeyError, ValueError):
        return Finding("memory", WARN, "cannot be told here", "see that 2 GB are free")
    said = f"{free / 1e9:,.1f} GB available, {available_cores()} cores"
    if free < _ENOUGH_MEMORY:
        remedy = "each worker process takes some 300 MB: give fewer with --processes, or --tags none"
        return Finding("memory", WARN, said, remedy)
    return Finding("memory", OK, said)


def _limits() -> Finding:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < _ENOUGH_FILES:
        remedy = f"connections and files of a query need more: ulimit -n {_ENOUGH_FILES}, or LimitNOFILE= of the unit"
        return Finding("open files", WARN, f"{files} at a time", remedy)
    return Finding("open files", OK, f"{files:,} at a time")


def _clock(path: Path) -> str:
    now = time.time()
    said = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < _OLDEST_CLOCK:
        raise ValueError(f"says {said}, which is past")
    lake = Lake(path)
    if lake.memory.exists():
        latest = 0
        told = suppress(DamagedError, NewerError)  # by a finding of its own
        with told, opened_memory(lake.memory, read_only=True) as memory:
            (latest,) = memory.row("select coalesce(max(finished_at), 0) from cycles")
        if latest / 1e6 > now + _SECONDS_AHEAD:
            ahead = (latest / 1e6 - now) / 60
            raise ValueError(f"says {said}, but the lake's last cycle ended {ahead:,.0f} min later")
    return f"says {said}"


def _nearest(path: Path) -> Path:
    """Return the folder itself, or the nearest one above it that is there."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _user() -> str:
    return str(os.getuid())
