"""Builds the graphs: the only file that names all stages in order.

A local cycle and a job on an engine have the same stages; what differs is where rows come from and go to, and what is
remembered where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

import apache_beam as beam

import schemas.coders  # noqa: F401  (registers the rows)
from pipeline.graph_parts import CycleGraph, EngineGraph, FeedGraph, FeedSource, FolderSource, StreamGraph, Work
from pipeline.lake import JOB
from pipeline.memory import Memory
from schemas.input_slice import InputSlice
from schemas.instants import Instant
from schemas.printed_article import PrintedArticle
from schemas.reject import Reject
from schemas.tagged_article import TaggedArticle
from schemas.written_file import WrittenFile
from transforms import extract_articles, read_folder
from transforms.deduplicate import Deduplicate
from transforms.drop_erased import DropErased
from transforms.drop_repeated import DropRepeated
from transforms.extract_articles import ExtractArticles
from transforms.functions import duplicates
from transforms.functions.dictionary_index import DictionaryIndex
from transforms.read_folder import ReadFolder
from transforms.tag_entities import TagEntities
from transforms.tag_topics import TagTopics
from transforms.write_table import WriteTable

_Rows: TypeAlias = Mapping[str, beam.PCollection]
"""Rows by table, or by what they are."""

DAYS_OF_FILES: Final = 30
"""For how long a stream knows a file again."""

DAYS_OF_REJECTS: Final = 3
"""For how long a stream knows a reject again: as long as it knows articles."""


def build(pipeline: beam.Pipeline, slices: Sequence[InputSlice], graph: CycleGraph) -> None:
    """Add one local cycle: from slices of the input, or from the feeds, to files noted in the memory."""
    read = _read_slices(pipeline, slices, graph) if graph.feeds is None else _poll_feeds(pipeline, graph.feeds, graph)
    decide = Deduplicate(graph.open_duplicates, graph.work.run_id, graph.read_at)
    files = _written(_tables(read, decide, graph.work), graph.folder, f"c{graph.cycle:08d}")
    _ = files | "NoteFiles" >> beam.ParDo(_NoteFile(graph.open_memory, graph.cycle))


def build_backfill(
    pipeline: beam.Pipeline, graph: EngineGraph, folder: FolderSource, unpublished: str, started_at: Instant
) -> None:
    """Add a bounded job: from files to files, which are published when all are written."""
    from transforms.list_files import ListFiles
    from transforms.publish_files import PublishFiles

    files = pipeline | "Once" >> beam.Create([0], reshuffle=False) | "ListFiles" >> ListFiles(folder.find)
    read = _read_files(files, folder, graph.work, started_at)
    decide = Deduplicate(DictionaryIndex, graph.work.run_id, started_at)
    tables = _each_reject_once(_tables(read, decide, graph.work))
    written = _written(tables, unpublished, graph.work.run_id, graph.shards)
    _ = written | "PublishFiles" >> PublishFiles(unpublished, graph.root)


def build_stream(pipeline: beam.Pipeline, graph: StreamGraph) -> None:
    """Add a job without end: from files that appear and feeds that are due to files, published as the engine allows."""
    from transforms.deduplicate_stream import DeduplicateStream
    from transforms.tick import Tick
    from transforms.write_stream import WriteStream

    ticks = pipeline | "Tick" >> Tick(graph.seconds, graph.asked_to_stop)
    sources = [_watch_folder(ticks, graph.folder, graph.work)] if graph.folder is not None else []
    sources += [_poll_stream(ticks, graph.feeds, graph)] if graph.feeds is not None else []
    read = sources[0] if len(sources) == 1 else _flattened(sources)
    tables = _each_reject_once(_tables(read, DeduplicateStream(graph.work.run_id), graph.work))
    write = partial(
        WriteStream,
        root=graph.root,
        run_id=graph.work.run_id,
        seconds=graph.flush_seconds,
        shards=graph.shards,
        publish_at_once=graph.publish_at_once,
        claim=JOB,
    )
    for table, rows in tables.items():
        _ = rows | f"Write{table.capitalize()}" >> write(table)


# The middle, which all have


def _tables(read: _Rows, decide: beam.PTransform, work: Work) -> _Rows:
    """Extract, deduplicate and tag; returns the rows of each table."""
    extract = ExtractArticles(work.run_id, work.processes, work.time_limit)
    extracted = read[read_folder.DOCUMENTS] | "ExtractArticles" >> extract
    articles = _followed(extracted[extract_articles.ARTICLES], "articles", work)
    # Followed before they are flattened, which the local runner does only after the last page is through.
    failed = _followed(extracted[extract_articles.REJECTS], "rejects", work)
    rejects = (read[read_folder.REJECTS], failed) | "AllRejects" >> beam.Flatten()
    if work.open_attempts is not None:
        rejects = rejects | "DropRepeated" >> DropRepeated(work.open_attempts)
    if work.erased:
        articles = articles | "DropErased" >> DropErased(work.erased, PrintedArticle)
        rejects = rejects | "DropErasedRejects" >> DropErased(work.erased, Reject)
    decided = articles | "Deduplicate" >> decide
    tables = {
        "articles": _tagged(decided[duplicates.ARTICLES], work),
        "copies": decided[duplicates.COPIES],
        "aliases": decided[duplicates.ALIASES],
        "rejects": rejects,
    }
    return tables | {name: read[name] for name in ("fetches", "feeds") if name in read}


def _tagged(articles: beam.PCollection, work: Work) -> beam.PCollection:
    rows = articles | "StartUntagged" >> beam.Map(TaggedArticle).with_output_types(TaggedArticle)
    if "topics" in work.tags:
        rows = rows | "TagTopics" >> TagTopics(work.processes, work.time_limit)
    if "entities" in work.tags:
        rows = rows | "TagEntities" >> TagEntities(work.processes, work.time_limit)
    return _followed(rows, "tagged", work) if work.tags else rows


def _written(tables: _Rows, folder: str, writer: str, shards: int = 1) -> beam.PCollection:
    files = [
        rows | f"Write{table.capitalize()}" >> WriteTable(table, folder, writer, shards)
        for table, rows in tables.items()
    ]
    return files | "AllFiles" >> beam.Flatten()


def _followed(rows: beam.PCollection, table: str, work: Work) -> beam.PCollection:
    if work.on_row is None:
        return rows
    tell = work.on_row
    return rows | f"Follow{table.capitalize()}" >> beam.ParDo(_Follow(lambda _: tell(table)))


# Where rows come from: a local cycle


def _read_slices(pipeline: beam.Pipeline, slices: Sequence[InputSlice], graph: CycleGraph) -> _Rows:
    followed = (
        pipeline
        | "InputSlices" >> beam.Create(slices, reshuffle=False).with_output_types(InputSlice)
        | "FollowSlices" >> beam.ParDo(_Follow(graph.on_slice))
    )
    open_index = graph.open_memory if graph.replay is None else graph.replay.open_index
    read = _by_name(followed | "ReadFolder" >> ReadFolder(open_index, graph.work.run_id, graph.read_at))
    if graph.replay is None or not graph.replay.kept:
        return read
    from transforms.read_kept import ReadKept

    rejects = pipeline | "KeptRejects" >> beam.Create(graph.replay.kept, reshuffle=False).with_output_types(Reject)
    return _flattened([read, _by_name(rejects | "ReadKept" >> ReadKept(graph.work.run_id, graph.read_at))])


def _poll_feeds(pipeline: beam.Pipeline, feeds: FeedGraph, graph: CycleGraph) -> _Rows:
    from transforms.poll_feeds import PollFeeds

    poll = PollFeeds(
        open_feeds=feeds.open_feeds,
        listed=feeds.listed,
        open_world=feeds.open_world,
        asked_to_stop=feeds.asked_to_stop,
        settings=feeds.settings,
        run_id=graph.work.run_id,
        read_at=graph.read_at,
    )
    return _by_name(pipeline | "Tick" >> beam.Create([graph.cycle], reshuffle=False) | "PollFeeds" >> poll)


# Where rows come from: an engine


def _watch_folder(ticks: beam.PCollection, folder: FolderSource, work: Work) -> _Rows:
    from transforms.list_files import ListFiles, file_key
    from transforms.take_once import TakeOnce

    files = (
        ticks
        | "ListFiles" >> ListFiles(folder.find)
        | "TakeFilesOnce" >> TakeOnce(file_key, InputSlice, DAYS_OF_FILES, "files")
    )
    return _read_files(files, folder, work, None)


def _read_files(files: beam.PCollection, folder: FolderSource, work: Work, read_at: Instant | None) -> _Rows:
    from transforms.slice_files import SliceFiles

    slices = files | "SliceFiles" >> SliceFiles(folder.slices_of)
    return _by_name(slices | "ReadFolder" >> ReadFolder(folder.open_index, work.run_id, read_at))


def _poll_stream(ticks: beam.PCollection, feeds: FeedSource, graph: StreamGraph) -> _Rows:
    from transforms.poll_feeds_stream import PollFeedsStream

    poll = PollFeedsStream(feeds.given, feeds.settings, graph.work.run_id, graph.seconds, graph.shards)
    return _by_name(ticks | "PollFeeds" >> poll)


def _each_reject_once(tables: _Rows) -> _Rows:
    from transforms.take_once import TakeOnce

    once = TakeOnce(_reject_id, Reject, DAYS_OF_REJECTS, "rejects")
    return {**tables, "rejects": tables["rejects"] | "TakeRejectsOnce" >> once}


def _reject_id(reject: Reject) -> str:
    return reject.reject_id


def _flattened(sources: Sequence[_Rows]) -> _Rows:
    names = sorted({name for rows in sources for name in rows})
    return {
        name: tuple(rows[name] for rows in sources if name in rows) | f"All{name.capitalize()}Read" >> beam.Flatten()
        for name in names
    }


def _by_name(outputs: beam.pvalue.DoOutputsTuple) -> _Rows:
    return {name: outputs[name] for name in outputs._tags}


class _Follow(beam.DoFn):
    """Passes rows on and tells of each: how a local run shows its progress."""

    def __init__(self, tell: Callable) -> None:
        self._tell = tell

    def process(self, row: object) -> Iterator[object]:
        self._tell(row)
        yield row


class _NoteFile(beam.DoFn):
    """Notes written files in the memory, within the cycle's transaction."""

    def __init__(self, open_memory: Callable[[], Memory], cycle: int) -> None:
        self._open_memory = open_memory
        self._cycle = cycle

    def process(self, file: WrittenFile) -> None:
        self._open_memory().note_file(self._cycle, file)
