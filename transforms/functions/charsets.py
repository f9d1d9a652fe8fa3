"""Bytes of a page or text file made into text, whatever charset they claim.

Order: byte order mark, declared charset (HTTP, then the page's own), UTF-8, detection. A declaration is believed only
where the bytes bear it out: valid UTF-8 with letters beyond ASCII is UTF-8 whatever a server says of it, since text in
another charset is practically never valid UTF-8 by chance.
"""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from schemas.errors import InputRejected

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_META_CHARSET = re.compile(rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)

_DECLARATION_BYTES = 4_096
"""Bytes at the head of a page in which it may declare its charset; HTML asks for 1,024, real pages need more."""

_SAMPLE_BYTES = 8_192
"""Bytes on which a charset is guessed; more costs time and did not change a guess on the development pages."""

_MAX_BROKEN = 0.05
"""Share of characters that may be undecodable in text kept with replacement marks."""

_MAX_CONTROL = 0.02
"""Share of control characters above which bytes are no text: prose has none, an image about a tenth."""

# The web's reading of old names: browsers take these as the larger Windows charset that pages in fact use.
_WEB_NAMES = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252",
              "iso-8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030", "ks_c_5601-1987": "cp949",
              "euc-kr": "cp949",
              "shift_jis": "cp932", "shift-jis": "cp932", "x-sjis": "cp932", "tis-620": "cp874", "utf8": "utf-8",
              "iso-8859-8-i": "iso-8859-8", "windows-874": "cp874", "macintosh": "mac_roman"}  # fmt: skip

_NO_TEXT_CODECS = frozenset(
    {"base64", "bz2", "hex", "quopri", "rot13", "uu", "zlib", "unicode_escape", "idna", "punycode", "undefined"}
)

_WESTERN_LETTERS = ("àâæçéèêëîïôœùûüÿ", "äöüßé", "áéíóúüñ", "ãõáéíóúâêôàçü", "àèéìíòóùú", "åäöéü", "åæøéöä", "éëïöüèê")
"""Letters beyond ASCII of French, German, Spanish, Portuguese, Italian, Swedish, Danish and Norwegian, Dutch."""

_WESTERN_SIGNS = "«»‹›“”„‘’‚–—…•·€£§°©®™¿¡ªº´\xa0"
_FOREIGN_SHARE = 0.02
"""Letters that may be of another language: names and loan words."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_C1 = re.compile(r"[\x80-\x9f]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")

_MAGIC = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF-", b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ",
    b"7z\xbc\xaf", b"Rar!",
    b"\x7fELF", b"OggS", b"ID3", b"\x00\x00\x01\x00", b"PAR1", b"SQLite format 3",
    b"\x28\xb5\x2f\xfd", b"wOFF", b"wOF2",
)  # fmt: skip


def decode_text(body: bytes, *, charset_hint: str | None = None, is_html: bool = False) -> str:
    """Return the text that the bytes hold, without byte order mark and NUL characters.

    Args:
        body: the bytes as they were read.
        charset_hint: charset that the source declares (the HTTP header), by any of its names; a wrong one does no harm.
        is_html: whether to look for a declaration inside the bytes.

    Raises:
        InputRejected: `binary`, where the bytes are no text in any charset that could be found.
    """
    if any(body.startswith(magic) and (not magic.isalnum() or b"\x00" in body[:64]) for magic in _MAGIC):
        raise InputRejected("binary", "the input starts like an image, archive or other binary file, not like text")
    text = _from_mark(body) or _from_utf_16(body) or _from_utf_8(body)
    if text is None:
        text = _from_declaration(body, charset_hint, is_html) or _from_detection(body) or _with_replacements(body)
    if not _is_text(text):
        raise InputRejected("binary", f"{len(body)} bytes are no text: too many control characters or broken letters")
    return text.replace("\x00", "").removeprefix("\ufeff")


def _from_mark(body: bytes) -> str | None:
    for mark, codec in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, errors="replace")
    return None


def _from_utf_16(body: bytes) -> str | None:
    """Decode UTF-16 without a mark: in Western text every second byte of it is zero."""
    sample = body[:2_000]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = max(1, len(sample) // 2)
    if len(sample) < 4 or max(even, odd) < 0.6 * half or min(even, odd) > 0.1 * half:
        return None
    return body.decode("utf-16-le" if odd > even else "utf-16-be", errors="replace")


def _from_utf_8(body: bytes) -> str | None:
    if b"\x1b$" in body[:_SAMPLE_BYTES]:
        return None  # ISO-2022-JP is ASCII to the eye
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _from_declaration(body: bytes, charset_hint: str | None, is_html: bool) -> str | None:
    """Decode as declared, if that gives text. A page declared as UTF-8 that is not goes on to detection."""
    for name in (charset_hint, _declared_in(body) if is_html else None):
        codec = _codec(name)
        if codec and codec != "utf-8":
            text = _decode_mostly(body, codec)
            if text is not None and _looks_sane(text):
                return text
    return _mostly_utf_8(body)


def _declared_in(body: bytes) -> str | None:
    head = body[:_DECLARATION_BYTES]
    match = _META_CHARSET.search(head) or _XML_ENCODING.search(head)
    return match[1].decode("ascii") if match else None


def _codec(name: str | None) -> str | None:
    """Return Python's name of a charset, None where it is none for text."""
    cleaned = (name or "").strip().strip("\"'").lower()
    try:
        codec = codecs.lookup(_WEB_NAMES.get(cleaned, cleaned)).name
    except (LookupError, ValueError):
        return None
    return None if codec in _NO_TEXT_CODECS or codec.startswith(("utf-16", "utf-32")) else codec


