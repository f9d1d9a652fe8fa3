"""Text fit to be stored and compared: clean characters, folded whitespace, a digest and a word count."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from typing import Final

LINE_LIMIT: Final = 1000
"""Characters of a single-line value; headlines stay under 300, so what is longer is a body in the wrong field."""

_MOST_MARKS: Final = 30
"""Combining marks kept on one letter (Unicode's Stream-Safe Text Format, UAX 15): composing is quadratic in them."""

_MARKS: Final = "".join(chr(code) for code in range(0x300, 0x1F000) if unicodedata.combining(chr(code)))
_TOO_MANY_MARKS: Final = re.compile(f"([{_MARKS}]{{{_MOST_MARKS}}})[{_MARKS}]+")
_LINE_ENDS: Final = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Soft hyphens and byte order marks go with the controls: they are invisible and make equal texts unequal. The joiners
# (U+200C, U+200D) and U+200B stay: Persian, Khmer and emoji are spelled with them.
_DROPPED: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\ufeff]")
_BLANK_LINES: Final = re.compile("\n{3,}")
_ONE_WORD_EACH: Final = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_NO_SPACES: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_LETTERS_PER_WORD: Final = 5
_ENDLESS_REFERENCE: Final = re.compile("&#[0-9]{20,};?")
_BETWEEN_WORDS: Final = re.compile("[\\s/…–—]+")


def normalise_text(text: str) -> str:
    """Return the text as rows store it: any str in, text that UTF-8 can encode out; doing it twice changes nothing.

    Line ends become `\\n`, control characters go, lone halves of surrogate pairs become U+FFFD, letters are composed
    (NFC); lines lose the spaces at their ends, and more than one blank line in a row becomes one.
    """
    text = _DROPPED.sub("", _LINE_ENDS.sub("\n", without_surrogates(text)).replace("\t", " "))
    if any(map(unicodedata.combining, set(text))):  # few texts hold a mark, and looking for runs of them takes 1 ms
        text = _TOO_MANY_MARKS.sub(r"\1", text)
    lines = unicodedata.normalize("NFC", text).split("\n")
    return _BLANK_LINES.sub("\n\n", "\n".join(line.strip() for line in lines)).strip()


def without_surrogates(text: str) -> str:
    """Return the text with U+FFFD for each half of a surrogate pair that stands alone: UTF-8 can encode it."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        # JSON may spell one character as two escaped halves: going through UTF-16 joins those that belong together.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def unescape(text: str) -> str:
    """Return the text with HTML's character references as characters; those that name none, however long, as U+FFFD.

    Python reads no whole number of more than 4,300 digits, so that `html.unescape` alone raises on such a reference.
    """
    return html.unescape(_ENDLESS_REFERENCE.sub("\ufffd", text))


def identity_text(text: str) -> str:
    """Return what two texts must share to be exact copies: the normalised text, every run of whitespace one space.

    Letter case and punctuation count: telling near copies apart is not the digest's task.
    """
    return " ".join(normalise_text(text).split())


def content_sha256(text: str) -> str:
    """Return the hex SHA-256 of `identity_text`: the same however lines and spaces are laid out."""
    return hashlib.sha256(identity_text(text).encode()).hexdigest()


def word_count(text: str) -> int:
    """Return how many words a text has, in any script; 0 for one without a letter or digit.

    Words stand between spaces, dashes and slashes. Scripts without spaces are estimated: a Chinese character or a kana
    counts one, as word processors count them, and five signs of Thai, Lao, Khmer or Burmese make a word.
    """
    single = len(_ONE_WORD_EACH.findall(text))
    spaceless = len(_NO_SPACES.findall(text))
    rest = _NO_SPACES.sub(" ", _ONE_WORD_EACH.sub(" ", text)) if single or spaceless else text
    pieces = _BETWEEN_WORDS.split(rest)
    odd = [piece for piece in pieces if not piece[:1].isalnum()]  # few: nearly all words start with a letter
    spaced = len(pieces) - len(odd) + sum(any(map(str.isalnum, piece)) for piece in odd)
    return single + -(-spaceless // _LETTERS_PER_WORD) + spaced


def clean_line(value: object, limit: int = LINE_LIMIT) -> str | None:
    """Return a single-line value (a headline, a name) as rows store it, or None where nothing is left or it is no str.

    Args:
        value: what a page or record gave; anything but a str is taken as absent.
        limit: longest result in characters; what is longer is cut at a word's end and ends in an ellipsis.
    """
    if not isinstance(value, str):
        return None
    # Cut first, generously: what is given may be millions of characters long.
    return clip(identity_text(value.strip()[: 4 * limit]), limit) or None


def clip(line: str, limit: int) -> str:
    """Return the line cut to `limit` characters at a word's end with an ellipsis; as it is where it is short enough."""
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    at_word, space, _ = cut.rpartition(" ")
    # A script without spaces has no word's end to cut at, nor has one word longer than the line.
    return (at_word if space and len(at_word) * 2 > limit else cut).rstrip(" ,;:–—-") + "…"
