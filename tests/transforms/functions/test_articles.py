from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.article import Article
from schemas.errors import InputRejected
from schemas.instants import instant_of
from tests.samples import SEEN_AT, html_page, page, paragraphs, text_of
from transforms.functions.articles import MAX_TEXT_BYTES, Origin, article_from_page, article_from_record
from transforms.functions.records import hints_of, read_record
from transforms.functions.texts import content_sha256
from transforms.functions.urls import article_id

ORIGIN = Origin("records.jsonl#3", "ab" * 32, SEEN_AT, "run-1")


def _instant(*moment: int) -> int:
    return instant_of(datetime(*moment, tzinfo=UTC))  # type: ignore[arg-type]


def _from_record(**fields: Any) -> Article:
    record = read_record(json.dumps({"article_body": text_of("r")} | fields).encode())
    return article_from_record(record, ORIGIN)


def _from_html(html: str, **columns: Any) -> Article:
    return article_from_page(page(body=html.encode(), **columns), "run-1")


def test_a_page_becomes_a_row_with_what_it_says_of_itself() -> None:
    row = _from_html(html_page("a"), url="https://ledger.example/news/a?utm_source=rss")
    assert row.url == "https://ledger.example/news/a?utm_source=rss"
    assert row.url_canonical == "https://ledger.example/news/a"
    assert row.article_id == article_id(row.url_canonical, None, "")
    assert row.source_domain == "ledger.example"
    assert row.headline == "Customs house of Port Alder to become a museum, says report a"
    assert (row.publisher, list(row.authors)) == ("Northern Ledger", ["Jonna Pellworth"])
    assert (row.date_published, row.date_published_source) == (_instant(2026, 3, 30, 8), "json-ld")
    assert row.in_language == "en"
    assert row.article_body.split() == " ".join(paragraphs("a")).split()
    assert row.content_sha256 == content_sha256(row.article_body)
    assert (row.source, row.input_id, row.first_seen_at, row.run_id) == (
        "pages/one.html",
        page().input_id,
        SEEN_AT,
        "run-1",
    )


def test_the_same_page_gives_the_same_row() -> None:
    assert _from_html(html_page("a")) == _from_html(html_page("a"))


def test_a_page_may_state_its_address_within_its_own_site_only() -> None:
    own = "https://ledger.example/print/a"
    assert _from_html(html_page("a"), url=own).url_canonical == "https://ledger.example/news/a"
    stolen = html_page("a", url="https://famous.example/scoop")
    assert _from_html(stolen, url=own).url_canonical == own
    assert _from_html(stolen, url="https://www.famous.example/x").url_canonical == "https://famous.example/scoop"


def test_the_front_page_is_no_articles_address() -> None:
    stated = html_page("a", url="https://ledger.example/")
    assert _from_html(stated, url="https://ledger.example/news/a").url_canonical == "https://ledger.example/news/a"
    assert _from_html(stated).url_canonical is None


def test_without_an_address_publisher_and_text_are_the_identity() -> None:
    one, other = _from_record(publisher="Northern Ledger"), _from_record(publisher="Harbour Courier")
    assert one.url_canonical is None
    assert one.article_id == article_id(None, "Northern Ledger", one.article_body)
    assert one.article_id != other.article_id
    assert one.content_sha256 == other.content_sha256


def test_hints_never_overrule_the_page() -> None:
    hints = {
        "headline": "Another headline",
        "headline_source": "feed",
        "publisher": "Another outlet",
        "authors": ["Somebody Else"],
        "date_published": _instant(2020, 1, 1),
        "date_published_source": "feed",
    }
    plain = _from_html(html_page("a"))
    assert _from_html(html_page("a"), hints=json.dumps(hints)) == plain


