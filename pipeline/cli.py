"""The `newsbeam` command: what is called with what, and which exit code it ends with."""

from __future__ import annotations

import argparse
import atexit
import gc
import logging
import os
import re
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from pipeline.options import check_local_inputs, command_parser, run_settings
from pipeline.run_log import say, use_format
from pipeline.usage_hints import refuse_others
from schemas.errors import NewsbeamError, UsageError
from transforms.functions.worker_pool import collect_garbage_rarely, shared_pool


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (of this process, where no arguments are given); returns the exit code."""
    if arguments is None:
        atexit.register(_tidy_up_quickly)
    quieten_libraries()
    try:
        return _dispatch(list(sys.argv[1:] if arguments is None else arguments))
    except UsageError as error:
        return _fail(str(error), 2)
    except NewsbeamError as error:
        return _fail(str(error), 1)
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # the reader has enough (`| head`): nothing to say
        return 1
    except OSError as error:  # of the lake or a file that the user named; of one input it would be a reject
        return _fail(f"{error.filename or 'input or output'}: {error.strerror or error}", 1)
    except KeyboardInterrupt:
        return _fail("stopped at once; what is committed stays. The same command goes on from there.", 1)


_ENGINES_NOTE = re.compile(r" \[while running '[^']*'\]")


_COMMANDS: Final = {
    "compact": ("compact", "compact_lake"),
    "doctor": ("doctor", "doctor"),
    "engine": ("engine", "engine"),
    "erase": ("erase", "erase_rows"),
    "explain": ("explain", "explain_pair"),
    "feeds": ("feeds", "feeds"),
    "feeds discover": ("discover", "discover"),
    "feeds import": ("import_feeds", "import_feeds"),
    "memory": ("memory", "rebuild_memory"),
    "query": ("query", "query"),
    "replay": ("replay", "replay"),
    "report": ("report", "report"),
    "sql": ("query", "sql"),
    "status": ("status", "status"),
    "tag": ("tag", "tag_files"),
}
"""Module of `pipeline.commands` and function of each command but `run`, and of subcommands that have their own. Each is
loaded when it is called: Beam takes a second, which a query should not wait for."""


def _dispatch(given: Sequence[str]) -> int:
    parser = command_parser()
    if not given:
        parser.print_help(sys.stderr)
        return 2
    parsed, others = parser.parse_known_args(given)
    if parsed.command == "run":
        return _run(parsed, others)
    if others:
        refuse_others(parsed, others)
    name = f"{parsed.command} {getattr(parsed, 'subcommand', '')}".strip()
    module, function = _COMMANDS.get(name) or _COMMANDS[parsed.command]
    code: int = getattr(import_module(f"pipeline.commands.{module}"), function)(parsed)
    return code


def _run(parsed: argparse.Namespace, others: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped before it began: as by Ctrl-C
    settings = run_settings(parsed, others)
    use_format(settings.watch.log_format)
    check_local_inputs(settings.inputs)
    if settings.feeds is not None:
        from pipeline.feed_list import check_feed_lists

        check_feed_lists(settings.feeds.lists)
    if settings.engine is not None:
        from pipeline.commands.run_on_engine import run_on_engine

        return run_on_engine(settings.on_workers(), settings.engine)
    collect_garbage_rarely()  # loading makes many objects, too
    # They load what they need while Beam loads here.
    shared_pool(settings.processes, settings.time_limit, with_models=bool(settings.tags))
    from pipeline.commands.run import run

    return run(settings)


def _tidy_up_quickly() -> None:
    """Keep the exit code: once all is done, Python tidies up, and a signal meanwhile would kill it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if "duckdb" not in sys.modules:  # DuckDB's binding (nanobind) would say of each object of its own that it leaks
        gc.freeze()  # else all objects are looked through for cycles once more: 0.1 s instead of 0.3 (measured)


def _fail(message: str, code: int) -> int:
    """Say why, in one line. Messages quote values from the web, which must not give the terminal orders."""
    line = "".join(char if char.isprintable() else " " for char in _ENGINES_NOTE.sub("", message))
    say("failed", line, logging.ERROR, exit_code=code)
    return code


def quieten_libraries() -> None:
    """Keep notes that mean nothing to a user off the screen; errors stay. Called before Beam is loaded."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # What fails a stage is raised again where the run was started: said once is enough.
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    # Beam says at each start, on the root logger, that an optional Google client is not installed.
    logging.getLogger().addFilter(lambda record: "apitools" not in record.getMessage())


if __name__ == "__main__":
    sys.exit(main())
