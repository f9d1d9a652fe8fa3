"""How values of rows are put on a page: times, spans, shares, languages, leads; and which addresses become links."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final
from urllib.parse import urlsplit

from babel import Locale

from pipeline.report.stories import Story, Text
from schemas.instants import Instant, datetime_of, utc_date_of
from transforms.functions.sentences import split_sentences

HEADLINE_CHARACTERS: Final = 220
"""The longest headlines of the development pages have 200."""
LEAD_CHARACTERS: Final = 320
OPENING_CHARACTERS: Final = 1_300
SHORT_CHARACTERS: Final = 90
"""Of names, outlets, addresses and topics."""
PLAIN_CHARACTERS: Final = 4_000
"""Of a text that is shown by itself, since nothing is there to compare it with."""
FOLDED_WORDS: Final = 120
"""Longer passages that one of two texts lacks are folded: nothing there is to be compared."""
KEPT_WORDS: Final = 40
LONGEST_ADDRESS: Final = 2_000
"""Longer ones are not linked: no browser promises to follow them."""

_ADDRESS: Final = re.compile(r"https?://[^\s\x00-\x20\x7f-\x9f]+", re.IGNORECASE)
"""Without anything that browsers or `urlsplit` would take out of it first."""
_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_LANGUAGE: Final = re.compile("[a-z]{2,3}")
_NAMES_OF_LANGUAGES: Final[Mapping[str, str]] = dict(Locale("en").languages)

RELATIONS: Final[Mapping[str, str]] = {
    "first": "the article",
    "exact": "the same text",
    "same_copy": "a copy",
    "version": "a version",
    "update": "a later text of the page or outlet",
}


def clipped(text: str | None, most: int) -> str:
    """Return a text on one line, of so many characters at most, cut between words where it has to be."""
    line = " ".join((text or "")[: 4 * most].split())
    if len(line) <= most:
        return line
    cut = line[: most - 1]
    return f"{cut.rpartition(' ')[0] if ' ' in cut[most // 2 :] else cut}…"


def headline(text: str | None) -> str:
    """Return a headline, or what stands for one that is missing."""
    return clipped(text, HEADLINE_CHARACTERS) or "Without a headline"


def short(text: str | None) -> str:
    """Return a name."""
    return clipped(text, SHORT_CHARACTERS)


def outlet(name: str | None) -> str:
    """Return an outlet's name, or what stands for one that is not known."""
    return short(name) or "unnamed outlet"


def lead(text: Text) -> str:
    """Return the page's own summary, or how the text begins; never the headline once more."""
    title = headline(text.headline).rstrip("…").casefold()
    for line in (text.description or "", *text.body[: 8 * LEAD_CHARACTERS].splitlines()):
        line = " ".join(line.split())
        if len(line) >= SHORT_CHARACTERS and not line.casefold().startswith(title):
            return clipped(line, LEAD_CHARACTERS)
    rest = " ".join(text.body[: 8 * LEAD_CHARACTERS].split())
    return clipped(rest[len(title) :].lstrip(" .…") if rest.casefold().startswith(title) else rest, LEAD_CHARACTERS)


def opening(text: Text) -> str:
    """Return how the text goes on where its lead ends, in whole sentences but for the last one."""
    start = lead(text)
    body = " ".join(text.body[:PLAIN_CHARACTERS].split())
    shown = start.rstrip("…")
    sentences = split_sentences(body.partition(shown)[2] if shown and shown in body else body)
    return clipped(" ".join(sentences[1 if start.endswith("…") else 0 :]).lstrip(" ."), OPENING_CHARACTERS)


def folded(text: str) -> tuple[str, int, str]:
    """Return how a long passage begins, how many words of it are left out, and how it ends."""
    words = text.split(" ")
    if len(words) <= FOLDED_WORDS:
        return text, 0, ""
    return " ".join(words[:KEPT_WORDS]), len(words) - 2 * KEPT_WORDS, " ".join(words[-KEPT_WORDS:])


def paragraphs(text: Text) -> list[str]:
    """Return the lines with which a text begins."""
    return [line for line in text.body[:PLAIN_CHARACTERS].splitlines() if line.strip()]


def address(url: str | None) -> str | None:
    """Return an address that may become a link: http and https only, with a host, not too long."""
    if not url or len(url) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(url):
        return None
    try:
        return url if urlsplit(url).hostname else None
    except ValueError:
        return None


def language(code: str | None) -> str | None:
    """Return a code that may stand in a `lang` attribute."""
    return code if code and _LANGUAGE.fullmatch(code) else None


def language_name(code: str | None) -> str:
    """Return a language's English name; its code where it has none."""
    return _NAMES_OF_LANGUAGES.get(code or "", code or "not told")


def clock(text: Text, day: date) -> str:
    """Return when a text ran, in UTC: the time, with the day where that is not the page's own."""
    ran = utc_date_of(text.ran_at)
    if text.is_day_only:
        return f"{ran.day} {ran:%b %Y}"
    time = f"{datetime_of(text.ran_at):%H:%M}"
    return time if ran == day else f"{ran.day} {ran:%b %Y}, {time}"


def iso(text: Text) -> str:
    """Return when a text ran as a machine reads it."""
    moment = datetime_of(text.ran_at)
    return f"{moment:%Y-%m-%d}" if text.is_day_only else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def instant(value: Instant | None) -> str:
    """Return a point in time, in UTC."""
    return f"{datetime_of(value):%Y-%m-%d %H:%M}" if value is not None else "–"


def span(seconds: float | None) -> str:
    """Return a span of time in the two units that matter: `45 s`, `34 min`, `2 h 10 min`, `3 d 4 h`."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{seconds:.2g} s" if seconds < 10 else f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        return _two(whole, _HOUR, "h", _MINUTE, "min")
    return _two(whole, _DAY, "d", _HOUR, "h")


def share(value: float | None) -> str:
    """Return a share in percent; whole only where it is the whole."""
    if value is None:
        return "–"
    return "100 %" if value >= 1 else f"{min(99, round(100 * value))} %"


def day_name(day: date) -> str:
    """Return a day in words."""
    return f"{day:%A}, {day.day} {day:%B %Y}"


def day_in_short(day: date) -> str:
    """Return a day in short."""
    return f"{day.day} {day:%b}"


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with what it counts."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed_names(story: Story, most: int = 6) -> list[str]:
    """Return whom and what a story names most."""
    return [short(one["name"]) for one in story.entities[:most] if one["name"]]


def top_topics(story: Story) -> list[str]:
    """Return what a story is about, its likeliest topics first."""
    return [short(one["name"]) for one in story.topics[:2] if one["name"]]


def _two(whole: int, big: int, big_unit: str, small: int, small_unit: str) -> str:
    rest = whole % big // small
    return f"{whole // big} {big_unit}" + (f" {rest} {small_unit}" if rest else "")


FILTERS: Final[Sequence[Callable[..., Any]]] = (
    clipped, headline, short, outlet, lead, opening, folded, paragraphs, address, language, language_name, clock, iso,
    instant, span, share, day_name, day_in_short, count, listed_names, top_topics,
)  # fmt: skip
"""What templates may call, by name."""
