"""What was probably meant by arguments that a command does not take."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final, NoReturn

from schemas.errors import UsageError

_LAKE_WITHOUT_FLAG: Final = ("compact", "doctor", "erase", "memory", "replay", "report", "status")
"""Commands that take the lake as their one argument; the others that read one take --lake."""


def refuse_others(parsed: argparse.Namespace, others: Sequence[str]) -> NoReturn:
    """Refuse the arguments that are left over once a command line other than `run`'s is parsed.

    Raises:
        UsageError: always.
    """
    command = " ".join(filter(None, ("newsbeam", parsed.command, getattr(parsed, "subcommand", None))))
    hint = _hint(parsed, others, command)
    raise UsageError(f"unrecognized arguments: {' '.join(others)}{hint}. See {command} --help")


def refuse_lake_of_run(beam_flags: Sequence[str]) -> None:
    """Refuse `newsbeam run --lake`, which Beam would be given, and an engine might take.

    Raises:
        UsageError: it is among the flags that are not newsbeam's own.
    """
    if any(_is_lake(flag) for flag in beam_flags):
        raise UsageError("--lake: the lake that a run writes is given with --output LAKE. See newsbeam run --help")


def _hint(parsed: argparse.Namespace, others: Sequence[str], command: str) -> str:
    first = others[0]
    if parsed.command == "query" and not first.startswith("-"):
        return f'; put the SQL in quotes: newsbeam query "{parsed.sql} ..."'
    if parsed.command in _LAKE_WITHOUT_FLAG and _is_lake(first):
        return f"; the lake is given without a flag: {command} LAKE"
    if not first.startswith("-") and hasattr(parsed, "lake") and parsed.command not in _LAKE_WITHOUT_FLAG:
        return f"; if that is the lake: {command} --lake {first}"
    return ""


def _is_lake(flag: str) -> bool:
    return flag.partition("=")[0] == "--lake"
