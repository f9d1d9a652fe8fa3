"""An input that shows each thing the product does, and what a lake made of it, comparable between engines."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipeline.lake import open_lake
from pipeline.views import view_definitions
from tests.duplicate_worlds import plain_sentence
from tests.samples import html_page, record

ROOT = Path(__file__).parents[2]
LIMIT = 240.0
"""Seconds for a run on an engine; the slowest took 60 on two busy cores."""


def write_inputs(folder: Path) -> int:
    """Write the seeds, 300 wire and made-up documents and 40 pages, all into one folder; returns how many inputs."""
    folder.mkdir()
    seeds = [path for path in sorted((ROOT / "seeds").rglob("*")) if path.is_file()]
    for path in seeds:
        shutil.copy(path, folder / f"seed-{path.name}")
    draw = random.Random(5)
    for number in range(300):
        story = draw.randrange(120)
        sentences = [plain_sentence(100 * story + sentence) for sentence in range(9)]
        # As it came, cut from the end, or under a new lede: so desks run a wire story.
        told = (sentences, sentences[:6], [plain_sentence(20_000 + number), *sentences[1:]])[number % 3]
        body = "\n".join(told)
        # Three texts an outlet: what it repeats under four stories is its furniture, which takes an order to learn.
        url = f"https://outlet{number % 100}.example/{number}"
        one = record(f"n{number}", url=url, article_body=body, in_language="en", headline=f"Report {number}")
        (folder / f"n{number:03d}.jsonl").write_text(json.dumps(one) + "\n")
    for number in range(40):
        (folder / f"page{number:02d}.html").write_text(
            html_page(f"page {number % 36}", url=f"https://p{number % 20}.example/{number}")
        )
    lines = [len(path.read_text().splitlines()) if path.suffix == ".jsonl" else 1 for path in seeds]
    return sum(lines) + 340


class Tables(NamedTuple):
    """A lake, without what differs between any two runs."""

    ids: frozenset[str]
    stories: frozenset[frozenset[str]]
    tags: dict[str, tuple[str, str]]
    """Topics and entities, by article."""
    rejects: frozenset[tuple[str, ...]]

    def differences(self, other: Tables) -> dict[str, int]:
        """Return how much differs: ids, stories, tags of articles that both tagged, rejects."""
        both = self.tags.keys() & other.tags.keys()
        return {
            "ids": len(self.ids ^ other.ids),
            "stories": len(self.stories ^ other.stories),
            "tags": sum(self.tags[one] != other.tags[one] for one in both),
            "rejects": len(self.rejects ^ other.rejects),
        }

    def line(self) -> str:
        """Return its sizes, as a line for people."""
        folded = sum(len(story) > 1 for story in self.stories)
        return (
            f"{len(self.ids)} ids, {len(self.stories)} stories ({folded} of several texts), "
            f"{len(self.tags)} tagged articles, {len(self.rejects)} rejects"
        )


def tables_of(lake: Path) -> Tables:
    """Read a lake by its views."""
    with duckdb.connect() as connection:
        connection.execute("\n".join(view_definitions(open_lake(str(lake)).root).values()))
        rows = connection.execute(
            "select article_id, article_id from articles union all select article_id, duplicate_of from copies"
        ).fetchall()
        stories: dict[str, set[str]] = {}
        for article_id, story in rows:
            stories.setdefault(story, set()).add(article_id)
        tagged = connection.execute(
            "select article_id, topics::varchar, entities::varchar from articles where topics_state is not null"
        ).fetchall()
        rejects = connection.execute("select parse_filename(source), stage, reason, input_id from rejects").fetchall()
    return Tables(
        frozenset(article_id for article_id, _ in rows),
        frozenset(map(frozenset, stories.values())),
        {article_id: (topics, entities) for article_id, topics, entities in tagged},
        frozenset(map(tuple, rejects)),
    )


def run_bounded(inputs: Path, lake: Path, flags: Sequence[str]) -> Tables:
    """Read the folder in a run that ends."""
    command = [sys.executable, "-m", "pipeline.cli", "run", "--input", str(inputs), "--output", str(lake), *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr[-2000:]
    return tables_of(lake)


def run_stream(inputs: Path, count: int, lake: Path, flags: Sequence[str], stop: Callable[[], object] | None) -> Tables:
    """Let the files of a folder appear one by one, shuffled, under the path of a stream that runs already.

    Args:
        inputs: folder of the files.
        count: rows that they become.
        lake: where to.
        flags: of the engine.
        stop: ends the job where it does not hear the command's signals.
    """
    appearing = lake.parent / f"{lake.name}-inputs"
    appearing.mkdir()
    command = [sys.executable, "-m", "pipeline.cli", "run", "--input", str(appearing), "--output", str(lake)]
    command += ["--streaming", "--every", "2s", "--flush", "2s", *flags]
    with (lake.parent / f"{lake.name}.log").open("w") as log:
        job = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        files = sorted(path for path in inputs.rglob("*") if path.is_file())
        random.Random(11).shuffle(files)
        for path in files:
            shutil.copy(path, appearing / f".{path.name}")
            (appearing / f".{path.name}").rename(appearing / path.name)
            time.sleep(0.02)
        _wait_for_rows(lake, count, job)
    finally:
        if stop is not None:
            stop()
        job.terminate()
        job.wait(60)
    return tables_of(lake)


def _wait_for_rows(lake: Path, count: int, job: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + LIMIT
    while (found := _rows(lake)) < count:
        assert job.poll() is None, f"the job ended: {(lake.parent / f'{lake.name}.log').read_text()[-2000:]}"
        assert time.monotonic() < until, f"{found} of {count} rows after {LIMIT:g} s"
        time.sleep(0.5)


def _rows(lake: Path) -> int:
    files = [str(path) for table in ("articles", "copies", "rejects") for path in (lake / table).rglob("*.parquet")]
    if not files:
        return 0
    with duckdb.connect() as connection:
        query = "select sum(num_rows) from parquet_file_metadata($1)"
        ((rows,),) = connection.execute(query, [files]).fetchall()
    return int(rows or 0)
