"""The flags of what runs unattended: logs and metrics of `newsbeam run`; `status`, `doctor`, `compact` and `erase`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Final

from pipeline.run_log import LOG_FORMATS
from pipeline.settings import WatchSettings
from schemas.errors import UsageError

DEFAULT_TARGET_MB: Final = 128.0
"""As `sorted_files.TARGET_BYTES` (which loads DuckDB)."""

DEFAULT_METRICS_ADDRESS: Final = "127.0.0.1"

DEFAULT_DOCTOR_URL: Final = "https://example.com/"
"""Reserved for such uses (RFC 2606), and served by IANA."""

STATUS_EPILOG: Final = """\
examples:
  newsbeam status lake
  newsbeam status lake --max-age 6h || mail -s 'no news' desk@reader.example < /dev/null
  newsbeam status lake --json | jq .last_arrival

Who uses the lake now; the last runs; what came in the last hour, day and week;
the feed that has been due longest, and the feeds that fail; how large the lake
is; and whether its memory is lost or damaged (one of over 64 MB is only opened,
`newsbeam doctor` looks through it). It may be asked at any time: a run under way
is not disturbed. Closed days of many small files are what `newsbeam compact` is
for.

With --max-age the exit code is 1 where no article and no copy was committed for
longer than that, so that a cron job or a systemd timer can watch the lake.
"""

DOCTOR_EPILOG: Final = """\
examples:
  newsbeam doctor
  newsbeam doctor /var/lib/newsbeam/lake --url https://outlet.example/feed
  newsbeam doctor --engine flink --offline

Looks at versions and models, worker processes, paths that must be writable,
locks, space, memory, the clock, DNS and the network, and says in plain words
what is wrong and what to do. Nothing is changed; what is written to try it out
is removed again. `fail` is what keeps a run from working, `warn`
what works now and may not for long. The exit code is 1 where something fails.
"""

COMPACT_EPILOG: Final = """\
examples:
  newsbeam compact lake --dry-run
  newsbeam compact lake
  newsbeam compact lake --before 2026-03-01 --json

A run writes a few files with each cycle; after a day of rounds every ten
minutes each table has 144 of them, which takes a query longer to open than to
read. Days that are over (UTC) and have two small files of a table or more are
written anew, sorted over the whole day, and then exchanged in one step. Before
that, the new files are read back, and must hold the same rows.

Queries of newsbeam's go on: an exchange waits for them. Other readers (Spark,
pandas) never get a wrong answer; one that listed a day's files before the
exchange and opens them after it is told that a file is not there, and has to
ask again. No run may use the lake meanwhile. Killed at whatever moment, nothing
is lost: the same command goes on.
"""

ERASE_EPILOG: Final = """\
examples:
  newsbeam erase lake --url https://outlet.example/2026/03/story --dry-run
  newsbeam erase lake --domain outlet.example
  newsbeam erase lake --match 'Ada Moss' --dry-run

A takedown. Rows go from every table that has them: articles, copies, rejects
with the bytes that they hold, requests and polls; and from the memory between
runs, where parts of texts are kept to compare with. Another outlet's copy of
the same text stays, unless its own address or text is meant, too: the story
goes on under the earliest one. Runs that were counted stay counted.

  --url     one address, in any spelling that stands for the same page
  --domain  all addresses of a host and of the hosts below it
  --match   words, as whole words, in a text, a headline, a byline ... ; capital
            letters and line breaks do not matter

Begin with --dry-run, which tells what would go. What was erased leaves a
tombstone: should it be read again, from whatever source, it is only counted as
already seen, and its page is not fetched. Killed at whatever moment, the same
command, or the next run, ends what was begun. Copies of the lake and pages made
by `newsbeam report` are not reached.

exit codes:
  0  erased, also where nothing was there to erase; or, with --dry-run, told
  1  failed, or another process uses the lake; the same command goes on from
     there
  2  wrong usage: no lake, one of a job on an engine, or nothing to erase given
