from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.feed_list import check_feed_lists, read_feed_list
from schemas.errors import UsageError

OPML = """\ufeff<?xml version="1.0" encoding="utf-8"?>
<opml version="2.0"><head><title>Feeds</title></head><body>
  <outline text="News"><outline text="City"><outline type="rss" text="a" xmlUrl="https://a.example/feed"/></outline></outline>
  <outline text="b" xmlurl=" http://b.example/rss?x=1&amp;y=2 "/>
  <outline text="a again" xmlUrl="https://A.example/feed#top"/>
  <outline text="a link, no feed" type="link" url="https://c.example/"/>
</body></opml>
"""

BOMB = """<!DOCTYPE opml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>
<opml><body><outline text="&b;" xmlUrl="https://a.example/feed"/><outline text="x">&f;</outline></body></opml>"""


def _list(folder: Path, text: str) -> str:
    path = folder / "list"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_opml_with_nested_outlines(tmp_path: Path) -> None:
    assert read_feed_list([_list(tmp_path, OPML)]) == ["https://a.example/feed", "http://b.example/rss?x=1&y=2"]


def test_text_with_comments(tmp_path: Path) -> None:
    text = "# all\r\n\r\nhttps://a.example/feed # the first\r\n  feed://b.example/rss\nfeed:https://c.example/\n#end"
    assert read_feed_list([_list(tmp_path, text)]) == [
        "https://a.example/feed", "http://b.example/rss", "https://c.example/",
    ]  # fmt: skip


def test_addresses_and_lists_together_each_feed_once(tmp_path: Path) -> None:
    given = ["https://z.example/feed", _list(tmp_path, OPML), "https://a.example/feed"]
    assert read_feed_list(given) == [
        "https://z.example/feed", "https://a.example/feed", "http://b.example/rss?x=1&y=2",
    ]  # fmt: skip


def test_entities_of_a_list_are_not_expanded(tmp_path: Path) -> None:
    assert read_feed_list([_list(tmp_path, BOMB)]) == ["https://a.example/feed"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("https://user:secret@a.example/feed", "user or password"),
        ("no/such/file", "cannot be read"),
        ("https://", "no address of a feed"),
    ],
)
def test_what_cannot_be_used_is_told(given: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_feed_list([given])


def test_bytes_that_are_no_text_are_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"https://a.example/\n\xff\xff\xff\n")
    with pytest.raises(UsageError, match="line 2: not UTF-8"):
        read_feed_list([str(path)])


def test_a_path_that_names_no_file_is_told_at_once(tmp_path: Path) -> None:
    check_feed_lists(["https://a.example/feed", _list(tmp_path, OPML)])
    with pytest.raises(UsageError, match="no such file"):
        check_feed_lists([str(tmp_path / "missing")])
