"""The user's list of feeds: OPML, text with an address a line, or addresses as they are given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from lxml import etree

from schemas.errors import InputRejected, UsageError
from transforms.functions.redirects import checked_url

MOST_BYTES: Final = 50_000_000
"""A list longer than this is no list: 20,000 feeds with titles are 5 MB of OPML."""

_FEED_SCHEME: Final = re.compile(r"feed:(?://)?(?=https?:)", re.IGNORECASE)
"""`feed:https://outlet.example/rss`, as some pages link their feeds; `feed://` alone stands for http."""


def read_feed_list(given: Iterable[str]) -> list[str]:
    """Return the addresses of all feeds that are given, in order, each once.

    Args:
        given: addresses of feeds, and paths of lists.

    Raises:
        UsageError: one cannot be read, holds a line that is no address, or no feed at all.
    """
    found: dict[str, None] = {}
    for one in given:
        if is_address(one):
            found[_address(one, f"--feeds {one}")] = None
        else:
            found.update(dict.fromkeys(_feeds_of_file(one)))
    return list(found)


def is_address(given: str) -> bool:
    """Whether `--feeds` was given an address, not a path."""
    return re.match(r"(?:https?://|feed:)", given, re.IGNORECASE) is not None


def check_feed_lists(given: Iterable[str]) -> None:
    """Refuse paths that name no file: at once, before anything is loaded to read them.

    Raises:
        UsageError: one names none.
    """
    for one in given:
        if not is_address(one) and not Path(one).expanduser().is_file():
            raise UsageError(f"--feeds {one}: no such file; give a list (OPML or text), or the address of a feed")


def _feeds_of_file(given: str) -> list[str]:
    try:
        data = Path(given).expanduser().read_bytes()
    except OSError as error:
        raise UsageError(f"--feeds {given}: cannot be read ({error.strerror or error})") from error
    return feeds_of_data(data, given)


def feeds_of_data(data: bytes, given: str) -> list[str]:
    """Return the addresses that a list holds.

    Args:
        data: the list.
        given: where it lies, as the user gave it.

    Raises:
        UsageError: it is no list, holds a line that is no address, or no feed at all.
    """
    if len(data) > MOST_BYTES:
        raise UsageError(f"--feeds {given}: longer than {MOST_BYTES:,} bytes; is it a list of feeds?")
    is_opml = data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") or data[:2] in (b"\xff\xfe", b"\xfe\xff")
    feeds = list(_feeds_of_opml(data, given) if is_opml else _feeds_of_text(data, given))
    if not feeds:
        what = "no outline with an xmlUrl" if is_opml else "no address in it"
        raise UsageError(f"--feeds {given}: {what}; a list is OPML, or text with one address a line")
    return feeds


def _feeds_of_text(data: bytes, given: str) -> Iterator[str]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        bad = data[: error.start].count(b"\n") + 1
        raise UsageError(f"--feeds {given}, line {bad}: not UTF-8; is it a list of feeds?") from error
    for number, line in enumerate(text.splitlines(), 1):
        # A fragment is part of an address; a comment has a space before it, or the line to itself.
        address = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
        if address:
            yield _address(address, f"--feeds {given}, line {number}")


def _feeds_of_opml(data: bytes, given: str) -> Iterator[str]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line = error.lineno or 1
        raise UsageError(f"--feeds {given}, line {line}: no well-formed OPML ({error.msg})") from error
    if etree.QName(root).localname.lower() != "opml":
        raise UsageError(
            f"--feeds {given}: its root is <{etree.QName(root).localname}>, not <opml>; a saved feed goes to --input"
        )
    for element in root.iter("{*}outline"):
        # Attributes are written xmlUrl, xmlurl and xmlURL.
        address = next((value for name, value in element.attrib.items() if str(name).lower() == "xmlurl"), "")
        if str(address).strip():
            yield _address(str(address), f"--feeds {given}, line {element.sourceline}")


def _address(written: str, where: str) -> str:
    address = _FEED_SCHEME.sub("", written.strip())
    if address.lower().startswith("feed:"):
        address = "http:" + address[len("feed:") :]
    try:
        return str(checked_url(address).copy_with(fragment=None))
    except InputRejected as rejected:
        raise UsageError(
            f"{where}: {written.strip()[:200]!r} is no address of a feed ({rejected.message})"
        ) from rejected
