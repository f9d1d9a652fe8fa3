import gzip
import json
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputRejected
from transforms.functions.kinds import HEAD_BYTES, is_gzip, kind_of

PROSE = "The strike in the harbour is over. The first boats sail on Friday.\nBoth sides said so on Monday."
PAGE = "<!DOCTYPE html>\n<html><head><title>Boats</title></head><body><p>The strike is over.</p></body></html>"
RECORD = json.dumps({"url": "https://news.example/a", "article_body": PROSE})
RSS = '<?xml version="1.0"?>\n<!-- made by hand -->\n<rss version="2.0"><channel><title>News</title></channel></rss>'

ACCEPTED = [
    ("a.txt", PROSE, "text"),
    ("a.html", PAGE, "html"),
    ("a.jsonl", RECORD + "\n" + RECORD, "jsonl"),
    ("a.jsonl.gz", RECORD, "jsonl"),
    ("no extension", PROSE, "text"),
    ("a.unknown", PAGE, "html"),
    # The name lies.
    ("a.txt", PAGE, "html"),
    ("a.json", PAGE, "html"),
    ("a.txt", RECORD + "\n" + RECORD + "\n", "jsonl"),
    ("a.html", PROSE, "text"),
    ("a.html", "Prices under < 5 and > 3 crowns were rare.", "text"),
    ("a.jsonl", PROSE, "text"),
    ("a.xml", PROSE, "text"),
    # Pages that do not begin like pages.
    ("a.html", "Saved on Monday\n<p>The strike is over.</p>", "html"),
    ("a", "HTTP/1.1 200 OK\nServer: x\n\n" + PAGE, "html"),
    ("a", "<!-- " + "x" * 3000 + " -->\n" + PAGE, "html"),
    ("a", '<?xml version="1.0"?>\n' + PAGE, "html"),
    ("a", "<div class=story>The strike is over.</div>", "html"),
    ("a", "\ufeff  \n" + PAGE, "html"),
    # Texts that look like something else.
    ("a.txt", "<Brierley Investments Ltd> said it would buy the ferries.", "text"),
    ("a.txt", "[UPDATE] The strike is over.", "text"),
    ("a.txt", "{Editor's note} The strike is over.", "text"),
    ("a.txt", "RIFFs and solos: the jazz night in review", "text"),
    ("a.txt", "How to write a page: begin with <html> and end with </html>.", "text"),
    ("a.txt", 'A feed begins with <rss version="2.0"> and ends with </rss>.', "text"),
    ("a.xml", RSS, "feed"),
    ("a.html", '<feed xmlns="http://www.w3.org/2005/Atom"></feed>', "feed"),
    ("a", '<?xml version="1.0"?><rdf:RDF xmlns="http://purl.org/rss/1.0/"></rdf:RDF>', "feed"),
    ("a.xml", '<?xml version="1.0"?><urlset></urlset>', "feed"),
    ("a.json", '{"version": "https://jsonfeed.org/version/1.1", "items": []}', "feed"),
    ("a.jsonl", '{"article_body": "See https://jsonfeed.org/version/1.1 for more."}', "jsonl"),
    ("a.jsonl", '{"version": "https://jsonfeed.org/version/1.1", "article_body": "A text."}', "jsonl"),
    ("a", '{"version": "https://jsonfeed.org/version/1.1", "article_body": "A text."}', "jsonl"),
    ("a", '{"version": "https://jsonfeed.org/version/1.1",\n"items": []}', "feed"),
    # JSONL whose first record is broken, longer than the head, or behind blank lines.
    ("a.jsonl", '{"url": broken\n' + RECORD, "jsonl"),
    ("a.jsonl", "not a record\n" + RECORD, "jsonl"),
    ("a.data", '{"html": "' + "x" * HEAD_BYTES, "jsonl"),
    ("a.jsonl", "\n\n" + RECORD, "jsonl"),
    ("a.json", RECORD, "jsonl"),
]


@pytest.mark.parametrize(("name", "content", "kind"), ACCEPTED)
def test_content_tells_the_kind(name: str, content: str, kind: str) -> None:
    assert kind_of(name, content.encode()[:HEAD_BYTES]) == kind


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize(("content", "kind"), [(PROSE, "text"), (PAGE, "html"), (RECORD, "jsonl")])
def test_marked_unicode_is_no_binary(encoding: str, content: str, kind: str) -> None:
    assert kind_of("a", content.encode(encoding)) == kind


