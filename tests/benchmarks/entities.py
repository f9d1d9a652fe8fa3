"""Entities: exact-span F1 beside the raw model, speed, and memory on long texts; prints Markdown tables.

    python tests/benchmarks/entities.py DATA [--show N]

DATA is the folder of development data; read are `tags/wikigold.conll.txt`, `tags/uner_en_pud.iob2` (PUD),
`tags/wnut17/` and, for speed, the articles of 500 to 800 words of `tags/topics_train.jsonl`. Texts are rebuilt from
their words, the same for every contender; a name is found if start, end and type (person, organisation, place) are
right. MISC of wikigold and WNUT17's works and products count as no names; its corporations and groups are
organisations. The contenders:

- raw: spaCy's small model; GPE, LOC and FAC are places.
- raw, trimmed: the same without a leading article and a trailing possessive, which none of the sets marks. This is
  what the others must beat.
- newsbeam: as shipped. Its classifier was taught wikigold, PUD and WNUT17's `dev`, so only WNUT17's test is new to it.
- newsbeam, other half: taught with one half of the set's texts (and the other sets), scored on the other, both ways.
- newsbeam, other sets: taught without the set: what texts of a new kind get.

Floors: "other half" gains .05 on wikigold over the trimmed model and loses nothing on PUD, the shipped one nothing on
WNUT17's test; newsbeam adds at most 3 ms a document to reading it; 700 MB with a text of 5 MB. Exit code 1 if missed.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: rates are those of one core

import argparse
import json
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from common import Floors, heading, parser, say, table, watch

from transforms.functions.entities import EntityTagger, entity_tagger
from transforms.functions.name_reader import PACKAGE, name_reader
from transforms.functions.text_pieces import as_read
from transforms.training.labelled_names import LabelledText, Mark, noisy_texts, parallel_news, wikigold
from transforms.training.train_names import Examples, examples, taught

BATCH = 16
TYPES = ("PER", "ORG", "LOC")
RAW = {"PERSON": "PER", "ORG": "ORG", "GPE": "LOC", "LOC": "LOC", "FAC": "LOC"}
OURS = {"Person": "PER", "Organization": "ORG", "Place": "LOC"}
ARTICLE, POSSESSIVE = re.compile(r"(?:the|a|an)\s+", re.IGNORECASE), re.compile(r"['’]s?$")
LONG_CHARACTERS = 5_000_000
MEBIBYTE = 2**20

Found = list[list[Mark]]


def raw_model() -> object:
    """Load spaCy's model as its documentation says for names: the shared `tok2vec` and `ner`."""
    import spacy

    return spacy.load(PACKAGE, exclude=["tagger", "parser", "senter", "attribute_ruler", "lemmatizer"])


def raw(texts: Sequence[LabelledText]) -> Found:
    """Return what the model marks."""
    read = raw_model().pipe([one.text for one in texts], batch_size=BATCH)  # type: ignore[attr-defined]
    return [[(e.start_char, e.end_char, RAW[e.label_]) for e in one.ents if e.label_ in RAW] for one in read]


def trimmed(texts: Sequence[LabelledText], found: Found) -> Found:
    """Return the marks without article and possessive."""
    return [[_trimmed(one.text, *mark) for mark in marks] for one, marks in zip(texts, found, strict=True)]


def _trimmed(text: str, start: int, end: int, kind: str) -> Mark:
    if article := ARTICLE.match(text, start, end):
        start = article.end()
    if possessive := POSSESSIVE.search(text[start:end]):
        end = start + possessive.start()
    return start, end, kind


def ours(texts: Sequence[LabelledText], tagger: EntityTagger) -> Found:
    """Return what newsbeam marks."""
    found: Found = []
    for some in _batches([one.text for one in texts]):
        found += [[(one.start, one.end, OURS[one.type]) for one in own] for own in tagger.mentions(some)]
    return found


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    return (list(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH))


def f1(gold: Iterable[Sequence[Mark]], found: Iterable[Sequence[Mark]], kind: str = "") -> tuple[float, float, float]:
    """Return F1, precision and recall of the marks of one type or of all."""
    right: Counter[str] = Counter()
    for wanted, given in zip(gold, found, strict=True):
        sets = [{mark for mark in marks if not kind or mark[2] == kind} for marks in (wanted, given)]
        right.update(both=len(sets[0] & sets[1]), wanted=len(sets[0]), given=len(sets[1]))
    return (
        2 * right["both"] / max(1, right["wanted"] + right["given"]),
        right["both"] / max(1, right["given"]),
        right["both"] / max(1, right["wanted"]),
    )


