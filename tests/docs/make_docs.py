"""Write docs/columns.md from the schemas and docs/flags.md from the command line: python tests/docs/make_docs.py

`test_made_docs.py` fails where a page is not what this makes.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final
from unittest.mock import patch

import duckdb
import pyarrow as pa

ROOT: Final = Path(__file__).parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))  # as `pythonpath` does for tests

from pipeline.commands.query import connect  # noqa: E402
from pipeline.lake import open_or_make_lake  # noqa: E402
from pipeline.options import command_parser  # noqa: E402
from pipeline.views import view_definitions  # noqa: E402
from schemas.tables import PARTITION_COLUMN, PARTITIONED_BY, SORTED_BY, TABLES  # noqa: E402
from tests.docs.view_columns import ELEMENTS, MEANINGS, TABLE_OF  # noqa: E402

_COLUMNS_INTRODUCTION: Final = """\
# Every column

This page is made from `schemas/tables.py` by `tests/docs/make_docs.py`. Tables are folders of Parquet files below the
lake, partitioned by day (`date=2026-04-10`), and have the types of Arrow. Views are what `newsbeam query` asks and
`newsbeam sql` prints; they have the types of DuckDB. A view of a table's name has the table's columns, with what was
corrected later. Every table has the column `date`, too: the UTC day of a row's partition, from the folder's name.
The words of `fetches.failure` and `feeds.reason` are listed in `docs/feeds.md`.
"""

_FLAGS_INTRODUCTION: Final = """\
# Every flag

This page is made from the parsers of the command line by `tests/docs/make_docs.py`; `newsbeam COMMAND --help` says the
same with examples, `newsbeam --version` the version. Flags are never shortened. `NEWSBEAM_LAKE` sets the default lake,
`NEWSBEAM_CONTACT` the default contact.
"""


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _table(*names: str, rows: Iterable[str]) -> Iterator[str]:
    yield _row(*names)
    yield "|" + "---|" * len(names)
    yield from rows


# columns


def columns_page() -> str:
    """Return docs/columns.md.

    Raises:
        KeyError: a view has a column that no table has, and that `view_columns.py` does not describe.
    """
    lines = [_COLUMNS_INTRODUCTION]
    for table, schema in TABLES.items():
        lines += [f"## Table `{table}`", "", _laid_out(table), ""]
        lines += [*_table("column", "type", "null", "meaning", rows=_columns_of(table, schema)), ""]
    for view, comment, columns in _views():
        lines += [f"## View `{view}`", "", f"{comment[0].upper()}{comment[1:]}.", "", *_view(view, columns), ""]
    return "\n".join(lines).rstrip() + "\n"


def _laid_out(table: str) -> str:
    return f"A row lies in the partition of the UTC day of `{PARTITIONED_BY[table]}`, sorted by `{SORTED_BY[table]}`."


def _columns_of(table: str, schema: pa.Schema) -> Iterator[str]:
    for column in schema:
        meaning = column.metadata[b"description"].decode()
        yield _row(f"`{column.name}`", f"`{_arrow_type(column.type)}`", "yes" if column.nullable else "no", meaning)
        if pa.types.is_list(column.type) and pa.types.is_struct(column.type.value_type):
            meanings = ELEMENTS[column.name]
            for field in column.type.value_type:
                name = f"`{column.name}[].{field.name}`"
                yield _row(name, f"`{_arrow_type(field.type)}`", "", meanings[field.name])


def _arrow_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        element = kind.value_type
        return "list<struct>" if pa.types.is_struct(element) else f"list<{_arrow_type(element)}>"
    return str(kind).replace("tz=", "")


def _views() -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Yield each view that users ask: its name, what it is, and the types of its columns."""
    with tempfile.TemporaryDirectory() as folder:
        lake = open_or_make_lake(str(Path(folder, "lake")))
        connection = connect(str(lake.root))
        for view, definition in view_definitions(lake.root).items():
            if view in TABLE_OF:
                yield view, definition.partition(" -- ")[2].partition("\n")[0], _types(connection, view)


def _types(connection: duckdb.DuckDBPyConnection, view: str) -> dict[str, str]:
    described = connection.execute(f"describe {view}").fetchall()
    return {name: _duckdb_type(kind) for name, kind, *_ in described}


