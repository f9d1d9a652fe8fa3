"""One cycle of polling: the feeds that are due, then the pages of their items, within one time budget.

What is known of hosts is noted before and after each request, for good; all else in the cycle, with the rows.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing, suppress
from typing import Final, TypeAlias, TypeVar

from schemas.article import Article
from schemas.due_page import DuePage
from schemas.errors import InputRejected, NewsbeamError
from schemas.feed_item import FeedDocument
from schemas.feed_poll import FeedPoll
from schemas.feed_state import FeedState
from schemas.fetch import FEED, PAGE, ROBOTS, Answer, Fetch
from schemas.instants import Instant
from schemas.page import Page
from schemas.reject import Reject
from transforms.functions.due_pages import after_no_robots, next_attempt, page_of, payload_of_page
from transforms.functions.feed_index import FeedIndex
from transforms.functions.feed_items import STAGE, ItemReader
from transforms.functions.feed_merging import is_failing, merge_feeds
from transforms.functions.feed_rows import LISTED, MERGED, PARTED, REMOVED, change_row, poll_row
from transforms.functions.fetch_jobs import Finished, Job, LeftOver
from transforms.functions.http_fetch import HttpClient
from transforms.functions.http_hints import SECOND
from transforms.functions.named_feeds import LIST, NAMING_KINDS, SITEMAP_INDEX, followed
from transforms.functions.parsed_feeds import FeedParser, ParsedFeed
from transforms.functions.polite_scheduler import PoliteScheduler
from transforms.functions.poll_settings import MOST_BODIES, MOST_PAGES, MOST_TEXT, TEXT_OF_A_PAGE, PollSettings, World
from transforms.functions.polling import CHANGED, NOT_MODIFIED, Polled, after_poll, validators
from transforms.functions.rejects import reject_input
from transforms.functions.robots import MOST_KEPT
from transforms.functions.skipped_times import after_skipped, is_skipped
from transforms.functions.waiting_clock import steady

PollRow: TypeAlias = Page | Article | Reject | Fetch | FeedPoll
Ticket = TypeVar("Ticket")

GO_ON: Final = 0
STOP: Final = 1
"""Start no more requests; what is under way ends."""
BREAK_OFF: Final = 2

_SECONDS_BETWEEN_LOOKS: Final = 0.1
"""How soon a signal is noticed."""


class FeedPoller:
    """Polls what is due in one cycle.

    Args:
        index: what is remembered.
        listed: addresses of all feeds of the user's list.
        asked_to_stop: `GO_ON`, `STOP` or `BREAK_OFF`, asked all the time.
    """

    def __init__(
        self,
        index: FeedIndex,
        listed: Sequence[str],
        settings: PollSettings,
        world: World,
        asked_to_stop: Callable[[], int],
        run_id: str,
        read_at: Instant,
    ) -> None:
        self._index = index
        self._listed = listed
        self._listed_set = frozenset(listed)
        self._settings = settings
        self._world = world
        self._clock = steady(world.clock)
        self._asked_to_stop = asked_to_stop
        self._run_id = run_id
        self._read_at = read_at
        self._items = ItemReader(index, run_id, read_at)
        self._rows: list[PollRow] = []
        self._text_bytes = 0
        self._body_bytes = 0
        self._merging_needed = False
        self._named: list[FeedState] = []
        self._dropped: list[FeedState] = []
        self._came = 0
        self._is_cut = False

    @property
    def counts(self) -> Counter[str]:
        """What was counted: `inputs`, `already_seen`, `items_new`, `feeds_polled`, `not_modified`, `pages_fetched`,
        and `cut`, which is 1 where the cycle was full before all was asked for.
        """
        return self._items.counts

    def run(self) -> list[PollRow]:
        """Return the rows of one cycle.

        Raises:
            NewsbeamError: it was broken off.
        """
        try:
            asyncio.run(self._run())
        except asyncio.CancelledError:
            raise NewsbeamError("polling was broken off") from None
        self.counts["cut"] = int(self._is_cut and self._came > 0)
        return self._rows

    async def _run(self) -> None:
        client = HttpClient(self._world.fetching(self._settings, self._run_id))
        start = self._clock.now()
        budget = int(self._settings.budget * SECOND)
        self._index.settle_times(start)
        added, removed = self._index.take_list(self._listed)
        self._index.forget_old(start)
        self._rows += [change_row(state, REMOVED, start, self._run_id) for state in removed]
        self._rows += self._listed_rows(added, start)
        try:
            for due in (self._index.due_feeds, self._named_feeds):
                jobs = self._feed_jobs(due(self._clock.now()))
                await self._work(client, jobs, start + budget // 2, self._take_feed, self._leave)
            if self._merging_needed:
                self._merge()
            now = self._clock.now()
            # Behind the polls that were under way, since the latest row of a feed says how it is.
            self._rows += [change_row(state, REMOVED, now + 1, self._run_id) for state in self._dropped]
            pages = [] if self._is_full() else self._page_jobs(now)
            self._is_cut |= len(pages) == MOST_PAGES
            await self._work(client, pages, start + budget, self._take_page, self._leave_page)
        finally:
            await client.aclose()

    def _feed_jobs(self, states: Sequence[FeedState]) -> list[Job[FeedState]]:
        now = self._clock.now()
        return [
            Job(state.url, FEED, state, validators(state, now, self._settings.rules), state.next_poll_at)
            for state in states
            if not self._put_off(state, now)
        ]

    def _listed_rows(self, states: Iterable[FeedState], at: Instant) -> list[FeedPoll]:
        """Return rows of feeds that are polled from now on, and whose latest rows may say that they are not."""
        return [change_row(state, LISTED, at, self._run_id) for state in states if state.polls]

    def _put_off(self, state: FeedState, now: Instant) -> bool:
        """Put a feed off that is due, perhaps for long, at a time in which its publisher wants no poll."""
        if not is_skipped(now, state.skips):
            return False
        self._index.keep_feed(state._replace(next_poll_at=after_skipped(now, state.skips)))
        return True

    def _named_feeds(self, now: Instant) -> list[FeedState]:
        """Return what indexes and lists have named anew, so that it need not wait for the next round."""
        return [] if self._is_full() else [state for state in self._named if state.next_poll_at <= now]

    def _page_jobs(self, now: Instant) -> list[Job[DuePage]]:
        pages = self._index.due_pages(now, MOST_PAGES)
        return [Job(page.url, PAGE, page, place=place) for place, page in enumerate(pages)]

    async def _work(
        self,
        client: HttpClient,
        jobs: Sequence[Job[Ticket]],
        until: Instant,
        take: Callable[[Finished[Ticket]], None],
        leave: Callable[[LeftOver[Ticket]], None],
    ) -> None:
        if not jobs or self._asked_to_stop():
            return
        keep = self._index.keep_host
        scheduler: PoliteScheduler[Ticket] = PoliteScheduler(
            client, self._index.host, self._world.random, self._settings.scheduling(), self._clock, keep, keep
        )
        task = asyncio.current_task()
        watch = asyncio.create_task(self._watch(scheduler, task))
        try:
            async with aclosing(scheduler.run(jobs, until)) as results:
                async for finished in results:
                    self._came += 1
                    take(finished)
                    if self._is_full():
                        scheduler.stop()
                    # A feed of whole articles takes 50 ms: those of many in a row would make other hosts look slow.
                    await asyncio.sleep(0)
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
        for left in scheduler.left_over:
            self._is_cut |= left.why == "stopped" and not self._asked_to_stop()
            leave(left)

    async def _watch(self, scheduler: PoliteScheduler[Ticket], task: asyncio.Task[None] | None) -> None:
        while True:
            asked = self._asked_to_stop()
            if asked >= BREAK_OFF and task is not None:
                task.cancel()
                return
            if asked:
                scheduler.stop()
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    def _is_full(self) -> bool:
        return self._text_bytes >= MOST_TEXT or self._body_bytes >= MOST_BODIES

    # Feeds

    def _take_feed(self, finished: Finished[FeedState]) -> None:
        before, answer = finished.job.ticket, finished.answer
        parser = FeedParser(self._may_name(before))
        polled = after_poll(before, answer, parser, self._world.random, self._settings.rules)
        self.counts["feeds_polled"] += 1
        self.counts["not_modified"] += polled.outcome == NOT_MODIFIED
        self._index.keep_feed(polled.state)
        self._rows += _with_items(answer.fetches, polled)
        self._rows.append(poll_row(before, polled, self._run_id))
        if isinstance(polled.document, ParsedFeed):
            self._take_named(before, polled.state, polled.document.document)
            for row in self._items.rows_of(before, polled.document.document, answer.at):
                self._rows.append(row)
                self._text_bytes += len(row.article_body) if isinstance(row, Article) else 0
        if parser.rejected is not None and before.last_failure != parser.rejected.reason:
            self._reject_feed(before, answer, parser.rejected)
        states = (before, polled.state)
        ways = {(one.resolved_url, one.gone_at, one.merged_into, is_failing(one)) for one in states}
        self._merging_needed |= len(ways) > 1

    def _may_name(self, state: FeedState) -> tuple[str, ...]:
        """Return what a feed may be beside a feed: an index only if the user lists it, a list only if it is no known
        feed, whose publisher could fill the user's list with others.
        """
        if state.listed_url not in self._listed_set:
            return ()
        is_new = state.last_success_at is None or state.kind == LIST
        return NAMING_KINDS if is_new else (SITEMAP_INDEX,)

    def _take_named(self, before: FeedState, after: FeedState, document: FeedDocument) -> None:
        now = after.last_polled_at or 0
        urls: list[str] = []
        if document.kind in NAMING_KINDS:
            urls, others = followed(document, now, (after.listed_url, after.url, after.resolved_url))
            if others or document.items_left_out:
                self._rows += self._items.more_named(after.listed_url, len(urls), others + document.items_left_out, now)
        elif before.kind not in NAMING_KINDS:
            return
        added, removed = self._index.take_named(after.listed_url, urls, complete=not document.is_cut_off)
        self._named += added
        self._rows += self._listed_rows(added, now)
        self._dropped += removed

    def _reject_feed(self, before: FeedState, answer: Answer, rejected: InputRejected) -> None:
        """Reject a document that is no feed: once, until it fails in another way or is read again."""
        identity = before.listed_url.encode("utf-8", "surrogatepass") + b"\n" + answer.body
        self._reject(rejected, before.listed_url, hashlib.sha256(identity).hexdigest(), answer.url, answer.body)

    def _merge(self) -> None:
        for state in merge_feeds(self._index.feeds(), self._settings.rules, self._listed_set):
            self._index.keep_feed(state)
            outcome = MERGED if state.merged_into is not None else PARTED
            self._rows.append(change_row(state, outcome, self._clock.now(), self._run_id))

    def _leave(self, left: LeftOver[FeedState]) -> None:
        self._rows += left.fetches

    # Pages

    def _take_page(self, finished: Finished[DuePage]) -> None:
        due, answer = finished.job.ticket, finished.answer
        self._rows += answer.fetches
        # What robots.txt said is held for its host as long as the cycle runs.
        self._body_bytes += sum(min(row.body_bytes, MOST_KEPT) for row in answer.fetches if row.purpose == ROBOTS)
        try:
            page = page_of(due, answer, self._read_at)
        except InputRejected as rejected:
            again = next_attempt(due, answer, rejected, self._world.random)
            if again is not None:
                self._index.keep_page(again)
            else:
                self._give_up(due, rejected)
            return
        self._index.drop_page(due.url)
        self.counts["inputs"] += 1
        self.counts["pages_fetched"] += 1
        self.counts["bytes_read"] += len(page.body)
        # Another feed may have named the page, and what came of it then is in the lake.
        if self._index.knows_input(page.input_id):
            self.counts["already_seen"] += 1
            return
        self._index.remember_input(page.input_id)
        self._rows.append(page)
        self._body_bytes += len(page.body)
        self._text_bytes += min(len(page.body), TEXT_OF_A_PAGE)

    def _leave_page(self, left: LeftOver[DuePage]) -> None:
        self._rows += left.fetches
        if left.why != "robots_not_now":
            return
        again = after_no_robots(left.job.ticket, self._clock.now())
        if again is not None:
            self._index.keep_page(again)
        else:
            message = "its host's robots.txt could not be read for two weeks"
            self._give_up(left.job.ticket, InputRejected("robots_unreadable", message, retryable=True))

    def _give_up(self, due: DuePage, rejected: InputRejected) -> None:
        self._index.drop_page(due.url)
        identity = f"given up\n{due.url}\n{due.first_seen_at}".encode("utf-8", "surrogatepass")
        self._reject(rejected, due.url, hashlib.sha256(identity).hexdigest(), due.url, payload_of_page(due))

    def _reject(self, rejected: InputRejected, source: str, input_id: str, url: str, body: bytes) -> None:
        self.counts["inputs"] += 1
        self._rows.append(
            reject_input(
                rejected,
                stage=STAGE,
                source=source,
                first_seen_at=self._read_at,
                run_id=self._run_id,
                input_id=input_id,
                body=body or None,
                url=url,
            )
        )


def _with_items(fetches: tuple[Fetch, ...], polled: Polled) -> list[Fetch]:
    """Put a document's items on the row of the request that brought it."""
    rows = list(fetches)
    if rows and polled.outcome == CHANGED:
        rows[-1] = rows[-1]._replace(items=polled.state.items, items_new=polled.new_items)
    return rows
