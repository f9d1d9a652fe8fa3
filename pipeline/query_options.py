"""The flags of `newsbeam query`."""

from __future__ import annotations

import argparse
from typing import Final

_ANSWER_FORMATS: Final = ("table", "csv", "json", "parquet")

QUERY_EPILOG: Final = """\
views:
  articles   each story once, as it was first written
  copies     texts folded into an article (duplicate_of): the same text
             elsewhere, near copies, later texts of the same page
  topics     what each story is about: a row for each topic (level 1 or position 1
             to group by; a deeper one, level 2 or 3, comes last, below top_name)
  entities   whom and what each story names: a row for each person, organisation
             and place; a surname alone is the day's only person of that name
  stories    each story with its number of copies and outlets, its times and its
             fullest text
  aliases    rows found later to belong to another story; articles, copies and
             stories read through them
  rejects    inputs that could not become a row: stage, reason and message;
             settled_at is null where that is still so (replays has every attempt)
  feed_health  each feed as it is now: outcome and time of its latest poll,
             failures, interval, next poll; feeds has every poll
  politeness  how each host was treated: requests, share of conditional ones,
             smallest gap; fetches has every request
  runs       each run's account:
             inputs = articles + copies + rejects + already_seen

examples:
  newsbeam query "select date_published, headline from articles order by 1 desc limit 20"
  newsbeam query "select headline, copies, outlets from stories order by copies desc"
  newsbeam query "select name, count(*) from topics where position = 1 group by all"
  newsbeam query "select headline from entities where name = 'Scott Bessent'"
  newsbeam query "select reason, count(*) from rejects group by all" --format csv
  newsbeam query "from articles" --format parquet --output articles.parquet
"""


def add_query_flags(query: argparse.ArgumentParser) -> None:
    """Add the flags to the parser of the command."""
    query.add_argument("sql", metavar="SQL", help="one SQL statement")
    query.add_argument(
        "--format",
        choices=_ANSWER_FORMATS,
        help="form of the answer; json is an object a line; a table on the screen shows 100 rows and the columns that "
        "fit, the other forms and files show all (default: as FILE ends: .csv, .json, .jsonl, .parquet; else, and for "
        ".txt, a table)",
    )
    query.add_argument("--output", metavar="FILE", help="write the answer to a file (default: standard output)")
