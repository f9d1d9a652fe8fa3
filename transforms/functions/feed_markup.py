"""The text of an XML feed, before anything parses it: which kind it is, where it ends and what of it is read.

Everything here is one pass from left to right, so its time is linear in the text whatever is left open in it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import islice
from typing import Final

from schemas.errors import InputRejected
from transforms.functions.feed_values import encodable

MAX_ITEMS: Final = 2_000
"""Items read of one document: the limit that the project sets. The longest feeds of news sites hold 500, news sitemaps
1,000 by their own rule (Google's)."""

MAX_TAGS: Final = 200_000
"""Start and end tags parsed of one document. An item of RSS has about 20, one of Atom with its article as XHTML a few
hundred, so 500 such articles fit; feedparser takes some 10 microseconds for each (measured)."""

_ITEM_NAMES: Final = {"rss": "item", "rdf": "item", "atom": "entry", "sitemap": "url", "sitemap_index": "sitemap"}
_ROOT_KINDS: Final = {"rss": "rss", "rdf": "rdf", "feed": "atom", "urlset": "sitemap", "sitemapindex": "sitemap_index"}
_PREAMBLE: Final = re.compile(r"\s+|<\?(?:.*?\?>|.*)|<!--(?:.*?-->|.*)", re.DOTALL)
_DOCTYPE: Final = re.compile(r"<!doctype(?:[^>\[\"']|\"[^\"]*\"|'[^']*')*+", re.IGNORECASE)
_DOCTYPE_NAME: Final = re.compile(r"<!doctype\s+(?:[\w.-]{1,40}:)?([\w.-]{1,40})", re.IGNORECASE)
_SUBSET_END: Final = re.compile(r"\]\s*>")
_ENTITY: Final = re.compile(r"<!ENTITY\s+[^%\s]", re.IGNORECASE)
# A name is never given back: else one without an end is cut in all places, and the rest is looked through for each.
ROOT_TAG: Final = re.compile(r"<(?:([\w.-]++):)?([\w.-]++)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*+)>")
# A section that is left open goes to the end: it is looked for once only.
SECTION: Final = r"<!\[CDATA\[(?:.*?\]\]>|.*)|<!--(?:.*?-->|.*)"
_TAGS: Final = re.compile(rf"{SECTION}|(?P<tag><)", re.DOTALL)
_ITEM_ENDS: Final = {
    # With the "<" in front, and not in each branch, the search takes a third of the time.
    name: re.compile(
        rf"<(?:!\[CDATA\[(?:.*?\]\]>|.*)|!--(?:.*?-->|.*)|"
        rf"(?P<end>/(?:[\w.-]{{1,40}}:)?{name}\s*>|(?:[\w.-]{{1,40}}:)?{name}(?:\s[^<>]*)?/>))",
        re.DOTALL | re.IGNORECASE,
    )
    for name in set(_ITEM_NAMES.values())
}
_OLD_NAMESPACE: Final = ("http://channel.netscape.com/rdf/simple/0.9/", "http://my.netscape.com/rdf/simple/0.9/")
"""RSS 0.90's namespace as the specification has it, and the one of the two that feedparser knows."""

_DECLARATION: Final = re.compile(r"(\sxmlns(?::[\w.-]{1,40})?)\s*=\s*([\"'])([^\"'<>]{0,500})\2")


@dataclass(frozen=True)
class FeedMarkup:
    """An XML feed's text from its root element on, without declaration and DOCTYPE, ended after its last whole item."""

    kind: str
    text: str
    items_left_out: int
    is_cut_off: bool
    doctype: str
    """The DOCTYPE declaration that was taken off; empty where there was none."""


def find_root(text: str) -> tuple[str | None, int, str]:
    """Return the kind of feed that a text starts as, where its root element starts, and its DOCTYPE.

    The kind is None for what is no feed.

    Raises:
        InputRejected: `doctype`, where the document defines entities of its own: no feed that is read today does, and
            what does is made to grow a thousandfold when parsed.
    """
    start, doctype = _skip(text, 0), ""
    while found := _DOCTYPE.match(text, start):
        end = _end_of_doctype(text, found.end())
        doctype = doctype or text[start : min(end, start + 500)]
        start = _skip(text, end)
    root = ROOT_TAG.match(text, start)
    return (_ROOT_KINDS.get(root[2].lower()) if root else None), start, doctype


def kind_of_root(text: str) -> str | None:
    """Return the kind of feed that a text starts as, None where it is none; it may be one to refuse for its DOCTYPE."""
    try:
        return find_root(text)[0]
    except InputRejected:
        named = _DOCTYPE_NAME.search(text)
        return _ROOT_KINDS.get(named[1].lower()) if named else None


def cut_markup(text: str) -> FeedMarkup | None:
    """Return the feed that the text holds, ready to be parsed; None where it is none.

    At most `MAX_ITEMS` items and `MAX_TAGS` tags are left in it, further items are only counted. Where the document
    breaks off, the item that it breaks off in is not in it any more.

    Raises:
        InputRejected: `doctype`, as `find_root` does; `too_many_elements`, where the first item has more than all may.
    """
    text = encodable(text).rstrip()
    kind, start, doctype = find_root(text)
    root = ROOT_TAG.match(text, start)
    if kind is None or root is None:
        return None
    text = _with_known_namespaces(text[start:], root.end() - start)
    ends = [found.end() for found in _ITEM_ENDS[_ITEM_NAMES[kind]].finditer(text) if found["end"]]
    is_empty = re.match(r"<[^<>]*/>", text) is not None
    is_cut_off = not is_empty and not re.search(rf"</(?:[\w.-]+:)?{re.escape(root[2])}\s*>", text, re.IGNORECASE)
    kept, fits = _items_within_limits(text, ends)
    if ends and (is_cut_off or not fits):
        text = text[: ends[kept - 1]]
    return FeedMarkup(kind, text, len(ends) - kept, is_cut_off, doctype)


def _items_within_limits(text: str, ends: list[int]) -> tuple[int, bool]:
    """Return how many items may be read, and whether all else that the text holds may be."""
    tags = (found.start() for found in _TAGS.finditer(text) if found["tag"])
    limit = next(islice(tags, MAX_TAGS, None), None) if text.count("<") > MAX_TAGS else None
    if limit is None:
        return min(len(ends), MAX_ITEMS), len(ends) <= MAX_ITEMS
    kept = min(MAX_ITEMS, bisect_right(ends, limit))
    if kept == 0:
        raise InputRejected("too_many_elements", f"more than {MAX_TAGS:,} tags before its first item ends")
    return kept, False


def _with_known_namespaces(text: str, root_end: int) -> str:
    """Return the text with its root's namespaces spelled as feedparser knows them, without blanks around them."""
    root = text[:root_end].replace(*_OLD_NAMESPACE)
    return _DECLARATION.sub(lambda found: f"{found[1]}={found[2]}{found[3].strip()}{found[2]}", root) + text[root_end:]


def _skip(text: str, at: int) -> int:
    """Return where something other than blanks, comments and processing instructions starts."""
    while passed := _PREAMBLE.match(text, at):
        at = passed.end()
    return at


def _end_of_doctype(text: str, at: int) -> int:
    """Return where a DOCTYPE ends that has been read up to its `>` or its `[`."""
    if text.startswith(">", at):
        return at + 1
    end = _SUBSET_END.search(text, at) if text.startswith("[", at) else None
    if end is None or _ENTITY.search(text, at, end.start()):
        raise InputRejected("doctype", "its DOCTYPE defines entities of its own; only feeds without such are read")
    return end.end()
