"""What has to be remembered between polls. Keepers differ by engine; answers must not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from schemas.due_page import DuePage
from schemas.feed_state import FeedState
from schemas.host_state import HostState
from schemas.instants import Instant


class FeedIndex(Protocol):
    """Feeds, pages that they have named, inputs: all noted in one cycle, or not at all; and hosts, noted at once."""

    def take_list(self, urls: Iterable[str]) -> tuple[list[FeedState], list[FeedState]]:
        """Note which feeds are listed now: those that are new are due at once, those that are gone are not polled.

        Returns:
            the feeds that are new on the list, with what is known of them, and those that are no longer on it.
        """

    def take_named(
        self, naming: str, urls: Iterable[str], *, complete: bool
    ) -> tuple[list[FeedState], list[FeedState]]:
        """Note what a listed sitemap index, or list of feeds, names now: that is polled, too, as long as it is named.

        Args:
            naming: its address as listed.
            complete: whether these are all; else those that it named before stay.

        Returns:
            the feeds that are polled from now on, and those that are no longer.
        """

    def due_feeds(self, now: Instant) -> list[FeedState]:
        """Return the listed feeds that may be polled now."""

    def feeds(self) -> list[FeedState]:
        """Return all listed feeds, and those that they name."""

    def keep_feed(self, state: FeedState) -> None:
        """Note what is known of a feed from now on, but for `named_by`, which `take_named` and `take_list` keep."""

    def due_pages(self, now: Instant, most: int) -> list[DuePage]:
        """Return pages that may be asked for now: so many at most, of all hosts in turn, of each host those of all
        feeds that name some in turn, and of each feed what it has named last first; in turn with that, should there be
        any, pages that are to be fetched once more.
        """

    def add_page(self, page: DuePage) -> bool:
        """Note a page that is to be fetched; returns False, and notes nothing, where its address waits already."""

    def is_settled(self, url: str) -> bool:
        """Whether a page had its outcome, though it is not known any more for which item."""

    def trim_pages(self, feed_url: str, most: int) -> int:
        """Forget, of the waiting pages that a feed has named, the oldest beyond so many; returns how many."""

    def keep_page(self, page: DuePage) -> None:
        """Note what is known of a waiting page from now on."""

    def drop_page(self, url: str) -> None:
        """Forget a page: it has come, or is given up."""

    def knows_input(self, input_id: str) -> bool:
        """Whether an input with this digest (hex) has had its outcome, or waits for it."""

    def remember_input(self, input_id: str) -> None:
        """Note that this input has its outcome, or waits for it (in this cycle)."""

    def host(self, name: str) -> HostState | None:
        """Return what is known of a host; None for one that was never asked."""

    def keep_host(self, state: HostState) -> None:
        """Note what is known of a host from now on: for good when this returns, whatever becomes of the cycle."""

    def settle_times(self, now: Instant) -> None:
        """Count from now on what lies ahead of the clock since that has gone back (`clock_jumps`)."""

    def forget_old(self, now: Instant) -> None:
        """Forget feeds that are listed and named no more, a month after they would have been due, and hosts of which
        nothing is due any more.
        """