@dataclass
class Corpus:
    """A labelled set, and its contenders."""

    name: str
    texts: list[LabelledText]
    lines: list[LabelledText]
    """The same with each sentence on a line of its own, for teaching; empty where a text is a sentence."""
    found: dict[str, Found] = field(default_factory=dict)

    def examples(self, which: slice = slice(None)) -> list[Examples]:
        """Return what its texts teach."""
        return [examples(some[which]) for some in (self.texts, self.lines) if some]

    @cached_property
    def halves(self) -> list[list[Examples]]:
        """What every other text teaches, from the first and from the second on."""
        return [self.examples(slice(start, None, 2)) for start in (0, 1)]

    def micro(self, contender: str) -> float:
        """Return F1 over all types."""
        return f1([one.marks for one in self.texts], self.found[contender])[0]

    def rows(self) -> list[dict[str, str]]:
        """Return the table's lines."""
        gold = [one.marks for one in self.texts]
        rows = []
        for name, found in self.found.items():
            total, precision, recall = f1(gold, found)
            kinds = {kind: f"{f1(gold, found, kind)[0]:.3f}" for kind in TYPES}
            micro = {"F1": f"{total:.3f}", "precision": f"{precision:.3f}", "recall": f"{recall:.3f}"}
            rows.append({"set": self.name, "contender": name, **micro, **kinds})
        return rows


def score(corpora: Sequence[Corpus], dev: list[Examples]) -> None:
    """Let all contenders read all sets."""
    taught_sets = corpora[:2]
    for one in corpora:
        say(f"{one.name}: as it is")
        one.found["raw"] = raw(one.texts)
        one.found["raw, trimmed"] = trimmed(one.texts, one.found["raw"])
        one.found["newsbeam"] = ours(one.texts, entity_tagger())
    for one, other in (taught_sets, taught_sets[::-1]):
        say(f"{one.name}: taught without")
        elsewhere = [*other.halves[0], *other.halves[1], *dev]
        one.found["newsbeam, other half"] = _crossed(one, elsewhere)
        one.found["newsbeam, other sets"] = ours(one.texts, EntityTagger(taught(elsewhere)))


def _crossed(one: Corpus, elsewhere: list[Examples]) -> Found:
    found: Found = [[] for _ in one.texts]
    for start in (0, 1):
        tagger = EntityTagger(taught([*one.halves[1 - start], *elsewhere]))
        found[start::2] = ours(one.texts[start::2], tagger)
    return found


