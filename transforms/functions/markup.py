"""What is not text is cut out of a page before it is parsed: scripts, styles, comments, inline images.

That makes the tree smaller (trafilatura copies it several times), lets a page through that is big only for its scripts,
and keeps broken JSON-LD away from trafilatura. One pass from left to right with `str.find`, so the time is linear in
the page whatever is left open in it; a regular expression with `.*?` starts over at each opening tag.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_JSON_LD_BLOCKS = 50
"""JSON-LD blocks read of one page. Real pages have 1-5; portals with one block a teaser reach 30."""

MAX_JSON_LD_CHARACTERS = 500_000
"""Characters of JSON-LD read of one page, over all blocks. Real pages stay under 100,000, live blogs under 300,000."""

_RAW_START = re.compile(r"<(?:!--|(script|style|svg)(?=[\s>/]))", re.IGNORECASE)
# A script tag is given 8,000 characters for its attributes: one without a `>` must not eat the page.
_REST_OF_TAG = re.compile(r"(?:[^>\"']|\"[^\"]{0,4000}\"|'[^']{0,4000}'){0,400}>")
_JSON_LD_TYPE = re.compile(r"application/ld\+json", re.IGNORECASE)
# Blanks without line ends: else each of many empty lines is looked through to the end of all of them.
_MARKUP_LINE = re.compile(
    r"\n[^\S\n]*<|</(?:head|script)|<(?:body|link|meta|title|div|article|main|p|h1)\b", re.IGNORECASE
)
# 200 characters of base64 hold no icon worth keeping and no address of an article.
_DATA_URI = re.compile(r"data:[a-z]{1,20}/[a-z0-9.+-]{1,60};base64,[A-Za-z0-9+/=]{200,}", re.IGNORECASE)


@dataclass(frozen=True)
class StrippedPage:
    """A page without its scripts, and the JSON-LD that stood in them.

    `json_ld` holds the text of each block, in page order, within the two limits of this module.
    """

    html: str
    json_ld: tuple[str, ...]


def strip_markup(html: str) -> StrippedPage:
    """Cut scripts, styles, comments, drawings, frames and inline images out of a page.

    A script left open ends at the next line that looks like markup, so the article after it is not lost with it (a
    browser would lose it). Never raises.
    """
    closings = _Closings(html)
    kept: list[str] = []
    blocks: list[str] = []
    position = 0
    while start := _RAW_START.search(html, position):
        kept.append(html[position : start.start()])
        name = (start.group(1) or "").lower()
        tag_end = closings.end_of_tag(start.end()) if name == "script" else start.end()
        body_end, position = closings.end_of_element(name, tag_end)
        if name == "script" and _JSON_LD_TYPE.search(html, start.start(), tag_end):
            blocks.append(html[tag_end:body_end])
        kept.append(" ")
    kept.append(html[position:])
    return StrippedPage(_DATA_URI.sub("", "".join(kept)), _within_limits(blocks))


def _within_limits(blocks: list[str]) -> tuple[str, ...]:
    room = MAX_JSON_LD_CHARACTERS
    kept = []
    for block in blocks[:MAX_JSON_LD_BLOCKS]:
        if len(block) <= room:
            kept.append(block)
            room -= len(block)
    return tuple(kept)


class _Closings:
    """Where things end in a page; remembers which end tags do not come any more, so that no search is made twice."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._lower = html.lower() if len(html.lower()) == len(html) else _ascii_lower(html)
        self._absent: set[str] = set()

    def end_of_tag(self, position: int) -> int:
        """Return the position after the `>` of the tag that is open at `position`."""
        end = self._html.find(">", position, position + 4000)
        quoted = _REST_OF_TAG.match(self._html, position, position + 8000)
        if quoted:
            return quoted.end()
        return end + 1 if end >= 0 else position

    def end_of_element(self, name: str, position: int) -> tuple[int, int]:
        """Return where the content of the element ends and where the page goes on."""
        closing = f"</{name}" if name else "-->"
        # `<!-->` is a whole comment, so its own dashes may close it.
        end = self._find(closing, position if name else position - 2)
        if end < 0:
            return self._end_of_open_element(name, position)
        if not name:
            return end, end + len(closing)
        after = self._html.find(">", end, end + 1000)
        return end, (after + 1 if after >= 0 else end + len(closing))

    def _end_of_open_element(self, name: str, position: int) -> tuple[int, int]:
        # An open script or style swallows code up to the next markup; of any other element only the tag is dropped.
        if name not in ("script", "style"):
            return position, position
        markup = _MARKUP_LINE.search(self._html, position)
        end = markup.start() if markup else len(self._html)
        return end, end

    def _find(self, closing: str, position: int) -> int:
        if closing in self._absent:
            return -1
        end = self._lower.find(closing, position)
        if end < 0:
            self._absent.add(closing)
        return end


def _ascii_lower(text: str) -> str:
    # str.lower() of some letters (Turkish dotted I) is longer than the letter; positions must stay the same.
    return text.translate(_ASCII_LOWER)


_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
