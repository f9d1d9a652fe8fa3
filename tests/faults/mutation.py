"""Inputs that nobody meant to write: samples cut, spliced and stuffed. Each follows from a seed and its number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias

CHARACTERS: Final = tuple(
    one.encode()
    for one in [*" \n\t@.,;:|&<>\"'-/\\[]{}()=#0aZ%?!_~", "é", "漢", "\u0301", "\u202e", "\u200d", "\u3000"]
)
"""What makes a long run of one character, wherever it is put."""


def _tokens(text: bytes) -> tuple[bytes, ...]:
    """Return what stands between blanks; a `~` stands for a blank within."""
    return tuple(one.replace(b"~", b" ") for one in text.split())


MARKUP: Final = (
    *_tokens(
        b"< > </ <p> </p> <div> </div> <a~href='x'> <b <!-- --> <![CDATA[ ]]> <? ?> <!DOCTYPE <script> </script> "
        b"<style> <script~type='application/ld+json'> <svg> <table><tr><td> <li> <h1> <br> <img~src=x> <meta~content= "
        b"<meta~name=author~content='a'> <time~datetime='9999-12-31'> <link~rel=canonical~href='//x'> <span~style='a'> "
        b"<article> <base~href='http://[bad'> <meta~property=og:site_name~content='a'> <title>a|a|a a=\"b\" a=' "
        b"&amp;amp; &#0; &#xD800; &#99999999999999999999; &lt; &nbsp; &x;"
    ),
    b"\xff", b"\xed\xa0\x80", b"\x00", b"\x1b[31m", b"\xef\xbb\xbf",
)  # fmt: skip
FEED: Final = (
    *MARKUP,
    *_tokens(
        b"<item> </item> <entry> </entry> <url> </url> <loc> <title> </title> <link/> <guid> <pubDate> <author> "
        b"<category>a</category> <media:thumbnail/> <dc:creator> <content:encoded> <x:y/> xmlns:a='' xmlns='u' "
        b"<image> <textinput> <source> <published_parsed>1</published_parsed> <enclosure~url='x'~type='image/x'/> "
        b"<lastmod>9999-12-31</lastmod> <!ENTITY~a~'b'> <itunes:keywords>a,</itunes:keywords> <tags>a,b</tags> "
        b"<xhtml:div> <outline~xmlUrl='http://x.example/'/> http://x.example/ feed:// <opml> <rss> </rss>"
    ),
)
JSON: Final = _tokens(
    b'{ } [ ] {~"a":~"b", " \\ \\" \\u0000 \\ud800 \\ud83d\\ude00 \\u202e null true 1e999 -0 NaN 99999999999999999999 '
    b'"@type": "@id": "@graph":[ "name": "author":[{"name":"a"}], "author":"A~B", "keywords":"a,b", "headline":"h", '
    b'"datePublished":"9999-12-31T23:59:59-12:00", "datePublished":"2016-12-31T23:59:60Z", "items":[ '
    b'"url":"http://[x", "version":"https://jsonfeed.org/version/1", "content_html":"<p>x", '
    b'"first_seen_at":"0001-01-01", "html":"<p>x", "article_body":"x", <!-- --> /*<![CDATA[*/ //]]> ; \xef\xbb\xbf'
)
PROSE: Final = (
    b"By \nBy Ann Other and Jo Doe\nPARIS (AP) \xe2\x80\x94 \nPublished \n\n\n\xc2\xa0\n\xe2\x80\xa6\nRead more\n"
    b"https://x.example/\nwww.a.b\na@b.c\n12 May 2026\nGeneva: \nMr. \n\"\n\xc2\xad\n\xe2\x80\xa8\n\xed\xa0\x80\n\x00"
).split(b"\n")  # fmt: skip

Change: TypeAlias = Callable[["Mutator", bytes, Random], bytes]


@dataclass(frozen=True)
class Mutator:
    """Makes cases of one kind.

    Attributes:
        name: of what they are for; two mutators of one seed make other cases.
        tokens: what is put into samples.
        most_bytes: no case is longer.
    """

    name: str
    seed: int
    samples: Sequence[bytes]
    tokens: Sequence[bytes]
    most_bytes: int = 20_000

    def case(self, number: int) -> bytes:
        """Return the case with this number: a sample, changed one to five times."""
        random = self._random("case", number)
        body = random.choice(self.samples)
        for _ in range(random.choice((1, 1, 2, 3, 5))):
            body = random.choice(_CHANGES)(self, body, random)[: self.most_bytes]
        return body

    def grown(self, number: int, size: int) -> bytes:
        """Return a sample with something repeated in it, so often that this takes so many bytes.

        The same number gives the same place and thing, whatever the size.
        """
        random = self._random("grown", number)
        sample = random.choice(self.samples)[: self.most_bytes]
        at = _place(sample, random)
        unit = b"".join(self._token(random) for _ in range(random.choice((1, 1, 1, 2, 3))))
        tail = sample[at:] if random.random() < 0.7 else b""
        return sample[:at] + unit * (size // len(unit)) + tail

    def token(self, random: Random) -> bytes:
        """Return something to put into a case."""
        return self._token(random)

    def _token(self, random: Random) -> bytes:
        return random.choice(random.choice((CHARACTERS, self.tokens))) or b" "

    def _random(self, what: str, number: int) -> Random:
        return Random(f"{self.name} {self.seed} {what} {number}")


def _place(body: bytes, random: Random) -> int:
    """Return a place, mostly one where a value or an element begins: what is put elsewhere seldom means anything."""
    at = random.randrange(len(body) + 1)
    if random.random() < 0.7:
        found = [place + 1 for mark in (b">", b'"', b"<", b"\n", b" ") if (place := body.find(mark, at)) >= 0]
        return random.choice(found) if found else at
    return at


def _span(body: bytes, random: Random) -> tuple[int, int]:
    start = _place(body, random)
    return start, min(len(body), start + random.choice((1, 3, 10, 40, 200, 2_000)))


def _splice(mutator: Mutator, body: bytes, random: Random) -> bytes:
    other = random.choice(mutator.samples)
    return body[: _place(body, random)] + other[_place(other, random) :]


def _flip(_: Mutator, body: bytes, random: Random) -> bytes:
    changed = bytearray(body or b" ")
    for _ in range(random.choice((1, 2, 8, 30))):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _delete(_: Mutator, body: bytes, random: Random) -> bytes:
    start, end = _span(body, random)
    return body[:start] + body[end:]


def _repeat_span(_: Mutator, body: bytes, random: Random) -> bytes:
    start, end = _span(body, random)
    return body[:end] + body[start:end] * random.choice((1, 2, 10, 100)) + body[end:]


def _move_span(_: Mutator, body: bytes, random: Random) -> bytes:
    start, end = _span(body, random)
    rest = body[:start] + body[end:]
    at = _place(rest, random)
    return rest[:at] + body[start:end] + rest[at:]


def _put(mutator: Mutator, body: bytes, random: Random) -> bytes:
    at = _place(body, random)
    return body[:at] + mutator.token(random) + body[at:]


def _stuff(mutator: Mutator, body: bytes, random: Random) -> bytes:
    at, token = _place(body, random), mutator.token(random)
    return body[:at] + token * random.choice((2, 20, 300, 4_000)) + body[at:]


def _wrap(mutator: Mutator, body: bytes, random: Random) -> bytes:
    """Open the same thing many times, and close it as often, or nearly so."""
    start, end = _span(body, random)
    opening, closing = random.choice(_PAIRS)
    times = random.choice((3, 60, 400, 2_500))
    return body[:start] + opening * times + body[start:end] + closing * (times - random.randrange(2)) + body[end:]


def _long_attribute(mutator: Mutator, body: bytes, random: Random) -> bytes:
    at, times = _place(body, random), random.choice((50, 1_500, 6_000))
    inside = mutator.token(random) * times if random.random() < 0.5 else b" ".join(b"a%d='x'" % n for n in range(times))
    return body[:at] + b'<a title="' + inside + (b'">' if random.random() < 0.7 else b"") + body[at:]


def _cut(_: Mutator, body: bytes, random: Random) -> bytes:
    at = _place(body, random)
    return body[:at] if random.random() < 0.8 else body[at:]


def _recode(_: Mutator, body: bytes, random: Random) -> bytes:
    """Write the text in another charset, or with another one's mark, or claim another one."""
    text = body.decode("utf-8", "replace")
    codec = random.choice(("utf-16", "utf-16-le", "utf-32", "cp1252", "shift_jis", "utf-7", "cp037", "iso2022_jp"))
    if random.random() < 0.5:
        return text.encode(codec, "replace")
    claim = random.choice((b"utf-8", b"utf-7", b"utf-16", b"shift_jis", b"idna", b"hex", b"x-none", b"big5"))
    start = random.choice((b'<?xml version="1.0" encoding="%s"?>', b'<meta charset="%s">', b"%s\xff\xfe"))
    return start % claim + body


def _noise(_: Mutator, body: bytes, random: Random) -> bytes:
    at = _place(body, random)
    return body[:at] + random.randbytes(random.choice((1, 4, 40, 400))) + body[at:]


_PAIRS: Final = (
    (b"<div>", b"</div>"), (b"<b>", b"</b>"), (b"<table><tr><td>", b"</td></tr></table>"), (b"[", b"]"), (b"(", b")"),
    (b'{"a":', b"}"), (b'[{"author":', b"}]"), (b"<![CDATA[", b"]]>"), (b"<!--", b"-->"), (b"<item>", b"</item>"),
    (b"<a:b xmlns:a='u'>", b"</a:b>"), (b"&amp;", b"amp;"), (b'"', b'"'), (b"<ul><li>", b"</li></ul>"),
)  # fmt: skip

_CHANGES: Final[Sequence[Change]] = (
    _splice, _splice, _flip, _delete, _repeat_span, _move_span, _put, _put, _stuff, _stuff, _wrap, _long_attribute,
    _cut, _recode, _noise,
)  # fmt: skip