def show_errors(one: Corpus, contender: str, number: int) -> None:
    """Print names that were missed or are none."""
    for text, found in list(zip(one.texts, one.found[contender], strict=True))[:: max(1, len(one.texts) // 40)]:
        for sign, marks in (("missed", set(text.marks) - set(found)), ("wrong", set(found) - set(text.marks))):
            for start, end, kind in sorted(marks)[:number]:
                around = text.text[max(0, start - 30) : start], text.text[start:end], text.text[end : end + 20]
                print(f"- {sign} {kind}: {around[0]}[{around[1]}]{around[2]}")


def articles(data: Path) -> list[str]:
    """Return English articles of 500 to 800 words."""
    lines = (data / "tags" / "topics_train.jsonl").read_text("utf-8").splitlines()
    return [body for line in lines if 500 <= len((body := json.loads(line)["article_body"]).split()) <= 800][:96]


def rates(texts: Sequence[str]) -> tuple[list[dict[str, str]], float]:
    """Return documents a second of CPU for the raw model, for reading alone and for all, and what is added, in ms.

    Each is the best of three turns, one after the other, so that a busy moment of the machine hits none alone.
    """
    model, tagger = raw_model(), entity_tagger()

    def read_only(some: list[str]) -> None:
        list(name_reader().read([as_read(text) for text in some]))

    def read_raw(some: list[str]) -> None:
        list(model.pipe(some, batch_size=BATCH))  # type: ignore[attr-defined]

    contenders: dict[str, Callable[[list[str]], object]] = {
        "raw model": read_raw,
        "newsbeam, reading alone": read_only,
        "newsbeam": tagger.mentions,
    }
    spent = dict.fromkeys(contenders, float("inf"))
    for _ in range(3):
        for name, read in contenders.items():
            spent[name] = min(spent[name], _cpu(read, texts))
    rows = [
        {"contender": name, "documents/s/core": f"{1 / cpu:.1f}", "ms a document": f"{1000 * cpu:.1f}"}
        for name, cpu in spent.items()
    ]
    return rows, 1000 * (spent["newsbeam"] - spent["newsbeam, reading alone"])


def _cpu(read: Callable[[list[str]], object], texts: Sequence[str]) -> float:
    began = time.process_time()
    for some in _batches(texts):
        read(some)
    return (time.process_time() - began) / len(texts)


def read_long(data: Path, lines: bool) -> int:
    """Read a text of 5 MB and batches of full-sized ones in this process; prints what it took as JSON."""
    body = " ".join(" ".join(articles(data)).split())
    text = (body * (LONG_CHARACTERS // len(body) + 1))[:LONG_CHARACTERS]
    text = text.replace(". ", ".\n") if lines else text
    tagger, began = entity_tagger(), time.perf_counter()
    tagger.mentions([text])
    seconds = time.perf_counter() - began
    tagger.mentions([text[start : start + 60_000] for start in range(0, 960_000, 60_000)])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEBIBYTE
    print(json.dumps({"seconds": seconds, "peak": peak}))
    return 0


def memory(data: Path) -> list[dict[str, float]]:
    """Return seconds and peak resident MB of processes of their own, on one line and on many."""
    command = [sys.executable, __file__, str(data)]
    return [watch([*command, f"--read-long={kind}"]).json() for kind in ("line", "lines")]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    reader = parser(__doc__)
    reader.add_argument("data", type=Path, metavar="DATA", help="folder of development data (tags/...)")
    reader.add_argument("--show", type=int, default=0, metavar="N", help="wrong names to list a text (default: 0)")
    reader.add_argument("--read-long", choices=("line", "lines"), help=argparse.SUPPRESS)
    return reader.parse_args()


def main() -> int:
    """Measure and print the tables; returns the exit code."""
    options = arguments()
    if options.read_long:
        return read_long(options.data, options.read_long == "lines")
    print(heading("Entities", options))
    corpora = [
        Corpus("wikigold", wikigold(options.data), wikigold(options.data, "\n")),
        Corpus("PUD", parallel_news(options.data), parallel_news(options.data, "\n")),
        Corpus("WNUT17 test", noisy_texts(options.data, "emerging.test.annotated"), []),
    ]
    score(corpora, [examples(noisy_texts(options.data, "emerging.dev.conll"))])
    print(table([row for one in corpora for row in one.rows()]))
    if options.show:
        for one in corpora:
            print(f"\n#### {one.name}\n")
            show_errors(one, "newsbeam", options.show)
    speeds, added = rates(articles(options.data))
    print("\n" + table(speeds))
    return check(corpora, added, memory(options.data)).code()


def check(corpora: Sequence[Corpus], added: float, long_texts: Sequence[dict[str, float]]) -> Floors:
    """Print the floors."""
    floors = Floors()
    gold, news, noisy = corpora
    gains = [
        ("wikigold, other half, over the trimmed model", gold, "newsbeam, other half", 0.05),
        ("wikigold, other sets, over the trimmed model", gold, "newsbeam, other sets", 0.0),
        ("PUD, other half, over the trimmed model", news, "newsbeam, other half", 0.0),
        ("PUD, other sets, over the trimmed model", news, "newsbeam, other sets", 0.0),
        ("WNUT17 test, over the trimmed model", noisy, "newsbeam", 0.0),
    ]
    rows = [
        {"floor": name, "value": floors.at_least(name, one.micro(contender) - one.micro("raw, trimmed"), least)}
        for name, one, contender, least in gains
    ]
    rows.append({"floor": "ms added a document", "value": floors.at_most("ms added a document", added, 3.0)})
    for kind, measured in zip(("one line", "lines"), long_texts, strict=True):
        name = f"5 MB on {kind}, peak MB"
        shown = floors.at_most(name, measured["peak"], 700)
        rows.append({"floor": f"{name} (in {measured['seconds']:.1f} s)", "value": shown})
    print("\n" + table(rows))
    return floors


if __name__ == "__main__":
    sys.exit(main())
