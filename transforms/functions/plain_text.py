"""Headline, byline and dateline of a news text that comes without markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from transforms.functions.texts import clip, normalise_text

LEAD_LIMIT: Final = 110
"""Characters of a headline made from the first sentence: the most that Google's guide to article markup asked for."""

_HEADLINE_LIMIT: Final = 150
"""Of 215 first lines of real wire copies that read like headlines, the longest true one had 121 characters; what was
longer were captions and standing notes."""

_PARAGRAPH_MINIMUM: Final = 80
"""Captions, standfirsts and buttons are mostly shorter, first paragraphs of news longer."""

_TOP_LINES: Final = 6
"""Lines that are looked at: headline, standfirst, byline, date, and one to spare before the first paragraph."""

_BYLINE_LIMIT: Final = 160
"""Three names, their papers and a date fit; a sentence that begins with "By" seldom does."""

_DATELINE_LIMIT: Final = 90
"""Two cities, a region, a date and an agency fit; also what keeps the patterns from running over a whole paragraph."""

_CLOSING: Final = "\"'”’»)]"
_FULL_STOP: Final = (".", "。", ";", ",", ":", "…", "،", "।")
_FURNITURE: Final = re.compile(
    r"published|updated|posted|tags?:|read more|share on|subscribe|sign in|log in|[—–|•]|\d+ \w+ ago\b", re.IGNORECASE
)
_CLOCK: Final = re.compile(r"\b\d{1,2}:\d{2}\b")
_INITIALS_AT_END: Final = re.compile(r"(?:\b[A-Z]\.){2,}$")
_SEPARATORS: Final = " \xa0:-–—―"
_DASH: Final = r"(?:\s*[—–―]\s*|\s+--?\s+|\s*--\s*)"

# --- bylines
_BY: Final = re.compile(
    r"(?:(?:Analysis|Opinion|Commentary|Story|Written|Reported|Words|Report)\s+)?(?:[Bb]y|BY):?\s+(?=\S)"
)
_BY_ELSEWHERE: Final = re.compile(r"(?:Von|VON|Par|PAR|Por|POR|Di|Door|Av|Af):?\s+(?=\S)")
_AND: Final = re.compile(r"\s+(?:and|AND|And|und|et|y|e|en|och|og)\s+|\s*&\s*")
_NOT_BYLINE_ANY_MORE: Final = re.compile(
    r"\s+(?:[-–—|•]|\d)|\s{2,}|\s*[|•(]|"
    r"\s+(?:Published|Updated|Special|The|in|for|(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?\s\d+)\b"
)
_PARTICLES: Final = frozenset((
    "de", "del", "della", "der", "den", "di", "da", "dos", "das", "du", "van", "von", "zu", "zur", "la", "le", "ten",
    "ter", "bin", "ibn", "al", "el", "y", "e",
))  # fmt: skip
_NOT_NAMES: Final = frozenset((
    "staff", "news", "press", "reuters", "times", "gazette", "post", "wire", "wires", "report", "reports", "service",
    "agency", "agencies", "writer", "writers", "reporter", "correspondent", "editor", "associated", "media", "journal",
    "bureau", "tribune", "herald", "daily", "online", "team", "desk", "redaktion", "dpa", "afp", "ap", "upi", "cnn",
    "bbc", "efe", "ansa", "xinhua", "network", "international", "courier", "ledger", "the", "a", "an", "our", "this",
    "that", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january", "february",
    "march", "april", "june", "july", "august", "september", "october", "november", "december",
))  # fmt: skip

