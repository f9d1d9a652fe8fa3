"""What the graphs of `build` are built from. The functions in them travel to where the stages run, by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.memory import Memory
from schemas.input_slice import InputSlice
from schemas.instants import Instant
from schemas.reject import Reject
from transforms.drop_repeated import Attempts
from transforms.functions.duplicate_index import DuplicateIndex
from transforms.functions.tombstones import NO_TOMBSTONES, Tombstones

if TYPE_CHECKING:  # loads the HTTP client, which a run over folders need not wait for
    from transforms.functions.feed_index import FeedIndex
    from transforms.functions.folder_inputs import InputIndex
    from transforms.functions.poll_settings import PollSettings, World
    from transforms.poll_feeds_stream import StreamOfFeeds


@dataclass(frozen=True)
class Work:
    """How pages become rows, wherever that is."""

    run_id: str
    processes: int
    time_limit: float
    tags: Collection[str]
    on_row: Callable[[str], None] | None = None
    """Told of each row that is found, rejected or tagged; pickles by name."""
    erased: Tombstones = NO_TOMBSTONES
    """What was taken down, and is written no more."""
    open_attempts: Callable[[], Attempts] | None = None
    """Who counts the rejects that are done again; None where none are."""


@dataclass(frozen=True)
class FeedGraph:
    """What the graph of a cycle that polls is built from, beside what each cycle has."""

    open_feeds: Callable[[], FeedIndex]
    listed: Sequence[str]
    open_world: Callable[[], World]
    asked_to_stop: Callable[[], int]
    settings: PollSettings


@dataclass(frozen=True)
class ReplayGraph:
    """What the graph of a cycle that does rejects again is built from beside."""

    open_index: Callable[[], InputIndex]
    """The memory of inputs, but for those that are done again."""
    kept: Sequence[Reject]
    """Rejects that are done again from what their rows have kept."""


@dataclass(frozen=True)
class CycleGraph:
    """What the graph of one local cycle is built from."""

    work: Work
    cycle: int
    read_at: Instant
    folder: str
    open_memory: Callable[[], Memory]
    open_duplicates: Callable[[], DuplicateIndex]
    on_slice: Callable[[InputSlice], None]
    feeds: FeedGraph | None = None
    replay: ReplayGraph | None = None


@dataclass(frozen=True)
class FolderSource:
    """Files that an engine's workers look for and read."""

    find: Callable[[], Iterable[InputSlice]]
    slices_of: Callable[[InputSlice], Iterable[InputSlice]]
    open_index: Callable[[], InputIndex]


@dataclass(frozen=True)
class FeedSource:
    """Feeds that an engine's workers poll."""

    given: StreamOfFeeds
    settings: PollSettings


@dataclass(frozen=True)
class EngineGraph:
    """What the graph of a job on an engine is built from."""

    work: Work
    root: str
    """Folder of the lake."""
    shards: int


@dataclass(frozen=True)
class StreamGraph(EngineGraph):
    """What a job without end has beside."""

    seconds: float
    """Between two looks for files and feeds that are due."""
    flush_seconds: float
    """A file of rows is ended after."""
    publish_at_once: bool
    asked_to_stop: Callable[[], bool]
    folder: FolderSource | None
    feeds: FeedSource | None
