"""The page: one file of HTML without a script, in which text from the web is shown and never obeyed.

Everything that a template prints is masked (control characters, marks that turn a line round) and escaped, whatever it
is; the page's own policy lets a browser load nothing and run nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.report import charts, figures, service, stories, versions, wording
from pipeline.report.stories import Headline, Story
from pipeline.report.texts import Window
from pipeline.terminal import masked
from pipeline.version import newsbeam_version

MOST_BYTES: Final = 3_000_000
"""A page that a phone opens without a pause; a usual one has a tenth."""


@dataclass(frozen=True)
class Facts:
    """All that a page is made of."""

    lake: str
    window: Window | None
    made_at: str
    stories: Sequence[Story] = ()
    earlier: Mapping[date, Sequence[Headline]] | None = None
    stories_of_day: int = 0
    account: service.Account | None = None
    outlets: figures.Outlets | None = None
    topics: Sequence[figures.TopicCourse] = ()
    untagged: Sequence[tuple[str, int]] = ()
    names: Mapping[str, figures.Names] | None = None
    languages: Sequence[tuple[str | None, int]] = ()
    feeds: service.Feeds | None = None
    rejects: service.Rejects | None = None

    @property
    def days_with_topics(self) -> int:
        """On how many days of the window articles with a topic were read."""
        return sum(map(any, zip(*(topic.by_day for topic in self.topics), strict=True)))


def render(facts: Facts) -> bytes:
    """Return the page in UTF-8, of at most `MOST_BYTES`: with fewer stories' own views where all are too much."""
    with_views = len(facts.stories)
    compared = [versions.versions(story) for story in facts.stories]
    while True:
        page = _render(facts, compared, with_views)
        if len(page) <= MOST_BYTES or not with_views:
            return page
        with_views //= 2


def _render(facts: Facts, compared: Sequence[versions.Versions], with_views: int) -> bytes:
    style = files("pipeline.report").joinpath("templates/style.css").read_text("utf-8")
    template = _environment().get_template("page.html.j2")
    text = template.render(
        facts=facts,
        versions=compared,
        with_views=with_views,
        style=Markup(style),  # the package's own file
        policy=_policy(style),
        newsbeam=newsbeam_version(),
        limits=_LIMITS,
    )
    return text.encode("utf-8", "replace")


def _policy(style: str) -> str:
    """Return the content security policy: this one style sheet, pictures inside the page, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline.report"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {function.__name__: function for function in wording.FILTERS}
    environment.globals |= {"charts": charts, "relations": wording.RELATIONS}
    return environment


def _shown(value: Any) -> Any:
    """What a template prints, before it is escaped; markup is the page's own, made of values that came this way."""
    return masked(value) if isinstance(value, str) and not isinstance(value, Markup) else value


_LIMITS: Final = {
    "texts": stories.MOST_TEXTS,
    "compared": versions.MOST_COMPARED,
    "earlier_days": stories.EARLIER_DAYS,
    "earlier": stories.STORIES_OF_EARLIER_DAYS,
    "outlets": figures.MOST_OUTLETS,
    "pairs": figures.MOST_PAIRS,
    "names": figures.MOST_NAMES,
    "languages": figures.MOST_LANGUAGES,
    "feeds": service.MOST_FEEDS,
    "hosts": service.MOST_HOSTS,
    "examples": service.EXAMPLES,
    "plain": wording.PLAIN_CHARACTERS,
}
