"""What in a text may be a name: the model's spans, trimmed as people mark names, and capitals that it passed over."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.functions.name_reader import ReadPiece

UNSEEN: Final = "NONE"
"""The label of a candidate that the model has not marked."""

LABELS: Final = ("PERSON", "ORG", "GPE", "LOC", "FAC", "NORP", "PRODUCT", "EVENT", "WORK_OF_ART", "LAW", UNSEEN)
"""Labels that a name may have: those of OntoNotes without numbers, dates and languages."""

_COUNTS: Final = frozenset(["CARDINAL", "ORDINAL"])
_CAPITALISED: Final = re.compile(
    r"(?<![\w@#.])[A-ZÀ-Þ][\w&.'’-]*\w"
    r"(?:[ -](?:(?:of|de|von|van|der|bin|al|del|du|la)(?: the)? )?[A-ZÀ-Þ][\w&.'’-]*\w)*"
)
_ARTICLE: Final = re.compile(r"(?:the|a|an)\s+", re.IGNORECASE)
_POSSESSIVE: Final = re.compile(r"['’`]s?$")
_ADDRESS: Final = re.compile(r"@|https?:|www\.")
_OPEN_BRACKET: Final = re.compile(r" \([^)]*$")
_BEFORE: Final = " \t\u00a0\"“”'‘’`([{<,;:.-–—*•|/#@&+=~_"
_BEHIND: Final = " \t\u00a0\"“”'‘’`([{<>,;:-–—*•|/#@&+=~_!?"
_ABBREVIATION: Final = re.compile(r"(?:\b(?:Inc|Corp|Co|Cos|Ltd|Jr|Sr|Bros|St|Mt|Ft|plc)|\b\w|\.\w)\.$")
_OFFICE: Final = (
    r"(?:Secretary|Minister|President|Premier|Chancellor|Representative|Senator|Congressman|Congresswoman|Governor|"
    r"Ambassador|Commissioner|Chairman|Chairwoman|Director|Officer|Mayor|Judge|Spokesman|Spokeswoman|"
    r"Coach|CEO)"
)
_TITLE: Final = re.compile(
    # President Doe, and what the office belongs to: US Trade Representative Doe.
    rf"(?:(?:[\w.&'’-]+\s+){{0,4}}{_OFFICE}\s+(?=[A-ZÀ-Þ]))?"
    r"(?:(?:Mr|Mrs|Ms|Miss|Mx|Dr|Drs|Prof|Professor|Sen|Rep|Gov|Gen|Lt|Col|Colonel|Maj|Major|Capt|Captain|Sgt|Sergeant|"
    r"Cpl|Adm|Admiral|Rev|Reverend|Fr|Father|Sir|Dame|Lord|Lady|Baroness|King|Queen|Prince|Princess|Emperor|Pope|"
    r"Archbishop|Bishop|Cardinal|Rabbi|Imam|Sheikh|Ayatollah|Detective|Inspector|Former)\b\.?\s+)*"
)
"""Before a person's name; matches nothing where there is none."""


class Candidate(NamedTuple):
    """A stretch of a text that may be a name."""

    start: int
    end: int
    label: str
    """One of `LABELS`."""
    context: npt.NDArray[np.float32]
    """The vectors of its first and last word and of those before and behind it, one after the other."""


def candidates(read: ReadPiece) -> list[Candidate]:
    """Return the candidates of a piece by start, none overlapping; offsets are characters of the text."""
    text, offset = read.piece.text, read.piece.start
    spans = [
        (*trim(text, start, end, label), label) for start, end, label in sorted([*_marked(read), *_passed_over(read)])
    ]
    spans = [span for span in spans if _may_be_name(text[span[0] : span[1]])]
    return [
        Candidate(offset + start, offset + end, label, context)
        for (start, end, label), context in zip(spans, _contexts(read, spans), strict=True)
    ]


def trim(text: str, start: int, end: int, label: str) -> tuple[int, int]:
    """Return the span without quotes, article, a person's titles and a possessive; it may be empty."""
    start, end = _stripped(text, start, end)
    if article := _ARTICLE.match(text, start, end):
        start = article.end()
    if label in ("PERSON", UNSEEN) and (title := _TITLE.match(text, start, end)):
        start = title.end()
    if bracket := _OPEN_BRACKET.search(text[start:end]):
        end = start + bracket.start()
    if possessive := _POSSESSIVE.search(text[start:end]):
        end = start + possessive.start()
    return _stripped(text, start, end)


def _may_be_name(form: str) -> bool:
    return any(map(str.isalpha, form)) and not _ADDRESS.search(form)


def _marked(read: ReadPiece) -> Iterator[tuple[int, int, str]]:
    return (span for span in read.spans if span[2] in LABELS)


def _passed_over(read: ReadPiece) -> Iterator[tuple[int, int, str]]:
    """Yield runs of capitalised words between the model's spans, dates and amounts included."""
    spans = [(start, end) for start, end, label in read.spans if label not in _COUNTS]
    text = read.piece.text
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    for start, end in zip([0, *ends], [*starts, len(text)], strict=True):
        for run in _CAPITALISED.finditer(text, start, end):
            yield run.start(), run.end(), UNSEEN


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in _BEFORE:
        start += 1
    while start < end and text[end - 1] in _BEHIND:
        end -= 1
    if text[start:end].endswith(".") and not _ABBREVIATION.search(text[start:end]):
        end -= 1
    return start, end


def _contexts(read: ReadPiece, spans: Sequence[tuple[int, int, str]]) -> npt.NDArray[np.float32]:
    """Return a row for each span: the vectors of four words, zeros before the first and behind the last one."""
    firsts = [max(0, bisect_right(read.words, start) - 1) for start, _, _ in spans]
    lasts = [max(first, bisect_left(read.words, end) - 1) for first, (_, end, _) in zip(firsts, spans, strict=True)]
    around = np.zeros((len(read.vectors) + 2, read.vectors.shape[1]), np.float32)
    around[1:-1] = read.vectors
    rows = [(first + 1, last + 1, first, last + 2) for first, last in zip(firsts, lasts, strict=True)]
    contexts: npt.NDArray[np.float32] = around[np.array(rows, np.int64).reshape(-1, 4)].reshape(
        len(spans), 4 * read.vectors.shape[1]
    )
    return contexts
