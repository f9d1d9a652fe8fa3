from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.functions.markup import MAX_JSON_LD_CHARACTERS, strip_markup
from transforms.functions.structured_data import StructuredData, parse_block, read_structured_data

ARTICLE: dict[str, Any] = {
    "@type": "NewsArticle",
    "headline": "Norrvik &amp; its <b>pier</b>",
    "datePublished": "2026-09-15T08:30:00+02:00",
    "dateModified": "2026-09-16T06:00:00Z",
    "author": [{"@type": "Person", "name": "By Tomas Ekeland"}, {"name": "Ingrid Solvang, editor"}],
    "publisher": {"@type": "Organization", "name": "The Example Courier"},
    "articleSection": ["Local", "Coast"],
    "keywords": "pier, storm,pier",
    "image": {"@type": "ImageObject", "url": "https://courier.example/p.jpg"},
    "isAccessibleForFree": "False",
    "mainEntityOfPage": {"@id": "https://courier.example/pier"},
}


def read(value: object) -> StructuredData:
    return read_structured_data([json.dumps(value)])


def test_all_fields() -> None:
    data = read(ARTICLE)
    assert data.headline == "Norrvik & its pier"
    assert data.authors == ("Tomas Ekeland", "Ingrid Solvang")
    assert data.date_published is not None
    assert data.date_published.astimezone(UTC) == datetime(2026, 9, 15, 6, 30, tzinfo=UTC)
    assert data.date_published.date().isoformat() == "2026-09-15"
    assert data.date_modified == datetime(2026, 9, 16, 6, tzinfo=UTC)
    assert (data.publisher, data.section, data.keywords) == ("The Example Courier", "Local", ("pier", "storm"))
    assert (data.image_url, data.url) == ("https://courier.example/p.jpg", "https://courier.example/pier")
    assert data.is_free is False


@pytest.mark.parametrize(
    "shape",
    [
        ARTICLE,
        [ARTICLE],
        {"@graph": [{"@type": "WebSite", "name": "x"}, ARTICLE]},
        {"@type": "WebPage", "name": "x", "mainEntity": ARTICLE},
        [[{"@type": "BreadcrumbList", "itemListElement": []}], {"@graph": [[ARTICLE]]}],
        {**ARTICLE, "@type": ["Article", "https://schema.org/NewsArticle"]},
    ],
)
def test_article_is_found_wherever_it_stands(shape: object) -> None:
    assert read(shape).headline == "Norrvik & its pier"


def test_the_fullest_article_of_the_best_type_is_taken() -> None:
    teaser = {"@type": "NewsArticle", "headline": "Another story"}
    assert read([{"@type": "Article", "headline": "Theme"}, teaser, ARTICLE]).headline == "Norrvik & its pier"


def test_references_within_a_graph_are_followed() -> None:
    graph = [
        {"@type": "Article", "headline": "H", "author": {"@id": "#a"}},
        {"@type": "Person", "@id": "#a", "name": "Ana Ruiz"},
    ]
    assert read({"@graph": graph}).authors == ("Ana Ruiz",)


@pytest.mark.parametrize(
    "block",
    [
        '<!-- {"a": 1} -->',
        '//<![CDATA[\n{"a": 1}\n//]]>',
        '/* <![CDATA[ */ {"a": 1} /* ]]> */',
        '\ufeff {"a": 1};',
        '{"a": 1} {"b": 2}',
    ],
)
def test_wrappings_are_forgiven(block: str) -> None:
    assert parse_block(block) == {"a": 1}


def test_raw_line_breaks_in_strings() -> None:
    assert read_structured_data(['{"@type":"NewsArticle","headline":"Two\nlines\there"}']).headline == "Two lines here"


@pytest.mark.parametrize(
    "block", ["", "{", "null", "[]", "7", '"x"', '{"@type":"NewsArticle","headline":"x', "[" * 100_000]
)
def test_broken_blocks_count_as_absent(block: str) -> None:
    assert read_structured_data([block]) == StructuredData()


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["@type", "@id", "@graph", *ARTICLE, "name", "url", "x"]), inner, max_size=6)
    ),
    max_leaves=30,
)


@given(json_values)
def test_never_raises_on_json(value: Any) -> None:
    read_structured_data(
        [
            json.dumps(value),
            json.dumps({"@type": "NewsArticle", "author": value, "image": value, "datePublished": value}),
        ]
    )


@given(st.text())
def test_never_raises_on_text(block: str) -> None:
    read_structured_data([block])


@given(st.text(alphabet='<>!-/"=ascriptyleld+jonv {}', max_size=400))
def test_stripping_never_raises_and_leaves_no_closed_script(html: str) -> None:
    assert len(strip_markup(html).html) <= len(html) + html.count("<")


def test_scripts_are_cut_and_json_ld_kept() -> None:
    page = strip_markup(
        "<p>a</p><SCRIPT>var x = '<p>no</p>';</SCRIPT><!-- no --><style>no</style>"
        "<script type='application/ld+json'>{}</script ><p>b</p><!--><p>c</p>"
    )
    assert page.json_ld == ("{}",)
    assert "no" not in page.html
    assert all(f"<p>{letter}</p>" in page.html for letter in "abc")


def test_unterminated_json_ld_does_not_take_the_article_with_it() -> None:
    page = strip_markup('<head><script type="application/ld+json">{"headline": "x\n</head><body><p>kept</p>')
    assert "<p>kept</p>" in page.html
    assert "headline" not in page.html


def test_blocks_beyond_the_limit_are_not_read() -> None:
    huge = '{"a":"' + "x" * MAX_JSON_LD_CHARACTERS + '"}'
    page = strip_markup(
        f'<script type="application/ld+json">{huge}</script><script type="application/ld+json">[]</script>'
    )
    assert page.json_ld == ("[]",)


@pytest.mark.parametrize(
    "hostile",
    ['<script type="application/ld+json">{"headline":"' + "x " * 100_000, "<script " * 200_000, "<!--" * 300_000,
     '<script "' * 150_000, "<svg>" * 200_000, "<style><" * 200_000, '<script type="application/ld+json">' * 40_000],
)  # fmt: skip
def test_time_is_linear(hostile: str) -> None:
    start = time.process_time()
    read_structured_data(strip_markup(hostile).json_ld)
    assert time.process_time() - start < 2


def test_character_references_without_end_are_read_wherever_they_stand() -> None:
    endless = "&#" + "5" * 5_000 + ";"
    data = read({"@type": "NewsArticle", "headline": "H", "author": f"Ada {endless}", "articleBody": f"Text {endless}"})
    assert data.headline == "H"
    assert data.article_body == "Text \ufffd"


@pytest.mark.parametrize("inside", [" " * 450_000, "; " * 200_000, "\n" * 450_000])
def test_white_space_in_a_block_takes_no_time_by_its_square(inside: str) -> None:
    start = time.process_time()
    data = read_structured_data(
        [f'<!-- {{"@type": "NewsArticle",{inside.replace(";", " ")}"headline": "H"}} {inside}-->']
    )
    assert time.process_time() - start < 2
    assert data.headline == "H"
