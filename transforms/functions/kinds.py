"""What a file is: told by its content, with its name as a hint where the content leaves it open."""

from __future__ import annotations

import codecs
import json
import re
from typing import Final

from schemas.errors import InputRejected
from transforms.functions.feed_markup import kind_of_root
from transforms.functions.json_feeds import is_json_feed

HEAD_BYTES: Final = 65536
"""How much of a file is worth looking at; the first 4 kB are enough for all but pages with a long preamble."""

_SUPPORTED: Final = "newsbeam reads web pages (HTML), plain text, JSONL (one JSON object a line) and feeds"
_GZIP: Final = b"\x1f\x8b"
# UTF-32's little-endian mark begins with UTF-16's, so it is asked for first.
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MAGIC: Final = {
    _GZIP: "gzip", b"%PDF-": "PDF", b"PK\x03\x04": "ZIP (or an office document)", b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"RIFF": "RIFF (WebP, WAV or AVI)", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf\x27\x1c": "7-Zip", b"PAR1": "Parquet", b"SQLite format 3\x00": "SQLite",
    b"\x7fELF": "ELF", b"{\\rtf": "RTF", b"\xd0\xcf\x11\xe0": "an old office document", b"Obj\x01": "Avro",
    b"ID3": "MP3",
}  # fmt: skip
_CONTROLS: Final = bytes(set(range(0x20)) - set(b"\t\n\x0b\x0c\r\x1a\x1b"))
_CONTROL_SHARE: Final = 0.01
"""Text has next to none, a stray NUL in a broken export aside; random or packed bytes have over 10 %."""

_HTML_START: Final = re.compile(
    r"<(?:!doctype\s+html|html|head|body|title|meta|link|script|style|main|article|section|header|nav|div|table|h[1-6]|p|"
    r"span|a|img|ul|ol|center|font|base|figure|br)\b",
    re.IGNORECASE,
)
_HTML_LATER: Final = re.compile(r"^[ \t]*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.MULTILINE)
_TAG: Final = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]{0,2000})?/?>", re.IGNORECASE)
_PREAMBLE: Final = re.compile(r"\s+|<!--.*?-->|<\?.*?>|<!doctype\s+(?!html)[^>]*>", re.IGNORECASE | re.DOTALL)
_HTML_NAMES: Final = (".html", ".htm", ".xhtml", ".shtml")
_OTHER_NAMES: Final = (
    ".css", ".js", ".mjs", ".map", ".svg", ".csv", ".tsv", ".md", ".rst", ".yaml", ".yml", ".toml", ".ini", ".py",
    ".sql",
)  # fmt: skip
"""What lies beside saved pages (a browser saves their styles and scripts with them) and would pass for plain text."""

_JSON_NAMES: Final = (".jsonl", ".ndjson", ".jsonlines")
_OBJECT_START: Final = re.compile(r'\{[ \t]*(?:"|\})')
_ARRAY_START: Final = re.compile(r'\[\s*(?:[{\["\]]|$)')
_LINES_TRIED: Final = 20
_MHTML: Final = re.compile(r"^content-type:\s*multipart/related", re.IGNORECASE | re.MULTILINE)


def is_gzip(head: bytes) -> bool:
    """Return whether the bytes begin a gzip stream, whatever the file is called."""
    return head.startswith(_GZIP)


def kind_of(name: str, head: bytes) -> str:
    """Return `html`, `text`, `jsonl` or `feed` (a sitemap, too): what a file is by its first bytes.

    Args:
        name: the file's name or path, decompressed (`a.jsonl` for `a.jsonl.gz`); only its extension counts, and only
            where the content leaves the kind open.
        head: the first bytes, decompressed: 4 kB or more, `HEAD_BYTES` at best.

    Raises:
        InputRejected: `empty` for nothing but whitespace, `binary` for what is no text, `unsupported_kind` for what
            newsbeam does not read (WARC, MHTML, other XML, JSON that is not one object a line).
    """
    text = _text_of(head)
    if not text:
        raise InputRejected("empty", "nothing but whitespace in it")
    plain_name = name.lower().removesuffix(".gz")
    if text.startswith("<"):
        return _kind_of_markup(plain_name, text)
    _refuse_archives(text)
    return _kind_of_json(plain_name, text) or _kind_of_plain(plain_name, text)


