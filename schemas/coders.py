"""Registers every row type for Beam's RowCoder; imported by the stages, never by the thinking.

Apart from the rows themselves so that a worker process, which needs the rows only, does not load Beam (1 s, 100 MB).
"""

from __future__ import annotations

import apache_beam as beam

from schemas.alias import Alias
from schemas.article import Article
from schemas.copy import Copy
from schemas.feed_poll import FeedPoll
from schemas.fetch import Fetch
from schemas.input_slice import InputSlice
from schemas.page import Page
from schemas.printed_article import PrintedArticle
from schemas.reject import Reject
from schemas.tagged_article import TaggedArticle
from schemas.written_file import WrittenFile

ROW_TYPES = (
    Alias, Article, Copy, FeedPoll, Fetch, InputSlice, Page, PrintedArticle, Reject, TaggedArticle, WrittenFile,
)  # fmt: skip
"""Every type of row that crosses from one stage to another."""

for _row_type in ROW_TYPES:
    beam.coders.registry.register_coder(_row_type, beam.coders.RowCoder)
