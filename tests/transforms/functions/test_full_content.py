"""Which items carry their whole article; all texts are invented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.feed_item import FeedItem
from tests.samples import paragraphs
from transforms.functions.full_content import full_content, is_full_content, text_lines_of

WHOLE = "".join(f"<p>{line}</p>" for line in paragraphs("whole", 12))  # about 300 words
LONG = "".join(f"<p>{line}</p>" for line in paragraphs("long", 20))
SHORT = "".join(f"<p>{line}</p>" for line in paragraphs("short", 3))


def item(content: str | None, summary: str | None = None) -> FeedItem:
    return FeedItem(guid="1", content_html=content, summary_html=summary)


def test_a_long_content_is_the_article() -> None:
    assert full_content(item(WHOLE, "<p>A teaser.</p>")) == WHOLE


def test_a_long_description_is_the_article_where_there_is_no_content() -> None:
    assert full_content(item(None, LONG)) == LONG
    assert not is_full_content(item(None, "".join(f"<p>{line}</p>" for line in paragraphs("middle", 9))))


@pytest.mark.parametrize("text", ["", SHORT, "<script>" + "word " * 500 + "</script>", "<img src='a'>" * 300])
def test_what_has_few_words_is_not(text: str) -> None:
    assert not is_full_content(item(text))


@pytest.mark.parametrize(
    "end",
    [
        "<p>And then the mayor …</p>",
        "<p>And then the mayor [&#8230;]</p>",
        "<p>And then the mayor [...]</p>",
        "<p>And then the mayor.</p><p><a href='/1'>Continue reading</a></p>",
        "<p>And then. <a href='/1'>Read more »</a></p>",
        "<p><a href='/1'>Weiterlesen</a></p><p>Foto: J. Muster</p>",
        "<p>Et puis.</p><a href='/1'>Lire la suite</a>",
        "<br>続きを読む",
        "<p>And then […]</p><p>The post <a>A</a> appeared first on <a>B</a>.</p>",
        "<p>And this paragraph goes on for a good while but it has been cut off by a machine in the middle of a</p>",
    ],
)
def test_what_goes_on_elsewhere_is_not(end: str) -> None:
    assert not is_full_content(item(WHOLE + end))


@pytest.mark.parametrize(
    "end",
    [
        "<p>The post <a>A</a> appeared first on <a>B</a>.</p>",
        "<p>Foto: J. Muster</p>",
        "<p>“Nobody … knows,” she said.</p>",
        "<p>You can read more about lamps in any library, if you care to look for it, said the clerk of the town.</p>"
        "<p>He then went home to his family and thought about it for the whole of a winter evening by himself.</p>",
    ],
)
def test_what_only_looks_like_it_is_the_article(end: str) -> None:
    assert is_full_content(item(WHOLE + end))


def test_content_that_is_its_teaser_once_more_is_not() -> None:
    teaser = "".join(f"<p>{line}</p>" for line in paragraphs("teaser", 8))
    assert is_full_content(item(teaser))
    assert not is_full_content(item(teaser, teaser))
    assert is_full_content(item(LONG, LONG))


def test_lines_are_those_that_a_reader_sees() -> None:
    markup = "<h1>One</h1>two <b>th</b>ree<br/>four &amp; five<!-- no --><style>p {}</style><ul><li>six</ul>"
    assert text_lines_of(markup) == ["One", "two three", "four & five", "six"]


@given(st.text(), st.text())
def test_any_texts_are_answered(content: str, summary: str) -> None:
    assert is_full_content(item(content, summary)) in (True, False)
