"""Folders of inputs of which a broken newsbeam, or a broken machine, has rejected some; and what mends them.

The fault is `tests.pipeline.broken_extraction`, and files that cannot be read, are cut off, or go. The truth is a new
lake that a whole newsbeam makes of the mended folder.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from pipeline.commands.query import connect
from tests.pipeline.broken_extraction import HARD, ExtractEasyPage
from tests.samples import html_page, record, write_lines
from transforms.functions.rejects import MAX_PAYLOAD_BYTES

KINDS: Final = ("easy", "hard", "copy", "twin", "wall", "lines", "empty", "link", "half", "gone", "spared")


def break_extraction() -> None:
    """Have this process extract easy pages only."""
    from transforms import extract_articles

    extract_articles.ExtractPage = ExtractEasyPage


@dataclass
class World:
    """A folder, and what is to be done to mend it."""

    folder: Path
    links: list[Path] = field(default_factory=list)
    halves: dict[Path, bytes] = field(default_factory=dict)
    gone: list[Path] = field(default_factory=list)
    """Files that go, and are too long for their rejects to have kept them."""
    spared: list[Path] = field(default_factory=list)
    """Files that go when the truth is known: their rejects have kept them whole."""

    def mend(self) -> None:
        """Put what was away in its place, and take some away."""
        for link in self.links:
            link.resolve().write_text(html_page(link.name))
        for path, whole in self.halves.items():
            path.write_bytes(whole)
        for path in self.gone:
            path.unlink()

    def lose(self) -> None:
        """Take away what nothing is lost with."""
        for path in self.spared:
            path.unlink()


def write_world(folder: Path, chance: Random, size: int) -> World:
    """Write about so many inputs, of each kind one at least."""
    folder.mkdir(parents=True)
    world = World(folder)
    names: list[str] = ["first"]
    (folder / "first.html").write_text(html_page("first"))
    kinds = [*KINDS, *(chance.choice(KINDS) for _ in range(size - len(KINDS)))]
    chance.shuffle(kinds)
    for number, kind in enumerate(kinds):
        _write(world, kind, f"{kind}{number}", names, chance)
    return world


def _write(world: World, kind: str, name: str, names: list[str], chance: Random) -> None:
    page = world.folder / f"{name}.html"
    hard = HARD.decode() if chance.random() < 0.7 else ""
    if kind in ("easy", "hard", "gone", "spared"):
        long = f"<!--{'x' * MAX_PAYLOAD_BYTES}-->" if kind == "gone" else ""
        page.write_text(html_page(name) + (HARD.decode() if kind != "easy" else "") + long)
        names += [name] if kind == "easy" else []
        world.gone += [page] if kind == "gone" else []
        world.spared += [page] if kind == "spared" else []
    elif kind == "copy":
        page.write_text(html_page(chance.choice(names), url=f"https://mirror.example/{name}") + hard)
    elif kind == "twin":
        for path in (page, page.with_name(f"{name}-again.html")):
            path.write_text(html_page(name) + hard)
        world.spared += [page.with_name(f"{name}-again.html")] if chance.random() < 0.5 else []
    elif kind == "wall":
        page.write_text(f"<html><form>Sign in to {name}</form></html>{hard}")
    elif kind == "lines":
        write_lines(page.with_suffix(".jsonl"), [_line(name, number, chance) for number in range(chance.randint(4, 9))])
    elif kind == "empty":
        page.write_text(" ")
    elif kind == "link":
        (world.folder.parent / "away").mkdir(exist_ok=True)
        os.symlink(world.folder.parent / "away" / f"{world.folder.name}-{name}.html", page)
        world.links.append(page)
    else:
        _write_half(world, page.with_suffix(".jsonl.gz"), name)


def _line(name: str, number: int, chance: Random) -> dict[str, Any]:
    url = f"https://ledger.example/{name}/{number}"
    kind = chance.choice(("record", "record", "page", "wall", "bad"))
    if kind == "record":
        return record(f"{name} {number}", url=url)
    if kind == "bad":
        return {"neither": number}
    text = html_page(f"{name} {number}", url=url) if kind == "page" else f"<form>Sign in {number}</form>"
    return {"url": url, "html": text + HARD.decode()}


def _write_half(world: World, path: Path, name: str) -> None:
    whole = gzip.compress("".join(json.dumps(record(f"{name} {one}")) + "\n" for one in range(8)).encode())
    path.write_bytes(whole[: len(whole) // 2])
    world.halves[path] = whole


# What a lake has


@dataclass(frozen=True)
class Found:
    """What readers see of a lake, whatever the order in which it was written."""

    texts: Counter[tuple[str, str]]
    """Pages and texts of all rows of articles and copies."""
    stories: frozenset[frozenset[str]]
    rejects: Counter[str]
    """How often each is a row."""
    attempts: Mapping[str, int]
    settled: Mapping[str, str]
    sources: Mapping[str, str]
    settlings: Counter[str]
    """Rows of `replays` that settle a reject, which may be one at most."""

    @property
    def open(self) -> set[str]:
        """Rejects that are not settled."""
        return set(self.rejects) - set(self.settled)


def look(lake: Path) -> Found:
    """Read a lake as its users do."""
    with connect(str(lake)) as connection:

        def ask(query: str) -> Sequence[Any]:
            return connection.execute(query).fetchall()

        rows = ask(
            "select article_id, content_sha256, article_id from articles union all "
            "select article_id, content_sha256, duplicate_of from copies"
        )
        stories: dict[str, set[str]] = {}
        for page, _, story in rows:
            stories.setdefault(story, set()).add(page)
        rejects = ask("select reject_id, attempts, settled_as, source from rejects")
        settling = "select reject_id from replays where outcome in ('article', 'copy', 'already_seen', 'other_reject')"
        return Found(
            Counter((page, text) for page, text, _ in rows),
            frozenset(map(frozenset, stories.values())),
            Counter(row[0] for row in rejects),
            {row[0]: row[1] for row in rejects},
            {row[0]: row[2] for row in rejects if row[2] is not None},
            {row[0]: row[3] for row in rejects},
            Counter(reject_id for (reject_id,) in ask(settling)),
        )