# --- datelines
# Of each mark one repetition: a line of dots, as in a table of contents, would else be cut up in all possible ways.
_PLACE_WORD: Final = r"[^\W\d_][^\W\d_.'’-]*(?:[.'’-][^\W\d_]*)*"
_PLACE: Final = rf"{_PLACE_WORD}(?:[ /]{_PLACE_WORD}){{0,5}}"
_REGION: Final = rf"(?:,\s{_PLACE_WORD}(?:\s{_PLACE_WORD}){{0,3}})?"
_DAY: Final = r"(?:[.,]?\s+(?:[^\W\d_]{3,10}\.?\s+\d{1,2}|\d{1,2}\.?\s+(?:de\s+)?[^\W\d_]{3,10}\.?)(?:,?\s+\d{4})?)"
_AGENCY: Final = r"\s*\((?=[^()]{0,30}[A-Za-z])[^()\n]{2,30}\)"
_CAPITAL_WORD: Final = r"[^\W\d_a-zß-öø-ÿ][^\W\d_a-zß-öø-ÿ]*(?:[.'’-][^\W\d_a-zß-öø-ÿ]*)*"
_WITH_AGENCY: Final = re.compile(rf"({_PLACE}{_REGION}){_DAY}?{_AGENCY}(?:{_DASH}|\s*:\s)")
_WITH_DAY: Final = re.compile(rf"({_PLACE}{_REGION}){_DAY}{_DASH}")
_IN_CAPITALS: Final = re.compile(rf"({_CAPITAL_WORD}(?:[ /]{_CAPITAL_WORD}){{0,4}}{_REGION}){_DASH}(?=[^\sa-zß-öø-ÿ])")
_BEFORE_COLON: Final = re.compile(rf"({_PLACE_WORD}(?:[ ]{_PLACE_WORD}){{0,2}}):\s+(?=[^\W\d_a-zß-öø-ÿ])")
_SPOKEN_LINE: Final = re.compile(rf"{_PLACE_WORD}(?:[ ]{_PLACE_WORD}){{0,2}}:\s")
# What stands before a colon or dash and is no place: kinds of story, sections, calls to the reader, parts of a list.
_LABELS: Final = frozenset((
    "breaking", "analysis", "opinion", "update", "updated", "exclusive", "video", "watch", "live", "editorial",
    "review", "report", "reports", "note", "correction", "photos", "photo", "explainer", "factbox", "interview",
    "question", "answer", "comment", "commentary", "summary", "background", "column", "podcast", "listen", "read",
    "more", "related", "advertisement", "warning", "editor's", "editors", "editor’s", "key", "points", "latest",
    "news", "developing", "alert", "quiz", "gallery", "caption", "source", "sources", "disclaimer", "disclosure",
    "clarification", "fact", "check", "profile", "timeline", "graphic", "special", "feature", "eilmeldung",
    "kommentar", "analyse", "meinung", "hintergrund", "exklusiv", "urgent", "análisis", "opinión", "última",
    "entretien", "tribune", "vidéo", "direct", "file", "notice", "newsletter", "tip", "tips", "recipe", "ingredients",
    "results", "result", "score", "scores", "date", "time", "place", "published", "location", "by", "from", "to",
    "sport", "sports", "football", "fußball", "soccer", "cricket", "tennis", "golf", "rugby", "basketball", "boxing",
    "business", "politics", "health", "science", "technology", "culture", "markets", "economy", "weather", "travel",
    "obituary", "subject", "re", "headline", "title", "byline", "dateline", "text", "why", "how", "what", "who",
    "when", "where",
))  # fmt: skip

_SENTENCE_END: Final = re.compile(r"(?<=[.!?。！？])[\"'”’»)\]]*(?:\s+(?=[^a-zß-öø-ÿ])|(?<=[。！？]))")
_ABBREVIATION: Final = re.compile(
    r"(?:\b[^\W\d_]|\b(?:Mr|Mrs|Ms|Dr|Prof|Sen|Rep|Gov|Gen|Lt|Col|Sgt|St|Jr|Sr|Inc|Corp|Co|Ltd|No|vs|Nr|Rev|Mt|Ft"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec))\.$"
)


