"""Lists of feeds, as readers' programs export them: OPML, or text with an address a line and `#` comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lxml import etree

from schemas.errors import InputRejected, UsageError
from transforms.functions.redirects import checked_url

MOST_BYTES: Final = 50_000_000
"""A list longer than this is no list: 20,000 feeds with titles are 5 MB of OPML."""

_FEED_SCHEME: Final = re.compile(r"feed:(?://)?(?=https?:)", re.IGNORECASE)
"""`feed:https://outlet.example/rss`, as some pages link their feeds; `feed://` alone stands for http."""

_IS_ADDRESS: Final = re.compile(r"(?:https?://|feed:)", re.IGNORECASE)
# Nothing that was passed over is looked at a second time: else many comments would take time by the power of two.
_OPML: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s+|<\?(?>.*?\?>)|<!--(?>.*?-->)|<!DOCTYPE[^>\[]{0,1000}>)*+<opml[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_TEXT_LINES: Final = 1_000
"""Lines of a text that are looked at for whether it is a list."""


def is_address(given: str) -> bool:
    """Whether this is an address, not a path."""
    return _IS_ADDRESS.match(given) is not None


def is_list(data: bytes, content_type: str | None) -> bool:
    """Whether a document that came from a server is a list of feeds.

    OPML is known by its root element, whatever its type is said to be; a text is one where it is said to be plain text
    and has nothing in it but addresses and comments.
    """
    if _OPML.match(data):
        return True
    if not (content_type or "").lower().lstrip().startswith("text/plain"):
        return False
    lines = data[:1_000_000].decode("utf-8-sig", "replace").splitlines()[:_TEXT_LINES]
    given = [address for line in lines if (address := _without_comment(line))]
    return bool(given) and all(is_address(one) for one in given)


def feeds_of_data(data: bytes, where: str) -> list[str]:
    """Return the addresses that a list holds, each once.

    Args:
        data: the list.
        where: where it lies, for messages.

    Raises:
        UsageError: it is no list, holds a line that is no address, or no feed at all.
    """
    if len(data) > MOST_BYTES:
        raise UsageError(f"{where}: longer than {MOST_BYTES:,} bytes; is it a list of feeds?")
    is_opml = data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") or data[:2] in (b"\xff\xfe", b"\xfe\xff")
    feeds = dict.fromkeys(_feeds_of_opml(data, where) if is_opml else _feeds_of_text(data, where))
    if not feeds:
        what = "no outline with an xmlUrl" if is_opml else "no address in it"
        raise UsageError(f"{where}: {what}; a list is OPML, or text with one address a line")
    return list(feeds)


def address_of_feed(written: str, where: str) -> str:
    """Return the address of a feed as states are keyed: whole, without fragment, with http or https.

    Raises:
        UsageError: it is none.
    """
    address = _FEED_SCHEME.sub("", written.strip())
    if address.lower().startswith("feed:"):
        address = "http:" + address[len("feed:") :]
    try:
        url = checked_url(address)
        return str(url.copy_with(fragment=None) if "#" in address else url)
    except InputRejected as rejected:
        raise UsageError(
            f"{where}: {written.strip()[:200]!r} is no address of a feed ({rejected.message})"
        ) from rejected


def _feeds_of_text(data: bytes, where: str) -> Iterator[str]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        bad = data[: error.start].count(b"\n") + 1
        raise UsageError(f"{where}, line {bad}: not UTF-8; is it a list of feeds?") from error
    for number, line in enumerate(text.splitlines(), 1):
        if address := _without_comment(line):
            yield address_of_feed(address, f"{where}, line {number}")


def _without_comment(line: str) -> str:
    # A fragment is part of an address; a comment has a space before it, or the line to itself.
    return re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()


def _feeds_of_opml(data: bytes, where: str) -> Iterator[str]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line = error.lineno or 1
        raise UsageError(f"{where}, line {line}: no well-formed OPML ({error.msg})") from error
    if etree.QName(root).localname.lower() != "opml":
        raise UsageError(
            f"{where}: its root is <{etree.QName(root).localname}>, not <opml>; a saved feed goes to --input"
        )
    for element in root.iter("{*}outline"):
        # Attributes are written xmlUrl, xmlurl and xmlURL.
        address = next((value for name, value in element.attrib.items() if str(name).lower() == "xmlurl"), "")
        if str(address).strip():
            yield address_of_feed(str(address), f"{where}, line {element.sourceline}")
