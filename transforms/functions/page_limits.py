"""Limits that keep one page from costing what a thousand cost, checked before the dear pass.

A worker process is killed when it overruns its time, but that costs a process; these limits cost microseconds. Figures
for real pages are those of 1,783 development pages.
"""

from __future__ import annotations

import re
from typing import Any

import lxml.html
from lxml import etree

from schemas.errors import InputRejected
from transforms.functions.markup import StrippedPage, strip_markup

MAX_PAGE_BYTES = 20_000_000
"""Bytes of the largest page looked at. The largest real page has 1.8 MB; ten times that is still read in 0.3 s."""

MAX_MARKUP_CHARACTERS = 2_000_000
"""Characters of the largest page left after scripts, styles and inline images are cut out."""

MAX_TAGS = 15_000
"""Opening tags of one page. Real pages have 20-10,000; some of trafilatura's steps are quadratic in them."""

MAX_ATTRIBUTES = 1_000
"""Attributes of one tag; one with more loses them all. Real tags have up to 60; libxml2 compares each with the rest."""

MAX_DEPTH = 200
"""Levels of nesting; a deeper page is flattened. Real pages have up to 60; trafilatura gives nothing from 1,000 on."""

_OPENING_TAG = re.compile(r"<[A-Za-z]")
_CROWDED_TAG = re.compile(
    r"(<[A-Za-z][\w:-]*)(?:\s+[^\s\"'<>=/]{1,200}(?:=(?:\"[^\"]{0,2000}\"|'[^']{0,2000}'|[^\s\"'<>]{0,2000}))?)"
    f"{{{MAX_ATTRIBUTES},}}"
)
_BOX_TAG = re.compile(
    r"</?(?:div|span|section|article|main|font|center|b|i|em|strong|u|table|tbody|tr|td|th|ul|ol|li|blockquote|dl|dd|a)"
    r"(?=[\s>/])[^<>]{0,2000}>",
    re.IGNORECASE,
)
_NESTING_TAG = re.compile(
    r"</?(?!(?:html|head|body|title|meta|link|base|p)[\s>/])[A-Za-z][^<>]{0,2000}>", re.IGNORECASE
)
"""Every tag but those that hold the page together, and `p`, which ends the one before: headings are nested, too."""

_is_too_deep = etree.XPath(f"boolean({'/'.join('*' * MAX_DEPTH)})")
"""Whether an element lies so many levels below the root; half the time of a walk through the tree (measured)."""

_HTML_ELEMENTS = etree.ElementDefaultClassLookup(element=lxml.html.HtmlElement)
"""Every element is of lxml's class for HTML. lxml.html's own parser asks a function in Python for the class of each,
7,000 times a page, to find the form fields, which nobody here looks at: 5 % of extraction (measured)."""

_INVALID = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def check_size(body: bytes) -> None:
    """Refuse what cannot be an article by its size alone.

    Raises:
        InputRejected: `empty` for nothing but white space, `too_large` beyond `MAX_PAGE_BYTES`.
    """
    if not body[:10_000].strip() and not body.strip():
        raise InputRejected("empty", "the page has no bytes but white space")
    if len(body) > MAX_PAGE_BYTES:
        raise InputRejected("too_large", f"the page has {len(body):,} bytes; {MAX_PAGE_BYTES:,} are read at most")


def strip_within_limits(html: str) -> StrippedPage:
    """Return the page without scripts, once it is known to be small enough to parse.

    Raises:
        InputRejected: `too_large` or `too_many_elements`, by the limits of this module.
    """
    page = strip_markup(_INVALID.sub("", html))
    if len(page.html) > MAX_MARKUP_CHARACTERS:
        raise InputRejected(
            "too_large",
            f"the page has {len(page.html):,} characters without its scripts; "
            f"{MAX_MARKUP_CHARACTERS:,} are parsed at most",
        )
    tags = len(_OPENING_TAG.findall(page.html))
    if tags > MAX_TAGS or page.html.count("<") > 4 * MAX_TAGS:
        raise InputRejected("too_many_elements", f"the page has {tags:,} tags; {MAX_TAGS:,} are parsed at most")
    return StrippedPage(_CROWDED_TAG.sub(r"\1", page.html), page.json_ld)


def parse_html(html: str) -> Any:
    """Return the root element of a page, flattened where it is nested too deep.

    Raises:
        InputRejected: `no_article`, where the parser finds no element at all.
    """
    root = _parse(html)
    # Boxes become paragraph breaks in the text itself: past 2,048 levels libxml2 drops what is inside. Where others are
    # nested, all do: jusText compares the paths of all paragraphs, 6 s for 2,000 levels of `h1`.
    for tag in (_BOX_TAG, _NESTING_TAG):
        if root is not None and _is_too_deep(root):
            root = _parse(tag.sub("\n", html))
    if root is None or len(root) == 0:
        raise InputRejected("no_article", "the page holds no HTML elements")
    return root


def _parse(html: str) -> Any:
    parser = etree.HTMLParser(encoding="utf-8", collect_ids=False, default_doctype=False, remove_comments=True,
                              remove_pis=True, huge_tree=True)  # fmt: skip
    parser.set_element_class_lookup(_HTML_ELEMENTS)
    try:
        return lxml.html.document_fromstring(_without_declaration(html).encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise InputRejected("no_article", f"the page cannot be parsed as HTML: {error}") from error


def _without_declaration(html: str) -> str:
    # The text is decoded already; what it says of its charset must not be believed again.
    return re.sub(r"^\s*<\?xml[^>]{0,300}\?>", "", html)
