"""Every format and every rule of reading feeds; all outlets, people and events in them are invented."""

from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.errors import InputRejected
from schemas.feed_item import FeedDocument, FeedItem
from schemas.instants import instant_of
from transforms.functions.feed_documents import MAX_FEED_BYTES, feed_kind, read_feed

NOON = instant_of(datetime(2026, 3, 3, 12, tzinfo=UTC))
ADDRESS = "https://ledger.example/feeds/all.xml"

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:media="http://search.yahoo.com/mrss/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"
  xmlns:atom="http://www.w3.org/2005/Atom">
<channel><title>The Alder Ledger</title><link>https://ledger.example/</link><language>en-gb</language><ttl>30</ttl>
<atom:link href="https://ledger.example/feeds/all.xml" rel="self"/>
<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>
<skipHours><hour>3</hour><hour>24</hour></skipHours><skipDays><day>Sunday</day></skipDays>
<item><title>Ferry &amp;amp; bridge reopen</title><link>https://ledger.example/a?id=1&amp;b=2</link>
<guid isPermaLink="false">ledger-1</guid><pubDate>Tue, 03 Mar 2026 13:00:00 +0100</pubDate>
<dc:creator>By Jane Muster</dc:creator>
<category>Harbour</category><category>Harbour</category><category>Roads</category>
<description>&lt;p&gt;A teaser.&lt;/p&gt;</description>
<content:encoded><![CDATA[<p>All of it & more.</p>]]></content:encoded>
<media:content url="https://ledger.example/a.jpg" medium="image"><media:title>A picture</media:title>
<media:description>Its caption</media:description></media:content></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de" xml:base="https://bote.example/blog/">
<title>Grauwicker Bote</title><link href="https://bote.example/"/><link rel="self" href="https://bote.example/atom"/>
<author><name>Anna Exempel</name></author>
<entry><id>tag:bote.example,2026:7</id><title type="html">Br&amp;uuml;cke &lt;b&gt;offen&lt;/b&gt;</title>
<link rel="enclosure" type="image/png" href="bild.png"/><link rel="alternate" href="sieben"/>
<published>2026-03-03T12:00:00Z</published><updated>2026-03-03T14:00:00+02:00</updated>
<summary>Kurz &lt; lang</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Der <em>ganze</em> Text.</p></div></content></entry>
</feed>"""

RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
  xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://tarn.example/"><title>Tarn News</title>
<link>https://tarn.example/</link></channel><item rdf:about="https://tarn.example/1"><title>A lamp museum</title>
<link>https://tarn.example/1</link><dc:date>2026-03-03T12:00:00Z</dc:date></item></rdf:RDF>"""

JSON: dict[str, Any] = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "Quay Notes",
    "home_page_url": "https://quay.example/",
    "feed_url": "https://quay.example/feed.json",
    "language": "en",
    "authors": [{"name": "The Clerk Herself"}],
    "items": [
        {
            "id": "https://quay.example/1",
            "url": "/1",
            "title": "Seven windows",
            "content_html": "<p>Glass.</p>",
            "summary": "Glass & frames",
            "image": "/1.jpg",
            "date_published": "2026-03-03T13:00:00+01:00",
            "date_modified": "2026-03-03T12:00:00Z",
            "tags": ["houses", "houses", 7],
        },
        {"id": 2, "external_url": "https://elsewhere.example/x", "content_text": "One < two.\n\nThree.", "tags": "no"},
        "no item",
        {"content_text": "Nothing but text."},
    ],
}

SITEMAP = """<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
  xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"
  xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
<url><image:image><image:loc>https://ledger.example/b.jpg</image:loc></image:image><loc>https://ledger.example/b</loc>
<lastmod>2026-03-03</lastmod><news:news><news:publication><news:name>The Alder Ledger</news:name>
<news:language>en</news:language></news:publication><news:publication_date>2026-03-03T12:00:00Z</news:publication_date>
<news:title>Charts &amp; lamps</news:title><news:keywords>charts, lamps</news:keywords></news:news></url>
<url><loc>no address</loc></url></urlset>"""

INDEX = """<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<sitemap><loc> https://ledger.example/news.xml </loc></sitemap>
<sitemap><loc>https://ledger.example/old.xml</loc></sitemap>
<sitemap><loc>https://ledger.example/news.xml</loc></sitemap></sitemapindex>"""