"""


def add_watch_flags(run: argparse.ArgumentParser) -> None:
    """Add the flags of `newsbeam run` that say how it is watched."""
    run.add_argument(
        "--log-format",
        choices=LOG_FORMATS,
        default=LOG_FORMATS[0],
        help="lines on standard error: text for people, or one JSON object a line (default: text)",
    )
    run.add_argument(
        "--metrics-port",
        type=int,
        metavar="PORT",
        help="with --every: answer http://ADDRESS:PORT/metrics for Prometheus, and /healthz: 200, or 503 once the run "
        "is stuck (default: none)",
    )
    run.add_argument(
        "--metrics-address",
        metavar="ADDRESS",
        help=f"where to listen; 0.0.0.0 lets other machines ask (default: {DEFAULT_METRICS_ADDRESS})",
    )


def watch_settings(parsed: argparse.Namespace) -> WatchSettings:
    """Check them.

    Raises:
        UsageError: one cannot be used as given.
    """
    port, address = parsed.metrics_port, parsed.metrics_address
    if port is None:
        if address is not None:
            raise UsageError("--metrics-address goes with --metrics-port, which is not given")
        return WatchSettings(parsed.log_format)
    if not 0 <= port <= 65_535:
        raise UsageError(f"--metrics-port {port}: give 1 to 65535 (0: any that is free; the log says which)")
    if not parsed.every or not parsed.feeds or parsed.streaming:
        raise UsageError("--metrics-port goes with --feeds and --every: other runs end before they are asked often")
    return WatchSettings(parsed.log_format, port, address or DEFAULT_METRICS_ADDRESS)


def add_status_flags(status: argparse.ArgumentParser, add_lake: Callable[[Any], None]) -> None:
    """Add the flags of `newsbeam status`; `add_lake` adds the argument of the lake."""
    add_lake(status)
    status.add_argument(
        "--max-age",
        metavar="TIME",
        help="exit with 1 where nothing arrived for longer than this (90m, 6h, 1d)",
    )
    status.add_argument("--json", action="store_true", help="print everything as one JSON object")


def add_doctor_flags(doctor: argparse.ArgumentParser, add_lake: Callable[[Any], None]) -> None:
    """Add the flags of `newsbeam doctor`."""
    add_lake(doctor)
    doctor.add_argument(
        "--engine",
        choices=("flink", "prism"),
        nargs="+",
        default=[],
        help="also look at what an engine needs: Java and Flink's jars, or Prism",
    )
    doctor.add_argument(
        "--url",
        default=DEFAULT_DOCTOR_URL,
        metavar="URL",
        help=f"address to try the network with, of a feed perhaps; it is asked once (default: {DEFAULT_DOCTOR_URL})",
    )
    doctor.add_argument("--offline", action="store_true", help="leave the network out")
    doctor.add_argument("--json", action="store_true", help="print each finding as one line of JSON")


def add_compact_flags(compact: argparse.ArgumentParser, add_lake: Callable[[Any], None]) -> None:
    """Add the flags of `newsbeam compact`."""
    add_lake(compact)
    compact.add_argument("--before", metavar="DAY", help="only days before this one (default: today, in UTC)")
    compact.add_argument(
        "--target-mb",
        type=float,
        default=DEFAULT_TARGET_MB,
        metavar="MB",
        help=f"size that a file is ended at (default: {DEFAULT_TARGET_MB:g})",
    )
    compact.add_argument("--dry-run", action="store_true", help="only say what would be done")
    compact.add_argument("--json", action="store_true", help="print each day of a table as one line of JSON")


def add_erase_flags(erase: argparse.ArgumentParser, add_lake: Callable[[Any], None]) -> None:
    """Add the flags of `newsbeam erase`."""
    add_lake(erase)
    for flag, metavar, meaning in (
        ("--url", "URL", "address of an article"),
        ("--domain", "HOST", "host of an outlet, with all hosts below it"),
        ("--match", "WORDS", "words of a text; give them in quotes"),
    ):
        erase.add_argument(
            flag, action="append", default=[], metavar=metavar, help=f"{meaning}; may be given several times"
        )
    erase.add_argument("--dry-run", action="store_true", help="only say what would be erased")
    erase.add_argument("--json", action="store_true", help="print the report as one JSON object")