@pytest.mark.parametrize("encoding", ["cp1251", "shift_jis", "gb18030", "iso-2022-jp", "koi8-r"])
def test_other_charsets_are_text(encoding: str) -> None:
    content = "Паромы снова" if encoding in ("cp1251", "koi8-r") else "双方"
    assert kind_of("a.txt", (content * 20).encode(encoding)) == "text"


REJECTED = [
    (b"", "empty"),
    (b" \r\n\t \n", "empty"),
    (b"\xef\xbb\xbf \n", "empty"),
    (b"\xff\xfe", "empty"),
    (b"\x89PNG\r\n\x1a\n", "binary"),
    (b"%PDF-1.7\nThe strike is over", "binary"),
    (b"PK\x03\x04 and so on", "binary"),
    (gzip.compress(PROSE.encode()), "binary"),
    (PROSE.encode("utf-16-le"), "binary"),
    (b"{\\rtf1\\ansi The strike is over}", "binary"),
    (bytes(range(256)), "binary"),
    (b'<?xml version="1.0"?><nitf><body/></nitf>', "unsupported_kind"),
    (b"WARC/1.0\r\nWARC-Type: warcinfo\r\n", "unsupported_kind"),
    (b"From: <Saved>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; x\r\n\r\n<html>", "unsupported_kind"),
    (b'[{"url": "https://news.example/a"}]', "unsupported_kind"),
    (b'[\n  {"url": "https://news.example/a"}\n]', "unsupported_kind"),
    (json.dumps({"url": "a", "html": "b"}, indent=2).encode(), "unsupported_kind"),
]


@pytest.mark.parametrize(("head", "reason"), REJECTED)
@pytest.mark.parametrize("name", ["a.txt", "a.html", "a"])
def test_what_cannot_be_read_says_why(name: str, head: bytes, reason: str) -> None:
    with pytest.raises(InputRejected) as caught:
        kind_of(name, head)
    assert caught.value.reason == reason
    assert not caught.value.retryable
    if reason != "empty":
        assert "JSONL" in caught.value.message, "the message says what is read instead"


def test_a_stray_nul_does_not_make_a_page_binary() -> None:
    assert kind_of("a.html", (PAGE + "<p>x</p>" * 50).encode() + b"\0") == "html"


def test_gzip_is_known_by_its_bytes() -> None:
    assert is_gzip(gzip.compress(b"x"))
    assert not is_gzip(b"x")
    assert not is_gzip(b"")


@given(st.text(max_size=20), st.one_of(st.binary(), st.text().map(str.encode), st.from_regex(rb"[<{\[ \n\"!a-]{1,60}")))
def test_any_bytes_are_a_kind_or_rejected(name: str, head: bytes) -> None:
    try:
        outcome = kind_of(name, head)
    except InputRejected as rejected:
        outcome = rejected.reason
    assert outcome in ("html", "text", "jsonl", "feed", "empty", "binary", "unsupported_kind")


@pytest.mark.parametrize(
    "unit", [b"\n", b" ", b"<", b"<a ", b"<!--", b"<!-- -->", b"{", b"[", b'{"', b"<?", b"<!doctype x>"]
)
def test_no_head_takes_long(unit: bytes) -> None:
    head = b"x" + (unit * HEAD_BYTES)[:HEAD_BYTES]
    began = time.perf_counter()
    for tried in (head, head[1:], b"<x>" + head[1:] + b"x"):
        for name in ("a.html", "a.jsonl"):
            with suppress(InputRejected):
                kind_of(name, tried)
    # 20-40 ms here for the six; one quadratic pattern takes seconds.
    assert time.perf_counter() - began < 1.0


def test_files_beside_saved_pages_are_no_articles() -> None:
    for name in ("style.css", "app.js", "logo.svg", "notes.md", "table.csv.gz"):
        with pytest.raises(InputRejected, match="unsupported_kind"):
            kind_of(name, b"some words that could be a text of some kind, " * 20)
