"""The views over a lake, as SQL that any DuckDB runs."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from schemas.tables import PARTITION_COLUMN, TABLES

_RUNS: Final = """
select run_id, min(started_at) as started_at, max(finished_at) as finished_at, count(*) as cycles,
    sum(inputs)::bigint as inputs, sum(articles)::bigint as articles, sum(copies)::bigint as copies,
    sum(rejects)::bigint as rejects, sum(already_seen)::bigint as already_seen, sum(bytes_read)::bigint as bytes_read,
    any_value(newsbeam_version) as newsbeam_version
from {files} group by run_id"""

_ALL_COLUMNS: Final = "\nselect * from {files}"

_QUERIES: Final[Mapping[str, str]] = dict.fromkeys(TABLES, _ALL_COLUMNS) | {"runs": _RUNS}

_COMMENTS: Final[Mapping[str, str]] = {
    "articles": "each story as it was first published",
    "copies": "texts folded into an article (duplicate_of): the same text elsewhere, or a later text of the same page",
    "rejects": "inputs that could not become a row, with stage and reason",
    "runs": "each run's account: inputs = articles + copies + rejects + already_seen",
}


def view_definitions(root: Path) -> dict[str, str]:
    """Return a `create or replace view` statement for each view of the lake at `root`, by the view's name."""
    return {
        name: f"create or replace view {name} as -- {_COMMENTS[name]}{query.format(files=_files(root, name))};"
        for name, query in _QUERIES.items()
    }


def _files(root: Path, table: str) -> str:
    """The SQL that reads a table's files; `union_by_name` lets files of older and newer versions stand together."""
    pattern = f"{glob.escape(str(root))}/{table}/**/*.parquet".replace("'", "''")
    options = f"hive_partitioning = true, hive_types = {{'{PARTITION_COLUMN}': date}}, union_by_name = true"
    return f"read_parquet('{pattern}', {options})"
