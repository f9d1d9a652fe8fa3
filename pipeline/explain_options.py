"""The flags of the commands that show what is found in texts, and why: `newsbeam explain` and `newsbeam tag`."""

from __future__ import annotations

import argparse
from typing import Final

EXPLAIN_EPILOG: Final = """\
A and B are files of any kind that `newsbeam run` reads (a line of JSONL as
FILE#LINE) or, where there is no such file, an article_id, a copy_id or a URL
in the lake.

examples:
  newsbeam explain one.html other.txt
  newsbeam explain articles.jsonl#1 articles.jsonl#2 --all
  newsbeam explain e44e51c4d2c55cdb11ff95186f64a00b https://outlet.example/story
  newsbeam explain one.html other.html --json | jq .decision

Two texts are copies where enough of the shorter one's shingles (runs of five
words) stand in the longer one: a strong pair if it is so the other way round,
too, else a weak one, which follows its best match only. Texts of two languages
or far apart in time are never compared, and those that say the same with other
names and numbers (weather, scores) are no copies. A run leaves out what an
outlet repeats under its stories, explain does not. The exit code does not tell
what was found.
"""

TAG_EPILOG: Final = """\
FILE is of any kind that `newsbeam run` reads (a line of JSONL as FILE#LINE) or,
where there is no such file, an article_id, a copy_id or a URL in the lake.

examples:
  newsbeam tag seeds/000_72498b1274f5d172.txt
  newsbeam tag *.txt --json | jq -c '[.given, .topics[0].name]'

For each topic that is given: its confidence, and the words that spoke most for
it. A deeper concept is given only where it is sure; the nearest ones are shown
in any case. With --json also every mention: `start` and `end` in characters of
`article_body`, `text`, `type`, and `name`, the entity that it belongs to. A
plain text is tagged as it stands, so that offsets count in the file (decoded);
a run takes headline and byline out of the text first. Texts in languages
without a model get no tags; one too short to tell its language counts as
English here, and gets none in a run.
"""


def add_explain_flags(explain: argparse.ArgumentParser) -> None:
    """Add the flags to the parser of the command."""
    for name in ("a", "b"):
        explain.add_argument(name, metavar=name.upper(), help="a file, FILE#LINE, or an article_id, copy_id or URL")
    explain.add_argument(
        "--all", action="store_true", help="show all shared passages, and whole (default: 10, shortened)"
    )
    explain.add_argument("--json", action="store_true", help="print everything as one JSON object")


def add_tag_flags(tag: argparse.ArgumentParser) -> None:
    """Add the flags to the parser of the command."""
    tag.add_argument("files", metavar="FILE", nargs="+", help="a file, FILE#LINE, or an article_id, copy_id or URL")
    tag.add_argument("--language", metavar="CODE", help="take the texts to be in this language (en)")
    tag.add_argument("--json", action="store_true", help="print each text's tags and mentions as one line of JSON")
