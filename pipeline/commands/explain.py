"""`newsbeam explain`: why two texts are or are not copies."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Column, Table

from pipeline.given_texts import GivenText, find_text
from pipeline.terminal import json_line, safe
from transforms.functions.duplicate_index import WINDOW
from transforms.functions.explanation import COPIES, HOUR, Explanation, decision, explain, share_text
from transforms.functions.shared_passages import Passage
from transforms.functions.text_print import LEAST_SHINGLES

_PASSAGES_SHOWN: Final = 10
_PASSAGE_CHARACTERS: Final = 400


def explain_pair(arguments: argparse.Namespace) -> int:
    """Print what the duplicate decision sees in two texts, and what follows; returns the exit code.

    Raises:
        UsageError: one of them names nothing, or what a run would reject.
    """
    a, b = find_text(arguments.a, arguments.lake), find_text(arguments.b, arguments.lake)
    apart = None if a.first_seen_at is None or b.first_seen_at is None else abs(a.first_seen_at - b.first_seen_at)
    same_page = a.article_id == b.article_id
    found = explain(a.body, a.language, b.body, b.language, apart=apart, is_same_page=same_page)
    if arguments.json:
        sys.stdout.write(json_line(_figures(a, b, found)))
    else:
        # Where nothing is known of the reader's width, enough for two columns of text.
        _print(Console(width=shutil.get_terminal_size((120, 24)).columns), a, b, found, show_all=arguments.all)
    return 0


# Showing


def _figures(a: GivenText, b: GivenText, found: Explanation) -> dict[str, Any]:
    sides = {name: {**asdict(row), **asdict(side)} for name, row, side in (("a", a, found.a), ("b", b, found.b))}
    for side in sides.values():
        del side["body"]
    verdict = found.facts
    return {
        "outcome": found.outcome,
        "are_copies": found.outcome in COPIES,
        "decision": decision(found),
        "in_lake": _in_lake(a, b, found),
        **sides,
        "shorter": "a" if found.by_length[0] is found.a else "b",
        "shared_shingles": found.shared_shingles,
        "jaccard": found.jaccard,
        "keys_in_common": found.keys_in_common,
        "hours_apart": None if found.apart is None else found.apart / HOUR,
        "fact_guard": {
            **verdict._asdict(),
            "is_template": verdict.is_template,
            "mattered": found.outcome == "template",
        },
        "passages": list(map(asdict, found.passages)),
    }


def _print(console: Console, a: GivenText, b: GivenText, found: Explanation, *, show_all: bool) -> None:
    _print_lines(console, [decision(found), _in_lake(a, b, found)])
    console.print(_overview(a, b, found))
    if found.passages:
        console.print(_passages(found.passages, show_all=show_all))
    _print_lines(console, _measures(found))


def _print_lines(console: Console, lines: Iterable[str | None]) -> None:
    for line in filter(None, lines):
        console.print(safe(line), soft_wrap=not console.is_terminal)


def _overview(a: GivenText, b: GivenText, found: Explanation) -> Table:
    table = Table("", *_columns())
    for name in ("given", "headline", "outlet", "language", "story", "relation"):
        values = [getattr(row, name) for row in (a, b)]
        if any(values):
            table.add_row(name, *(safe(value or "–") for value in values))
    table.add_row("words", f"{found.a.words:,}", f"{found.b.words:,}")
    table.add_row("distinct shingles", f"{found.a.shingles:,}", f"{found.b.shingles:,}")
    sizes = [(side, "shorter" if side is found.by_length[0] else "longer") for side in (found.a, found.b)]
    table.add_row("share in the other", *(f"{share_text(side.share)} (the {size} text)" for side, size in sizes))
    return table


def _passages(passages: Sequence[Passage], *, show_all: bool) -> Table:
    shown = passages if show_all else passages[:_PASSAGES_SHOWN]
    more = f", the first {len(shown)} shown" if len(shown) < len(passages) else ""
    table = Table("words", *_columns(), title=f"Shared passages: {len(passages):,}{more}", title_justify="left")
    for one in shown:
        cells = ((one.a_at, one.a_text), (one.b_at, one.b_text))
        table.add_row(
            f"{one.words:,}",
            *(safe(f"{at:,}–{at + one.words - 1:,}: {text if show_all else _shortened(text)}") for at, text in cells),
        )
    return table


def _columns() -> list[Column]:
    return [Column(name, overflow="fold") for name in "AB"]


def _shortened(text: str) -> str:
    """Leave out the middle of a long passage."""
    half = _PASSAGE_CHARACTERS // 2
    if len(text) <= 2 * half:
        return text
    return f"{text[:half].rpartition(' ')[0] or text[:half]} […] {text[-half:].partition(' ')[2] or text[-half:]}"


def _measures(found: Explanation) -> Iterator[str]:
    """Yield a line for each thing measured beside the shares."""
    yield f"Shingles in both: {found.shared_shingles:,}. Jaccard: {share_text(found.jaccard)}; it decides nothing."
    if found.languages_differ:
        yield f"Languages differ: {found.a.language or 'unknown'}, {found.b.language or 'unknown'}."
    for name, side in (("A", found.a), ("B", found.b)):
        if side.is_too_short:
            yield f"{name} is too short: {side.shingles} shingles, {LEAST_SHINGLES} are needed."
    if found.apart is not None:
        yield f"Seen {found.apart / HOUR:,.1f} hours apart; up to {WINDOW // HOUR} are compared."
    verdict = found.facts
    if verdict.aligned:
        yield (
            f"Fact guard: {verdict.aligned} sentences with names or numbers say the same in both, {verdict.swapped} of "
            f"them with others: {'a template' if verdict.is_template else 'no template'}. "
            + ("It keeps the two apart." if found.outcome == "template" else "It made no difference.")
        )
    if verdict.example:
        yield from (f"{name}: {_shortened(sentence)}" for name, sentence in zip("AB", verdict.example, strict=True))


def _in_lake(a: GivenText, b: GivenText, found: Explanation) -> str | None:
    """Return what the lake has decided of two of its rows, and how that can differ from the pair's own outcome."""
    if a.story is None or b.story is None:
        return None
    together = a.story == b.story
    has = f"both in one story, {a.story}" if together else f"them in two stories, {a.story} and {b.story}"
    if together == (found.outcome in COPIES):
        return f"The lake agrees: it has {has}."
    if together:
        return f"The lake has {has}, all the same: each is a copy of some text of it, if not of one another."
    return (
        f"The lake has {has}, all the same: a run leaves out what an outlet repeats, gives a weak copy to its best "
        "match only, and compares with the texts that it knew then."
    )
