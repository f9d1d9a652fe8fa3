"""Measure text and metadata of saved pages against trafilatura's own defaults, on two labelled sets.

    python tests/benchmarks/extraction.py DATA [--cache DIR] [--processes N] [--limit N]

DATA is the folder of development data with `pages/trafilatura-eval.tar.xz` (F over strings that must and must not be in
the text) and `pages/wcxb-dev-articles.tar.xz` (mean F1 over the words of each page). Both scorers do as the sets' own.
Titles, writers and days count as right when equal after the normalisation in this file, the same for both extractors.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import tarfile
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trafilatura

from schemas.errors import InputRejected
from transforms.functions.pages import extract_page
from transforms.functions.worker_pool import available_cores

EXTRACTORS = ("trafilatura", "newsbeam")
_ARCHIVES = {"trafilatura": "trafilatura-eval.tar.xz", "wcxb": "wcxb-dev-articles.tar.xz"}


@dataclass(frozen=True)
class Sample:
    """One labelled page: where it lies and what must come out of it."""

    set_name: str
    path: Path
    url: str | None
    labels: dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What one extractor made of one page, and the processor seconds that took."""

    text: str = ""
    title: str | None = None
    authors: frozenset[str] = frozenset()
    day: str = ""
    seconds: float = 0.0
    rejected: bool = False


def unpack(data: Path, cache: Path) -> dict[str, Path]:
    """Unpack the two archives below `cache`, once, and return where each lies."""
    folders = {}
    for name, archive in _ARCHIVES.items():
        folders[name] = cache / name
        if not (folders[name] / ".complete").exists():
            with tarfile.open(data / "pages" / archive) as tar:
                tar.extractall(folders[name], filter="data")
            (folders[name] / ".complete").touch()
    return folders


