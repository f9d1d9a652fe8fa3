from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputRejected
from transforms.functions.charsets import decode_text

GERMAN = "Der Bürgermeister eröffnete die Brücke über die Füße des Flusses, es war ein schöner Tag für alle Gäste. " * 4
POLISH = "Mieszkańcy odzyskają wiosną zabytkowy młyn, który niszczał nad rzeką, poinformował burmistrz. " * 4
RUSSIAN = "Городской совет во вторник решил построить новый мост через реку, сообщил мэр города. " * 4
JAPANESE = "北浜市は火曜日、老朽化した市民会館を来年春に建て替えると発表した。" * 6


def page(text: str, charset: str) -> str:
    return f'<html><head><meta charset="{charset}"><title>x</title></head><body><p>{text}</p></body></html>'


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_mark_wins_over_a_wrong_hint(mark: str) -> None:
    assert decode_text(GERMAN.encode(mark), charset_hint="iso-8859-1") == GERMAN


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_mark(codec: str) -> None:
    assert decode_text(GERMAN.encode(codec)) == GERMAN


@pytest.mark.parametrize(
    ("text", "codec"),
    [(GERMAN, "cp1252"), (POLISH, "cp1250"), (RUSSIAN, "koi8-r"), (RUSSIAN, "cp1251"), (JAPANESE, "shift_jis"),
     (JAPANESE, "euc_jp"), (JAPANESE, "iso2022_jp")],
)  # fmt: skip
def test_declared_charset_is_read(text: str, codec: str) -> None:
    assert decode_text(text.encode(codec), charset_hint=codec) == text
    html = page(text, codec.replace("iso2022_jp", "iso-2022-jp"))
    assert decode_text(html.encode(codec), is_html=True) == html


@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1252", "windows-1251", "shift_jis"])
def test_page_declared_otherwise_that_is_utf_8(declared: str) -> None:
    html = page(GERMAN, declared)
    assert decode_text(html.encode(), charset_hint=declared, is_html=True) == html


def test_page_declared_as_utf_8_that_is_windows_1252() -> None:
    html = page(GERMAN + "“quoted” – dash", "utf-8")
    assert decode_text(html.encode("cp1252"), charset_hint="utf-8", is_html=True) == html


def test_latin_1_means_windows_1252() -> None:
    assert decode_text("caf\u00e9 “x”".encode("cp1252"), charset_hint="iso-8859-1") == "caf\u00e9 “x”"


def test_broken_utf_8_is_kept_with_marks() -> None:
    text = decode_text((GERMAN * 3).encode() + b"\xc3( end")
    assert "Bürgermeister" in text
    assert "\ufffd" in text


@pytest.mark.parametrize("name", ["", "no-such-charset", "base64", "utf-16", "\x00", "hex", "x" * 500])
def test_useless_hint_does_no_harm(name: str) -> None:
    assert decode_text(GERMAN.encode(), charset_hint=name) == GERMAN


@pytest.mark.parametrize(
    "body", [b"\x89PNG\r\n\x1a\n" + b"x" * 100, b"%PDF-1.7 ...", bytes(range(32)) * 50, b"PK\x03\x04abc"]
)
def test_binary_is_refused(body: bytes) -> None:
    with pytest.raises(InputRejected) as caught:
        decode_text(body)
    assert caught.value.reason == "binary"


@given(st.binary(max_size=3_000), st.one_of(st.none(), st.text(max_size=20)), st.booleans())
def test_never_raises_anything_but_a_rejection(body: bytes, hint: str | None, is_html: bool) -> None:
    try:
        assert "\x00" not in decode_text(body, charset_hint=hint, is_html=is_html)
    except InputRejected as rejected:
        if rejected.reason != "binary":
            raise


@given(
    st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc")), min_size=1).filter(
        lambda t: not t.startswith("\ufeff")
    )
)
def test_utf_8_comes_back_as_it_was(text: str) -> None:
    body = text.encode()
    if not body.startswith((b"%PDF-", b"PK", b"GIF8", b"BZh", b"Rar!", b"OggS", b"ID3", b"PAR1", b"SQLite", b"wOF")):
        assert decode_text(body) == text
