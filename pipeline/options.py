"""The command line: the parser of all commands, the flags of `newsbeam run`, and their check into frozen settings."""

from __future__ import annotations

import argparse
import difflib
import glob
import os
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from pipeline.cluster_options import CLUSTER_EPILOG, add_engine_commands
from pipeline.engine_options import ENGINES_EPILOG, add_engine_flags, engine_settings
from pipeline.explain_options import EXPLAIN_EPILOG, TAG_EPILOG, add_explain_flags, add_tag_flags
from pipeline.feed_options import FEEDS_EPILOG, add_feed_commands, add_feed_flags, feed_settings
from pipeline.memory_options import MEMORY_EPILOG, add_memory_commands
from pipeline.operation_options import (
    COMPACT_EPILOG,
    DOCTOR_EPILOG,
    ERASE_EPILOG,
    STATUS_EPILOG,
    add_compact_flags,
    add_doctor_flags,
    add_erase_flags,
    add_status_flags,
    add_watch_flags,
    watch_settings,
)
from pipeline.query_options import QUERY_EPILOG, add_query_flags
from pipeline.replay_options import REPLAY_EPILOG, add_replay_flags
from pipeline.report_options import REPORT_EPILOG, add_report_flags
from pipeline.settings import TAGS, MaxRejects, RunSettings, parse_tags
from pipeline.usage_hints import refuse_lake_of_run
from pipeline.version import newsbeam_version
from schemas.errors import UsageError
from transforms.functions.worker_pool import available_cores

DEFAULT_TIME_LIMIT: Final = 30.0
"""Seconds a page; a usual page takes 0.03 s, the slowest of 1,783 real ones about 2 s."""

_EXIT_CODES: Final = """\
exit codes:
  0  done
  1  failed, or stopped before the end; what is committed stays
  2  wrong usage: a flag, a path or a query that cannot be used as given
"""
"""Of every command whose epilog has none of its own."""

_MAIN_EPILOG: Final = """\
start here:
  newsbeam run --input seeds --output lake
  newsbeam query "select headline, source_domain from articles" --lake lake

newsbeam COMMAND --help tells more. The variable NEWSBEAM_LAKE sets the
default lake.
"""

_RUN_EPILOG: Final = """\
examples:
  newsbeam run --input seeds --output lake
  newsbeam run --feeds feeds.opml --output lake --every 10m --contact me@outlet.example
  newsbeam run --input 'pages/2026-*/**/*.html' articles.jsonl.gz --max-rejects 2%

What is read: saved pages (.html, .htm), plain texts (.txt), JSONL (.jsonl; a
line is an article in newsbeam's column names with `article_body`, or a page as
`url` and `html`) and saved feeds (RSS, Atom, JSON Feed; items that carry their
article whole become one, the others rejects), each also gzipped. Content decides where a name lies; what
is none of these ends in `rejects`. Folders are read with all below them but
hidden files. gs:// and s3:// need an extra: newsbeam[gcp], newsbeam[aws].

What was seen before (the same bytes, or the same text of the same page) is only
counted, so the same command may be run again and again; it goes on where a run
was cut off. A run works in cycles of up to 2,000 files, each with one commit.

Feeds are polled when they are due, never earlier, also after a restart: every
10 minutes to 24 hours, by what they bring and ask for. Items that carry their
article whole become it; the pages of the others are fetched, as robots.txt
allows. What a round does not come to stays due. The first Ctrl-C or SIGTERM
ends the run after what is under way, the second one at once; nothing is lost.

Flags that are not listed here go to Beam.

"""

_RUN_EXIT_CODES: Final = """
exit codes:
  0  done; what could not become a row is in the table `rejects`
  1  failed, or stopped before the end, or more rejects than --max-rejects;
     what is committed stays
  2  wrong usage: a flag or a path that cannot be used as given
"""


