"""The tables of a lake: the Arrow schema of each, written by hand, with what every column means.

Column names are the snake_case of the schema.org (NewsArticle) or IPTC ninjs name where there is one. Times are
`timestamp[us, UTC]`. A file carries its table's `schema_version` in its metadata.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

SCHEMA_VERSION: Final = 2
"""Version of tables and memory together; raised whenever a lake written before has to be read differently, or one that
is written now would be misread by an older newsbeam. 2 added the table `replays`, without which rejects that have
become articles would look as if they were still open."""

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
    _column(
        "source",
        pa.string(),
        "where the input lies: a path, `path#line` for a line of JSONL, the address of a fetched page, `feed#item`",
        required=True,
    ),
    _column(
        "input_id",
        pa.string(),
        "hex SHA-256 of the input's bytes; of a fetched page of its address and its bytes",
        required=True,
    ),
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
    _column("stage", pa.string(), "`read`, `fetch`, `extract`: which step gave it up", required=True),
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

_REPLAY_COLUMNS: Final = [
    _column("reject_id", pa.string(), "the reject that was done again", required=True),
    _column("attempted_at", _TIME, "when", required=True),
    _column(
        "outcome",
        pa.string(),
        "`article`, `copy`: it is a row now; `already_seen`: its text is in the lake; `other_reject`: it fails at "
        "another step, as a reject of its own; these settle it. `rejected`: it fails as before; `queued`: its page "
        "waits to be fetched; `dropped`: that page was given up for newer ones; `source_gone`, `source_changed`: its "
        "file, or its line, is not there any more; `not_kept`: too little of it was kept",
        required=True,
    ),
    _column(
        "row_id",
        pa.string(),
        "`article_id`, `copy_id` or `reject_id` of the row that it became, where it is one; null, too, once that row "
        "was erased: the reject stays settled",
    ),
    _column("reason", pa.string(), "of the attempt that failed, as in `rejects`"),
    _column("message", pa.string(), "what was wrong, in words"),
    _column("run_id", pa.string(), "the run that tried", required=True),
    _column("schema_version", pa.int16(), "version of this table's columns", required=True),
]

_ALIAS_COLUMNS: Final = [
    _column("old_id", pa.string(), "`article_id` of an article, or `copy_id` of a copy", required=True),
    _column("new_id", pa.string(), "`article_id` of the story that the row belongs to from now on", required=True),
    _column("decided_at", _TIME, "when it was decided; of one `old_id` the latest is in force", required=True),
    _column("run_id", pa.string(), "the run that decided it", required=True),
    _column("schema_version", pa.int16(), "version of this table's columns", required=True),
]

_FETCH_COLUMNS: Final = [
    _column("fetch_id", pa.string(), "hex; a function of address, purpose, time and place in its chain", required=True),
    _column("url", pa.string(), "address asked", required=True),
    _column("host", pa.string(), "its host, in lower case, without port", required=True),
    _column("purpose", pa.string(), "`feed`, `page` or `robots`", required=True),
    _column("requested_at", _TIME, "when the request was started", required=True),
    _column("seconds", pa.float64(), "from there to the end of the body", required=True),
    _column("hop", pa.int32(), "redirects that came before it in its chain", required=True),
    _column("conditional", pa.bool_(), "whether validators were sent", required=True),
    _column("status", pa.int32(), "HTTP status; null where no answer came"),
    _column("http_version", pa.string(), "`HTTP/1.1` or `HTTP/2`"),
    _column("wire_bytes", pa.int64(), "bytes of the body as they came, compressed or not", required=True),
    _column("body_bytes", pa.int64(), "bytes of the body after decompression", required=True),
    _column("retry_after", pa.float64(), "seconds that the answer asks to wait, a day at most; null if it does not"),
    _column("redirect_to", pa.string(), "where the answer sends the request on"),
    _column("failure", pa.string(), "one of a few fixed words; null where a whole answer came, whatever its status"),
    _column("message", pa.string(), "the failure in words"),
    _column("error_class", pa.string(), "class of the underlying error"),
    _column("items", pa.int64(), "items of the feed that came; null for pages and for what was not read"),
    _column("items_new", pa.int64(), "of these, not known from polls before"),
    _column("run_id", pa.string(), "the run that made the request", required=True),
    _column("schema_version", pa.int16(), "version of this table's columns", required=True),
]

_FEED_COLUMNS: Final = [
    _column("feed_url", pa.string(), "address as listed: the feed's key", required=True),
    _column("url", pa.string(), "address that is asked: the listed one, until the feed moved for good", required=True),
    _column("polled_at", _TIME, "when the poll's last request was started, or the change was made", required=True),
    _column(
        "outcome",
        pa.string(),
        "`changed`, `unchanged` (the same body again), `not_modified`, `failed`, `gone` (410); without a poll: "
        "`merged`, `parted`, `removed` (from the list), `listed` (on it again)",
        required=True,
    ),
    _column(
        "health",
        pa.string(),
        "`ok`, `failing`, `dead` (score of 10 or more), `gone`, `merged`, `removed`",
        required=True,
    ),
    _column("failure_score", pa.float64(), "weights of the failures since the last success", required=True),
    _column("interval_seconds", pa.float64(), "newsbeam's own time between polls; 0 before a success", required=True),
    _column("publisher_interval_seconds", pa.float64(), "time that the feed asks for; 0 for no wish", required=True),
    _column("polls", pa.int64(), "polls of the feed up to now", required=True),
    _column("items", pa.int64(), "items of its latest document", required=True),
    _column(
        "items_new", pa.int64(), "of these, not known from polls before; 0 where no new document came", required=True
    ),
    _column(
        "possibly_lost",
        pa.int64(),
        "estimate of items that came and went unseen since the last poll: above 0 "
        "where the document has no item that was known",
        required=True,
    ),
    _column("overlap", pa.float64(), "share of the document's items that were known; null where no new one came"),
    _column("next_poll_at", _TIME, "not asked before; null for never"),
    _column("last_success_at", _TIME, "when a feed, or `not modified`, last answered"),
    _column("last_new_at", _TIME, "when a poll last brought a new item"),
    _column("items_per_hour", pa.float64(), "new items an hour, smoothed over polls", required=True),
    _column("reason", pa.string(), "why the poll failed, one of a few fixed words"),
    _column(
        "changes",
        _TEXTS,
        "what the poll changed: `first_poll`, `interval`, `moved`, `failing`, `recovered`, `gap` ...",
        required=True,
    ),
    _column("resolved_url", pa.string(), "address of the last good answer, after redirects"),
    _column("merged_into", pa.string(), "the listed feed that is polled in its stead"),
    _column(
        "named_by", pa.string(), "the listed sitemap index, or list of feeds, that names it; null for a listed feed"
    ),
    _column("run_id", pa.string(), "the run that polled", required=True),
    _column("schema_version", pa.int16(), "version of this table's columns", required=True),
]

_RUN_COLUMNS: Final = [
    _column("run_id", pa.string(), "the run", required=True),
    _column("cycle", pa.int64(), "number of the cycle, counted over the lake's whole life", required=True),
    _column("started_at", _TIME, "when the cycle began to read, maybe before the last one ended", required=True),
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
    "replays": _schema(_REPLAY_COLUMNS),
    "aliases": _schema(_ALIAS_COLUMNS),
    "fetches": _schema(_FETCH_COLUMNS),
    "feeds": _schema(_FEED_COLUMNS),
    "runs": _schema(_RUN_COLUMNS),
}
"""Schema of each table by its name, which is also its folder in the lake."""

PARTITIONED_BY: Final[dict[str, str]] = {
    "articles": "first_seen_at",
    "copies": "first_seen_at",
    "rejects": "first_seen_at",
    "replays": "attempted_at",
    "aliases": "decided_at",
    "fetches": "requested_at",
    "feeds": "polled_at",
    "runs": "started_at",
}
"""The column whose UTC date is a row's partition (publication dates are wrong or late too often to lay files by)."""

SORTED_BY: Final[dict[str, str]] = {
    "articles": "date_published",
    "copies": "date_published",
    "rejects": "reject_id",
    "replays": "reject_id",
    "aliases": "decided_at",
    "fetches": "requested_at",
    "feeds": "polled_at",
    "runs": "cycle",
}
"""The column that a file's rows are sorted by, so that a range over it skips row groups."""