def read_samples(folders: dict[str, Path]) -> Iterator[Sample]:
    """Yield the labelled pages of both sets."""
    labels_path = next(folders["trafilatura"].rglob("evaldata.json"))
    files = {path.name: path for path in labels_path.parent.rglob("*.html")}
    for url, labels in json.loads(labels_path.read_text("utf-8")).items():
        known = {"title": labels.get("title"), "author": labels.get("author"), "date": labels.get("date")}
        path = files.get(labels["file"]) or files[unicodedata.normalize("NFD", labels["file"])]
        yield Sample("trafilatura", path, url, {**labels, **known})
    for path in sorted(folders["wcxb"].rglob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        truth = document["ground_truth"]
        page = path.parent.parent / "html" / f"{path.stem}.html"
        yield Sample("wcxb", page, document.get("url"), {**truth, "date": truth.get("publish_date")})


def extract(task: tuple[str, Sample]) -> Found:
    """Run one extractor over one page."""
    extractor, sample = task
    logging.disable(logging.CRITICAL)
    body = sample.path.read_bytes()
    start = time.process_time()
    found = _with_trafilatura(body, sample.url) if extractor == "trafilatura" else _with_newsbeam(body, sample.url)
    return Found(**{**found, "seconds": time.process_time() - start})


def _with_trafilatura(body: bytes, url: str | None) -> dict[str, Any]:
    try:
        document = trafilatura.bare_extraction(body, url=url, with_metadata=True)
    except Exception:
        document = None
    if document is None:
        return {"rejected": True}
    return {"text": document.text or "", "title": document.title, "authors": names(document.author),
            "day": document.date or ""}  # fmt: skip


def _with_newsbeam(body: bytes, url: str | None) -> dict[str, Any]:
    try:
        page = extract_page(body, url=url)
    except InputRejected:
        return {"rejected": True}
    return {"text": page.text, "title": page.headline, "authors": names(list(page.authors)),
            "day": page.date_published.date().isoformat() if page.date_published else ""}  # fmt: skip


def plain(text: str | None) -> str:
    """Return a title or name for comparison: its words in small letters, without punctuation."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text or "").casefold()))


def names(stated: str | list[str] | None) -> frozenset[str]:
    """Return the set of names in what states them; their order does not count."""
    listed = stated if isinstance(stated, list) else [stated or ""]
    parts = (part for text in listed for part in re.split(r"\s*(?:;|,|&|\band\b|\bund\b|\|)\s*", text))
    return frozenset(name for part in parts if (name := plain(part)))


def count_strings(labels: dict[str, Any], text: str) -> tuple[int, int, int]:
    """Return strings found that must be there, found that must not, and missed."""
    spaced = " ".join(text.split())
    right = sum(" ".join(string.split()) in spaced for string in labels["with"])
    wrong = sum(" ".join(string.split()) in spaced for string in labels["without"])
    return right, wrong, len(labels["with"]) - right


def word_f1(text: str, expected: str) -> float:
    """Return the F1 of the bag of words of a text."""
    found, wanted = (Counter(re.findall(r"\w+", side.lower())) for side in (text, expected))
    if not found or not wanted:
        return float(not found and not wanted)
    return 2 * (found & wanted).total() / (found.total() + wanted.total())


def score(samples: list[Sample], found: list[Found]) -> dict[str, str]:
    """Return the row of figures of one extractor on one set."""
    if samples[0].set_name == "wcxb":
        text = sum(
            word_f1(one.text, sample.labels.get("main_content") or "") for sample, one in _pairs(samples, found)
        ) / len(samples)
    else:
        right, wrong, missed = (
            sum(column)
            for column in zip(*(count_strings(s.labels, f.text) for s, f in _pairs(samples, found)), strict=True)
        )
        text = 2 * right / (2 * right + wrong + missed)
    return {
        "text F1": f"{text:.4f}",
        "title": _share(
            plain(s.labels["title"]) == plain(f.title) for s, f in _pairs(samples, found) if s.labels.get("title")
        ),
        "author": _share(
            names(s.labels["author"]) == f.authors for s, f in _pairs(samples, found) if s.labels.get("author")
        ),
        "date": _share(str(s.labels["date"])[:10] == f.day for s, f in _pairs(samples, found) if s.labels.get("date")),
        "pages/s/core": f"{len(found) / sum(one.seconds for one in found):.1f}",
        "rejected": str(sum(one.rejected for one in found)),
    }


def _pairs(samples: list[Sample], found: list[Found]) -> Iterable[tuple[Sample, Found]]:
    return zip(samples, found, strict=True)


def _share(right: Iterable[bool]) -> str:
    values = list(right)
    return f"{sum(values) / max(1, len(values)):.3f}"


def report(samples: list[Sample], results: dict[str, list[Found]]) -> str:
    """Return the table of both extractors on both sets, in Markdown."""
    lines: list[str] = []
    for set_name in dict.fromkeys(sample.set_name for sample in samples):
        chosen = [place for place, sample in enumerate(samples) if sample.set_name == set_name]
        for extractor, found in results.items():
            row = score([samples[place] for place in chosen], [found[place] for place in chosen])
            if not lines:
                lines = ["| set | pages | extractor | " + " | ".join(row) + " |", "|---" * (len(row) + 3) + "|"]
            lines.append(f"| {set_name} | {len(chosen)} | {extractor} | " + " | ".join(row.values()) + " |")
    return "\n".join(lines)


def main() -> None:
    """Read the arguments, run both extractors, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the development data")
    parser.add_argument("--cache", type=Path, help="folder to unpack the pages to, kept for the next run (207 MB)")
    parser.add_argument("--processes", type=int, default=available_cores(), help="processes (default: all cores)")
    parser.add_argument("--limit", type=int, help="only every so-many-th page, so that this many are left")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        samples = list(read_samples(unpack(arguments.data, arguments.cache or Path(temporary))))
        samples = samples[:: max(1, len(samples) // arguments.limit)] if arguments.limit else samples
        with ProcessPoolExecutor(arguments.processes) as pool:
            tasks = [(extractor, sample) for sample in samples for extractor in EXTRACTORS]
            found = list(pool.map(extract, tasks, chunksize=8))
    print(report(samples, {name: found[place :: len(EXTRACTORS)] for place, name in enumerate(EXTRACTORS)}))


if __name__ == "__main__":
    main()
