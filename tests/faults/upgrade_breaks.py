"""Faults built into what lifts a lake of an older schema, which `tests.faults.upgrade` must find."""

from __future__ import annotations

from typing import Any


def demand_the_new_table() -> None:
    """Make the views over a table that an older lake has not."""
    from pipeline import views

    views._replays = lambda root: views._files(root, "replays")


def never_lift() -> None:
    """Leave a lake's description as it is."""
    from pipeline import publishing

    publishing.lift = lambda *_: None


def lift_first() -> None:
    """Say that a lake is lifted before it has what it lacks."""
    from pipeline import lake

    lake._make_tables = lambda *_: None


def lift_when_looked_at() -> None:
    """Lift a lake that is only read."""
    from pipeline import lake
    from pipeline.commands import query, status

    real = lake.open_lake

    def open_lake(root: str) -> Any:
        opened = real(root)
        lake.lift(opened)
        return opened

    query.open_lake = status.open_lake = open_lake


def drop_older_rows() -> None:
    """Compact a day without all of its rows, and look as if they had not been there."""
    from pipeline import sorted_files

    real = sorted_files.rows_of
    sorted_files.rows_of = lambda *given: f"select * from (select * from ({real(*given)}) limit 2)"


def forget_the_memory() -> None:
    """Lift the memory by making a new one."""
    from pipeline import memory

    def migrate(connection: Any, version: int) -> None:
        for (name,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
            if name in ("inputs", "slices"):
                connection.execute(f"delete from {name}")
        real(connection, version)

    real = memory.migrate
    memory.migrate = migrate


# Deaths


def die_lifting(after: int) -> None:
    """Die when so many files of a lake that is lifted are written."""
    import os
    import signal

    from pipeline import lake

    real, left = lake.write_whole, iter(range(after))

    def write_whole(*given: Any) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        real(*given)

    lake.write_whole = write_whole