def _duckdb_type(kind: str) -> str:
    if kind.startswith("STRUCT"):
        return "list of structs"
    return {"TIMESTAMP WITH TIME ZONE": "timestamptz", "VARCHAR[]": "list of varchar"}.get(kind, kind.lower())


def _view(view: str, types: Mapping[str, str]) -> Iterator[str]:
    own, table = MEANINGS.get(view, {}), TABLE_OF[view]
    known = [*TABLES[table].names, PARTITION_COLUMN]
    passed_on = [name for name in types if name not in own]
    strangers = [name for name in passed_on if name not in known]
    if strangers:
        raise KeyError(f"view {view}: tests/docs/view_columns.py does not describe {', '.join(strangers)}")
    if own:
        rows = (_row(f"`{name}`", f"`{types[name]}`", meaning) for name, meaning in own.items())
        yield from (*_table("column", "type", "meaning", rows=rows), "")
    other = " other" if own else ""
    names = f"all{other} columns" if len(passed_on) == len(known) else ", ".join(f"`{name}`" for name in passed_on)
    yield f"As in the table `{table}`: {names}."


# flags


def flags_page() -> str:
    """Return docs/flags.md, as it is on any machine: without its number of cores, and without its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEWSBEAM_")}
    with (
        patch.dict(os.environ, environment, clear=True),
        patch("pipeline.options.available_cores", lambda: "one a core"),
    ):
        parser = command_parser()
    usual = _exit_codes(parser.epilog or "")
    lines = [_FLAGS_INTRODUCTION, "## Exit codes", "", *(f"- {code}" for code in usual), ""]
    for name, command in commands_of(parser):
        if "SUBCOMMAND" in command.format_usage():
            continue
        meaning = command.description or ""
        lines += [f"## `{name}`", "", f"{meaning[0].upper()}{meaning[1:]}.", ""]
        flags = [*_flags_of(command)]
        lines += _table("flag", "value", "default", "meaning", rows=flags) if flags else ["It has no flags."]
        lines.append("")
        lines += _own_exit_codes(command.epilog or "", usual)
    return "\n".join(lines).rstrip() + "\n"


def commands_of(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every command and subcommand below a parser with its full name, in the order of the help."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield command.prog, command
                yield from commands_of(command)


def _flags_of(command: argparse.ArgumentParser) -> Iterator[str]:
    for action in command._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        meaning, default = action.help or "", ""
        found = re.search(r" \(default: ([^()]*)\)$", meaning)
        if found and action.nargs != 0:
            meaning, default = meaning[: found.start()], found[1]
        name = ", ".join(action.option_strings) or str(action.metavar)
        yield _row(f"`{name}`", _value(action), default, meaning)


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    one = "|".join(map(str, action.choices)) if action.choices else str(action.metavar)
    shapes: dict[object, str] = {"+": f"{one} ...", "*": f"[{one} ...]", "?": f"[{one}]"}
    return f"`{shapes.get(action.nargs, one)}`"


def _exit_codes(epilog: str) -> list[str]:
    """Return what an epilog says of each code; a command's own list comes before the usual one."""
    listed = epilog.partition("exit codes:\n")[2].partition("\n\n")[0].partition("\nexit codes:")[0]
    return [" ".join(code.split()) for code in re.split(r"\n(?=  \d)", listed) if code.strip()]


def _own_exit_codes(epilog: str, usual: list[str]) -> Iterator[str]:
    own = _exit_codes(epilog)
    if own and own != usual:
        yield from (f"Exit codes: {'; '.join(own)}.", "")
    prose = " ".join(epilog.partition("exit codes:\n")[0].split())
    said = re.findall(r"[^.]*\b[Ee]xit code\b[^.]*\.", prose)
    if said:
        yield from (" ".join(sentence.strip() for sentence in said), "")


PAGES: Final[Mapping[str, Callable[[], str]]] = {"columns.md": columns_page, "flags.md": flags_page}
"""What makes each page of docs/, by its name."""


if __name__ == "__main__":
    for name, make in PAGES.items():
        (ROOT / "docs" / name).write_text(make(), encoding="utf-8")
