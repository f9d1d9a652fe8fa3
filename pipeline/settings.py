"""What a run was asked for, checked and frozen."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import Final

from schemas.errors import UsageError


@dataclass(frozen=True)
class MaxRejects:
    """How many rejects a run may have before it counts as failed: a number, or a share of its inputs."""

    text: str
    limit: float
    is_share: bool

    @classmethod
    def parse(cls, text: str) -> MaxRejects:
        """Read `N` or `N%`.

        Raises:
            UsageError: it is neither.
        """
        match = re.fullmatch(r"(\d+(?:\.\d+)?)%|(\d+)", text.strip())
        if match is None or (match[1] and float(match[1]) > 100):
            raise UsageError(f"--max-rejects {text}: give a whole number (100) or a share of the inputs (2%)")
        return cls(text, float(match[1]), True) if match[1] else cls(text, float(match[2]), False)

    def is_exceeded(self, rejects: int, inputs: int) -> bool:
        """Whether so many rejects of so many inputs are too many."""
        return rejects * 100 > self.limit * inputs if self.is_share else rejects > self.limit


TAGS: Final = ("topics", "entities")
"""What articles can be tagged with, in the order of the stages."""


def parse_tags(text: str) -> frozenset[str]:
    """Read `topics,entities`, one of them, or `none`.

    Raises:
        UsageError: it names something else.
    """
    names = {name.strip() for name in text.split(",")}
    if names == {"none"}:
        return frozenset()
    if not names <= set(TAGS):
        raise UsageError(f"--tags {text}: give {','.join(TAGS)}, one of them, or none")
    return frozenset(names)


_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


def parse_duration(flag: str, text: str) -> float:
    """Read `90s`, `10m`, `1h` or `1d`; returns seconds.

    Raises:
        UsageError: it is none, or no time at all.
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smhd])", text.strip().lower())
    if match is None or float(match[1]) == 0:
        raise UsageError(f"{flag} {text}: give a time with its unit (90s, 10m, 1h, 1d)")
    return float(match[1]) * _UNITS[match[2]]


@dataclass(frozen=True)
class FeedSettings:
    """How `newsbeam run --feeds` polls; times are seconds."""

    lists: tuple[str, ...]
    """Lists of feeds, and addresses of feeds."""
    every: float | None
    """A round starts so often; None for one round."""
    budget: float
    """Requests are started for so long in a round."""
    host_gap: float
    contact: str | None
    allow_private: bool
    longest_interval: float | None = None
    """No feed is polled less often; None for the usual limits."""


@dataclass(frozen=True)
class EngineSettings:
    """What a job on an engine has beside; times are seconds."""

    runner: str
    streaming: bool
    seconds: float
    """Between two looks for files and feeds that are due."""
    flush_seconds: float
    shards: int
    start_anew: bool


@dataclass(frozen=True)
class WatchSettings:
    """How a run is watched."""

    log_format: str = "text"
    metrics_port: int | None = None
    """None for no metrics."""
    metrics_address: str = "127.0.0.1"


@dataclass(frozen=True)
class RunSettings:
    """Settings of `newsbeam run`; what each means stands in the command's help."""

    inputs: tuple[str, ...]
    output: str
    processes: int
    time_limit: float
    tags: frozenset[str]
    max_rejects: MaxRejects | None
    json: bool
    quiet: bool
    beam_flags: tuple[str, ...]
    feeds: FeedSettings | None = None
    engine: EngineSettings | None = None
    """None for a local run."""
    watch: WatchSettings = WatchSettings()

    def on_workers(self) -> RunSettings:
        """Return these settings with paths that mean the same in the workers of an engine, whose folder is another."""
        feeds = self.feeds
        if feeds is not None:
            feeds = replace(feeds, lists=tuple(map(_absolute, feeds.lists)))
        return replace(self, inputs=tuple(map(_absolute, self.inputs)), output=_absolute(self.output), feeds=feeds)


def _absolute(path: str) -> str:
    return path if "://" in path else os.path.abspath(path)
