"""A lake of any size, made up and written straight to Parquet: what readers of lakes are measured on.

Outlets, names and topics come as often as in real news: a few very often, most seldom. A story has from no copy to some
dozens, each the story's text under a lede of its own, minutes to days later. The same arguments make the same lake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.lake import Lake, open_or_make_lake
from schemas.tables import SORTED_BY, TABLES
from transforms.functions.parquet_rows import encode, partition_path

SENTENCES_A_TEXT = 22
"""Of 19 words each: about 2,700 characters, the middle of the development pages."""
TOPICS = (
    "politics and government", "economy, business and finance", "sport", "crime, law and justice", "health",
    "disaster, accident and emergency incident", "conflict, war and peace", "science and technology", "weather",
    "society", "arts, culture, entertainment and media", "education", "environment", "human interest", "labour",
    "lifestyle and leisure", "religion",
)  # fmt: skip
LANGUAGES = ("en", "en", "en", "en", "en", "en", "es", "de", "fr", "pt")
REASONS = (
    ("extract", "no_article"), ("extract", "bot_wall"), ("fetch", "http_status"), ("fetch", "robots"),
    ("read", "bad_json"),
)  # fmt: skip
SYLLABLES = (
    "bal", "ben", "cor", "dan", "del", "far", "gan", "hol", "jor", "kel", "lam", "mar", "nor", "pel", "quin", "ras",
    "sel", "tor", "ul", "van", "wes", "yor", "zan",
)  # fmt: skip

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Size:
    """How much to make."""

    articles: int = 1_000_000
    copies: int = 300_000
    days: int = 30
    files_a_day: int = 24
    entities_an_article: int = 8
    fetches: int = 500_000
    polls: int = 150_000
    rejects: int = 30_000


@dataclass
class Maker:
    """Makes the tables of a lake, day by day."""

    size: Size
    last_day: date
    chance: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    def __post_init__(self) -> None:
        self.words = pc.utf8_lower(self._joined([pa.array(SYLLABLES)] * 2, 6_000, "", between=""))
        self.sentences = self._joined([self.words] * 18, 60_000, ".")
        surnames = self._joined([pa.array(SYLLABLES)] * 3, 60_000, "", between="")
        self.people = pc.utf8_title(pc.binary_join_element_wise(self.words.take(self._any(60_000)), surnames, " "))
        self.outlets = pa.array([f"outlet{number}.example" for number in range(400)])

    def write(self, lake: Lake) -> None:
        """Write all days."""
        for back in reversed(range(self.size.days)):
            day = self.last_day - timedelta(days=back)
            for number in range(self.size.files_a_day):
                self._write_articles(lake, day, number)
            others = {"rejects": self._rejects, "fetches": self._fetches, "feeds": self._polls, "runs": self._runs}
            for table, columns in others.items():
                self._write(lake, table, day, 0, columns(day))

    def _write_articles(self, lake: Lake, day: date, number: int) -> None:
        parts = self.size.days * self.size.files_a_day
        articles = self._articles(day, number, self.size.articles // parts)
        tags = {"topics": self._topics(articles), "entities": self._entities(articles)}
        states = {"topics_state": "ok", "entities_state": "ok"}
        self._write(lake, "articles", day, number, {**articles, **tags, **states})
        self._write(lake, "copies", day, number, self._copies(articles, self.size.copies // parts))

    def _articles(self, day: date, number: int, count: int) -> dict[str, Any]:
        seen = _microseconds(day) + np.sort(self.chance.integers(0, 86_400_000_000 // self.size.files_a_day, count))
        seen += number * (86_400_000_000 // self.size.files_a_day)
        ids = self._ids(count)
        domains = self.outlets.take(pa.array(self._often(400, count)))
        languages = pa.array(LANGUAGES).take(pa.array(self.chance.integers(0, len(LANGUAGES), count)))
        return self._text_columns(self._joined([self.sentences] * SENTENCES_A_TEXT, count, ""), domains) | {
            "article_id": ids,
            "headline": self._joined([self.words] * 8, count, ""),
            "in_language": languages,
            "date_published": pa.array(seen - self.chance.integers(60, 3_600, count) * 1_000_000),
            "first_seen_at": pa.array(seen),
        }

    def _copies(self, of: Mapping[str, Any], count: int) -> dict[str, Any]:
        chosen = self._often(len(of["article_id"]), count)
        rows = {name: of[name].take(pa.array(chosen)) for name in ("article_id", "article_body", "date_published")}
        lag = (self.chance.lognormal(8.0, 1.4, count) * 1e6).astype(np.int64)  # a median of 50 minutes
        published = rows["date_published"].to_numpy() + lag
        last = _microseconds(self.last_day + timedelta(days=1)) - 1
        lede = self._joined([self.sentences], count, "")
        text = pc.binary_join_element_wise(lede, rows["article_body"], " ")
        domains = self.outlets.take(pa.array(self._often(400, count)))
        return self._text_columns(text, domains) | {
            "copy_id": self._ids(count),
            "article_id": self._ids(count),
            "duplicate_of": rows["article_id"],
            "relation": "same_copy",
            "similarity": pa.array(self.chance.uniform(0.7, 1.0, count).astype(np.float32)),
            "headline": self._joined([self.words] * 8, count, ""),
            "in_language": "en",
            "date_published": pa.array(published),
            "first_seen_at": pa.array(np.minimum(published + 300_000_000, last)),
        }

    def _text_columns(self, bodies: pa.Array, domains: pa.Array) -> dict[str, Any]:
        urls = pc.binary_join_element_wise("https://", domains, self._ids(len(bodies)), "/")
        names = {"url": urls, "url_canonical": urls, "source_domain": domains, "publisher": domains}
        words = pa.array(np.full(len(bodies), SENTENCES_A_TEXT * 19, np.int32))
        return names | {"article_body": bodies, "word_count": words, "date_published_source": "json-ld"}

    def _topics(self, articles: Mapping[str, Any]) -> pa.Array:
        each = self.chance.integers(1, 4, len(articles["article_id"]))
        which = pa.array(self._often(len(TOPICS), int(each.sum())))
        ids = pa.array([f"medtop:{number:02}000000" for number in range(1, len(TOPICS) + 1)])
        columns = {
            "id": ids.take(which),
            "name": pa.array(TOPICS).take(which),
            "confidence": pa.array(self.chance.uniform(0.4, 1.0, len(which)).astype(np.float32)),
            "level": pa.array(np.ones(len(which), np.int8)),
        }
        return _lists(columns, each, TABLES["articles"].field("topics").type)

    def _entities(self, articles: Mapping[str, Any]) -> pa.Array:
        each = np.full(len(articles["article_id"]), self.size.entities_an_article)
        which = self._often(len(self.people), int(each.sum()))
        names = self.people.take(pa.array(which))
        surnames = pc.replace_substring_regex(names, "^.* ", "")
        names = pc.if_else(pa.array(self.chance.random(len(names)) < 0.1), surnames, names)
        kinds = pa.array(("Person", "Organization", "Place")).take(pa.array(which % 3))  # a name has one type
        columns = {
            "name": names,
            "type": kinds,
            "mentions": pa.array(self.chance.integers(1, 6, len(names)).astype(np.int32)),
            "surface_forms": _lists(names, np.ones(len(names), np.int64), pa.list_(pa.string())),
        }
        return _lists(columns, each, TABLES["articles"].field("entities").type)

    def _rejects(self, day: date) -> dict[str, Any]:
        count = self.size.rejects // self.size.days
        which = self.chance.integers(0, len(REASONS), count)
        stages, reasons = (pa.array([one[at] for one in REASONS]).take(pa.array(which)) for at in (0, 1))
        urls = pc.binary_join_element_wise("https://outlet7.example", self._ids(count), "/")
        words = {
            "stage": stages,
            "reason": reasons,
            "error_class": "InputRejected",
            "message": "nothing to be read in it",
        }
        return {
            "reject_id": self._ids(count),
            "source": urls,
            "url": urls,
            **words,
            "first_seen_at": self._times(day, count),
        }

    def _fetches(self, day: date) -> dict[str, Any]:
        count = self.size.fetches // self.size.days
        hosts = self.outlets.take(pa.array(self._often(400, count)))
        statuses = pa.array((200, 304, 304, 304, 404), pa.int32()).take(pa.array(self.chance.integers(0, 5, count)))
        return {
            "fetch_id": self._ids(count), "host": hosts, "url": hosts, "purpose": "feed", "status": statuses,
            "requested_at": self._times(day, count), "seconds": pa.array(self.chance.exponential(0.4, count)),
        }  # fmt: skip

    def _polls(self, day: date) -> dict[str, Any]:
        count = self.size.polls // self.size.days
        urls = pc.binary_join_element_wise("https://", self.outlets.take(pa.array(np.arange(count) % 400)), "/feed", "")
        health = pa.array(("ok",) * 9 + ("failing",)).take(pa.array(self.chance.integers(0, 10, count)))
        return {
            "feed_url": urls,
            "url": urls,
            "outcome": "changed",
            "health": health,
            "polled_at": self._times(day, count),
        }

    def _runs(self, day: date) -> dict[str, Any]:
        articles, copies, rejects = (
            n // self.size.days for n in (self.size.articles, self.size.copies, self.size.rejects)
        )
        counts = {"inputs": articles + copies + rejects, "articles": articles, "copies": copies, "rejects": rejects}
        row = {**counts, "already_seen": 0, "run_id": f"run-{day}", "finished_at": _microseconds(day) + 86_399_000_000}
        return {"started_at": pa.array([_microseconds(day)]), **row}

    def _times(self, day: date, count: int) -> pa.Array:
        return pa.array(_microseconds(day) + np.sort(self.chance.integers(0, 86_400_000_000, count)))

    def _any(self, count: int) -> pa.Array:
        return pa.array(self.chance.integers(0, len(self.words), count))

    def _often(self, of: int, count: int) -> Numbers:
        """Numbers below `of`, the small ones much oftener than the others."""
        return np.minimum(of * self.chance.power(0.4, count), of - 1).astype(np.int64)

    def _ids(self, count: int) -> pa.Array:
        digits = self.chance.bytes(16 * count).hex()
        return pa.array([digits[at : at + 32] for at in range(0, len(digits), 32)])

    def _joined(self, pools: Sequence[pa.Array], count: int, end: str, between: str = " ") -> pa.Array:
        parts = [pool.take(pa.array(self.chance.integers(0, len(pool), count))) for pool in pools]
        return pc.utf8_capitalize(pc.binary_join_element_wise(pc.binary_join_element_wise(*parts, between), end, ""))

    def _write(self, lake: Lake, table: str, day: date, number: int, columns: Mapping[str, Any]) -> None:
        path = lake.root / partition_path(
            table, day, f"c{self.last_day.toordinal() - day.toordinal():08}-{number}.parquet"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        complete = arrow_table(TABLES[table], columns).sort_by(SORTED_BY[table])
        path.write_bytes(encode(complete, SORTED_BY[table]))


def make_lake(root: Path, size: Size, last_day: date) -> Lake:
    """Write a new lake of that size, its days ending with `last_day`."""
    lake = open_or_make_lake(str(root))
    Maker(size, last_day).write(lake)
    return lake


def arrow_table(schema: pa.Schema, columns: Mapping[str, Any]) -> pa.Table:
    """Return the columns as a table of that schema; a text is repeated, what is not given is null or empty."""
    count = next(len(column) for column in columns.values() if isinstance(column, pa.Array))
    return pa.table([_column(columns.get(one.name), one, count) for one in schema], schema=schema)


def _column(given: Any, one: pa.Field[Any], count: int) -> pa.Array:
    if isinstance(given, pa.Array):
        return given.cast(one.type)
    if given is None and not one.nullable:
        given = _nothing(one.type)
    return pa.repeat(pa.scalar(given, one.type), count)


def _nothing(kind: pa.DataType) -> Any:
    """Return what a column holds that must hold something."""
    if pa.types.is_list(kind):
        return []
    return "-" if pa.types.is_string(kind) else pa.scalar(1).cast(kind).as_py()


def _lists(values: Any, each: Numbers, kind: Any) -> pa.Array:
    """Cut values, or the columns of a struct, into lists of the given lengths."""
    offsets = pa.array(np.concatenate(([0], np.cumsum(each))).astype(np.int32))
    if isinstance(values, pa.Array):
        return pa.ListArray.from_arrays(offsets, values)
    total = int(each.sum())
    parts = [_column(values.get(one.name), one, total) for one in kind.value_type]
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(parts, fields=list(kind.value_type)))


def _microseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
