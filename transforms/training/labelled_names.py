"""The labelled sets of the development data: texts rebuilt from their words, with the names that people marked in them.

Rebuilding puts a space between two words, except where English writes none; how well that hits the original does not
matter, as long as every contender reads the same text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

Mark = tuple[int, int, str]
"""Start and end of a name, characters of the text, and `PER`, `ORG` or `LOC`."""

Sentence = Sequence[tuple[str, str]]
"""Words and their tags, `B-PER`, `I-PER` or `O`."""

NOISY_TYPES: Final = {"person": "PER", "corporation": "ORG", "group": "ORG", "location": "LOC"}
"""What of WNUT17's types counts; works and products are no names here, as MISC of wikigold is none."""

_CLOSING: Final = frozenset(".,;:!?)]}%'”’") | {"'s", "’s", "n't", "n’t", "'re", "'ve", "'ll", "'d", "'m", "’re", "’ve"}
_OPENING: Final = frozenset("([{$£€“‘`") | {"``"}
_TYPES: Final = frozenset(["PER", "ORG", "LOC"])


class LabelledText(NamedTuple):
    """A text and the names in it."""

    text: str
    marks: list[Mark]


def wikigold(data: Path, between: str = " ") -> list[LabelledText]:
    """Read the 145 articles of wikigold, sentences joined by `between`."""
    tagged = _documents(data / "tags" / "wikigold.conll.txt", (0, 1), lambda line: "-DOCSTART-" in line)
    return [rebuild(sentences, between) for sentences in tagged]


def parallel_news(data: Path, between: str = " ") -> list[LabelledText]:
    """Read the 1,000 sentences of news and Wikipedia of English PUD, those of one source as one text."""
    tagged = _documents(data / "tags" / "uner_en_pud.iob2", (1, 2), lambda line: line.startswith("# newdoc"))
    return [rebuild(sentences, between) for sentences in tagged]


def noisy_texts(data: Path, name: str) -> list[LabelledText]:
    """Read a file of WNUT17: each of its short texts is a text."""
    tagged = _documents(data / "tags" / "wnut17" / name, (0, 1), None, NOISY_TYPES)
    return [rebuild(sentences, " ") for sentences in tagged]


def rebuild(sentences: Sequence[Sentence], between: str) -> LabelledText:
    """Return the text of tagged sentences and where its names stand."""
    parts: list[str] = []
    marks: list[Mark] = []
    at = 0
    for number, sentence in enumerate(sentences):
        spaced = _spaced([word for word, _ in sentence])
        inside = ""
        for place, ((word, tag), space) in enumerate(zip(sentence, spaced, strict=True)):
            gap = between if number and not place else space
            at += len(gap)
            kind = tag[2:] if tag[2:] in _TYPES else ""
            if kind and kind == inside and tag.startswith("I"):
                marks[-1] = (marks[-1][0], at + len(word), kind)
            elif kind:
                marks.append((at, at + len(word), kind))
            inside = kind
            parts += gap, word
            at += len(word)
    return LabelledText("".join(parts), marks)


def _spaced(words: Sequence[str]) -> Iterator[str]:
    """Yield what stands before each word: nothing or a space; straight quotes open and close in turn."""
    before, quoted = None, False
    for word in words:
        closes = word == '"' and quoted
        opened = before == '"' and quoted
        yield "" if before is None or word in _CLOSING or before in _OPENING or closes or opened else " "
        quoted = quoted != (word == '"')
        before = word


def _documents(
    path: Path,
    columns: tuple[int, int],
    opens: Callable[[str], bool] | None,
    types: Mapping[str, str] | None = None,
) -> Iterator[list[Sentence]]:
    """Yield documents of tagged sentences; where no line opens one, every sentence is one."""
    document: list[Sentence] = []
    sentence: list[tuple[str, str]] = []
    for line in [*path.read_text("utf-8").splitlines(), ""]:
        if opens and opens(line):
            if document:
                yield document
            document = []
        elif line.strip() and not line.startswith("# "):
            sentence.append(_tagged(line, columns, types))
        elif sentence:
            document, sentence = [*document, sentence], []
            if not opens:
                yield document
                document = []
    if document:
        yield document


def _tagged(line: str, columns: tuple[int, int], types: Mapping[str, str] | None) -> tuple[str, str]:
    fields = re.split(r"\t| ", line)
    word, tag = fields[columns[0]], fields[columns[1]]
    if types is not None and tag != "O":
        tag = f"{tag[:2]}{types.get(tag[2:], '')}"
    return word, tag