class Parser(argparse.ArgumentParser):
    """Keeps the line breaks of epilogues, and takes no shortened flags: they could be Beam's."""

    def __init__(self, **options: Any) -> None:
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(formatter_class=formatter, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of printing the usage: one clear line."""
        raise UsageError(f"{message}. See {self.prog} --help")


def command_parser() -> Parser:
    """Return the parser of the whole command line."""
    return _parsers()[0]


def run_flags() -> list[str]:
    """Return newsbeam's own flags of `newsbeam run`."""
    return [flag for action in _parsers()[1]._actions for flag in action.option_strings if flag.startswith("--")]


def run_settings(parsed: argparse.Namespace, beam_flags: Sequence[str]) -> RunSettings:
    """Check the flags of `newsbeam run`.

    Raises:
        UsageError: one cannot be used as given.
    """
    refuse_lake_of_run(beam_flags)
    if not parsed.input and not parsed.feeds:
        raise UsageError(
            f"--input PATH or --feeds LIST is needed{_what_was_meant(beam_flags)}. See newsbeam run --help"
        )
    engine = engine_settings(parsed)
    usual = available_cores() if engine is None else 1
    processes = usual if parsed.processes is None else parsed.processes
    if processes < 1:
        raise UsageError(f"--processes {parsed.processes}: give 1 or more")
    if not parsed.time_limit > 0:
        raise UsageError(f"--time-limit {parsed.time_limit:g}: give a number of seconds over 0")
    return RunSettings(
        inputs=tuple(path for paths in parsed.input for path in paths),
        output=parsed.output,
        processes=processes,
        time_limit=parsed.time_limit,
        tags=parse_tags(parsed.tags),
        max_rejects=MaxRejects.parse(parsed.max_rejects) if parsed.max_rejects is not None else None,
        json=parsed.json,
        quiet=parsed.quiet,
        beam_flags=tuple(beam_flags),
        feeds=feed_settings(parsed),
        engine=engine,
        watch=watch_settings(parsed),
    )


def check_local_inputs(inputs: Sequence[str]) -> None:
    """Refuse local paths that name nothing: at once, before Beam is loaded to find the files.

    Raises:
        UsageError: one names nothing.
    """
    for path in inputs:
        if "://" not in path and not os.path.lexists(path) and not glob.has_magic(path):
            raise UsageError(f"--input {path}: no such file or folder")


def nearest_flag(flag: str) -> str:
    """Return a hint at the flag of `newsbeam run` that a misspelt one may stand for; empty where none is near."""
    near = difflib.get_close_matches(flag.partition("=")[0], run_flags(), n=1)
    return f"; perhaps {near[0]} is meant" if near else ""


def _what_was_meant(others: Sequence[str]) -> str:
    flags = [hint for other in others if other.startswith("--") and (hint := nearest_flag(other))]
    paths = [other for other in others if not other.startswith("-")]
    return flags[0] if flags else f"; perhaps --input {paths[0]} is meant" if paths else ""


def _parsers() -> tuple[Parser, Parser]:
    description = "A clean stream of news: saved pages, texts and records in; clean articles in Parquet out."
    parser = Parser(prog="newsbeam", description=description, epilog=f"{_MAIN_EPILOG}\n{_EXIT_CODES}")
    parser.add_argument("--version", action="version", version=f"newsbeam {newsbeam_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    run = _command(
        commands, "run", "read pages, texts and records into a lake", _RUN_EPILOG + ENGINES_EPILOG + _RUN_EXIT_CODES
    )
    query = _command(commands, "query", "ask a lake in SQL (DuckDB)", QUERY_EPILOG)
    report = _command(commands, "report", "write a lake's last days as a page for a browser", REPORT_EPILOG)
    sql = _command(commands, "sql", "print the definitions of the views, to paste into any DuckDB", "")
    explain = _command(commands, "explain", "show why two texts are or are not copies", EXPLAIN_EPILOG)
    tag = _command(commands, "tag", "show the topics and entities of texts, with what speaks for them", TAG_EPILOG)
    feeds = _command(commands, "feeds", "show how feeds are, and when they are polled", FEEDS_EPILOG)
    engine = _command(commands, "engine", "a Flink cluster on this machine, for trying and testing", CLUSTER_EPILOG)
    status = _command(commands, "status", "say how a lake and its runs are, on one screen", STATUS_EPILOG)
    add_status_flags(status, _add_lake_argument)
    doctor = _command(commands, "doctor", "say what of machine and installation needs mending", DOCTOR_EPILOG)
    add_doctor_flags(doctor, _add_lake_argument)
    compact = _command(commands, "compact", "make few files of the many small ones of closed days", COMPACT_EPILOG)
    add_compact_flags(compact, _add_lake_argument)
    erase = _command(commands, "erase", "take articles down: out of every table, and for good", ERASE_EPILOG)
    add_erase_flags(erase, _add_lake_argument)
    memory = _command(commands, "memory", "make what a lake remembers anew, if lost or damaged", MEMORY_EPILOG)
    add_memory_commands(memory, _add_lake_argument)
    replay = _command(commands, "replay", "do rejects again after a fix: what passes becomes a row", REPLAY_EPILOG)
    add_replay_flags(replay, _add_lake_argument, DEFAULT_TIME_LIMIT)
    _add_run_flags(run)
    add_engine_commands(engine)
    add_feed_commands(feeds, _add_lake)
    add_query_flags(query)
    add_report_flags(report)
    add_explain_flags(explain)
    add_tag_flags(tag)
    for command in (query, sql, explain, tag):
        _add_lake(command, "--lake", "folder of the lake")
    return parser, run


def _command(commands: Any, name: str, meaning: str, epilog: str) -> Parser:
    if "exit codes:" not in epilog:
        epilog = f"{epilog}\n{_EXIT_CODES}"
    parser: Parser = commands.add_parser(name, help=meaning, description=meaning, epilog=epilog)
    return parser


def _add_run_flags(run: Parser) -> None:
    run.add_argument(
        "--input",
        nargs="+",
        action="append",
        default=[],
        metavar="PATH",
        help="files, folders or globs to read, also of remote file systems that Beam knows (gs://, s3:// ...)",
    )
    _add_lake(run, "--output", "folder of the lake, made if it is not there")
    add_feed_flags(run)
    run.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help=f"worker processes for extraction and tags (default: {available_cores()}; 1 a worker on an engine)",
    )
    run.add_argument(
        "--time-limit",
        type=float,
        default=DEFAULT_TIME_LIMIT,
        metavar="SECONDS",
        help="a page that takes longer is stopped and rejected; an article whose tags take longer comes without them "
        f"(default: {DEFAULT_TIME_LIMIT:g})",
    )
    run.add_argument(
        "--tags",
        metavar="LIST",
        default=",".join(TAGS),
        help="what to tag articles with: topics, entities, both with a comma between, or none; entities take longer "
        f"than all the rest; what is in the lake already is not tagged again (default: {','.join(TAGS)})",
    )
    run.add_argument(
        "--max-rejects", metavar="N|N%", help="fail (exit code 1) after the run if it rejected more than this"
    )
    run.add_argument("--json", action="store_true", help="print the account as one JSON object on standard output")
    run.add_argument("--quiet", action="store_true", help="no progress and no account; errors only")
    add_watch_flags(run)
    add_engine_flags(run)


def _add_lake(parser: Parser, flag: str, meaning: str) -> None:
    lake = os.environ.get("NEWSBEAM_LAKE", "lake")
    parser.add_argument(flag, metavar="LAKE", default=lake, help=f"{meaning} (default: {lake})")


def _add_lake_argument(parser: Parser) -> None:
    lake = os.environ.get("NEWSBEAM_LAKE", "lake")
    parser.add_argument("lake", metavar="LAKE", nargs="?", default=lake, help=f"folder of the lake (default: {lake})")
