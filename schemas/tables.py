"""The tables of a lake: the Arrow schema of each, written by hand, with what every column means.

Column names are the snake_case of the schema.org (NewsArticle) or IPTC ninjs name where there is one. Times are
`timestamp[us, UTC]`. A file carries its table's `schema_version` in its metadata.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

SCHEMA_VERSION: Final = 1
"""Version of tables and memory together; raised whenever a lake written before has to be read differently."""

PARTITION_COLUMN: Final = "date"
"""Hive partition of every table: the UTC date of the column that `PARTITIONED_BY` names."""

_TIME: Final = pa.timestamp("us", tz="UTC")
_TEXTS: Final = pa.list_(pa.string())


def _column(name: str, kind: pa.DataType, meaning: str, *, required: bool = False) -> pa.Field[pa.DataType]:
    return pa.field(name, kind, nullable=not required, metadata={"description": meaning})


_ARTICLE_COLUMNS: Final = [
    _column(
        "article_id",
        pa.string(),
        "hex of the first 16 bytes of SHA-256 of `url_canonical`; of publisher and text where there is no URL",
        required=True,
    ),
    _column("url", pa.string(), "address as the input gave it"),
    _column("url_canonical", pa.string(), "the address that the article is known by, normalised"),
    _column("source_domain", pa.string(), "host of `url_canonical` without `www.`"),
    _column("publisher", pa.string(), "name of the outlet, as it calls itself"),
    _column("feed_url", pa.string(), "the feed that named the article"),
    _column("headline", pa.string(), "headline"),
    _column("headline_source", pa.string(), "where it was found; `lead` = the first sentence, clipped"),
    _column("description", pa.string(), "summary or standfirst that the page gives of itself"),
    _column("article_body", pa.string(), "the clean text; paragraphs are lines", required=True),
    _column("word_count", pa.int32(), "words of `article_body`, in any script", required=True),
    _column("in_language", pa.string(), "ISO 639-1 code, detected from the text; null when unsure"),
    _column("authors", _TEXTS, "names of the authors", required=True),
    _column("byline", pa.string(), "the byline as written"),
    _column("dateline", pa.string(), "the place (and agency) that opens a wire story, as written"),
    _column("article_section", pa.string(), "section of the outlet"),
    _column("keywords", _TEXTS, "keywords that the page gives itself", required=True),
    _column("image_url", pa.string(), "address of the lead picture"),
    _column("date_published", _TIME, "when the outlet says it was published"),
    _column("date_published_source", pa.string(), "`record`, `feed`, `json-ld`, `meta`, `url` or `text`"),
    _column("date_modified", _TIME, "when the outlet says it last changed"),
    _column("first_seen_at", _TIME, "when newsbeam first read it; an archive's own time for backfill", required=True),
    _column("access_state", pa.string(), "`ok`, `paywall`, `consent_wall`, `bot_wall`, `truncated`", required=True),
    _column("content_sha256", pa.string(), "hex digest of the text: equal digests are exact copies", required=True),
    _column("extraction_method", pa.string(), "what found the text", required=True),
    _column("source", pa.string(), "where the input lies: a path, `path#line` for a line of JSONL", required=True),
    _column("input_id", pa.string(), "hex SHA-256 of the input's bytes", required=True),
    _column("extra", pa.string(), "JSON object of a record's keys that are no column"),
    _column("run_id", pa.string(), "the run that wrote the row", required=True),
    _column("schema_version", pa.int16(), "version of this table's columns", required=True),
]

_TOPIC: Final = pa.struct([
    ("id", pa.string()), ("name", pa.string()), ("confidence", pa.float32()), ("level", pa.int8()),
    ("creator", pa.string()),
])  # fmt: skip
_ENTITY: Final = pa.struct([
    ("name", pa.string()), ("type", pa.string()), ("mentions", pa.int32()), ("first_offset", pa.int32()),
    ("surface_forms", _TEXTS), ("country", pa.string()), ("geonames_id", pa.int64()), ("extractor", pa.string()),
])  # fmt: skip

_TAG_COLUMNS: Final = [
    _column(
        "topics",
        pa.list_(_TOPIC),
        "IPTC Media Topics, as ninjs `subjects`: up to 3 top concepts (`level` 1), the surest first, then a deeper one "
        "of the first one's branch where it is sure; `confidence` 0 to 1",
        required=True,
    ),
    _column(
        "topics_state",
        pa.string(),
        "`ok`; why `topics` is empty: `too_short` (under 40 words), `no_model` (none serves the language), `not_done` "
        "(over the time limit, or failed), `off` (not asked for)",
        required=True,
    ),
    _column(
        "entities",
        pa.list_(_ENTITY),
        "people, organisations and places, the one with most `mentions` first; `type` as in schema.org; `first_offset` "
        "in characters of `article_body`; `country` ISO 3166-1 alpha-2",
        required=True,
    ),
    _column(
        "entities_state",
        pa.string(),
        "`ok`; `cut` (only the first 200,000 characters were read); why `entities` is empty: `no_model`, `not_done`, "
        "`off`",
        required=True,
    ),
]

_COPY_COLUMNS: Final = [
    _column("copy_id", pa.string(), "hex; a function of the copy's own `article_id` and text", required=True),
    _column(
        "duplicate_of",
        pa.string(),
        "`article_id` of the story that it belongs to: in the files as first decided, in the views as decided last",
        required=True,
    ),
    _column(
        "relation",
        pa.string(),
        "`exact`: the same text at another address; `same_copy`, `version`: most, or a good part, of the shorter text "
        "stands in the longer; `update`: another text of the same page or outlet",
        required=True,
    ),
    _column(
        "similarity",
        pa.float32(),
        "0 to 1: share of the shorter text's five-word shingles in its best match; null where not measured",
    ),
]

_REJECT_COLUMNS: Final = [
    _column("reject_id", pa.string(), "hex; a function of the input, where it lies and the stage", required=True),
    _column("source", pa.string(), "where the input lies: a path, `path#line` for a line of JSONL", required=True),
    _column("line", pa.int64(), "line in a JSONL file, from 1"),
    _column("url", pa.string(), "address of the page, where known"),
    _column("stage", pa.string(), "`read`, `extract`: which step gave it up", required=True),
    _column("reason", pa.string(), "one of a few fixed words, fit to group by", required=True),
    _column("error_class", pa.string(), "class of the underlying error", required=True),
    _column("message", pa.string(), "what was wrong, in words", required=True),
    _column("retryable", pa.bool_(), "whether the same input may pass another time", required=True),
    _column("input_id", pa.string(), "hex SHA-256 of the input's bytes, where they could be read"),
    _column("payload", pa.binary(), "the input's first bytes; all of them where `payload_bytes` is no larger"),
    _column("payload_bytes", pa.int64(), "how long the input is, where it could be read"),
    _column("first_seen_at", _TIME, "when newsbeam read it", required=True),
    _column("run_id", pa.string(), "the run that wrote the row", required=True),
    _column("schema_version", pa.int16(), "version of this table's columns", required=True),
]

_ALIAS_COLUMNS: Final = [
    _column("old_id", pa.string(), "`article_id` of an article, or `copy_id` of a copy", required=True),
    _column("new_id", pa.string(), "`article_id` of the story that the row belongs to from now on", required=True),
    _column("decided_at", _TIME, "when it was decided; of one `old_id` the latest is in force", required=True),
    _column("run_id", pa.string(), "the run that decided it", required=True),
    _column("schema_version", pa.int16(), "version of this table's columns", required=True),
]

_RUN_COLUMNS: Final = [
    _column("run_id", pa.string(), "the run", required=True),
    _column("cycle", pa.int64(), "number of the cycle, counted over the lake's whole life", required=True),
    _column("started_at", _TIME, "when the cycle began", required=True),
    _column("finished_at", _TIME, "when its rows were written, just before they were committed", required=True),
    _column("inputs", pa.int64(), "inputs read: pages, texts and lines", required=True),
    _column("articles", pa.int64(), "of these, new rows of `articles`", required=True),
    _column("copies", pa.int64(), "of these, new rows of `copies`", required=True),
    _column("rejects", pa.int64(), "of these, new rows of `rejects`", required=True),
    _column("already_seen", pa.int64(), "of these, known from before", required=True),
    _column("bytes_read", pa.int64(), "bytes read, decompressed", required=True),
    _column("newsbeam_version", pa.string(), "version that ran", required=True),
    _column("schema_version", pa.int16(), "version of this table's columns", required=True),
]


def _schema(columns: list[pa.Field[pa.DataType]]) -> pa.Schema:
    return pa.schema(columns, metadata={"newsbeam.schema_version": str(SCHEMA_VERSION)})


TABLES: Final[dict[str, pa.Schema]] = {
    "articles": _schema(_ARTICLE_COLUMNS + _TAG_COLUMNS),
    "copies": _schema(_COPY_COLUMNS + _ARTICLE_COLUMNS),
    "rejects": _schema(_REJECT_COLUMNS),
    "aliases": _schema(_ALIAS_COLUMNS),
    "runs": _schema(_RUN_COLUMNS),
}
"""Schema of each table by its name, which is also its folder in the lake."""

PARTITIONED_BY: Final[dict[str, str]] = {
    "articles": "first_seen_at",
    "copies": "first_seen_at",
    "rejects": "first_seen_at",
    "aliases": "decided_at",
    "runs": "started_at",
}
"""The column whose UTC date is a row's partition (publication dates are wrong or late too often to lay files by)."""

SORTED_BY: Final[dict[str, str]] = {
    "articles": "date_published",
    "copies": "date_published",
    "rejects": "reject_id",
    "aliases": "decided_at",
    "runs": "cycle",
}
"""The column that a file's rows are sorted by, so that a range over it skips row groups."""
