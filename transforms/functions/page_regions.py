"""Boxes that stand inside an article's markup and are not of it: related stories, newsletters, author boxes, captions.

They are known by the words that sites put in class and id. trafilatura drops many; this pass adds those that it keeps
on news pages, before it looks for the article. A box that holds much of the page's text is kept whatever it is called.
"""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from transforms.functions.page_metadata import tree_find

_MAX_SHARE = 0.3
"""Share of the page's text above which a box is the page, not furniture: a theme may call its layout `social`."""

_BOXES = (
    "div",
    "section",
    "aside",
    "ul",
    "ol",
    "dl",
    "p",
    "figure",
    "figcaption",
    "table",
    "span",
    "article",
    "details",
    "blockquote",
)

_TEXT_LENGTH = etree.XPath("string-length(normalize-space())")

_FURNITURE = re.compile(
    r"(?:^|[\s_-])(?:"
    # Other stories
    r"related|recommend(?:ed|ations?)?|also-?read|more-(?:stories|from|on|articles|news)|most-?(?:read|popular|viewed)"
    r"|trending|popular-?posts|see-?also|further-reading|you-may|outbrain|taboola|jp-relatedposts"
    # Offers
    r"|newsletters?|subscri(?:be|ption)|sign-?up|opt-?in|mailing-?list|mc_embed\w*|promo(?:tion)?s?|cta|call-to-action"
    r"|advert\w*|sponsor(?:ed)?|donat(?:e|ion)"
    # Who wrote, shares and pays for it
    r"|author-?(?:bio|box|card|info|profile|description|details|block)|about-?(?:the-)?author|bio|biography|byline"
    r"|sharing|social(?:-?(?:share|media|links|icons|bar))?|sharedaddy|addtoany\w*|disclaimer|disclosure|affiliate"
    # Captions
    r"|captions?|wp-caption-text|photo-credit|image-credit|credits?|copyright"
    # The page's own workings
    r"|cookies?(?:-?(?:banner|notice|consent|bar))?|consent|gdpr|post-?(?:meta|navigation)|entry-meta"
    r"|article-(?:meta|share|related|newsletter)|skip-link|screen-reader-text|sr-only|visually-?hidden|disqus\w*|login"
    r"|feedback|rating|reading-time|print-only|no-?print)(?:$|[\s_-])",
    re.IGNORECASE,
)
"""Words in class or id that name such a box. Left out, as they cost more article than they saved on the development
pages: `comment` (forums; trafilatura drops comments itself), `teaser` (also the article's own first paragraph),
`toc`, `tags`, `share`, `ads`, `breadcrumb`, `paywall`."""


def drop_furniture(tree: Any) -> int:
    """Remove boxes that are not of the article from a parsed page, in place; return how many.

    Text after a removed box stays. Time is linear in the number of elements.
    """
    body = tree_find(tree, ".//body")
    if body is None:
        return 0
    limit = _MAX_SHARE * text_length(body)
    found = [element for element in body.iter(*_BOXES) if _is_furniture(element)]
    dropped = 0
    for element in found:
        if element.getparent() is not None and not _holds_page(element, limit):
            element.drop_tree()
            dropped += 1
    return dropped


def _is_furniture(element: Any) -> bool:
    name = f"{element.get('class') or ''} {element.get('id') or ''}"
    return len(name) > 1 and _FURNITURE.search(name[:500]) is not None


def _holds_page(element: Any, limit: float) -> bool:
    return element.find(".//h1") is not None or text_length(element) > limit


def text_length(element: Any) -> int:
    """Return the characters of text in an element, every run of white space counted as one."""
    return int(_TEXT_LENGTH(element))
