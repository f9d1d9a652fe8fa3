from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pytest

ROOT = Path(__file__).parents[1]

Command: TypeAlias = "Callable[..., subprocess.CompletedProcess[str]]"


@pytest.fixture
def newsbeam(tmp_path: Path) -> Command:
    """The command in a process of its own, started in an empty folder; ends with the test at the latest."""
    folder = tmp_path / "started here"
    folder.mkdir()

    def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipeline.cli", *map(str, arguments)]
        options = {"capture_output": True, "text": True, "timeout": 120, "cwd": folder} | options
        return subprocess.run(command, check=False, **options)

    return run


@pytest.fixture
def rows_of() -> Callable[..., list[tuple[Any, ...]]]:
    """Read a table of a lake as any reader would: plain Parquet files, with no help of newsbeam's."""

    def rows(lake: Path, table: str, columns: str = "*", rest: str = "") -> list[tuple[Any, ...]]:
        connection = duckdb.connect()
        connection.execute("set TimeZone = 'UTC'")
        files = f"read_parquet('{lake}/{table}/**/*.parquet', hive_partitioning = true)"
        return connection.execute(f"select {columns} from {files} {rest}").fetchall()

    return rows