def _decode_mostly(body: bytes, codec: str) -> str | None:
    try:
        text = body.decode(codec, errors="replace")
    except (UnicodeError, LookupError, ValueError):
        return None
    return text if text.count("\ufffd") <= 0.001 * len(text) + 1 else None


def _mostly_utf_8(body: bytes) -> str | None:
    """Decode UTF-8 with a few broken characters: most sequences beyond ASCII must be whole ones."""
    text = body.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    whole = len(_BEYOND_ASCII.findall(text)) - broken
    return text if whole > 10 * broken else None


def _from_detection(body: bytes) -> str | None:
    sample = _sample_beyond_ascii(body)
    western = _decode_mostly(body, "cp1252")
    if western is not None and _reads_western(sample.decode("cp1252", errors="replace")):
        return western
    best = from_bytes(sample).best()
    codec = _codec(best.encoding) if best else None
    text = _decode_mostly(body, codec) if codec else None
    if text is not None and codec not in ("mac_roman", "mac_iceland", "cp437", "cp850", "cp858") and _looks_sane(text):
        return text
    # Nearly all pages of no declared charset that are not UTF-8 are Western Windows text.
    return western if western is not None and _looks_sane(western) else text


def _reads_western(text: str) -> bool:
    """Whether the letters beyond ASCII are those of one Western language.

    Detectors take short French for Central European, whose charset differs in a few letters. The other way round there
    is no such danger: Czech, Polish or Hungarian read as Western mixes letters that no one language has.
    """
    letters = [letter for letter in _BEYOND_ASCII.findall(text.lower()) if letter not in _WESTERN_SIGNS]
    allowed = (1 - _FOREIGN_SHARE) * len(letters)
    return bool(letters) and any(sum(map(alphabet.__contains__, letters)) >= allowed for alphabet in _WESTERN_LETTERS)


def _sample_beyond_ascii(body: bytes) -> bytes:
    """Return the bytes around the first letter beyond ASCII: what comes before says nothing of the charset."""
    first = next((match.start() for match in re.finditer(rb"[\x80-\xff]", body)), 0)
    start = max(0, first - 200)
    return body[start : start + _SAMPLE_BYTES]


def _with_replacements(body: bytes) -> str:
    return body.decode("utf-8", errors="replace")


def _looks_sane(text: str) -> bool:
    """Whether no C1 control characters stand in the text: they show that letters were read in the wrong charset."""
    return len(_C1.findall(text, 0, 200_000)) <= 0.001 * len(text) + 1


def _is_text(text: str) -> bool:
    head = text[:100_000]
    control = len(_CONTROL.findall(head))
    broken = head.count("\ufffd")
    return control <= _MAX_CONTROL * len(head) and broken <= _MAX_BROKEN * len(head) + 3