def read(text: str, **given: str) -> FeedDocument:
    return read_feed(text.encode(), **given)


def first(text: str, **given: str) -> FeedItem:
    return read(text, **given).items[0]


def rss(inner: str, head: str = '<rss version="2.0">') -> str:
    return f"{head}<channel><title>T</title>{inner}</channel></rss>"


def refused(body: bytes) -> str:
    with pytest.raises(InputRejected) as caught:
        read_feed(body)
    return caught.value.reason


# --- formats


def test_rss_gives_all_that_an_item_says() -> None:
    assert first(RSS) == FeedItem(
        guid="ledger-1",
        url="https://ledger.example/a?id=1&b=2",
        title="Ferry & bridge reopen",
        summary_html="<p>A teaser.</p>",
        content_html="<p>All of it & more.</p>",
        authors=("Jane Muster",),
        date_published=NOON,
        categories=("Harbour", "Roads"),
        language="en-GB",
        image_url="https://ledger.example/a.jpg",
    )


def test_rss_gives_what_the_channel_says_of_itself_and_of_polling() -> None:
    document = read(RSS)
    assert (document.kind, document.version, document.title) == ("rss", "rss20", "The Alder Ledger")
    assert (document.url, document.self_url) == ("https://ledger.example/", ADDRESS)
    assert (document.time_to_live, document.update_interval) == (1800, 1800)
    assert (document.skip_hours, document.skip_days) == ((0, 3), ("sunday",))
    assert (document.items_left_out, document.is_cut_off, document.language) == (0, False, "en-GB")


def test_atom_resolves_links_against_xml_base_and_takes_the_feeds_author() -> None:
    document = read(ATOM)
    assert (document.kind, document.version, document.language) == ("atom", "atom10", "de")
    assert document.items[0] == FeedItem(
        guid="tag:bote.example,2026:7",
        url="https://bote.example/blog/sieben",
        title="Brücke offen",
        summary_html="<p>Kurz &lt; lang</p>",
        content_html="<p>Der <em>ganze</em> Text.</p>",
        authors=("Anna Exempel",),
        date_published=NOON,
        date_modified=NOON,
        language="de",
        image_url="https://bote.example/blog/bild.png",
    )


def test_rdf_takes_its_guid_from_rdf_about_and_its_date_from_dublin_core() -> None:
    document = read(RDF)
    assert (document.kind, document.version) == ("rdf", "rss10")
    item = document.items[0]
    assert (item.guid, item.url, item.date_published) == ("https://tarn.example/1", "https://tarn.example/1", NOON)
    assert item.date_modified is None


def test_json_feed_gives_its_items_and_skips_what_is_none() -> None:
    document = read(json.dumps(JSON), url="https://quay.example/feed.json")
    assert (document.kind, document.version, len(document.items)) == ("json", "1.1", 3)
    assert document.items[0] == FeedItem(
        guid="https://quay.example/1",
        url="https://quay.example/1",
        title="Seven windows",
        summary_html="<p>Glass &amp; frames</p>",
        content_html="<p>Glass.</p>",
        authors=("The Clerk Herself",),
        date_published=NOON,
        date_modified=NOON,
        categories=("houses",),
        language="en",
        image_url="https://quay.example/1.jpg",
    )
    assert document.items[1].content_html == "<p>One &lt; two.</p><p>Three.</p>"
    assert (document.items[1].guid, document.items[1].url) == ("2", "https://elsewhere.example/x")
    assert document.items[2].guid.startswith("sha256:")


@pytest.mark.parametrize("version", ["https://jsonfeed.org/version/1", "http:\\/\\/jsonfeed.org\\/version\\/1", "1.0"])
def test_json_feed_1_0_is_known_by_any_spelling_of_its_version(version: str) -> None:
    document = read(f'{{"version": "{version}", "items": [{{"id": "a", "author": {{"name": "Jo Muster"}}}}]}}')
    assert (document.version, document.items[0].authors) == ("1.0", ("Jo Muster",))


def test_news_sitemap_gives_titles_dates_and_pictures() -> None:
    document = read(SITEMAP)
    assert (document.kind, document.title, document.language) == ("sitemap", "The Alder Ledger", "en")
    assert document.items == (
        FeedItem(
            guid="https://ledger.example/b",
            url="https://ledger.example/b",
            title="Charts & lamps",
            date_published=NOON,
            date_modified=instant_of(datetime(2026, 3, 3, tzinfo=UTC)),
            categories=("charts", "lamps"),
            language="en",
            image_url="https://ledger.example/b.jpg",
        ),
        FeedItem(guid="no address"),
    )


