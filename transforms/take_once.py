"""Of rows that say the same, the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import apache_beam as beam
from apache_beam.coders import BooleanCoder
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer

_SECONDS_A_DAY: Final = 86_400

_TAKEN: Final = ReadModifyWriteStateSpec("taken", BooleanCoder())
_FORGET: Final = TimerSpec("forget_taken", TimeDomain.WATERMARK)


@dataclass
class TakeOnce(beam.PTransform):
    """Rows -> those of which the key has not been met for `days` of the rows' timestamps; the others are counted.

    What engines have in the place of a lake's memory of inputs: each key has a state of its own. Wants the global
    window.
    """

    key_of: Callable[[Any], str]
    row_type: type
    days: int
    name: str
    """Of the counter of rows that are left out."""

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """Chain: key, take."""
        return (
            rows
            | "Key" >> beam.Map(_keyed, self.key_of).with_output_types(tuple[str, self.row_type])  # type: ignore[name-defined]
            | "Take" >> beam.ParDo(_Take(self.days, self.name)).with_output_types(self.row_type)
        )


def _keyed(row: Any, key_of: Callable[[Any], str]) -> tuple[str, Any]:
    return key_of(row), row


class _Take(beam.DoFn):
    def __init__(self, days: int, name: str) -> None:
        self._seconds = days * _SECONDS_A_DAY
        self._already_seen = Metrics.counter(TakeOnce, name)

    def process(
        self,
        keyed: tuple[str, Any],
        timestamp: Any = beam.DoFn.TimestampParam,
        taken: Any = beam.DoFn.StateParam(_TAKEN),
        timer: Any = beam.DoFn.TimerParam(_FORGET),
    ) -> Iterator[Any]:
        timer.set(timestamp + self._seconds)
        if taken.read():
            self._already_seen.inc()
            return
        taken.write(True)
        yield keyed[1]

    @on_timer(_FORGET)  # type: ignore[untyped-decorator]  # Beam ships no types
    def forget(self, taken: Any = beam.DoFn.StateParam(_TAKEN)) -> None:
        taken.clear()
