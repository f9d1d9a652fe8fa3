"""What the columns mean that only views have; those of tables are described in `schemas/tables.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TABLE_OF: Final[Mapping[str, str]] = {
    "articles": "articles", "copies": "copies", "aliases": "aliases", "rejects": "rejects", "replays": "replays",
    "fetches": "fetches", "feeds": "feeds", "runs": "runs", "feed_health": "feeds", "topics": "articles",
    "entities": "articles", "stories": "articles", "politeness": "fetches",
}  # fmt: skip
"""The views that users ask, and the table whose columns each passes on under their own names."""

MEANINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "copies": {
        name: f"`{name}` of the story that it belongs to"
        for name in ("topics", "topics_state", "entities", "entities_state")
    },
    "topics": {
        "name": "name of the topic, in English",
        "id": "its id in the IPTC Media Topics (`medtop:` and eight digits)",
        "level": "1 for a top concept, 2 or 3 for a deeper one",
        "confidence": "0 to 1",
        "position": "place among the story's topics, from 1: the surest first",
        "top_name": "name of the top concept that it belongs to; its own where `level` is 1",
        "top_id": "id of that top concept",
        "creator": "model that gave it",
    },
    "entities": {
        "name": "canonical name; of a surname alone, the full name of the day's only person who has it",
        "type": "`Person`, `Organization` or `Place`",
        "mentions": "how often the article names it",
        "country": "ISO 3166-1 alpha-2 code of the country that a place lies in, or is",
        "geonames_id": "id of a place in GeoNames, where it is known",
        "name_in_article": "the name as the article alone gives it",
        "surface_forms": "the ways in which the article writes it",
        "first_offset": "where it is first named, in characters of `article_body`",
        "extractor": "model that found it",
    },
    "stories": {
        "copies": "texts folded into it: rows of `copies`",
        "outlets": "outlets that have a text of it: domains, or publishers where no address is known",
        "first_outlet": "outlet of its earliest text, by `date_published`, else by `first_seen_at`",
        "first_published": "earliest `date_published` of its texts",
        "first_seen_at": "when newsbeam read the first of its texts",
        "last_seen_at": "when newsbeam read the last of its texts",
        "word_count": "words of its longest text",
        "article_body": "its longest text",
        "fullest_article_id": "`article_id` of the text that is the longest",
    },
    "rejects": {
        "attempts": "how often it was tried: once, and once for each time that it was done again",
        "settled_at": "when it was done with; null where it is still open",
        "settled_as": "`article`, `copy`, `already_seen` or `other_reject`, as `outcome` of `replays`; stays where "
        "that row was erased later",
    },
    "politeness": {
        "requests": "requests to the host",
        "feed_requests": "of these, polls of feeds",
        "share_conditional": "share of polls that sent validators",
        "share_not_modified": "share of polls that were answered with 304",
        "smallest_gap": "least time between the starts of two requests",
        "retry_after_asked": "answers of status 400 or more that asked to wait",
        "retry_after_broken": "of these, how many were followed by a request too early",
        "wire_bytes": "bytes of bodies as they came",
        "first_request": "start of the first request",
        "last_request": "start of the last request",
    },
    "runs": {
        "started_at": "when the run's first cycle began",
        "finished_at": "when the rows of its last cycle were written",
        "cycles": "number of its cycles that were committed",
    },
}
"""Meanings by view and column."""

ELEMENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "topics": MEANINGS["topics"],
    "entities": {**MEANINGS["entities"], "name": "canonical name, as far as the article alone tells"},
}
"""What the fields mean that the elements of lists have in `articles`, by the list's column and the field."""
