"""`newsbeam erase`: takedowns."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from pipeline.commands.compact import opened_for_rewriting
from pipeline.erasure import Erased, erase
from pipeline.lake import open_lake
from pipeline.terminal import json_line, safe
from schemas.errors import UsageError
from schemas.instants import instant_of
from schemas.tombstone import KINDS, Tombstone
from transforms.functions.tombstones import tombstone_of

_WHAT = {
    "articles": "articles", "copies": "copies", "rejects": "rejects, with the first bytes of the inputs",
    "replays": "attempts at rejects that were done again",
    "aliases": "rows that say where a copy belongs", "fetches": "requests", "feeds": "polls",
}  # fmt: skip


def erase_rows(arguments: argparse.Namespace) -> int:
    """Erase, or say what would be; returns the exit code.

    Raises:
        UsageError: there is no lake, an engine writes it, or what to erase cannot be used as given.
        LakeError: another process uses the lake, or it cannot be rewritten.
    """
    now = instant_of(datetime.now(UTC))
    wanted = [tombstone_of(kind, value, now) for kind in KINDS for value in getattr(arguments, kind)]
    if not wanted:
        raise UsageError("give what to erase: --url, --domain or --match. See newsbeam erase --help")
    lake = open_lake(arguments.lake)
    with opened_for_rewriting(lake, dry_run=arguments.dry_run) as memory:
        erased = erase(lake, memory, wanted, dry_run=arguments.dry_run)
    if arguments.json:
        named = [{"kind": one.kind, "value": one.value} for one in wanted]
        sys.stdout.write(json_line({"erased": named, "dry_run": arguments.dry_run, **erased._asdict()}))
    else:
        _print(erased, wanted, dry_run=arguments.dry_run)
    return 0


def _print(erased: Erased, wanted: Sequence[Tombstone], *, dry_run: bool) -> None:
    console = Console()
    table = Table(title="would be erased" if dry_run else "erased", title_justify="left")
    for name in ("table", "rows", ""):
        table.add_column(name, justify="right" if name == "rows" else "left")
    for name, rows in erased.tables.items():
        if rows or name in ("articles", "copies", "rejects"):
            table.add_row(name, f"{rows:,}", _WHAT.get(name, ""))
    for name, rows in sorted(erased.memory.items()):
        if rows:
            table.add_row(f"memory: {name}", f"{rows:,}", "")
    console.print(table)
    for line in _notes(erased, wanted, dry_run=dry_run):
        console.print(safe(line), soft_wrap=True)


def _notes(erased: Erased, wanted: Sequence[Tombstone], *, dry_run: bool) -> list[str]:
    goes = "would go" if dry_run else "goes"
    notes = []
    if not any(erased.tables.values()) and not any(erased.memory.values()):
        notes.append(f"nothing in the lake is covered by {_flags(wanted)}")
    if erased.stories_handed_over:
        stories = "1 story" if erased.stories_handed_over == 1 else f"{erased.stories_handed_over:,} stories"
        notes.append(f"{stories}: the article {goes}, the earliest other row is shown for it")
    notes += [f"still on your list of feeds, and polled: {url}" for url in erased.feeds_listed]
    if dry_run:
        notes.append("Nothing was changed. The same command without --dry-run erases it, for good.")
    else:
        notes.append(f"Kept as a tombstone, so that it does not come back: {_flags(wanted)}")
    return notes


def _flags(wanted: Sequence[Tombstone]) -> str:
    """Return the flags as they can be given to a shell."""
    return " ".join(f"--{one.kind} {shlex.quote(one.value)}" for one in wanted)
