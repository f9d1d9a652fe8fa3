"""The user's list of feeds: OPML, text with an address a line, or addresses as they are given."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from schemas.errors import UsageError
from transforms.functions.feed_lists import MOST_BYTES, address_of_feed, feeds_of_data, is_address

__all__ = ["check_feed_lists", "is_address", "read_feed_list"]


def read_feed_list(given: Iterable[str], flag: str = "--feeds ") -> list[str]:
    """Return the addresses of all feeds that are given, in order, each once.

    Args:
        given: addresses of feeds, and paths of lists.
        flag: what messages name before each of them.

    Raises:
        UsageError: one cannot be read, holds a line that is no address, or no feed at all.
    """
    found: dict[str, None] = {}
    for one in given:
        if is_address(one):
            found[address_of_feed(one, f"{flag}{one}")] = None
        else:
            found.update(dict.fromkeys(_feeds_of_file(one, f"{flag}{one}")))
    return list(found)


def check_feed_lists(given: Iterable[str]) -> None:
    """Refuse paths that name no file: at once, before anything is loaded to read them.

    Raises:
        UsageError: one names none.
    """
    for one in given:
        if not is_address(one) and "://" not in one and not Path(one).expanduser().is_file():
            raise UsageError(f"--feeds {one}: no such file; give a list (OPML or text), or the address of a feed")


def _feeds_of_file(given: str, where: str) -> list[str]:
    try:
        data = _remote(given) if "://" in given else Path(given).expanduser().read_bytes()
    except OSError as error:
        raise UsageError(f"{where}: cannot be read ({error.strerror or error})") from error
    return feeds_of_data(data, where)


def _remote(path: str) -> bytes:
    from apache_beam.io.filesystem import CompressionTypes  # a second, which local lists need not wait
    from apache_beam.io.filesystems import FileSystems

    try:
        with FileSystems.open(path, "application/octet-stream", CompressionTypes.UNCOMPRESSED) as file:
            return bytes(file.read(MOST_BYTES + 1))
    except Exception as error:  # each cloud's client has errors of its own, which are not OSErrors
        raise OSError(str(error)[:200]) from error
