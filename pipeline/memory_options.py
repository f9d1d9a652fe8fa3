"""Flags of `newsbeam memory`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Final

MEMORY_EPILOG: Final = """\
examples:
  newsbeam memory rebuild lake

What a lake remembers between runs is a file of its own, beside the tables. If
it is lost, damaged or an old copy, runs say so and write nothing: `rebuild`
makes it anew from the tables.
"""

_REBUILD_MEANING: Final = "make the memory of a lake anew from its tables"
_REBUILD_EPILOG: Final = """\
examples:
  newsbeam memory rebuild lake
  newsbeam memory rebuild lake --force --json

Afterwards a run gives the same answers: what was seen stays seen, copies and
updates are told as before, cycles are counted on. The texts of the last days
are decided once more with the code that decided them, and what is found is held
against the tables, whose word counts; where they differ it is said.

Takedowns, the state of feeds and pages that wait stand in no table, or not
wholly: they are read from the old file as far as that goes, takedowns also from
_newsbeam/tombstones.json. What is lost is said at the end. Where nobody knows
what was taken down, the command ends, unless --accept-lost-erasures is given.

The old file is moved aside, and never deleted: do so once you need it no more,
since takedowns do not reach it. Killed at whatever moment, the same command
starts again. The memory of hosts is made anew, too, where it is damaged.

exit codes:
  0  done
  1  failed; the old memory is where it was
  2  wrong usage; or the memory is healthy, and --force is not given
"""


def add_memory_commands(memory: argparse.ArgumentParser, add_lake: Callable[[Any], None]) -> None:
    """Add the subcommands of `newsbeam memory`; `add_lake` adds the argument of the lake."""
    commands = memory.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND", parser_class=type(memory))
    rebuild = commands.add_parser(
        "rebuild", help=_REBUILD_MEANING, description=_REBUILD_MEANING, epilog=_REBUILD_EPILOG
    )
    add_lake(rebuild)
    rebuild.add_argument("--force", action="store_true", help="also where the memory is healthy")
    rebuild.add_argument(
        "--accept-lost-erasures",
        action="store_true",
        help="also where nobody knows what was taken down: it comes back when it is read again, unless it is erased "
        "again",
    )
    rebuild.add_argument("--json", action="store_true", help="print the report as one JSON object")
