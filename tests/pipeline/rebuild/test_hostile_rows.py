"""What publishers, and broken disks, put where a memory is made anew from."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.erasure import erase
from pipeline.memory import opened_memory
from pipeline.publishing import recover
from pipeline.rebuild.inputs import _inputs_of_rejects, input_of_page, page_of_feed
from pipeline.rebuild.salvage import salvage
from schemas.instants import Instant
from tests.pipeline.small_lakes import make_lake
from tests.samples import SEEN_AT
from transforms.functions.tombstones import tombstone_of

NOW: Instant = SEEN_AT
VICTIM = "https://victim.example/a"


@pytest.mark.parametrize(
    "payload",
    [
        b'{"url":5,"feed_url":"x"}',
        b'{"a":' + b"[" * 16_000,
        json.dumps({"url": VICTIM, "feed_url": "https://evil.example/feed", "extra": [1]}).encode(),
        json.dumps(
            {"url": VICTIM, "feed_url": "https://evil.example/feed", "extra": json.dumps({"guid": VICTIM})}
        ).encode(),
        json.dumps(
            {"url": VICTIM, "feed_url": "x", "first_seen_at": 5, "extra": json.dumps({"guid": VICTIM})}
        ).encode(),
        None,
    ],
)
def test_a_feed_cannot_have_another_outlets_page_taken_for_known(payload: bytes | None) -> None:
    for source in ("https://evil.example/feed", VICTIM):
        found = list(_inputs_of_rejects([("ab" * 16, "cd" * 16, source, payload)]))
        assert found == [(bytes.fromhex("ab" * 16),)]
        assert (input_of_page(VICTIM, VICTIM),) not in found


@pytest.mark.parametrize("extra", ["[1]", "5", '{"guid": 5}', '{"a": ' + "[" * 100_000, "no json"])
def test_what_an_item_has_beside_its_columns_may_be_anything(extra: str) -> None:
    assert page_of_feed(VICTIM, "https://evil.example/feed", extra) is None


def test_an_address_in_capitals_is_one() -> None:
    assert page_of_feed("HTTPS://Outlet.example/a", "https://outlet.example/feed", '{"guid": "1"}') is not None


@pytest.mark.parametrize("damage", ["update tombstones set kind = 'dolain'", "drop table tombstones"])
def test_takedowns_that_cannot_be_read_are_not_known(tmp_path: Path, damage: str) -> None:
    lake = make_lake(tmp_path / "lake", days=1, cycles=1)
    with opened_memory(lake.memory) as memory:
        recover(lake, memory)
        erase(lake, memory, [tombstone_of("domain", "gone.example", NOW)])
    assert salvage(lake.memory, NOW).knows_tombstones
    with closing(sqlite3.connect(lake.memory)) as connection, connection:
        connection.execute(damage)
    assert not salvage(lake.memory, NOW).knows_tombstones
