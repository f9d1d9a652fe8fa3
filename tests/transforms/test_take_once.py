from __future__ import annotations

from pathlib import Path

from apache_beam.testing.test_stream import TestStream
from apache_beam.transforms.window import TimestampedValue

from schemas.reject import Reject
from tests.beam_rows import run_stream
from tests.samples import reject
from transforms.take_once import TakeOnce

DAY = 86_400


def _id(row: Reject) -> str:
    return row.reject_id


def _kept(stream: TestStream, folder: Path) -> list[str]:
    rows = run_stream(TakeOnce(_id, Reject, 3, "rejects"), stream.with_output_types(Reject), folder)[""]
    return sorted(row.source for row in rows)


def test_of_rows_with_one_key_the_first_is_kept(tmp_path: Path) -> None:
    first, again, other = (reject(n, reject_id=name, source=f"s{n}") for n, name in enumerate(("a", "a", "b")))
    stream = TestStream()
    for at, row in ((0, first), (1, again), (2, other), (3, first)):
        stream = stream.add_elements([TimestampedValue(row, at)])
    assert _kept(stream.advance_watermark_to_infinity(), tmp_path) == ["s0", "s2"]


def test_a_key_is_forgotten_when_it_has_not_come_for_so_long_and_not_before(tmp_path: Path) -> None:
    rows = [reject(n, reject_id="a", source=f"s{n}") for n in range(3)]
    stream = TestStream().add_elements([TimestampedValue(rows[0], 0)])
    stream = stream.advance_watermark_to(3 * DAY - 1).add_elements([TimestampedValue(rows[1], 3 * DAY - 1)])
    stream = stream.advance_watermark_to(7 * DAY).add_elements([TimestampedValue(rows[2], 7 * DAY)])
    assert _kept(stream.advance_watermark_to_infinity(), tmp_path) == ["s0", "s2"]
