"""The flags of `newsbeam replay`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pipeline.settings import TAGS, RunSettings, parse_duration, parse_tags
from schemas.errors import UsageError
from schemas.instants import Instant, instant_of
from schemas.reject import STAGES
from transforms.functions.worker_pool import available_cores

REPLAY_EPILOG: Final = """\
examples:
  newsbeam replay lake --dry-run
  newsbeam replay lake --stage extract --reason time_limit --time-limit 120
  newsbeam replay lake --since 2d
  newsbeam query "select source, attempts, settled_as from rejects" --lake lake

For after a fix: of newsbeam, of a file, of a limit. Every reject that is still
open is done again: files are read where `source` says (a relative path counts
from the folder in which this command is started; of one that is gone, what the
reject has kept is taken), items of feeds from what the reject has kept, and
pages that were given up, or never fetched, are queued: the next `newsbeam run
--feeds` of the lake asks for them, as politely as for any. --dry-run says how
many of each there are.

What passes becomes a row of `articles` or `copies`, once, and its reject is
settled (`settled_at`, `settled_as`); a settled reject is left alone. What fails
again keeps its row in `rejects` and has one attempt more. So the command may be
given again and again. Each attempt is a row of the table `replays`.

A cycle commits rows and attempts together: killed at whatever moment, the same
command goes on. Lakes of jobs on engines cannot be done again in place: read
the sources into another lake.

exit codes:
  0  done, or nothing to do; what failed again is told and stays in `rejects`
  1  failed, or stopped before the end; what is committed stays, and the same
     command goes on from there
  2  wrong usage: no lake, one of a job on an engine, or a flag that cannot be
     used as given
"""


def add_replay_flags(replay: argparse.ArgumentParser, add_lake: Callable[[Any], None], time_limit: float) -> None:
    """Add the flags; `add_lake` adds the argument of the lake, `time_limit` is that of a run."""
    add_lake(replay)
    replay.add_argument(
        "--stage", choices=STAGES, metavar="STAGE", help="only rejects of this stage: read, fetch or extract"
    )
    replay.add_argument("--reason", metavar="REASON", help="only rejects of this reason (time_limit, no_article ...)")
    replay.add_argument(
        "--since",
        metavar="TIME",
        help="only rejects of the last time (90m, 6h, 2d), or since a day or a moment in UTC (2026-03-31, "
        "2026-03-31T18:00)",
    )
    replay.add_argument(
        "--retryable", action="store_true", help="only rejects of which the same input may pass another time"
    )
    replay.add_argument("--dry-run", action="store_true", help="only say what would be done again, and how")
    replay.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help=f"worker processes for extraction and tags (default: {available_cores()})",
    )
    replay.add_argument(
        "--time-limit",
        type=float,
        default=time_limit,
        metavar="SECONDS",
        help=f"a page that takes longer fails again (default: {time_limit:g})",
    )
    replay.add_argument(
        "--tags",
        metavar="LIST",
        default=",".join(TAGS),
        help="what to tag articles with: topics, entities, both with a comma between, or none "
        f"(default: {','.join(TAGS)})",
    )
    replay.add_argument("--json", action="store_true", help="print what came of it as one JSON object")
    replay.add_argument("--quiet", action="store_true", help="no progress and no summary; errors only")


def settings_of_replay(parsed: argparse.Namespace) -> RunSettings:
    """Check the flags that a replay shares with a run.

    Raises:
        UsageError: one cannot be used as given.
    """
    processes = available_cores() if parsed.processes is None else parsed.processes
    if processes < 1:
        raise UsageError(f"--processes {parsed.processes}: give 1 or more")
    if not parsed.time_limit > 0:
        raise UsageError(f"--time-limit {parsed.time_limit:g}: give a number of seconds over 0")
    return RunSettings(
        inputs=(),
        output=parsed.lake,
        processes=processes,
        time_limit=parsed.time_limit,
        tags=parse_tags(parsed.tags),
        max_rejects=None,
        json=parsed.json,
        quiet=parsed.quiet,
        beam_flags=(),
    )


def parse_since(text: str | None, now: datetime) -> Instant | None:
    """Read a time back from now (`6h`), a day or a moment; one without a time zone is UTC.

    Raises:
        UsageError: it is none of these.
    """
    if text is None:
        return None
    try:
        if re.fullmatch(r"[\d.]+[a-zA-Z]", text.strip()):
            return instant_of(now - timedelta(seconds=parse_duration("--since", text)))
        moment = datetime.fromisoformat(text.strip())
        return instant_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (UsageError, ValueError, OverflowError) as error:
        raise UsageError(
            f"--since {text}: give a time back from now (90m, 6h, 2d), a day (2026-03-31) or a moment in UTC "
            "(2026-03-31T18:00), as in --since 2d"
        ) from error
