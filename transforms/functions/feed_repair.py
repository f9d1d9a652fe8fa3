"""Broken markup of XML feeds, mended as far as a parser needs it.

Most feeds need nothing; most of those that do are put right by `repair`, and only the rest is put together anew, by
libxml2, which loses what it cannot place.
"""

from __future__ import annotations

import html
import html.entities
import re
from itertools import islice
from typing import Any, Final
from xml.parsers import expat

from lxml import etree

from transforms.functions.feed_markup import ROOT_TAG, SECTION

_MAX_PREFIXES: Final = 50
"""Namespace prefixes declared for a feed that does not; real ones use a dozen."""

_SECTIONS: Final = re.compile(SECTION, re.DOTALL)
_BARE_AMPERSAND: Final = re.compile(r"&(?!#\d{1,8};|#[xX][0-9a-fA-F]{1,6};|[a-zA-Z][a-zA-Z0-9]{1,30};)")
_REFERENCE: Final = re.compile(
    r"&(?!(?:lt|gt|amp|quot|apos);)(?:#(\d{1,8}|[xX][0-9a-fA-F]{1,6})|([a-zA-Z][a-zA-Z0-9]{1,30}));"
)
"""A reference other than to XML's own five entities."""

_PREFIX: Final = re.compile(r"(?:</?|\s)([a-zA-Z_][\w.-]{0,39}):[a-zA-Z_]")
_DECLARED: Final = re.compile(r"xmlns:([a-zA-Z_][\w.-]{0,39})")
_NAMESPACES: Final = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "feedburner": "http://rssnamespace.org/feedburner/ext/1.0",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "slash": "http://purl.org/rss/1.0/modules/slash/",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "xhtml": "http://www.w3.org/1999/xhtml",
}
"""What feeds that forget to declare a prefix mean by it."""

_UNFINISHED: Final = frozenset({
    expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION],
})  # fmt: skip
"""Errors of a document that is right as far as it goes."""


def parsable(text: str) -> str:
    """Return the text as an XML parser accepts it as far as it goes: as it is, repaired, or put together anew.

    Where nothing helps, a parser still gets as far as the break.
    """
    if is_well_formed(text):
        return text
    repaired = repair(text)
    return repaired if is_well_formed(repaired) else _rebuild(repaired) or repaired


def is_well_formed(text: str) -> bool:
    """Return whether expat, the parser behind feedparser, accepts the text as far as it goes."""
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        return is_unfinished(error)
    return True


def is_unfinished(error: object) -> bool:
    """Return whether an error of expat's says no more than that the end is missing."""
    return isinstance(error, expat.ExpatError) and error.code in _UNFINISHED


def repair(text: str) -> str:
    """Return the text with what most broken feeds get wrong put right, outside of CDATA sections and comments.

    Bare `&` are escaped, HTML's named entities become characters, references to what is no character go, and prefixes
    that nobody declared are declared.
    """
    pieces, at = [], 0
    for section in _SECTIONS.finditer(text):
        pieces += [_with_good_references(text[at : section.start()]), section[0]]
        at = section.end()
    return _with_namespaces("".join([*pieces, _with_good_references(text[at:])]))


def _with_good_references(text: str) -> str:
    return _REFERENCE.sub(_good_reference, _BARE_AMPERSAND.sub("&amp;", text))


def _good_reference(found: re.Match[str]) -> str:
    number, name = found[1], found[2]
    if number:
        code = int(number[1:], 16) if number[0] in "xX" else int(number)
        return found[0] if _is_character(code) else "\ufffd"
    character = html.entities.html5.get(f"{name};")
    # `&AMP;` and `&LT;` are characters that would be read as markup.
    return html.escape(character) if character else "&amp;" + found[0][1:]


def _is_character(code: int) -> bool:
    """Whether XML 1.0 allows the character (its production 2)."""
    if code < 0x20:
        return code in (0x9, 0xA, 0xD)
    return code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF and code not in (0xFFFE, 0xFFFF)


def _with_namespaces(text: str) -> str:
    root = ROOT_TAG.match(text)
    if root is None:
        return text
    known = {"xml", "xmlns", *_DECLARED.findall(root[3])}
    used = dict.fromkeys(found[1] for found in _PREFIX.finditer(text))
    missing = islice((prefix for prefix in used if prefix not in known), _MAX_PREFIXES)
    declared = "".join(
        f' xmlns:{prefix}="{_NAMESPACES.get(prefix.lower(), f"urn:undeclared:{prefix}")}"' for prefix in missing
    )
    name_end = root.start(3)
    return text[:name_end] + declared + text[name_end:]


def _rebuild(text: str) -> str | None:
    """Let libxml2 make what tree it can of the text; its limits on depth and size (256 levels) stay on."""
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, encoding="utf-8")
    try:
        root: Any = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return None
    # As bytes: what libxml2 recovers may hold half a surrogate pair, which it writes out.
    rebuilt: bytes = b"" if root is None else etree.tostring(root, encoding="utf-8", with_tail=False)
    return rebuilt.decode("utf-8", "replace") or None