def test_sitemap_index_lists_each_sitemap_once() -> None:
    document = read(INDEX)
    assert (document.kind, document.items) == ("sitemap_index", ())
    assert [one.url for one in document.named] == ["https://ledger.example/news.xml", "https://ledger.example/old.xml"]


@pytest.mark.parametrize(
    ("head", "version"),
    [
        ('<rss version="0.91">', "rss091u"),
        ('<rss version="0.92">', "rss092"),
        ("<rss>", "rss"),
        (
            '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN"\n'
            '  "http://my.netscape.com/publish/formats/rss-0.91.dtd">\n<rss version="0.91">',
            "rss091n",
        ),
    ],
)
def test_older_versions_are_read_their_external_doctype_cut_off(head: str, version: str) -> None:
    document = read(f'<?xml version="1.0"?><!-- old -->\n{rss("<item><title>Old</title></item>", head)}')
    assert (document.version, document.items[0].title) == (version, "Old")


@pytest.mark.parametrize("name", ["my", "channel"])
def test_rss_0_90_is_known_by_either_spelling_of_its_namespace(name: str) -> None:
    namespace = f"http://{name}.netscape.com/rdf/simple/0.9/"
    text = RDF.replace("http://purl.org/rss/1.0/", namespace)
    assert (read(text).version, first(text).title) == ("rss090", "A lamp museum")


def test_a_gzip_file_is_unpacked() -> None:
    assert read_feed(gzip.compress(SITEMAP.encode())).kind == "sitemap"


# --- rules


@pytest.mark.parametrize("inner", ["&#xD800;", "&#99999999;", "&#0;", "\x00", "\x0b", "&#xFFFF;"])
def test_what_is_no_character_harms_nothing(inner: str) -> None:
    item = first(rss(f"<item><title>Be{inner}fore & after</title><guid>{inner}1</guid></item>"))
    assert item.title is not None
    assert item.title.replace("\ufffd", "") == "Before & after"
    item.guid.encode()


def test_bare_ampersands_html_entities_and_undeclared_prefixes_are_mended() -> None:
    inner = "<item><title>Caf&eacute; & R&D &nosuch;</title><dc:creator>Jo Muster</dc:creator></item>"
    item = first(rss(inner + "<x:y/>"))
    assert (item.title, item.authors) == ("Café & R&D &nosuch;", ("Jo Muster",))


def test_a_section_is_left_as_it_is_by_mending() -> None:
    inner = "<item><title>A & B</title><description><![CDATA[<a href='?a&b'>&nbsp;</a>]]></description></item>"
    assert first(rss(inner)).summary_html == "<a href='?a&b'>&nbsp;</a>"


def test_mismatched_tags_are_put_together_anew() -> None:
    inner = "<item><title>One</titel></item><item><title>Two</title></item>"
    assert "Two" in [item.title for item in read(rss(inner)).items]