def _text_of(head: bytes) -> str:
    _refuse_magic(head)
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, "ignore").replace("\0", "").strip()
    if len(head) - len(head.translate(None, _CONTROLS)) > len(head) * _CONTROL_SHARE:
        raise InputRejected("binary", f"bytes that no text has (NULs or other control characters); {_SUPPORTED}")
    # Every sign that is looked for is ASCII, so the true charset is left to whoever reads the whole file.
    return head.decode("latin-1").strip(" \t\r\n\v\f\0\x1a")


def _refuse_magic(head: bytes) -> None:
    for magic, what in _MAGIC.items():
        if head.startswith(magic) and (not magic.isalnum() or b"\0" in head[:64]):
            raise InputRejected("binary", f"{what} data; {_SUPPORTED}")


def _kind_of_markup(name: str, text: str) -> str:
    start = _after_preamble(text)
    if kind_of_root(text):
        return "feed"
    if _HTML_START.match(text, start) or _HTML_LATER.search(text):
        return "html"
    if text.startswith("<?xml"):
        raise InputRejected("unsupported_kind", f"XML that is no web page; {_SUPPORTED}")
    return _kind_of_plain(name, text)


def _after_preamble(text: str) -> int:
    """Return where the first element stands, behind declarations, comments and doctypes other than HTML's."""
    at = 0
    while passed := _PREAMBLE.match(text, at):
        at = passed.end()
    return at


def _refuse_archives(text: str) -> None:
    if text.startswith("WARC/"):
        raise InputRejected("unsupported_kind", f"a web archive (WARC); {_SUPPORTED}")
    if _MHTML.search(text[:4096]):
        raise InputRejected("unsupported_kind", f"a page saved as MHTML; {_SUPPORTED}: save it as HTML")


def _kind_of_json(name: str, text: str) -> str | None:
    if _ARRAY_START.match(text):
        raise InputRejected("unsupported_kind", f"a JSON array; {_SUPPORTED}: write each element on a line of its own")
    if _holds_records(name, text):
        # A record may speak of JSON Feed; only what is one and nothing else is read as one.
        is_one_feed = not name.endswith(_JSON_NAMES) and is_json_feed(text) and not _is_record(text.split("\n")[0])
        return "feed" if is_one_feed else "jsonl"
    if text.startswith("{") and is_json_feed(text):
        return "feed"
    if _OBJECT_START.match(" ".join(text[:200].split())):
        raise InputRejected("unsupported_kind", f"JSON spread over several lines; {_SUPPORTED}")
    return None


def _holds_records(name: str, text: str) -> bool:
    lines = text.split("\n")
    if name.endswith(_JSON_NAMES):
        # Even where the first record is broken: it is rejected by itself.
        return any(map(_OBJECT_START.match, lines[:_LINES_TRIED]))
    if not _OBJECT_START.match(lines[0]):
        return False
    # A single line may be cut off by the head's end (a page carried in JSON): its start has to do.
    return len(lines) == 1 or any(map(_is_object, lines[:_LINES_TRIED]))


def _is_record(line: str) -> bool:
    try:
        return not {"article_body", "html"}.isdisjoint(json.loads(line))
    except (ValueError, RecursionError, TypeError):
        return False


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _kind_of_plain(name: str, text: str) -> str:
    if _HTML_LATER.search(text[:4096]) or (name.endswith(_HTML_NAMES) and _TAG.search(text)):
        return "html"
    if name.endswith(_OTHER_NAMES):
        raise InputRejected("unsupported_kind", f"named like code, data or notes, not like an article; {_SUPPORTED}")
    return "text"
