"""A story's texts as its view shows them: who ran it when, and which of them are laid side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.report.differences import Comparison, compare
from pipeline.report.stories import Story, Text

MOST_COMPARED: Final = 3
"""Versions that are laid beside the article."""


@dataclass(frozen=True)
class Version:
    """A text beside the story's article."""

    text: Text
    comparison: Comparison


@dataclass(frozen=True)
class Versions:
    """A story with its comparisons."""

    story: Story
    beside: Sequence[Version]
    others: int
    """Texts that differ and are listed only."""

    def later(self, text: Text) -> float | None:
        """Seconds that a text ran after the earliest; None for that itself, and where the two clocks differ."""
        earliest = self.story.texts[0]
        if text is earliest or text.is_day_only or earliest.is_day_only:
            return None
        if (text.published_at is None) != (earliest.published_at is None):
            return None
        return (text.ran_at - earliest.ran_at) / 1e6


def versions(story: Story) -> Versions:
    """Choose which texts are compared: the earliest of each other outlet that says it in other words, then the rest;
    those that nothing was measured of (stubs, as a rule) come last."""
    article = story.first
    differing = [text for text in story.texts if text.body != article.body]
    differing.sort(key=lambda text: text.similarity is None)
    seen = {article.outlet}
    of_other_outlets: list[Text] = []
    for text in differing:
        if text.outlet not in seen:
            seen.add(text.outlet)
            of_other_outlets.append(text)
    rest = [text for text in differing if not any(text is chosen for chosen in of_other_outlets)]
    chosen = [*of_other_outlets, *rest][:MOST_COMPARED]
    beside = [Version(text, compare(article.body, text.body)) for text in chosen]
    return Versions(story, beside, len(differing) - len(beside))
