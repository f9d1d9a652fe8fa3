"""A lake's own list of feeds: a text beside its memory, which `newsbeam feeds import` adds to and anybody may edit.

It is no part of the memory, which a cycle holds while it runs: feeds can be added while a run goes on.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pipeline.durable_files import write_whole
from pipeline.feed_list import read_feed_list
from pipeline.lake import Lake
from schemas.errors import UsageError

_NAME: Final = "feeds.txt"
_HEAD: Final = """\
# The feeds of this lake, an address a line; newsbeam feeds import adds to it.
# Edit it as you like: what is not on it any more is not polled any more.
"""


def own_list_of(root: str) -> str:
    """Return the path of a lake's own list, for `--feeds` without a list.

    Raises:
        UsageError: it has none.
    """
    path = _path_of(Lake(Path(root).expanduser()))
    if "://" in root or not path.is_file():
        raise UsageError(
            f"--feeds: give a list, or the address of a feed; {root} has no list of its own, which "
            f"`newsbeam feeds import LIST --lake {root}` makes"
        )
    return str(path)


def read_own_list(lake: Lake) -> list[str]:
    """Return the feeds of a lake's own list; none where it has none.

    Raises:
        UsageError: it holds a line that is no address.
    """
    path = _path_of(lake)
    return read_feed_list([str(path)], "") if path.is_file() and _has_feeds(path.read_bytes()) else []


def is_empty_own_list(given: str) -> bool:
    """Whether a path is that of a lake's own list, and no feed is on it: whoever takes them all off means it.

    Of any other list without feeds it is likelier that it is not what was meant to be given.
    """
    path = Path(given)
    is_own = path.name == _NAME and path == _path_of(Lake(path.parent.parent)) and path.is_file()
    return is_own and not _has_feeds(path.read_bytes())


def add_to_own_list(lake: Lake, urls: Iterable[str]) -> set[str]:
    """Add feeds to a lake's own list, whose other lines stay as they are; returns those that it did not have.

    Raises:
        UsageError: it holds a line that is no address.
    """
    with _held(lake):
        there = set(read_own_list(lake))
        added = [url for url in dict.fromkeys(urls) if url not in there]
        if added:
            _append(_path_of(lake), added)
    return set(added)


def _append(path: Path, urls: Iterable[str]) -> None:
    # Bytes that are no UTF-8 can only be in comments here: else the list could not have been read.
    before = path.read_text("utf-8", "replace") if path.is_file() else _HEAD
    text = before if before.endswith("\n") or not before else before + "\n"
    write_whole(path, (text + "".join(f"{url}\n" for url in urls)).encode())  # for a run that reads it meanwhile


def _has_feeds(data: bytes) -> bool:
    lines = (line.strip() for line in data.removeprefix(b"\xef\xbb\xbf").splitlines())
    return any(line and not line.startswith(b"#") for line in lines)


def _path_of(lake: Lake) -> Path:
    return lake.private / _NAME


@contextmanager
def _held(lake: Lake) -> Iterator[None]:
    with (lake.private / "feeds.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
