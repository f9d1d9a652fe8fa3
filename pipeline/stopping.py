"""Signals: the first Ctrl-C or SIGTERM ends a run after its cycle, the second one at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from types import FrameType

from pipeline.run_log import say


@dataclass
class Stopping:
    """What was asked for so far."""

    asked: Event = field(default_factory=Event)
    at_once: Event = field(default_factory=Event)


_now = Stopping()


def times_asked_to_stop() -> int:
    """Return 0, 1 (finish what is under way) or 2 (break it off): what a stage of this process's run asks."""
    return 2 if _now.at_once.is_set() else int(_now.asked.is_set())


@contextmanager
def stopping_on_signals(
    said: str = "finishing this cycle, then stopping; once more to stop at once (nothing is lost)",
) -> Iterator[Event]:
    """Yield an event that the first Ctrl-C or SIGTERM sets, to end after the cycle; a second one ends at once.

    Args:
        said: at the first signal.

    Raises:
        KeyboardInterrupt: after the second, whatever the engine made of it.
    """
    global _now
    _now = stopping = Stopping()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stopping.asked.is_set():
            stopping.at_once.set()
            raise KeyboardInterrupt
        stopping.asked.set()
        say("stopping", said)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield stopping.asked
    except Exception as error:
        if stopping.at_once.is_set():
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