@dataclass(frozen=True)
class PlainText:
    """What `read_plain_text` found; None (or an empty tuple) for what the text does not say."""

    headline: str | None
    """The headline as written, or the first sentence, clipped to `LEAD_LIMIT`; None only where there is no text."""
    headline_source: str | None
    """`text` where a line of the text is its headline, `lead` where the first sentence stands in for one."""
    byline: str | None
    """The byline as written, its "By" included."""
    authors: tuple[str, ...]
    """The persons that the byline names, as written there; agencies and roles are not among them."""
    dateline: str | None
    """Place, date and agency that open a wire story, as written, without the dash: `GENEVA, May 11 (AP)`, `Geneva`."""
    text: str
    """The normalised text without the headline and byline lines; the dateline stays, it is part of its sentence."""


def read_plain_text(text: str) -> PlainText:
    """Take headline and byline off a news text and read its dateline; any str is accepted.

    Where the text is unsure to hold one, it is taken to hold none: a missed headline is made up for by the first
    sentence, but a sentence that was taken for one would be lost to the text.
    """
    lines = normalise_text(text).split("\n")
    top = [number for number, line in enumerate(lines) if line][:_TOP_LINES]
    headline_at = top[0] if _has_headline(lines, top) else None
    byline_at = next((n for n in top if n != headline_at and _is_byline(lines[n], first=n == top[0])), None)
    body = [line for number, line in enumerate(lines) if number not in (headline_at, byline_at)]
    if not any(body):
        # Nothing but a headline and a byline: that is all the text there is.
        headline_at, byline_at, body = None, None, lines
    return _assemble(lines, headline_at, byline_at, normalise_text("\n".join(body)))


def lead_of(text: str) -> str:
    """Return what stands in for the headline of a text that has none: its first sentence, clipped, without a dateline.

    Args:
        text: a normalised text.
    """
    return _lead(text, _find_dateline(text))


def _assemble(lines: list[str], headline_at: int | None, byline_at: int | None, body: str) -> PlainText:
    found = _find_dateline(body)
    byline = None if byline_at is None else lines[byline_at]
    headline = lines[headline_at] if headline_at is not None else _lead(body, found)
    source = None if not headline else "lead" if headline_at is None else "text"
    dateline = found.rstrip(_SEPARATORS) if found else None
    return PlainText(headline or None, source, byline, tuple(_authors(byline)), dateline, body)


# --- headline


def _has_headline(lines: list[str], top: list[int]) -> bool:
    if len(top) < 2 or not _reads_like_headline(lines[top[0]]):
        return False
    if top[1] > top[0] + 1:
        return True
    first, following = lines[top[0]], [lines[number] for number in top[1:]]
    return any(
        _is_byline(line, first=False) or _starts_with_dateline(line) or _is_paragraph(line, first) for line in following
    )


def _reads_like_headline(line: str) -> bool:
    if len(line) > _HEADLINE_LIMIT or _is_byline(line, first=True) or _starts_with_dateline(line):
        return False
    bare = line.rstrip(_CLOSING)
    if _FURNITURE.match(line) or _CLOCK.search(line):
        return False
    if bare.endswith(_FULL_STOP) and not _INITIALS_AT_END.search(bare):
        return False
    # One or two words name a section or a button ("Print", "Sports"); a script without spaces has one "word".
    return len(line.split()) >= 3 or (not line.isascii() and len(line) >= 8)


def _is_paragraph(line: str, headline: str) -> bool:
    if len(line) < _PARAGRAPH_MINIMUM or _FURNITURE.match(line):
        return False
    return len(line) > len(headline) or line.rstrip(_CLOSING).endswith(_FULL_STOP)


def _lead(body: str, dateline: str | None) -> str:
    first = _first_sentence_line(body).removeprefix(dateline or "").lstrip()[: 4 * LEAD_LIMIT]
    for end in _SENTENCE_END.finditer(first):
        if not _ABBREVIATION.search(first[max(0, end.start() - 8) : end.start()]):
            first = first[: end.end()]
            break
    return clip(first.strip(), LEAD_LIMIT)


