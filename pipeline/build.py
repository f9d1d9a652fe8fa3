"""The graph: the only file that names all stages in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import apache_beam as beam

import schemas.coders  # noqa: F401  (registers the rows)
from pipeline.memory import Memory
from schemas.input_slice import InputSlice
from schemas.instants import Instant
from schemas.tagged_article import TaggedArticle
from schemas.written_file import WrittenFile
from transforms import extract_articles, read_folder
from transforms.deduplicate import Deduplicate
from transforms.extract_articles import ExtractArticles
from transforms.functions import duplicates
from transforms.functions.duplicate_index import DuplicateIndex
from transforms.print_articles import PrintArticles
from transforms.read_folder import ReadFolder
from transforms.tag_entities import TagEntities
from transforms.tag_topics import TagTopics
from transforms.write_table import WriteTable

if TYPE_CHECKING:  # loads the HTTP client, which a run over folders need not wait for
    from transforms.functions.feed_index import FeedIndex
    from transforms.functions.poll_settings import PollSettings, World


@dataclass(frozen=True)
class FeedGraph:
    """What the graph of a cycle that polls is built from, beside what each cycle has."""

    open_feeds: Callable[[], FeedIndex]
    listed: Sequence[str]
    open_world: Callable[[], World]
    asked_to_stop: Callable[[], int]
    settings: PollSettings


@dataclass(frozen=True)
class CycleGraph:
    """What the graph of one cycle is built from.

    `open_memory`, `open_duplicates`, `on_slice` and `on_row` travel to where the stages run: functions that pickle by
    name.
    """

    run_id: str
    cycle: int
    read_at: Instant
    processes: int
    time_limit: float
    tags: Collection[str]
    folder: str
    open_memory: Callable[[], Memory]
    open_duplicates: Callable[[], DuplicateIndex]
    on_slice: Callable[[InputSlice], None]
    on_row: Callable[[str], None]
    feeds: FeedGraph | None = None


def build(pipeline: beam.Pipeline, slices: Sequence[InputSlice], graph: CycleGraph) -> None:
    """Add one cycle to the pipeline: from slices of the input, or from the feeds, to files noted in the memory."""
    read = _read_slices(pipeline, slices, graph) if graph.feeds is None else _poll_feeds(pipeline, graph.feeds, graph)
    extracted = read[read_folder.PAGES] | "ExtractArticles" >> ExtractArticles(
        graph.run_id, graph.processes, graph.time_limit
    )
    # Followed before they are flattened, which the local runner does only after the last page is through.
    found = _followed(extracted[extract_articles.ARTICLES], "articles", graph)
    failed = _followed(extracted[extract_articles.REJECTS], "rejects", graph)
    given = read[read_folder.ARTICLES] | "PrintArticles" >> PrintArticles()
    articles = (given, found) | "AllArticles" >> beam.Flatten()
    rejects = (read[read_folder.REJECTS], failed) | "AllRejects" >> beam.Flatten()
    decided = articles | "Deduplicate" >> Deduplicate(graph.open_duplicates, graph.run_id, graph.read_at)
    tables = {
        "articles": _tagged(decided[duplicates.ARTICLES], graph),
        "copies": decided[duplicates.COPIES],
        "aliases": decided[duplicates.ALIASES],
        "rejects": rejects,
    }
    if graph.feeds is not None:
        tables |= {"fetches": read["fetches"], "feeds": read["feeds"]}
    files = [
        rows | f"Write{table.capitalize()}" >> WriteTable(table, graph.folder, graph.cycle)
        for table, rows in tables.items()
    ]
    _ = files | "AllFiles" >> beam.Flatten() | "NoteFiles" >> beam.ParDo(_NoteFile(graph.open_memory, graph.cycle))


def _read_slices(
    pipeline: beam.Pipeline, slices: Sequence[InputSlice], graph: CycleGraph
) -> beam.pvalue.DoOutputsTuple:
    return (
        pipeline
        | "InputSlices" >> beam.Create(slices, reshuffle=False).with_output_types(InputSlice)
        | "FollowSlices" >> beam.ParDo(_Follow(graph.on_slice))
        | "ReadFolder" >> ReadFolder(graph.open_memory, graph.run_id, graph.read_at)
    )


def _poll_feeds(pipeline: beam.Pipeline, feeds: FeedGraph, graph: CycleGraph) -> beam.pvalue.DoOutputsTuple:
    from transforms.poll_feeds import PollFeeds

    return (
        pipeline
        | "Tick" >> beam.Create([graph.cycle], reshuffle=False)
        | "PollFeeds"
        >> PollFeeds(
            open_feeds=feeds.open_feeds,
            listed=feeds.listed,
            open_world=feeds.open_world,
            asked_to_stop=feeds.asked_to_stop,
            settings=feeds.settings,
            run_id=graph.run_id,
            read_at=graph.read_at,
        )
    )


def _tagged(articles: beam.PCollection, graph: CycleGraph) -> beam.PCollection:
    rows = articles | "StartUntagged" >> beam.Map(TaggedArticle).with_output_types(TaggedArticle)
    if "topics" in graph.tags:
        rows = rows | "TagTopics" >> TagTopics(graph.processes, graph.time_limit)
    if "entities" in graph.tags:
        rows = rows | "TagEntities" >> TagEntities(graph.processes, graph.time_limit)
    return _followed(rows, "tagged", graph) if graph.tags else rows


def _followed(rows: beam.PCollection, table: str, graph: CycleGraph) -> beam.PCollection:
    return rows | f"Follow{table.capitalize()}" >> beam.ParDo(_Follow(lambda _: graph.on_row(table)))


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
