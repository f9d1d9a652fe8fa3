from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InputRejected
from transforms.functions.dates import parse_date
from transforms.functions.headlines import choose_headline
from transforms.functions.names import clean_authors
from transforms.functions.pages import extract_page
from transforms.functions.text_lines import clean_text

LINES = [
    f"In village number {i} the council voted on Tuesday to rebuild the old mill beside the river before winter."
    for i in range(6)
]
ARTICLE = "".join(f"<p>{line}</p>" for line in LINES)


def page(head: str = "", body: str = ARTICLE) -> bytes:
    return f"<html lang='en-gb'><head>{head}</head><body><article>{body}</article></body></html>".encode()


def test_meta_tags_fill_all_fields() -> None:
    found = extract_page(
        page(
            '<title>Mills return - Example Post</title><meta property="og:site_name" content="Example Post">'
            '<meta property="og:title" content="Mills return"><meta name="description" content="Villages rebuild.">'
            '<meta name="author" content="by Ada Brook and Ben Cole"><meta property="article:section" content="Local">'
            '<meta name="keywords" content="mill, river"><meta property="og:image" content="/m.jpg">'
            '<link rel="canonical" href="/mills">'
            '<meta property="article:published_time" content="2026-11-02T10:00:00+01:00">'
        ),
        url="https://post.example/mills?utm_source=x",
    )
    assert (found.headline, found.headline_source) == ("Mills return", "meta")
    assert found.authors == ("Ada Brook", "Ben Cole")
    assert (found.publisher, found.description, found.article_section) == ("Example Post", "Villages rebuild.", "Local")
    assert (found.keywords, found.image_url) == (("mill", "river"), "https://post.example/m.jpg")
    assert (found.canonical_url, found.page_language) == ("https://post.example/mills", "en-GB")
    assert found.date_published is not None
    assert found.date_published.astimezone(UTC) == datetime(2026, 11, 2, 9, tzinfo=UTC)
    assert (found.date_published_source, found.access_state) == ("meta", "ok")
    assert found.text.splitlines() == LINES


def test_day_of_the_address_is_kept_beside_the_instant() -> None:
    head = '<meta property="article:published_time" content="2026-11-02T02:25:00Z">'
    found = extract_page(page(head), url="https://post.example/2026/11/01/mills").date_published
    assert found == datetime(2026, 11, 2, 2, 25, tzinfo=UTC)
    assert found is not None
    assert found.date().isoformat() == "2026-11-01"


@pytest.mark.parametrize(
    "body", [b"<html><body></body></html>", b"<html><body><p>Too short.</p></body></html>", b"<!-- only -->"]
)
def test_page_without_article(body: bytes) -> None:
    with pytest.raises(InputRejected) as caught:
        extract_page(body)
    assert caught.value.reason == "no_article"


def test_check_for_robots_may_be_tried_again() -> None:
    with pytest.raises(InputRejected) as caught:
        extract_page(
            b"<html><head><title>Just a moment...</title></head><body>"
            b"<p>Verify you are human by completing the action below. This may take a few seconds.</p></body></html>"
        )
    assert caught.value.reason == "bot_wall"
    assert caught.value.retryable


def test_article_that_only_json_ld_carries() -> None:
    script = '<script type="application/ld+json">{"@type":"NewsArticle","headline":"H","articleBody":"%s"}</script>'
    found = extract_page(page(script % " ".join(LINES), body="<p>Loading the story</p>"))
    assert found.extraction_method == "json-ld"
    assert LINES[3] in found.text


def test_same_bytes_same_content() -> None:
    other = page("<title>Other</title>", ARTICLE.replace("mill", "bridge"))
    first = extract_page(page("<title>Mills</title>"))
    extract_page(other)
    again = extract_page(page("<title>Mills</title>"))
    assert first == again == pickle.loads(pickle.dumps(again))  # noqa: S301 - our own bytes


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="<>/=\"' \nabdhimnprstuvy&;#1", max_size=300))
def test_never_raises_anything_but_a_rejection(markup: str) -> None:
    try:
        extract_page(page("", markup + ARTICLE))
    except InputRejected as rejected:
        if rejected.reason not in {"no_article", "too_many_elements"}:
            raise


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("By Ana Ruiz", ("Ana Ruiz",)),
        ("Von Karla Weidmann und Jan Ohm", ("Karla Weidmann", "Jan Ohm")),
        ("Ada Brook, Senior Editor", ("Ada Brook",)),
        ("https://social.example/ada", ()),
        ("admin", ()),
        ("ADA BROOK", ("Ada Brook",)),
        ("Ada Brook; Ada Brook", ("Ada Brook",)),
    ],
)
def test_names(stated: str, expected: tuple[str, ...]) -> None:
    assert clean_authors([stated]) == expected


@given(st.lists(st.text(max_size=200), max_size=5))
def test_names_are_never_empty_or_repeated(stated: list[str]) -> None:
    found = clean_authors(stated)
    assert all(name.strip() for name in found)
    assert len({name.casefold() for name in found}) == len(found)


@pytest.mark.parametrize(
    "text",
    ["2026-11-02T10:00:00Z", "2026-11-02 10:00:00", "Mon, 02 Nov 2026 10:00:00 GMT", "20261102T100000Z", "1793613600"],
)
def test_dates(text: str) -> None:
    assert parse_date(text) == datetime(2026, 11, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "1970-01-01", "0001-01-01T00:00:00Z", "2026-13-40", "9999999999999999"])
def test_what_is_no_date(text: str) -> None:
    assert parse_date(text) is None


@given(st.datetimes(min_value=datetime(1995, 1, 1), max_value=datetime(2090, 1, 1)), st.integers(-12, 14))
def test_iso_dates_come_back(moment: datetime, hours: int) -> None:
    aware = moment.replace(tzinfo=UTC, microsecond=0) + timedelta(hours=hours)
    assert parse_date(aware.isoformat()) == aware


def test_headline_that_readers_see_is_taken() -> None:
    found = choose_headline(
        json_ld="Norrvik pier: council decides", meta=None, title="Norrvik pier: council decides today | Post",
        h1=["Post", "Council decides on Norrvik pier"], site_names=["Post"],
    )  # fmt: skip
    assert found is not None
    assert (found.text, found.source) == ("Council decides on Norrvik pier", "h1")


def test_furniture_lines_go_and_prose_stays() -> None:
    text = (
        "Bridge rebuilt\nBy Ada Brook\nThe bridge stands again.\n"
        "Read also: Mill burns\nPhoto: A. Smith\nIt took two years.\nThe end came in May.\nRelated articles\nMill burns"
    )
    assert clean_text(text, headline="Bridge rebuilt", authors=["Ada Brook"]).splitlines() == [
        "The bridge stands again.",
        "It took two years.",
        "The end came in May.",
    ]


@given(st.text())
def test_cleaning_adds_nothing(text: str) -> None:
    lines = {" ".join(line.split()) for line in text.splitlines()}
    assert set(clean_text(text).splitlines()) - {""} <= lines
