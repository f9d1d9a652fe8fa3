"""Texts that a command is given by name: files, lines of files, or rows of a lake."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import IO, Final

import duckdb

from pipeline.commands.query import connect
from pipeline.options import DEFAULT_TIME_LIMIT
from schemas.article import Article
from schemas.errors import InputRejected, NewsbeamError, UsageError
from schemas.input_slice import InputSlice
from schemas.instants import Instant, instant_of
from schemas.page import Page
from transforms.functions.articles import article_from_page
from transforms.functions.charsets import decode_text
from transforms.functions.file_slices import MAX_FILE_BYTES, decompressed, read_up_to, slices_of_lines
from transforms.functions.folder_inputs import ForgetfulIndex, InputRow, SliceReader
from transforms.functions.kinds import HEAD_BYTES, kind_of
from transforms.functions.rejects import source_of_line
from transforms.functions.task_stream import TaskStream
from transforms.functions.urls import canonical_url
from transforms.functions.worker_pool import shared_pool
from transforms.stored_files import is_whole

_RUN_ID: Final = "explain"

_LOOKED_UP: Final = """
select article_id, headline, coalesce(source_domain, publisher) as outlet, in_language as language,
    article_body as body, epoch_us(first_seen_at) as first_seen_at, story, relation
from (
    select *, null as copy_id, article_id as story, 'article' as relation from articles
    union all by name
    select *, duplicate_of as story from copies
) where $given in (article_id, copy_id, url, url_canonical) or url_canonical = $canonical
order by relation <> 'article', first_seen_at, copy_id limit 1"""


@dataclass(frozen=True)
class GivenText:
    """A text as it is compared; what only a lake knows is None for a file."""

    given: str
    article_id: str
    headline: str | None
    outlet: str | None
    language: str | None
    body: str
    first_seen_at: Instant | None = None
    story: str | None = None
    relation: str | None = None


def find_text(given: str, lake: str) -> GivenText:
    """Return the text that a path, `path#line`, id or address names; a file goes before a row of the lake.

    Raises:
        UsageError: it names nothing, or what a run would reject.
    """
    path, sign, line = given.rpartition("#")
    if os.path.exists(given):
        return _row_of_file(given, given, None)
    if sign and line.isdecimal() and os.path.exists(path):
        return _row_of_file(given, path, int(line))
    return _row_of_lake(given, lake)


def text_as_it_stands(given: str) -> str | None:
    """Return the content of a file of plain text, decoded, its headline and byline in their places; None for anything
    else (a page, a record, a row of the lake).

    What is called `.txt` is one, whatever is in it. Of more than `MAX_FILE_BYTES` the rest is not read.

    Raises:
        UsageError: the file breaks off, or is damaged.
    """
    if not os.path.isfile(given):
        return None
    with open(given, "rb") as stored:
        data, failure = read_up_to(decompressed(stored), MAX_FILE_BYTES)
    if failure is not None:
        raise UsageError(f"{given}: a run would reject it: {failure}")
    is_called_text = given.lower().removesuffix(".gz").endswith(".txt")
    try:
        return decode_text(data) if is_called_text or kind_of(given, data[:HEAD_BYTES]) == "text" else None
    except InputRejected:
        # Of another file, whoever reads it as a run does meets the same, and says so.
        return data.decode("utf-8", "replace") if is_called_text else None


def _row_of_file(given: str, path: str, line: int | None) -> GivenText:
    rows = (row for row in _rows_of(path, line) if line is None or row.source == source_of_line(path, line))
    match list(islice(rows, 2)):
        case []:
            raise UsageError(f"{given}: no such line with anything in it")
        case [row]:
            article = _article_of(given, row)
        case _:
            raise UsageError(f"{given} has more than one text; name one: {path}#1")
    outlet = article.source_domain or article.publisher
    return GivenText(given, article.article_id, article.headline, outlet, article.in_language, article.article_body)


def _rows_of(path: str, line: int | None) -> Iterator[InputRow]:
    """Read a file as a run reads it; of a large JSONL file, only the slice that holds the line."""
    if not os.path.isfile(path):
        raise UsageError(f"{path} is no file; name a file in it, not the folder")
    reader = SliceReader(ForgetfulIndex(), _RUN_ID, instant_of(datetime.now(UTC)))
    with open(path, "rb") as stored:
        file = decompressed(stored)
        pieces = [piece for piece in _slices_of(file, path) if line is None or piece.first_line <= line]
        for piece in pieces[:2] if line is None else pieces[-1:]:
            file.seek(piece.offset)
            data, failure = read_up_to(file, MAX_FILE_BYTES + 1 if is_whole(piece) else piece.length)
            yield from reader.rows_of(piece, data, failure)


def _slices_of(file: IO[bytes], path: str) -> list[InputSlice]:
    try:
        is_lines = kind_of(path, file.read(HEAD_BYTES)) == "jsonl"
        file.seek(0)
        return list(slices_of_lines(file, path)) if is_lines else [InputSlice(path)]
    except (InputRejected, OSError, EOFError, zlib.error):
        return [InputSlice(path)]  # reading it meets the same failure, and says so


def _article_of(given: str, row: InputRow) -> Article:
    """Return the article of an input; a page is extracted in a worker process, which may be stopped, as in a run."""
    if isinstance(row, Page):
        stream: TaskStream[Page, None, Article] = TaskStream(
            shared_pool(1, DEFAULT_TIME_LIMIT), partial(article_from_page, run_id=_RUN_ID)
        )
        result = next(iter([*stream.give(row, None), *stream.rest()])).result
    else:
        result = row if isinstance(row, Article) else InputRejected(row.reason, row.message)
    if isinstance(result, InputRejected):
        raise UsageError(f"{given}: a run would reject it: {result}")
    return result


def _row_of_lake(given: str, lake: str) -> GivenText:
    try:
        connection = connect(lake)
    except UsageError as error:
        raise UsageError(f"{given}: no such file; and to look it up, {error}") from error
    try:
        values = {"given": given, "canonical": canonical_url(given)}
        found = connection.execute(_LOOKED_UP, values).fetchone()
    except duckdb.Error as error:
        raise NewsbeamError(f"{lake} cannot be read: {error}") from error
    if found is None:
        raise UsageError(f"{given}: no such file, and no article_id, copy_id or URL in the lake {lake}")
    return GivenText(given, *found)
