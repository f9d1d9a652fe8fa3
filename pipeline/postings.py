"""The postings of a lake's memory: which texts have which key.

What a cycle adds is held back and written at its end, in the order of the keys: look-ups of the cycle's own texts then
cost nothing, and the tree is written once a page, however large it is.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pipeline.memory import Memory
from transforms.functions.duplicate_index import TEXTS_A_KEY

_KEYS_A_STATEMENT: Final = 5_000
"""Keys that are looked up by one statement: some 300 texts'."""

_LATEST_POSTINGS: Final = 500_000
"""Postings (some 28,000 texts, 12 MB) in a period's latest part when they are moved to its large one."""


class Postings:
    """The postings of a period and the one before it, for one cycle; `duplicate_tables` says how they lie in parts."""

    def __init__(self, memory: Memory, period: int) -> None:
        self._memory = memory
        self._period = period
        self._new: dict[int, list[int]] = {}
        self._new_rows: list[tuple[int, int]] = []
        self._looked_up: dict[int, Sequence[int]] = {}
        self._parts = self._parts_in_window()

    def look_up(self, keys: Iterable[int]) -> None:
        """Look up all keys that were not looked up since the last writing, so that `count` finds them."""
        new = sorted({key for key in keys if key not in self._looked_up})
        for start in range(0, len(new), _KEYS_A_STATEMENT):
            self._walk(new[start : start + _KEYS_A_STATEMENT])

    def count(self, keys: Sequence[int]) -> Mapping[int, int]:
        """Return how many of the keys each text has; of a key only the latest `TEXTS_A_KEY` texts count."""
        self.look_up(keys)
        found: Counter[int] = Counter()
        for key in keys:
            latest = self._new.get(key, [])
            known = self._looked_up[key]
            found.update({*latest, *known[: TEXTS_A_KEY - len(latest)]} if known else latest)
        return found

    def add(self, number: int, keys: Sequence[int]) -> None:
        """Hold back a text under its keys; it is found from now on."""
        for key in keys:
            numbers = self._new.setdefault(key, [])
            numbers.append(number)
            del numbers[:-TEXTS_A_KEY]
            self._new_rows.append((key, number))

    def write(self) -> None:
        """Write what was held back to the period's latest part; move one that has grown, or is of an earlier period."""
        latest = 2 * self._period + 1
        with self._memory.noting() as connection:
            rows = sorted((latest, key, number) for key, number in self._new_rows)
            connection.executemany("insert or ignore into postings values (?, ?, ?)", rows)
            _count_rows(connection, latest, len(rows))
            full = "select part, row_count from posting_parts where part % 2 = 1 and (part < ? or row_count >= ?)"
            for part, held in connection.execute(full, (latest, _LATEST_POSTINGS)).fetchall():
                move = "insert or ignore into postings select ?, key, number from postings where part = ? order by key"
                connection.execute(move, (part - 1, part))
                connection.execute("delete from postings where part = ?", (part,))
                connection.execute("delete from posting_parts where part = ?", (part,))
                _count_rows(connection, part - 1, held)
        self._parts = self._parts_in_window()
        self._new_rows.clear()
        self._new.clear()
        self._looked_up.clear()

    def forget(self, oldest: int) -> None:
        """Forget the postings of all periods before one."""
        self._memory.do("delete from postings where part < ?", 2 * oldest)
        self._memory.do("delete from posting_parts where part < ?", 2 * oldest)

    def _parts_in_window(self) -> list[int]:
        oldest = 2 * (self._period - 1)
        return [row[0] for row in self._memory.rows("select part from posting_parts where part >= ?", oldest)]

    def _walk(self, keys: Sequence[int]) -> None:
        """Look up ascending keys in one walk through the tree: few of a million texts' pages are read twice then."""
        # The parts are given one by one, so that each is one descent of the tree.
        of_key = (
            f"select number from postings where part in ({','.join(map(str, self._parts))}) and key = value "
            f"order by number desc limit {TEXTS_A_KEY}"
        )
        query = f"select value, (select group_concat(number) from ({of_key})) from json_each(?)"
        for key, numbers in self._memory.rows(query, json.dumps(keys)):
            self._looked_up[key] = [*dict.fromkeys(map(int, numbers.split(",")))] if numbers else ()


def _count_rows(connection: sqlite3.Connection, part: int, rows: int) -> None:
    statement = "insert into posting_parts values (?, ?) on conflict do update set row_count = row_count + ?"
    connection.execute(statement, (part, rows, rows))