def test_hints_fill_gaps() -> None:
    hints = {
        "date_published": "2026-03-29T10:00:00Z",
        "article_section": "City",
        "keywords": ["harbour"],
        "feed_url": "https://ledger.example/rss",
        "desk": "night",
        "html": html_page("a", date=None),
    }
    record = read_record(json.dumps(hints).encode())
    row = _from_html(record.html or "", hints=hints_of(record))
    assert (row.date_published, row.date_published_source) == (_instant(2026, 3, 29, 10), "record")
    assert (row.article_section, list(row.keywords)) == ("City", ["harbour"])
    assert row.feed_url == "https://ledger.example/rss"
    assert json.loads(row.extra or "") == {"desk": "night"}
    assert row.headline == "Customs house of Port Alder to become a museum, says report a"


def test_a_record_becomes_a_row_with_its_text_whole() -> None:
    row = _from_record(
        url="https://www.ledger.example/a?utm_medium=rss",
        headline="A headline",
        date_published="2026-03-29T10:00:00+02:00",
        authors=["Jonna Pellworth"],
        desk="night",
    )
    assert row.article_body == text_of("r")
    assert (row.headline, row.headline_source) == ("A headline", "record")
    assert (row.date_published, row.date_published_source) == (_instant(2026, 3, 29, 8), "record")
    assert (row.url_canonical, row.source_domain) == ("https://www.ledger.example/a", "ledger.example")
    assert json.loads(row.extra or "") == {"desk": "night"}
    assert row.extraction_method == "record"
    assert (row.source, row.input_id, row.first_seen_at) == (ORIGIN.source, ORIGIN.input_id, SEEN_AT)


def test_the_text_says_its_language_and_the_record_only_where_that_is_unsure() -> None:
    assert _from_record(in_language="fr").in_language == "en"
    assert _from_record(article_body="12:1, 3:4.", in_language="fr").in_language == "fr"
    assert _from_record(article_body="12:1, 3:4.").in_language is None


def test_a_record_without_a_headline_gets_its_first_sentence() -> None:
    row = _from_record()
    assert row.headline_source == "lead"
    assert row.headline is not None
    assert row.article_body.startswith(row.headline.rstrip("…"))


def test_a_record_of_nothing_but_control_characters_is_no_article() -> None:
    with pytest.raises(InputRejected) as caught:
        _from_record(article_body="\x00\x1b\ufeff \n")
    assert caught.value.reason == "no_article"


def test_a_plain_text_gets_headline_byline_and_dateline_from_itself() -> None:
    text = "Customs House to Become a Museum\n\nBy Jonna Pellworth\n\nPORT ALDER, March 30 - " + text_of("t")
    row = article_from_page(page(kind="text", body=text.encode(), source="t.txt"), "run-1")
    assert row.headline == "Customs House to Become a Museum"
    assert list(row.authors) == ["Jonna Pellworth"]
    assert row.dateline is not None
    assert "PORT ALDER" in row.dateline
    assert row.extraction_method == "plain_text"


def test_a_text_the_size_of_a_book_is_refused() -> None:
    with pytest.raises(InputRejected) as caught:
        article_from_page(page(kind="text", body=b"a " * (MAX_TEXT_BYTES // 2 + 1)), "run-1")
    assert caught.value.reason == "too_large"


def test_a_page_without_an_article_is_refused() -> None:
    with pytest.raises(InputRejected) as caught:
        _from_html("<html><body><form><p>Sign in</p><input></form></body></html>")
    assert caught.value.reason == "no_article"


@pytest.mark.parametrize("date", ["2099-06-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00"])
def test_a_page_of_a_year_to_come_has_no_date(date: str) -> None:
    row = _from_html(
        html_page("a", date=date).replace("</head>", f'<meta property="article:modified_time" content="{date}"></head>')
    )
    assert (row.date_published, row.date_published_source, row.date_modified) == (None, None, None)


def test_a_page_may_be_dated_ahead_of_its_reading_as_embargoes_and_wrong_clocks_do() -> None:
    assert _from_html(html_page("a", date="2027-12-31T00:00:00Z")).date_published == _instant(2027, 12, 31)
    assert _from_html(html_page("a"), first_seen_at=0).date_published == _instant(2026, 3, 30, 8)