@pytest.mark.parametrize("text", [RSS, ATOM, RDF, SITEMAP])
def test_a_document_that_breaks_off_gives_its_whole_items(text: str) -> None:
    name = {"<feed": "entry", "<urls": "url"}.get(text[:5], "item")
    found = re.search(rf"<{name}[ >].*?</{name}>", text, re.DOTALL)
    assert found
    item, end = found[0], found.end()
    document = read(text[:end] + item + item[: len(item) // 2])
    assert (len(document.items), document.is_cut_off) == (2, True)
    assert document.items[0] == read(text).items[0]


@pytest.mark.parametrize(
    "poison",
    [
        '<b xmlns="http://x<y a="b"/>">c</b>',  # what even libxml2 makes nothing of
        "<links>a</links><link>https://a.example/</link>",  # a name that feedparser uses itself
        "<authors x='1'/><author>a</author>",
    ],
)
def test_what_cannot_be_read_leaves_the_items_before_it(poison: str) -> None:
    document = read(rss(f"<item><guid>1</guid></item><item><guid>2</guid>{poison}</item>"))
    assert (document.items[0].guid, document.is_cut_off or len(document.items) == 2) == ("1", True)


@pytest.mark.parametrize("field", ["title", "category"])
def test_a_character_reference_without_end_fails_no_feed(field: str) -> None:
    endless = f"<{field}><![CDATA[A &amp;#{'5' * 5_000}; b]]></{field}>"
    items = f"<item><guid>1</guid>{endless}</item><item><guid>2</guid><title>Next</title></item>"
    document = read_feed(f"<rss version='2.0'><channel><title>T</title>{items}</channel></rss>".encode())
    assert [item.guid for item in document.items] == ["1", "2"]
    assert field == "category" or document.items[0].title == "A \ufffd b"


def test_half_a_surrogate_pair_in_broken_markup_harms_nothing() -> None:
    text = rss("<title>&#xD800;</title>", '<rss version="2.0" a="<![CDATA[">')
    assert read(text).version == "rss20"


def test_a_document_that_breaks_off_in_its_first_item_gives_none() -> None:
    document = read(RSS[: RSS.index("<guid")])
    assert (document.title, document.items, document.is_cut_off) == ("The Alder Ledger", (), True)


def test_a_json_feed_that_breaks_off_gives_its_whole_items() -> None:
    text = json.dumps(JSON)
    document = read(text[: text.index("One <")])
    assert (document.title, len(document.items), document.is_cut_off) == ("Quay Notes", 1, True)


def test_at_most_2000_items_are_read_and_the_others_counted() -> None:
    document = read(rss("".join(f"<item><guid>{n}</guid></item>" for n in range(2_345))))
    assert (len(document.items), document.items_left_out, document.is_cut_off) == (2000, 345, False)
    assert document.items[-1].guid == "1999"
    entries = [{"id": str(n)} for n in range(2_100)]
    assert read(json.dumps(JSON | {"items": entries})).items_left_out == 100


def test_items_inside_sections_and_comments_are_not_counted() -> None:
    document = read(rss("<item><description><![CDATA[</item>]]></description></item><!-- </item> -->" * 2))
    assert (len(document.items), document.items_left_out) == (2, 0)


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", "iso-8859-1"),
        ("utf-8", "us-ascii"),
        ("cp1252", "utf-8"),
        ("cp1252", "iso-8859-1"),
        ("iso-8859-2", "iso-8859-2"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-8"),
        ("utf-32-be", "utf-32"),
    ],
)
def test_a_wrongly_declared_charset_is_recovered(encoding: str, declared: str) -> None:
    words = "Städtische Fähre: größere Lücke" if encoding != "iso-8859-2" else "Žluťoučký kůň úpěl ďábelské"
    text = f'<?xml version="1.0" encoding="{declared}"?>' + rss(f"<item><title>{words}</title></item>")
    assert read_feed(text.encode(encoding)).items[0].title == words


def test_the_charset_of_the_header_is_believed_where_it_fits() -> None:
    body = rss("<item><title>Новости города</title></item>").encode("cp1251")
    assert read_feed(body, content_type="text/xml; charset=windows-1251").items[0].title == "Новости города"


@pytest.mark.parametrize(
    ("inner", "guid", "url"),
    [
        ("<link>https://a.example/1</link>", "https://a.example/1", "https://a.example/1"),
        ("<link>/1</link><guid>x</guid>", "x", "https://ledger.example/1"),
        ("<guid>/not-resolved</guid><link>b</link>", "/not-resolved", "https://ledger.example/feeds/b"),
        ("<guid>https://a.example/2</guid>", "https://a.example/2", "https://a.example/2"),
        ('<guid isPermaLink="false">https://a.example/2</guid>', "https://a.example/2", None),
        ("<guid>12345</guid>", "12345", None),
        ("<link>javascript:alert(1)</link><guid>x</guid>", "x", None),
        ("<link>https://me:secret@a.example/3</link>", "https://a.example/3", "https://a.example/3"),
    ],
)
def test_guid_and_address(inner: str, guid: str, url: str | None) -> None:
    item = first(rss(f"<item>{inner}</item>"), url=ADDRESS)
    assert (item.guid, item.url) == (guid, url)


def test_an_item_with_neither_guid_nor_link_is_known_by_its_text() -> None:
    one, same, other = (
        first(rss(f"<item><title>{title}</title><description>d</description></item>")).guid for title in "aab"
    )
    assert one == same
    assert one != other
    assert one.startswith("sha256:")


def test_links_are_resolved_against_the_self_link_where_no_address_is_known() -> None:
    head = '<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="self" href="https://b.example/f/x.xml"/>'
    assert first(rss(head + "<item><link>y</link></item>")).url == "https://b.example/f/y"
    assert first(rss("<item><link>y</link></item>")).url is None


def test_the_original_address_behind_feedburner_is_taken() -> None:
    inner = "<link>https://feeds.example/~r/1</link><feedburner:origLink>https://a.example/1</feedburner:origLink>"
    assert first(rss(f"<item>{inner}</item>")).url == "https://a.example/1"


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Tue, 03 Mar 2026 12:00:00 GMT", NOON),
        ("Tue, 3 Mar 2026 07:00:00 EST", NOON),
        ("2026-03-03T12:00:00.123Z", NOON),
        ("1970-01-01T00:00:00Z", None),
        ("Mon, 01 Jan 0001 00:00:00 GMT", None),
        ("2999-01-01", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates(date: str, expected: int | None) -> None:
    assert first(rss(f"<item><pubDate>{date}</pubDate></item>")).date_published == expected


def test_a_second_description_is_no_content() -> None:
    inner = (
        '<media:description xmlns:media="http://search.yahoo.com/mrss/">A caption</media:description>'
        "<description>The teaser</description>"
        '<itunes:summary xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd">Said again</itunes:summary>'
    )
    item = first(rss(f"<item>{inner}</item>"))
    assert (item.summary_html, item.content_html) == ("The teaser", None)


def test_content_alone_is_not_its_own_summary() -> None:
    item = first(rss("<item><content:encoded>&lt;p&gt;Text&lt;/p&gt;</content:encoded></item>"))
    assert (item.summary_html, item.content_html) == (None, "<p>Text</p>")


def test_scripts_and_comments_are_no_part_of_a_title() -> None:
    title = "One <script>alert(1)</script><!-- two -->three <b>four</b> 5 < 6"
    assert first(rss(f"<item><title><![CDATA[{title}]]></title></item>")).title == "One three four 5 < 6"


# --- refusals


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<html><body>Not found</body></html>", "not_a_feed"),
        (b"<!DOCTYPE html><html></html>", "not_a_feed"),
        (b"Just words.", "not_a_feed"),
        (b'{"items": []}', "not_a_feed"),
        (b'["jsonfeed.org"]', "not_a_feed"),
        (b'{"version": "https://jsonfeed.org/version/1", ', "not_a_feed"),
        (b'<x:RDF xmlns:x="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>', "not_a_feed"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "binary"),
        (b"\x1f\x8bbroken", "binary"),
        (b'<!DOCTYPE rss [<!ENTITY a "b">]><rss version="2.0"/>', "doctype"),
        (b"<!DOCTYPE rss [" + b" " * 100, "doctype"),
        (b" " * (MAX_FEED_BYTES + 1), "too_large"),
        (gzip.compress(bytes(10 * MAX_FEED_BYTES)), "too_large"),
    ],
)
def test_what_is_no_feed_is_refused_for_its_reason(body: bytes, reason: str) -> None:
    assert refused(body) == reason


# --- telling feeds


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (RSS, "rss"),
        (ATOM, "atom"),
        (RDF, "rdf"),
        (SITEMAP, "sitemap"),
        (INDEX, "sitemap_index"),
        (json.dumps(JSON), "json"),
        ('<atom:feed xmlns:atom="http://www.w3.org/2005/Atom">', "atom"),
        ('<!DOCTYPE rss [<!ENTITY a "b">]><rss>', "rss"),
        ('<!DOCTYPE html [<!ENTITY a "b">]><html>', None),
        ("<html><rss></html>", None),
        ('{"version": "1.0", "items": []}', None),
        ("<p>rss</p>", None),
        ("", None),
    ],
)
def test_the_kind_is_told_by_the_first_bytes(text: str, kind: str | None) -> None:
    assert feed_kind(text.encode()) == kind


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32-le", "cp037"])
def test_the_kind_is_told_in_other_charsets(encoding: str) -> None:
    expected = "rss" if encoding != "cp037" else None  # EBCDIC: no feed has been seen in it
    assert feed_kind(RSS.encode(encoding)) == expected


def test_binary_heads_are_no_feeds() -> None:
    assert feed_kind(bytes(range(256))) is None
