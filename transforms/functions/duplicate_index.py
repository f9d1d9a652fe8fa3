"""What the duplicate decision remembers: the protocol that each engine's keeper implements.

Keepers differ by engine (SQLite for local cycles, keyed state for engines); answers must not: one test suite holds them
to that. A keeper stores and finds; everything that is decided is decided in `duplicates.py`.

The terms, from the smallest: a *text* is one wording, known by its digest. A *group* is texts joined by strong pairs. A
group may be *attached* to a better one. A *story* is a group with all that is attached to it, known by the `article_id`
of its canonical row. Texts and groups are numbered by the keeper; a group has the number of one of its texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from schemas.instants import Instant
from transforms.functions.outlet_window import OutletWindow, SeenText
from transforms.functions.text_print import TextPrint

WINDOW: Final[Instant] = 72 * 3600 * 1_000_000
"""Microseconds of fetch time that two texts may lie apart to be compared: 72 hours; wire copy is run within two days.
Fetch time, never publication date, which is wrong or late too often (an old date would be forgotten at once)."""

TEXTS_A_KEY: Final = 64
"""Latest texts that a keeper answers for one key. 256 answers the same pairs on the development sets (`BENCHMARKS.md`),
and a story that 5,000 outlets run needs only one of them to be found."""


class StoredText(NamedTuple):
    """A text that is remembered."""

    text_id: str
    """Hex of the first 16 bytes of its `content_sha256`."""
    first_seen_at: Instant
    last_seen_at: Instant
    """Latest time that a page had exactly this text."""
    group: int
    outlet: str | None
    language: str | None
    print: TextPrint


class Group(NamedTuple):
    """Texts joined by strong pairs."""

    number: int
    story: str
    """`article_id` that its rows belong to now."""
    parent: int | None = None
    """The group that it is attached to."""
    articles: tuple[tuple[Instant, str], ...] = ()
    """`first_seen_at` and `article_id` of the rows of `articles` that its texts were published as, or promoted to."""


class Attachment(NamedTuple):
    """The best weak pair from a text of one group to a longer text of another."""

    source: int
    target: int
    shorter_share: float
    longer_share: float
    longer: str
    """`text_id` of the longer text."""

    @property
    def rank(self) -> tuple[float, float, str]:
        """The smaller, the better; as that of `clusters.Pair`."""
        return -self.shorter_share, -self.longer_share, self.longer


class Stray(NamedTuple):
    """A row of `copies` that was written under the story of another group than its text's own.

    Should its group be attached elsewhere, an alias of its own has to move it.
    """

    copy_id: str
    article_id: str
    text_id: str
    first_seen_at: Instant
    story: str
    """`duplicate_of` as it was written."""


class DuplicateIndex(Protocol):
    """The memory of the duplicate decision. Identifiers are hex; what was never noted is None, empty or False."""

    # Pages and texts, remembered for good (by an engine: as long as its state lives)

    def text_of_page(self, article_id: str) -> str | None:
        """Return the text that the page is known by: the first that it showed."""

    def known_as(self, text_id: str) -> str | None:
        """Return the text that this one counts as: itself, or the page's first text where it is a later one of it."""

    def story_of(self, text_id: str) -> str:
        """Return the story that a text known by itself was noted with, aliases not looked at."""

    def has_row(self, copy_id: str) -> bool:
        """Whether a later row of a page, of another text than its first, was written before."""

    def note_page(self, article_id: str, text_id: str) -> None:
        """Note the text that a page is known by."""

    def note_text(self, text_id: str, known_as: str, story: str) -> None:
        """Note what a text counts as, and the story of that; noting it again replaces it."""

    def note_row(self, copy_id: str) -> None:
        """Note that such a row was written."""

    # Texts to compare with

    def number_of(self, text_id: str) -> int | None:
        """Return the number of a text that is still remembered for comparison."""

    def text(self, number: int) -> StoredText:
        """Return a text."""

    def expect(self, keys: Iterable[int]) -> None:
        """Take note of keys that will be asked for before the step ends; they may be looked up all at once."""

    def candidates(self, keys: Sequence[int]) -> Mapping[int, int]:
        """Return how many of the keys each text has; of the texts with one key only the latest `TEXTS_A_KEY` count."""

    def add_text(self, text: StoredText, keys: Sequence[int]) -> int:
        """Note a text under its keys and return its number, which is its group's, too; `text.group` does not count."""

    def see_again(self, number: int, first_seen_at: Instant, last_seen_at: Instant, keys: Sequence[int]) -> None:
        """Note from when to when pages were seen with exactly this text, and keep it and its group as if new."""

    # Groups

    def group(self, number: int) -> Group | None:
        """Return a group; None where all of it has been forgotten."""

    def save_group(self, group: Group) -> None:
        """Note a group, in place of what was noted of it."""

    def children(self, number: int) -> list[int]:
        """Return the groups whose parent is this one."""

    def merge(self, source: int, target: int) -> None:
        """Make texts, strays and attachments of one group those of another, and forget the first.

        Of two attachments between the same groups the better one stays; one within a group goes.
        """

    def attachments(self, source: int) -> list[Attachment]:
        """Return the attachments that start from a group."""

    def attach(self, attachment: Attachment) -> None:
        """Note an attachment, unless a better one between the same two groups is known."""

    def strays(self, group: int) -> list[Stray]:
        """Return a group's strays."""

    def add_stray(self, group: int, stray: Stray) -> None:
        """Note a stray."""

    # Aliases and outlets

    def alias_of(self, old_id: str) -> tuple[str, Instant] | None:
        """Return the alias in force and when it was decided."""

    def aliased_to(self, new_id: str) -> list[str]:
        """Return the ids whose alias in force is this one."""

    def set_alias(self, old_id: str, new_id: str, decided_at: Instant) -> None:
        """Note an alias, in place of an earlier one."""

    def outlet(self, name: str) -> OutletWindow:
        """Return what is known of an outlet."""

    def add_to_outlet(self, name: str, text: SeenText) -> None:
        """Note that an outlet had this text."""

    def finish(self) -> None:
        """End a step: trim the windows of the outlets that were added to, and write what was held back."""