def _first_sentence_line(body: str) -> str:
    """Return the first of the top lines that is a paragraph; what stands above it is furniture. Else the very first."""
    top = [line for line in body.split("\n") if line][:_TOP_LINES]
    return next((line for line in top if _is_paragraph(line, "")), top[0] if top else "")


# --- byline


def _is_byline(line: str, *, first: bool) -> bool:
    if len(line) > _BYLINE_LIMIT or line.endswith((".", ":", "?", "!")):
        return False
    return bool(_author_segments(line, first=first))


def _authors(byline: str | None) -> list[str]:
    return _author_segments(byline, first=False) if byline else []


def _author_segments(line: str, *, first: bool) -> list[str]:
    """Return the names behind "By"; none where it is no byline. First lines in other languages may be headlines."""
    start = _BY.match(line) or (None if first else _BY_ELSEWHERE.match(line))
    if not start:
        return []
    *before_and, last = _AND.split(_NOT_BYLINE_ANY_MORE.split(line[start.end() :], maxsplit=1)[0])
    # Behind a comma stands another author only where an "and" follows ("By A, B and C, Reuters"); else a role.
    named = [part for chunk in before_and for part in chunk.split(",")] + last.split(",")[:1]
    authors = [name.strip() for name in named]
    return [name for name in authors if _is_name(name)] if authors and _is_name(authors[0]) else []


def _is_name(name: str) -> bool:
    words = name.split()
    if not 2 <= len(words) <= 5 or any(word.lower().strip(".,") in _NOT_NAMES for word in words):
        return False
    if words[0] in _PARTICLES:
        # "Von der Leyen visits": a headline that begins like a German byline.
        return False
    return all(word in _PARTICLES or _is_capitalised(word) for word in words) and _is_capitalised(words[-1])


def _is_capitalised(word: str) -> bool:
    # "d'Angelo", "al-Rashid": the letter that counts stands behind the particle.
    tail = re.split("['’-]", word)[-1]
    letters = word.replace(".", "").replace("'", "").replace("’", "").replace("-", "")
    return letters.isalpha() and (
        word[:1].isupper() or tail[:1].isupper() or not (letters.islower() or letters.isupper())
    )


# --- dateline


def _find_dateline(body: str) -> str | None:
    """Return the dateline as it stands before its sentence, dash included; looked for in the first lines only."""
    top = [line for line in body.split("\n") if line][:_TOP_LINES]
    for line in top:
        if found := _sure_dateline(line):
            return found
    return _colon_dateline(body) if top else None


def _starts_with_dateline(line: str) -> bool:
    return _sure_dateline(line) is not None


def _sure_dateline(line: str) -> str | None:
    head = line[:_DATELINE_LIMIT]
    if not head[:1].isupper():
        return None
    for shape in _shapes(line):
        found = shape.match(head)
        if found and _may_be_place(found[1]):
            return found[0]
    return None


def _shapes(line: str) -> Iterator[re.Pattern[str]]:
    yield _WITH_AGENCY
    yield _WITH_DAY
    # A headline may be all capitals before its dash; a sentence is not, behind it.
    if len(line) >= _PARAGRAPH_MINIMUM and not line.isupper():
        yield _IN_CAPITALS


def _colon_dateline(body: str) -> str | None:
    """Return the dateline of "Geneva: The two sides ...": only before a long paragraph that quotes nobody."""
    first, _, rest = body.partition("\n")
    found = _BEFORE_COLON.match(first[:_DATELINE_LIMIT])
    if not found or len(first) < _PARAGRAPH_MINIMUM or not _may_be_place(found[1]):
        return None
    if any(_SPOKEN_LINE.match(line) for line in rest[:4000].split("\n")):
        # A transcript or a list: "Interviewer: ... Guest: ..."
        return None
    return found[0]


def _may_be_place(place: str) -> bool:
    words = place.replace("/", " ").replace(",", " ").split()
    if len(place) < 3 or any(word.lower().strip(".") in _LABELS for word in words[:2]):
        return False
    return all(word[0].isupper() or word in _PARTICLES or word in {"of", "and", "the"} for word in words)
