from __future__ import annotations

import typing
from collections import namedtuple
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.runners.pipeline_context import PipelineContext

from schemas import tables
from schemas.alias import Alias
from schemas.article import Article
from schemas.coders import ROW_TYPES
from schemas.copy import Copy
from schemas.cycle_report import CycleReport
from schemas.feed_poll import FeedPoll
from schemas.fetch import Fetch
from schemas.input_slice import InputSlice
from schemas.page import Page
from schemas.printed_article import PrintedArticle
from schemas.reject import Reject
from schemas.replay import Replay
from schemas.tagged_article import TaggedArticle
from schemas.written_file import WrittenFile
from tests.fetch_samples import feed_poll, fetch
from tests.samples import HOSTILE, alias, article, copy, page, reject, tagged_article
from transforms.functions.printed_articles import print_article

ROW_OF_TABLE = {
    "articles": TaggedArticle,
    "copies": Copy,
    "rejects": Reject,
    "replays": Replay,
    "aliases": Alias,
    "fetches": Fetch,
    "feeds": FeedPoll,
    "runs": CycleReport,
}


def _fields(row_type: Any) -> dict[str, Any]:
    """Field types of a row as its table holds it: the article that it holds lies flat beside the row's own columns."""
    fields = typing.get_type_hints(row_type)
    if "article" in fields:
        return {**{name: kind for name, kind in fields.items() if name != "article"}, **typing.get_type_hints(Article)}
    return fields


def _plain(kind: Any) -> tuple[Any, bool]:
    """The type without None, and whether None is allowed."""
    allowed = typing.get_args(kind)
    if type(None) in allowed:
        (rest,) = (one for one in allowed if one is not type(None))
        return rest, True
    return kind, False


def _fits(column: pa.Field, kind: Any) -> bool:
    if kind is int:
        return pa.types.is_integer(column.type) or pa.types.is_timestamp(column.type)
    if kind is float:
        return pa.types.is_floating(column.type)
    if kind is bool:
        return pa.types.is_boolean(column.type)
    if kind is bytes:
        return pa.types.is_binary(column.type)
    if kind is str:
        return pa.types.is_string(column.type)
    (inner,) = typing.get_args(kind)
    return pa.types.is_list(column.type) and _fits_inside(column.type.value_type, inner)


def _fits_inside(column_type: pa.DataType, kind: Any) -> bool:
    if kind is str:
        return pa.types.is_string(column_type)
    fields = typing.get_type_hints(kind)
    return [field.name for field in column_type] == list(fields) and all(
        _fits(field, _plain(fields[field.name])[0]) for field in column_type
    )


@pytest.mark.parametrize("table", sorted(tables.TABLES))
def test_each_column_has_its_field_and_each_field_its_column(table: str) -> None:
    schema, fields = tables.TABLES[table], _fields(ROW_OF_TABLE[table])
    assert sorted(schema.names) == sorted(fields)
    for column in schema:
        kind, nullable = _plain(fields[column.name])
        assert _fits(column, kind), column
        assert column.nullable == nullable, column


@pytest.mark.parametrize("table", sorted(tables.TABLES))
def test_each_column_is_described(table: str) -> None:
    for column in tables.TABLES[table]:
        assert len(column.metadata[b"description"]) > 2, column.name


@pytest.mark.parametrize("table", sorted(tables.TABLES))
def test_times_are_microseconds_in_utc(table: str) -> None:
    times = [column for column in tables.TABLES[table] if pa.types.is_timestamp(column.type)]
    assert times
    assert {str(column.type) for column in times} == {"timestamp[us, tz=UTC]"}


def test_each_table_is_partitioned_and_sorted_by_columns_of_its_own() -> None:
    assert set(tables.TABLES) == set(tables.PARTITIONED_BY) == set(tables.SORTED_BY)
    for table, schema in tables.TABLES.items():
        assert pa.types.is_timestamp(schema.field(tables.PARTITIONED_BY[table]).type)
        assert not schema.field(tables.PARTITIONED_BY[table]).nullable
        assert tables.SORTED_BY[table] in schema.names
        # The partition's column comes from the folder's name; a column of the same name in a file would collide.
        assert tables.PARTITION_COLUMN not in schema.names


def test_a_table_says_which_schema_version_it_has() -> None:
    for schema in tables.TABLES.values():
        assert schema.metadata == {b"newsbeam.schema_version": str(tables.SCHEMA_VERSION).encode()}


ROWS = [
    alias(),
    article(),
    article("bare", url_canonical=None, in_language=None, article_body="x"),
    article("full", url=HOSTILE, headline="", authors=["", HOSTILE], keywords=["a"], date_published=-1, extra="{}"),
    copy(),
    copy()._replace(similarity=None),
    feed_poll(),
    feed_poll(HOSTILE, overlap=0.5, next_poll_at=-1, last_success_at=3, last_new_at=4, reason="", changes=["a"]),
    fetch(),
    fetch(None, failure="truncated", retry_after=1.5)._replace(items=1, items_new=0, wire_bytes=1 << 33),
    InputSlice("a"),
    InputSlice("file:///a%FFb", 5, 0, 7, 1 << 40),
    page(),
    page("raw", body=b"\x00\xff\xfe", url=HOSTILE, charset_hint="", hints="{}"),
    page("empty", body=b""),
    print_article(article()),
    tagged_article(),
    tagged_article("bare", topics=[], entities=[]),
    reject(),
    reject(2, message=HOSTILE, input_id="ab", line=1 << 33, url="", payload=b"\xff\x00", payload_bytes=0),
    WrittenFile("articles", "articles/date=2026-03-31/c00000001-000.parquet", 0, 1 << 33),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: type(row).__name__)
def test_a_row_comes_back_from_its_coder_as_it_was(row: Any) -> None:
    back = _sent(row)
    assert back == row
    assert type(back) is type(row)


def _sent(row: Any) -> Any:
    coder = beam.coders.registry.get_coder(type(row))
    return coder.decode(coder.encode(row))


def test_half_a_character_travels_with_a_row() -> None:
    row = page(url="https://a.example/\ud800")
    assert _sent(row) == row


def test_engines_of_other_languages_see_bytes() -> None:
    coder = beam.coders.registry.get_coder(Page)
    assert coder.to_runner_api(PipelineContext()).spec.urn == "beam:coder:pickled_python:v1"


def test_a_row_of_an_older_version_is_read_with_the_defaults_of_new_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    older, newer = NamedTuple("Kept", [("name", str)]), namedtuple("Kept", ("name", "rank"), defaults=(7,))
    coder = beam.coders.registry.get_coder(Page)
    for version in (older, newer):
        version.__module__, version.__qualname__ = __name__, "Kept"
    monkeypatch.setitem(globals(), "Kept", older)
    encoded = coder.encode(older("one"))
    monkeypatch.setitem(globals(), "Kept", newer)
    assert coder.decode(encoded) == newer("one", 7)


def test_a_row_is_no_key() -> None:
    assert not beam.coders.registry.get_coder(Page).is_deterministic()


def test_every_row_that_crosses_between_stages_is_registered() -> None:
    assert set(ROW_TYPES) == {
        Alias,
        Article,
        Copy,
        FeedPoll,
        Fetch,
        InputSlice,
        Page,
        PrintedArticle,
        Reject,
        TaggedArticle,
        WrittenFile,
    }
    assert {type(row) for row in ROWS} == set(ROW_TYPES)
