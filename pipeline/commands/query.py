"""`newsbeam query` and `newsbeam sql`: asking a lake."""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

import duckdb

from pipeline.lake import Lake, open_lake
from pipeline.reader_lock import read_undisturbed
from pipeline.terminal import masked_json, masked_lines
from pipeline.views import view_definitions
from schemas.errors import LakeError, NewsbeamError, UsageError

_ROWS_SHOWN: Final = 100
"""Of a table on the screen."""

_ALL: Final = 1 << 31
"""More rows, and columns of text, than there are."""

_FORMS: Final = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".parquet": "parquet",
    ".txt": "table",
    "": "table",
}
"""By the ending of a file's name."""

_COPY_OPTIONS: Final = {
    "csv": "format csv, header",
    "json": "format json",
    "parquet": "format parquet, compression zstd",
}


def query(arguments: argparse.Namespace) -> int:
    """Run one SQL query over the lake's views and write the answer to standard output or to a file."""
    form = arguments.format or _form_of(arguments.output)
    if arguments.output is not None:
        _check_target(Path(arguments.output), open_lake(arguments.lake))
    connection = connect(arguments.lake)
    try:
        statements = connection.extract_statements(arguments.sql)
        if len(statements) != 1:
            raise UsageError(f"give one SQL statement; this is {len(statements)}")
        if form == "table":
            _print_table(connection.sql(arguments.sql), arguments.output)
        else:
            _copy(connection, arguments.sql, form, arguments.output)
    except duckdb.IOException as error:
        raise NewsbeamError(f"DuckDB could not read or write: {error}") from error
    except duckdb.Error as error:
        raise UsageError(f"DuckDB says: {error}") from error
    return 0


def _form_of(output: str | None) -> str:
    """Return the form that a file's name asks for.

    Raises:
        UsageError: it asks for one that there is not.
    """
    suffix = Path(output or "").suffix.lower()
    if suffix not in _FORMS:
        known = ", ".join(filter(None, _FORMS))
        raise UsageError(f"--output {output}: {suffix} is none of {known}; use one of these, or give --format")
    return _FORMS[suffix]


def _check_target(target: Path, lake: Lake) -> None:
    """Refuse a file that cannot be written, or would lie among the lake's own.

    Raises:
        UsageError: it is one.
    """
    if target.is_dir():
        raise UsageError(f"--output {target} is a folder; name a file")
    if not target.parent.is_dir():
        raise UsageError(f"--output {target}: there is no folder {target.parent}; make it, or name another file")
    if target.resolve().is_relative_to(lake.root):
        raise UsageError(f"--output {target} lies in the lake, whose files newsbeam alone writes; name another file")


def sql(arguments: argparse.Namespace) -> int:
    """Print the definitions of the lake's views."""
    lake = open_lake(arguments.lake)
    sys.stdout.write("\n\n".join(view_definitions(lake.root).values()) + "\n")
    return 0


def connect(
    root: str, views: Collection[str] | None = None, settings: Mapping[str, str] | None = None
) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB, in memory, with the views of the lake at `root`, or some of them; times are shown in UTC."""
    lake = open_lake(root)
    connection = duckdb.connect()
    read_undisturbed(lake, connection)
    for setting, value in {"TimeZone": "UTC", **(settings or {})}.items():
        connection.execute(f"set {setting} = $value", {"value": value})
    try:
        for name, definition in view_definitions(lake.root).items():
            if views is None or name in views:
                connection.execute(definition)
    except duckdb.Error as error:
        raise LakeError(f"{lake.root} cannot be read: {error}") from error
    return connection


def _print_table(relation: duckdb.DuckDBPyRelation | None, output: str | None) -> None:
    """Print as a box that fits the terminal, or write one with everything in it to a file.

    DuckDB writes ASCII control characters out (`\\e`), so that a headline from the web cannot give the terminal orders;
    their C1 relatives, and marks that turn a line round, are masked here.
    """
    if relation is None:
        return
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        if output is None:
            relation.show(max_width=shutil.get_terminal_size((160, 24)).columns, max_rows=_ROWS_SHOWN)
        else:
            relation.show(max_width=_ALL, max_rows=_ALL, max_col_width=_ALL)
    printed = masked_lines(text.getvalue())
    if output is None:
        sys.stdout.write(printed)
        return
    with _writing(output):
        Path(output).write_text(printed, encoding="utf-8")


def _copy(connection: duckdb.DuckDBPyConnection, statement: str, form: str, output: str | None) -> None:
    """Have DuckDB write the answer to a file, whole or not at all, and pass it on where standard output is wanted."""
    if output is None and form == "parquet" and sys.stdout.isatty():
        raise UsageError("Parquet is no text: write it to a file with --output FILE, or pipe it on")
    with _writing(output):
        # Beside the target, so that putting the answer in place is one rename.
        made = tempfile.TemporaryDirectory(prefix=".newsbeam-", dir=Path(output).parent if output else None)
    with made as folder:
        answer = Path(folder, "answer")
        quoted = str(answer).replace("'", "''")
        connection.execute(f"copy ({statement.strip().rstrip(';')}\n) to '{quoted}' ({_COPY_OPTIONS[form]})")
        if output is not None:
            with _writing(output):
                answer.replace(output)
        elif sys.stdout.isatty():
            _show(answer, masked_json if form == "json" else masked_lines)
        else:
            with answer.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)


@contextlib.contextmanager
def _writing(output: str | None) -> Iterator[None]:
    """Say of what cannot be written that it is the user's file, whatever is written in its place first."""
    try:
        yield
    except OSError as error:
        if output is None:
            raise
        raise NewsbeamError(f"--output {output} cannot be written: {error.strerror or error}") from error


def _show(answer: Path, shown: Callable[[str], str]) -> None:
    """Print an answer on a terminal, which what comes from the web must give no orders; a pipe gets it as it is."""
    with answer.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            sys.stdout.write(shown(line))
