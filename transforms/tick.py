"""Ticks: what makes an unbounded pipeline look for something to do, again and again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Duration, Timestamp

_END: Final = sys.maxsize


def never() -> bool:
    """Whether the stream is to end: no."""
    return False


@dataclass
class Tick(beam.PTransform):
    """Nothing -> a number every `seconds`, counted from 0, for ever.

    Its timestamp is the time at which it comes, which the watermark follows, so that nothing downstream is ever ahead
    of the clock. (PeriodicImpulse gives its elements the times at which they were due, all at once after a pause, and
    its watermark ran ahead of them: measured.) A runner that drains the job ends it; so does `asked_to_stop`, asked
    where the source runs: in this process on engines that call back into it, elsewhere never.
    """

    seconds: float
    asked_to_stop: Callable[[], bool] = never

    def expand(self, root: beam.Pipeline | beam.pvalue.PBegin) -> beam.PCollection:
        """Chain: one element, which ticks."""
        return (
            root
            | "Start" >> beam.Impulse()
            | "TickOn" >> beam.ParDo(_Ticking(self.seconds, self.asked_to_stop)).with_output_types(int)
        )


class _OneAfterTheOther(OffsetRestrictionTracker):
    """Numbers without end, which are never shared out: two halves would be two clocks."""

    def is_bounded(self) -> bool:
        return False

    def try_split(self, fraction_of_remainder: float) -> Any:
        return super().try_split(0) if fraction_of_remainder == 0 else None


class _AllNumbers(RestrictionProvider):
    def initial_restriction(self, element: object) -> OffsetRange:
        return OffsetRange(0, _END)

    def create_tracker(self, restriction: OffsetRange) -> _OneAfterTheOther:
        return _OneAfterTheOther(restriction)

    def restriction_size(self, element: object, restriction: OffsetRange) -> int:
        return 1  # of the same weight for ever: one tick is due

    def truncate(self, element: object, restriction: OffsetRange) -> None:
        return None  # drained: no more ticks


class _Ticking(beam.DoFn):
    def __init__(self, seconds: float, asked_to_stop: Callable[[], bool]) -> None:
        self._seconds = seconds
        self._asked_to_stop = asked_to_stop

    @beam.DoFn.unbounded_per_element()  # type: ignore[untyped-decorator]  # Beam ships no types
    def process(
        self,
        element: object,
        tracker: Any = beam.DoFn.RestrictionParam(_AllNumbers()),
        watermark: Any = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider()),
    ) -> Iterator[TimestampedValue]:
        number = tracker.current_restriction().start
        if self._asked_to_stop():
            tracker.try_claim(_END)  # nothing is left to do
            return
        if not tracker.try_claim(number):
            return
        now = Timestamp.now()
        yield TimestampedValue(number, now)
        watermark.set_watermark(now)
        tracker.defer_remainder(Duration(seconds=self._seconds))
